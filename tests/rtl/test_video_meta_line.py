"""`video_meta_line`: the metadata line under every frame, as `pack_board_frame` writes it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from hls.interface import DesignInterface
from hls.sim.errors import SimulationError
from hls.sim.simulator import Simulator, Stalls
from hw_anon.core.board_frame import pack_board_frame
from hw_anon.core.boxes import Box
from hw_anon.core.frame import AnonymisedFrame, Fault, black_frame
from hw_anon.core.metadata import Metadata, pack_metadata
from tests.rtl.harness import STALLS, assertion_fires, port, seeded, simulator
from tests.rtl.video import BENCHES, random_frames, video_source

pytestmark = pytest.mark.sim

BENCH = BENCHES / "meta_line_bench.sv"
HEIGHT = 8
EXACT, ODD = (8, 2), (15, 4)
"""Width and faces: a beat of 192 bits in a line of as many, and one of 320 bits whose last pixel holds one byte."""


def _interface(width: int, faces: int) -> DesignInterface:
    beat = 8 * (1 + faces)
    return DesignInterface(
        top="meta_line_bench",
        inputs=(
            port("s_axis", (HEIGHT, width, 3), 8, elements=3),
            port("s_meta", (beat,), 8, elements=beat),
        ),
        outputs=(port("m_axis", (HEIGHT + 1, width, 4), 8, elements=4),),
        clock="clk_i",
        reset_n="rst_ni",
    )


def _build(cache: Path, width: int, faces: int, *, line: Path | None = None, early: int = 0) -> Simulator:
    parameters = {"Width": width, "Height": HEIGHT, "MaxFaces": faces, "Early": early}
    sources = [line or video_source("video_meta_line"), BENCH]
    return simulator(_interface(width, faces), cache, parameters=parameters, sources=sources)


def _frames(width: int, faces: int) -> list[AnonymisedFrame]:
    boxes = [Box(x=7 * k, y=256 + k, width=300 + k, height=511 - k) for k in range(faces)]
    pictures = random_frames(3, width, HEIGHT, 5)
    frames = [
        AnonymisedFrame(frame=p, number=0xFFFFFFFE + k & 0xFFFFFFFF, boxes=tuple(boxes[:k]))
        for k, p in enumerate(pictures)
    ]
    return [*frames, black_frame(HEIGHT, width, Fault.TOO_MANY_FACES, number=0x01020304), frames[-1]]


def _beats(frames: list[AnonymisedFrame], faces: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    meta = np.stack([pack_metadata(Metadata.of(frame), max_faces=faces) for frame in frames])
    return np.stack([frame.frame for frame in frames]), meta


@pytest.mark.parametrize(("width", "faces"), [EXACT, ODD])
def test_frames_are_the_board_frames_of_the_golden_model(width: int, faces: int, sim_cache: Path) -> None:
    frames = _frames(width, faces)
    expected = np.stack([pack_board_frame(frame, max_faces=faces) for frame in frames])
    marks = np.zeros(expected.shape[:3], np.int64)
    marks[:, 0, 0] = 1
    marks[:, :, -1] += 2
    with _build(sim_cache, width, faces) as design:
        for stalls in STALLS:
            result = design.run(*_beats(frames, faces), stalls=stalls)
            np.testing.assert_array_equal(result.outputs[0][..., :3], expected)
            np.testing.assert_array_equal(result.outputs[0][..., 3], marks)
            if not stalls.input_per_mille and not stalls.output_per_mille:
                assert set(result.intervals[0]) == {(HEIGHT + 1) * width}, "a pixel every cycle"
            design.reset()


def test_metadata_beside_a_pixel_are_noticed(sim_cache: Path) -> None:
    with (
        _build(sim_cache, *EXACT, early=1) as design,
        assertion_fires(design, "video_meta_line: a pixel and metadata at once"),
    ):
        design.run(*_beats(_frames(*EXACT), EXACT[1]), max_idle_cycles=1000)


BUGS = {
    "short": ("column_q == column_t'(Width - 1)", "column_q == column_t'(Width - 2)", "is not 8 pixels long"),
    "impatient": (
        "else if (s_meta_tvalid && m_axis_tready) column_q",
        "else if (s_meta_tvalid) column_q",
        "(changed while stalled|is not 8 pixels long)",
    ),
    "early": (
        "assign s_meta_tready = last && m_axis_tready;",
        "assign s_meta_tready = m_axis_tready;",
        "in the middle of a line",
    ),
}


@pytest.mark.parametrize("bug", BUGS)
def test_assertions_catch_seeded_bugs(bug: str, sim_cache: Path, tmp_path: Path) -> None:
    old, new, message = BUGS[bug]
    source = seeded(video_source("video_meta_line"), old, new, tmp_path)
    with _build(sim_cache, *EXACT, line=source) as design, assertion_fires(design, message):
        design.run(
            *_beats(_frames(*EXACT), EXACT[1]),
            stalls=Stalls(input_per_mille=300, output_per_mille=500),
            max_idle_cycles=1000,
        )


def test_wrong_order_of_bytes_is_seen(sim_cache: Path, tmp_path: Path) -> None:
    """The comparison with the golden model is alive: one bit of the beat out of place shows."""
    source = seeded(video_source("video_meta_line"), ">> (24 * k))", ">> (24 * k + 1))", tmp_path)
    frames = _frames(*EXACT)
    with _build(sim_cache, *EXACT, line=source) as design:
        got = design.run(*_beats(frames, EXACT[1])).outputs[0][..., :3]
    expected = np.stack([pack_board_frame(frame, max_faces=EXACT[1]) for frame in frames])
    np.testing.assert_array_equal(got[:, :-1], expected[:, :-1])
    assert (got[:, -1] != expected[:, -1]).any()


def test_an_unmarked_line_stops_the_simulator(sim_cache: Path, tmp_path: Path) -> None:
    source = seeded(video_source("video_meta_line"), "s_meta_tvalid ? last : s_axis_tlast", "s_axis_tlast", tmp_path)
    with _build(sim_cache, *EXACT, line=source) as design, pytest.raises(SimulationError, match="pixels long"):
        design.run(*_beats(_frames(*EXACT), EXACT[1]))
