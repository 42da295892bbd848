"""`hw-anon build`, `simulate` and `explore`: documents, tables, pictures, and every way they refuse."""

from __future__ import annotations

import errno
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from hw_anon.cli import main
from hw_anon.console.guard import FILE_SYSTEM_EXIT_CODE, INTERRUPTED_EXIT_CODE
from hw_anon.core.boards import BOARDS

if TYPE_CHECKING:
    from hls.flow.config import BuildConfig
    from hls.flow.finished import FinishedBuild
    from hw_anon.cli.workspace import Workspace

pytestmark = [pytest.mark.finn, pytest.mark.sim]
CapFd = pytest.CaptureFixture[str]


@pytest.fixture
def design(xs_workspace: Workspace, xs_config: BuildConfig) -> list[str]:
    """The options that name the session's build."""
    rate = f"{xs_config.faces_per_s:g}"
    return ["--net", "modifier-xs", "--faces-per-s", rate, "--work", str(xs_workspace.root)]


def _run(capfd: CapFd, *arguments: str) -> tuple[int, Any, str]:
    code = main([*arguments, "--json"])
    out, err = capfd.readouterr()
    return code, json.loads(out), err


def test_build_reports_what_stands_in_the_directory(design: list[str], xs_build: FinishedBuild, capfd: CapFd) -> None:
    code, document, err = _run(capfd, "build", *design)
    assert code == 0
    assert document == {
        "directory": str(xs_build.directory),
        "design_id": xs_build.manifest.design_id,
        **xs_build.report,
    }
    assert "·" not in err, "no stage runs"
    assert main(["build", *design]) == 0
    out, err = capfd.readouterr()
    assert f"{xs_build.report['interval_cycles_rtl']:,}" in out
    assert xs_build.manifest.design_id in out
    assert str(xs_build.directory / "index.html") in err.replace("\n", "")


@pytest.mark.usefixtures("recorded_stages")
@pytest.mark.parametrize(
    ("error", "code", "says"),
    [
        (OSError(errno.ENOSPC, "No space left on device", "rtl/top.v"), FILE_SYSTEM_EXIT_CODE, "disk is full: rtl/top"),
        (KeyboardInterrupt(), INTERRUPTED_EXIT_CODE, "nothing half-written is kept"),
    ],
    ids=["full disk", "interrupt"],
)
def test_a_build_that_ends_early_says_so_and_keeps_the_earlier_one(
    error: BaseException, code: int, says: str, design: list[str], xs_build: FinishedBuild,
    monkeypatch: pytest.MonkeyPatch, capfd: CapFd,
) -> None:  # fmt: skip
    def fail(*args: object) -> None:
        raise error

    monkeypatch.setattr("hls.stitch.design.SourceSet.write", fail)
    found, document, err = _run(capfd, "build", *design, "--force")
    assert found == code == document["error"]["exit_code"]
    assert says in document["error"]["message"]
    assert says in err and "Traceback" not in err
    assert "· fold" in err, "stages are announced"
    monkeypatch.undo()
    assert _run(capfd, "build", *design)[1]["design_id"] == xs_build.manifest.design_id


@pytest.mark.parametrize("command", ["build", "simulate", "verify"])
@pytest.mark.parametrize(
    ("option", "value", "says"),
    [
        ("--net", "modifier-xxl", "known networks: modifier-s"),
        ("--board", "pynq-z9", "pynq-z2"),
        ("--faces-per-s", "0", "faces_per_s = 0.0"),
        ("--clk-mhz", "9000", "10 to 500 MHz"),
    ],
)
def test_a_wrong_setting_is_named_before_anything_is_made(
    command: str, option: str, value: str, says: str, tmp_path: Path, capfd: CapFd
) -> None:
    code, document, err = _run(capfd, command, option, value, "--work", str(tmp_path / "work"))
    assert code == 2
    assert document["error"]["type"] == "ConfigError"
    assert says in document["error"]["message"]
    assert value in document["error"]["message"] and says in err
    assert not (tmp_path / "work").exists()


