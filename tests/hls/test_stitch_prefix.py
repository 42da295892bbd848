"""Two stitched networks in one camera: prefixed names, shared libraries, and frames as the golden model's."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from numpy.typing import NDArray

from hls.camera import TOP_MODULE, write_camera
from hls.camera.run import CameraRun
from hls.sim.camera import build_camera_library
from hls.sim.toolchain import find_toolchain
from hls.sim.verilate import SimulatorOptions
from hw_anon.core.board_frame import unpack_board_frame
from hw_anon.core.camera import NetworkTiming
from hw_anon.core.camera_abi import BoardFrames, VerilatedCamera, frame_beats, video_beats
from hw_anon.core.camera_model import CameraModel
from hw_anon.core.errors import ConfigError, ContractError
from hw_anon.core.frame import AnonymisedFrame, Fault
from tests.hls.cameras import BUILD_ID, KEY
from tests.hls.cameras import CONFIG as SMALL

if TYPE_CHECKING:
    from qonnx.core.modelwrapper import ModelWrapper

    from tests.hls.tiny_networks import TinyNetworks

pytestmark = [pytest.mark.finn]

SLOW = NetworkTiming(interval_cycles=40_000, latency_cycles=40_000)
CONFIG = replace(SMALL, detector=SLOW, modifier=SLOW, threshold=128)


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    directory = tmp_path_factory.mktemp("prefix")
    yield directory
    shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture(scope="module")
def networks(tiny_networks: TinyNetworks) -> dict[str, ModelWrapper]:
    return tiny_networks.models


@pytest.fixture(scope="module")
def generated(tiny_networks: TinyNetworks) -> dict[str, ModelWrapper]:
    return tiny_networks.generated


@pytest.fixture(scope="module")
def designs(tiny_networks: TinyNetworks) -> dict[str, Path]:
    return tiny_networks.designs


def test_what_is_generated_has_the_prefix_and_libraries_have_not(
    generated: dict[str, ModelWrapper], designs: dict[str, Path], work: Path
) -> None:
    from hls.stitch import stitch

    plain = stitch(generated["detector"], work / "plain", top="face_detector").directory
    expected = {
        f"detector_{path.name}" if path.name.startswith("conv") else path.name: path for path in plain.iterdir()
    }
    assert {path.name for path in designs["detector"].iterdir()} == set(expected)
    assert {"detector_conv0_mvu_memblock.dat", "detector_conv2_swg_impl.sv", "mvu.sv"} <= set(expected)
    for name, original in expected.items():
        text, before = (designs["detector"] / name).read_text(), original.read_text()
        if name == original.name and not name.startswith(("files", "face_")):
            assert text == before
        elif name != "files.f":
            assert re.sub(r"(?<![A-Za-z])detector_conv", "conv", text) == before
    top = (designs["detector"] / "face_detector.v").read_text()
    assert "    detector_conv0_mvu conv0_mvu (" in top
    assert "    axis_tlast #(" in top
    assert '"./detector_conv0_thr_"' in (designs["detector"] / "detector_conv0_thr.v").read_text()


def test_a_camera_holds_both_networks_and_each_library_once(designs: dict[str, Path], work: Path) -> None:
    sources = write_camera(CONFIG, work / "whole", **designs, build_id=BUILD_ID)
    names = [path.name for path in sources]
    assert len(set(names)) == len(names)
    assert names[-1] == f"{TOP_MODULE}.sv"
    packages = [name for name in names if name.endswith("_pkg.sv")]
    assert names[: len(packages)] == packages
    assert {"conv0_mvu_wrapper.v", "detector_conv0_mvu_wrapper.v", "mvu.sv", "camera_shell.sv"} <= set(names)
    assert (work / "whole" / "conv0_mvu_memblock.dat").is_file()
    again = write_camera(CONFIG, work / "again", **designs, build_id=BUILD_ID)
    assert [path.read_bytes() for path in again] == [path.read_bytes() for path in sources]


def test_networks_that_cannot_be_told_apart_are_refused(
    generated: dict[str, ModelWrapper], designs: dict[str, Path], work: Path
) -> None:
    from hls.stitch import stitch

    same = stitch(generated["detector"], work / "same", top="face_modifier").directory
    with pytest.raises(ContractError, match="both networks are called face_modifier"):
        write_camera(CONFIG, work / "no", detector=same, modifier=designs["modifier"], build_id=BUILD_ID)
    bare = stitch(generated["detector"], work / "bare", top="face_detector").directory
    with pytest.raises(ContractError, match=r"different files called conv0.*with a prefix"):
        write_camera(CONFIG, work / "no", detector=bare, modifier=designs["modifier"], build_id=BUILD_ID)
    assert not (work / "no").exists()
    with pytest.raises(ConfigError, match="prefix '3d_'"):
        stitch(generated["detector"], work / "no", top="net", prefix="3d_")


@pytest.mark.sim
def test_lint_finds_nothing_that_is_missing_or_there_twice(designs: dict[str, Path], work: Path) -> None:
    sources = write_camera(CONFIG, work / "lint", **designs, build_id=BUILD_ID)
    quiet = ["-Wno-fatal", "-Wno-lint", "-Wno-style", "--no-timing", "--top-module", TOP_MODULE]
    find_toolchain().verilate(["--lint-only", "-Werror-MODDUP", *quiet, *map(str, sources)], cwd=work / "lint")


def _run(model: ModelWrapper) -> Callable[[NDArray[np.uint8]], NDArray[np.uint8]]:
    """A network for the golden model: FINN's Python semantics, one picture or a batch."""
    from tests.hls.graphs import execute

    def run(pictures: NDArray[np.uint8]) -> NDArray[np.uint8]:
        batch = pictures if pictures.ndim == 4 else pictures[None]
        outputs = np.concatenate([execute(model, [picture[None].astype(np.int64)])[0] for picture in batch])
        result = outputs.astype(np.uint8).reshape(len(batch), *outputs.shape[-3:])
        return result if pictures.ndim == 4 else result[0]

    return run


