"""The fuzzer finds nothing in the camera, and finds every bug that is seeded into it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from hls.fuzz.batch import Batch
from hls.fuzz.bench import CameraBench
from hls.fuzz.cases import CASES, fill
from hls.fuzz.pictures import picture, raw_pixels
from hls.fuzz.run import fuzz, fuzz_config
from hls.lint import RTL_ROOT
from hw_anon.cli import main
from hw_anon.cli.workspace import Workspace
from hw_anon.core.boxes import Box
from tests.rtl.harness import seeded

CONFIG = fuzz_config()
BATCH = 8
"""The batch of seed 3 in which every seeded bug shows: each fault once, and a threshold that changes inside a frame."""


@pytest.fixture
def work(request: pytest.FixtureRequest) -> Path:
    """Working directory, kept between test runs for the simulators in it."""
    return Path(request.config.cache.mkdir("fuzz"))


@pytest.fixture
def cache(work: Path) -> Path:
    """Directory of built simulators."""
    return Workspace(work).simulators


def _bench(stores: int, cache: Path, replaced: tuple[Path, ...] = (), *, asserts: bool = True) -> CameraBench:
    return CameraBench(fuzz_config(stores), cache, replaced, optimisation="-O1", asserts=asserts)


def test_raw_bytes_are_counted_where_they_must_not_be() -> None:
    frame = picture(np.random.default_rng(1), CONFIG, 2)
    assert frame.min() >= 1
    assert frame.max() <= 127
    box = Box(x=3, y=5, width=10, height=8)
    assert raw_pixels(frame, []) == 0
    assert raw_pixels(frame, [box]) == 80
    assert raw_pixels(frame, [box, box, Box(x=12, y=5, width=8, height=8)]) == 80 + 64 - 8
    assert raw_pixels(frame, None) == frame.shape[0] * frame.shape[1]
    assert raw_pixels(255 - frame, None) == raw_pixels(np.zeros_like(frame), None) == 0


def test_a_batch_follows_from_its_seed() -> None:
    def words(seed: int) -> np.ndarray:
        batch = Batch(CONFIG, np.random.default_rng([seed, 3]))
        fill(batch)
        assert len(batch.kinds) == len(batch.script.steps)
        return batch.script.finished(1, CONFIG.max_faces)

    assert np.array_equal(words(1), words(1))
    assert not np.array_equal(words(1)[:1000], words(2)[:1000])


@pytest.mark.sim
@pytest.mark.parametrize("stores", [1, 2])
def test_no_raw_pixel_no_hang_no_mismatch(stores: int, cache: Path) -> None:
    report = fuzz(_bench(stores, cache), frames=60, seed=3)
    assert report.clean, report.failures
    assert set(CASES) <= set(report.outcomes), "every fault was tried"
    assert all(each.correct + each.black == each.frames > 0 for each in report.outcomes.values())
    assert report.delivered == sum(each.frames for each in report.outcomes.values()) <= report.frames


@pytest.mark.sim
@pytest.mark.slow
@pytest.mark.parametrize("stores", [1, 2])
def test_ten_thousand_frames(stores: int, cache: Path) -> None:
    report = fuzz(_bench(stores, cache), frames=10_000, seed=1)
    assert report.frames >= 10_000
    assert report.clean, report.failures


BUGS = {
    "box_edge": (
        "raw_face_pixels",
        "video_paste",
        "x_q <= last_column ? left_q : x_q + 1'b1;",
        "x_q <= last_column ? left_q + 1'b1 : x_q + 1'b1;",
    ),
    "early_release": ("raw_face_pixels", "video_release_guard", "found_q && pasted_q == count_q;", "found_q;"),
    # With the gate before the egress open, and two stores: otherwise a frame that is not made black is so all the same.
    "not_black": ("raw_face_pixels", "video_egress", "black_q ? '0 : rd_data_i", "rd_data_i"),
    "no_watchdog": ("hangs", "video_sequencer", "timer_q == ModifierTimeout)", "1'b0)"),
    "live_threshold": (
        "mismatches",
        "camera_core",
        "if (half_start) threshold_q <= next_threshold_q;",
        "threshold_q <= threshold_i;",
    ),
}


NO_GATE = (
    "(reading[0] ? pixels[0][0] : '0) | (reading[Buffers-1] ? pixels[Buffers-1][0] : '0);",
    "reading[0] ? pixels[0][0] : pixels[Buffers-1][0];",
)


@pytest.mark.sim
@pytest.mark.parametrize("bug", BUGS)
def test_seeded_bugs_are_caught(bug: str, cache: Path, tmp_path: Path) -> None:
    """By the fuzzer alone: the RTL's own assertions are off."""
    figure, module, old, new = BUGS[bug]
    (source,) = RTL_ROOT.rglob(f"{module}.sv")
    replaced = (seeded(source, old, new, tmp_path),)
    if bug == "not_black":
        replaced += (seeded(RTL_ROOT / "top" / "camera_core.sv", *NO_GATE, tmp_path),)
    stores = 2 if bug == "not_black" else 1
    report = fuzz(_bench(stores, cache, replaced, asserts=False), frames=1, seed=3, only_batch=BATCH)
    assert getattr(report, figure) > 0
    assert not report.clean
    assert f"hw-anon fuzz --stores {stores} --seed 3 --only-batch {BATCH}" in report.failures[0]


@pytest.mark.sim
def test_the_command_prints_one_document(work: Path, capfd: pytest.CaptureFixture[str]) -> None:
    code = main(["fuzz", "--frames", "1", "--only-batch", "4", "--work", str(work), "--json"])
    document = json.loads(capfd.readouterr().out)
    assert code == 0
    assert document["raw_face_pixels"] == document["hangs"] == document["mismatches"] == 0
    assert document["batches"] == 1
    assert document["outcomes"]["too many faces"] == {"frames": 1, "correct": 0, "black": 1}