def test_simulate_modifies_a_photograph(
    design: list[str], xs_build: FinishedBuild, tmp_path: Path, capfd: CapFd
) -> None:
    from PIL import Image

    from hw_anon.cli.pictures import middle_squares, read_pictures

    photo = np.random.default_rng(0).integers(0, 256, (100, 140, 3), dtype=np.uint8)
    Image.fromarray(photo).save(tmp_path / "photo.png")
    Image.fromarray(photo[..., 0]).save(tmp_path / "grey.png")
    paths = [tmp_path / "photo.png", tmp_path / "grey.png"]
    out = tmp_path / "out"
    code, document, _ = _run(capfd, "simulate", *map(str, paths), *design, "--out", str(out))
    assert code == 0
    assert document.keys() == {"faces", "cycles", "image_end_cycles", "simulated_kcycles_per_s", "pictures"}
    assert document["faces"] == len(document["image_end_cycles"]) == 2
    assert xs_build.report["interval_cycles_ideal"] < document["image_end_cycles"][0] < document["cycles"]
    assert document["pictures"] == str(out / "pairs.png") and (out / "pairs.png").is_file()
    expected = xs_build.twin().modify(middle_squares(read_pictures(paths), 32))
    for index, crop in enumerate(expected):
        np.testing.assert_array_equal(np.asarray(Image.open(out / f"modified_{index:03d}.png")), crop)


@pytest.mark.usefixtures("offline")
def test_simulate_takes_shipped_faces_and_stalls(design: list[str], tmp_path: Path, capfd: CapFd) -> None:
    arguments = ["simulate", *design, "--faces", "1", "--portrait", "--out", str(tmp_path)]
    full = _run(capfd, *arguments)[1]
    picture = (tmp_path / "modified_000.png").read_bytes()
    stalled = _run(capfd, *arguments, "--stall-per-mille", "600")[1]
    assert full["faces"] == stalled["faces"] == 1
    assert stalled["cycles"] > full["cycles"]
    assert (tmp_path / "modified_000.png").read_bytes() == picture


@pytest.mark.parametrize("kind", ["missing", "text", "truncated", "directory"])
def test_simulate_refuses_what_is_no_picture(kind: str, design: list[str], tmp_path: Path, capfd: CapFd) -> None:
    from PIL import Image

    path = tmp_path / "face.png"
    if kind == "text":
        path.write_text("not a picture")
    elif kind == "truncated":
        Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)).save(path)
        path.write_bytes(path.read_bytes()[:2000])
    elif kind == "directory":
        path.mkdir()
    code, document, err = _run(capfd, "simulate", str(path), *design, "--out", str(tmp_path / "out"))
    assert code == 3
    assert document["error"]["type"] == "ContractError"
    assert "face.png is not a picture that can be read" in document["error"]["message"]
    assert "Traceback" not in err
    assert not (tmp_path / "out").exists()


def test_explore_lists_foldings_that_no_other_one_beats(xs_workspace: Workspace, tmp_path: Path, capfd: CapFd) -> None:
    arguments = ["explore", "--net", "modifier-xs", "--board", "pynq-z2", "--work", str(xs_workspace.root)]
    code, document, _ = _run(capfd, *arguments, "--faces-per-s", "100", "--faces-per-s", "1000", "--out", str(tmp_path))
    assert code == 0
    assert document["net"] == "modifier-xs"
    assert document.keys() == {"net", "estimate_errors", "points", "files"}
    points = document["points"]
    assert [point["board"] for point in points] == ["pynq-z2"] * 2
    assert points[0]["dsp"] < points[1]["dsp"]
    for point, rate in zip(points, (100, 1000), strict=True):
        assert point["faces_per_s"] >= rate
        assert point["faces_per_s"] == pytest.approx(
            BOARDS["pynq-z2"].clk_mhz * 1e6 / point["interval_cycles"], rel=1e-3
        )
        assert point["fits"] is True
    assert document["files"] and all(Path(path).is_file() for path in document["files"].values())


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([], "exactly one of --net"),
        (["--net", "modifier-xs", "--model", "somewhere"], "exactly one of --net"),
        (["--net", "modifier-xxl"], "known networks"),
        (["--net", "modifier-xs", "--board", "pynq-z9"], "pynq-z9"),
    ],
)
def test_explore_refuses_a_wrong_setting(arguments: list[str], says: str, tmp_path: Path, capfd: CapFd) -> None:
    code, document, _ = _run(capfd, "explore", *arguments, "--work", str(tmp_path / "work"))
    assert code == 2
    assert says in document["error"]["message"]


def test_explore_refuses_a_directory_that_is_no_export(tmp_path: Path, capfd: CapFd) -> None:
    code, document, _ = _run(capfd, "explore", "--model", str(tmp_path), "--work", str(tmp_path / "work"))
    assert code == 3
    assert "contract.json" in document["error"]["message"]