@pytest.fixture(scope="module")
def camera_library(designs: dict[str, Path], work: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The simulated camera around both networks; its memory files are in `work/camera`."""
    return build_camera_library(
        write_camera(CONFIG, work / "camera", **designs, build_id=BUILD_ID),
        CONFIG,
        top=TOP_MODULE,
        build_id=BUILD_ID,
        cache_dir=tmp_path_factory.mktemp("cache"),
        options=SimulatorOptions(asserts=True, optimisation="-O0"),
        fast=False,
    ).library


@pytest.fixture
def camera(camera_library: Path, work: Path) -> Iterator[VerilatedCamera]:
    with VerilatedCamera(camera_library, data_dir=work / "camera") as camera:
        yield camera


@pytest.fixture(scope="module")
def pictures() -> list[NDArray[np.uint8]]:
    rng = np.random.default_rng(4)
    return [rng.integers(0, top, (CONFIG.height, CONFIG.width, 3)).astype(np.uint8) for top in (256, 60, 200, 120)]


@pytest.fixture(scope="module")
def expected(networks: dict[str, ModelWrapper], pictures: list[NDArray[np.uint8]]) -> list[AnonymisedFrame]:
    change = _run(networks["modifier"])

    def modify(crops: NDArray[np.uint8]) -> NDArray[np.uint8]:
        return change(np.pad(crops, ((0, 0),) * 3 + ((0, 1),), constant_values=KEY[0]))

    model = CameraModel(CONFIG, detect=_run(networks["detector"]), modify=modify)
    model.running = True
    for picture in pictures:
        model.feed(video_beats(frame_beats(picture)))
    return model.take()


@pytest.mark.sim
def test_frames_equal_the_golden_model(
    camera: VerilatedCamera, pictures: list[NDArray[np.uint8]], expected: list[AnonymisedFrame]
) -> None:
    assert {len(frame.boxes) for frame in expected} == {1, 2}
    run = CameraRun(camera, CONFIG)
    camera.set_sink(True, 200)
    for frame, delivery in zip(expected, map(run.deliver, pictures), strict=True):
        assert delivery.frame.equals(frame)


@pytest.mark.sim
def test_networks_restart_after_a_reset_at_any_moment(
    camera: VerilatedCamera, pictures: list[NDArray[np.uint8]], expected: list[AnonymisedFrame]
) -> None:
    """What both networks hold of a picture is gone with a soft reset: the next frame is the golden model's."""
    run = CameraRun(camera, CONFIG)
    cycles = run.deliver(pictures[3]).cycles
    released = cycles.capture + cycles.latency
    resets = range(100, released - 100, released // 24)
    assert sum(at > cycles.capture + cycles.detect for at in resets) >= 4, "some resets hit the modifier"
    for at in resets:
        camera.send(frame_beats(pictures[3]))
        camera.run(at)
        run.registers.soft_reset()
        camera.run(2 * CONFIG.width * CONFIG.height)  # the rest of the raw frame goes by, the black one comes out
        (black,) = BoardFrames(camera.width, camera.height).feed(camera.receive())
        assert unpack_board_frame(black)[1].fault is Fault.RESET
        run.registers.start()
        got = run.deliver(pictures[2]).frame
        np.testing.assert_array_equal(got.frame, expected[2].frame, err_msg=f"reset {at} cycles into the frame")
        assert got.boxes == expected[2].boxes
