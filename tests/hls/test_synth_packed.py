"""The packed block with a real camera inside delivers the golden model's frames from a sensor's video."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

import hls.sim.camera
from hls.camera import TOP_MODULE, camera_sources, render_top
from hls.camera.run import longest_frame_cycles
from hls.interface import DesignInterface
from hls.sim.camera import build_camera_library
from hls.sim.toolchain import find_toolchain
from hls.sim.verilate import SimulatorOptions
from hls.synth.config import VendorConfig
from hls.synth.ports import read_ports
from hls.synth.project import Project, write_project
from hls.synth.wrapper import WRAPPER, render_wrapper
from hw_anon.core.board_frame import unpack_board_frame
from hw_anon.core.box_decode import encode
from hw_anon.core.camera import CameraConfig
from hw_anon.core.camera_abi import BoardFrames, VerilatedCamera, frame_beats
from hw_anon.core.camera_model import CameraModel
from hw_anon.core.manifest import Manifest, build_id
from hw_anon.core.register_access import CameraRegisters
from hw_anon.core.sensor import SensorFit, fit_frame
from hw_anon.core.video_words import video_beats
from tests.hls import cameras
from tests.hls.vendor import RESOURCES

pytestmark = pytest.mark.sim

CONFIG = replace(cameras.CONFIG, key_channels=0)
FIT = SensorFit(source_width=166, source_height=100, width=CONFIG.width, height=CONFIG.height, factor=2)


def _modifier() -> DesignInterface:
    """The stand-in modifier without a key."""
    (port,) = cameras.MODIFIER.inputs
    bare = replace(port, shape=(8, 8, 3), elements_per_beat=3, tdata_bits=24)
    return replace(cameras.MODIFIER, inputs=(bare,))


def _networks() -> str:
    text = cameras.BENCH.read_text()
    for old, new in (
        ("wire logic [31:0] s_axis_tdata", "wire logic [23:0] s_axis_tdata"),
        ("~s_axis_tdata[7:0] ^ {1'b0, s_axis_tdata[30:24]}", "~s_axis_tdata[7:0]"),
    ):
        assert text.count(old) == 1, f"{old!r} left the stand-ins"
        text = text.replace(old, new)
    return text


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The project of a camera with the real HDL around two stand-ins."""
    root = tmp_path_factory.mktemp("packed")
    rtl = root / "camera" / "rtl"
    rtl.mkdir(parents=True)
    number = build_id({}, {}, CONFIG.to_dict())
    top = render_top(CONFIG, detector=cameras.DETECTOR, modifier=_modifier(), build_id=number)
    contents = {path.name: path.read_text() for path in camera_sources()}
    contents |= {"camera_networks.sv": _networks(), f"{TOP_MODULE}.sv": top}
    for name, text in contents.items():
        (rtl / name).write_text(text)
    (rtl / "files.f").write_text("".join(f"{name}\n" for name in contents))
    networks = {role: {"net": "stand-in", "design_id": "0" * 16} for role in ("detector", "modifier")}
    described = {"build_id": number, "camera": CONFIG.to_dict(), "networks": networks}
    (root / "camera" / "camera.json").write_text(json.dumps(described))
    metrics = {"resources": {"camera": RESOURCES}}
    Manifest.create(root / "camera", inputs={}, tools={}, config=CONFIG.to_dict(), metrics=metrics).save(
        root / "camera"
    )
    return write_project(root / "camera", VendorConfig(board="pynq-z2", factor=2), root / "project")


def _detect(half: NDArray[np.uint8]) -> NDArray[np.uint8]:
    cells = np.zeros((CONFIG.height // 16, CONFIG.width // 16, 5), np.uint8)
    cells[:, :, :3], cells[:, :, 3:] = half[::8, ::8], half[::8, 1::8, :2]
    return cells


def _expected(frames: Sequence[NDArray[np.uint8]]) -> CameraModel:
    model = CameraModel(CONFIG, detect=_detect, modify=lambda crops: 255 - crops)
    model.running = True
    for frame in frames:
        model.feed(video_beats(frame_beats(frame)))
    return model


def _sensor_frame(seed: int) -> NDArray[np.uint8]:
    """Samples of the sensor that fit to a frame with one face, and noise around it."""
    rng = np.random.default_rng(seed)
    samples = rng.integers(0, 256, (FIT.source_height, FIT.source_width, 3)).astype(np.uint8)
    frame = rng.integers(0, 256, (FIT.height, FIT.width, 3)).astype(np.uint8)
    frame[::16, ::16] = 0
    row, column, cell = encode(cameras.BOXES[0], score=255)
    block = frame[16 * row : 16 * row + 2, 16 * column : 16 * column + 4]
    block[:, :2], block[:, 2:, :2] = cell[:3], cell[3:]
    left, upper = FIT.offset
    wide = np.repeat(np.repeat(frame, FIT.factor, 0), FIT.factor, 1)
    samples[upper * FIT.factor :, left * FIT.factor :][: wide.shape[0], : wide.shape[1]] = wide
    return samples


def test_the_packed_block_elaborates(packed: Project) -> None:
    """No port is left open or of another width, no module is missing."""
    source = packed.directory / "ip" / "camera" / "src"
    files = [*(packed.camera.rtl / "files.f").read_text().split(), "sensor_fit.sv", f"{WRAPPER}.v"]
    flags = ["--lint-only", "--no-timing", "-Wno-lint", "-Wno-style", "-Wwarn-WIDTH", "-Wwarn-PINMISSING"]
    find_toolchain().verilate([*flags, "--top-module", WRAPPER, *files], cwd=source)


@pytest.fixture
def watched_inside(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lets the simulator's harness find the camera's wires one level below the packed module."""

    def inside(config: CameraConfig, *, top: str, build_id: str) -> str:
        return ports(config, top=f"{top}__DOT__u_camera", build_id=build_id)

    ports = hls.sim.camera._ports
    monkeypatch.setattr(hls.sim.camera, "_ports", inside)


@pytest.mark.slow
def test_sensor_video_becomes_the_golden_models_frames(
    packed: Project, simulator_cache: Path, tmp_path: Path, watched_inside: None
) -> None:
    source = packed.directory / "ip" / "camera" / "src"
    ports = read_ports((source / f"{TOP_MODULE}.sv").read_text(), TOP_MODULE)
    wrapper = tmp_path / f"{WRAPPER}.v"
    wrapper.write_text(render_wrapper(ports, TOP_MODULE, packed.platform, FIT, table_words=None))
    files = [*(packed.camera.rtl / "files.f").read_text().split(), "sensor_fit.sv"]
    library = build_camera_library(
        [*(source / name for name in files), wrapper],
        CONFIG,
        top=WRAPPER,
        build_id=packed.camera.build_id,
        cache_dir=simulator_cache,
        options=SimulatorOptions(asserts=True, optimisation="-O0"),
        fast=False,
    ).library
    sent = [_sensor_frame(seed) for seed in (1, 2)]
    expected = _expected([fit_frame(samples, FIT) for samples in sent]).take()
    assert [len(frame.boxes) for frame in expected] == [1, 1]
    found = []
    with VerilatedCamera(library, data_dir=tmp_path) as camera:
        CameraRegisters(read32=camera.read, write32=camera.write).start()
        frames = BoardFrames(CONFIG.width, CONFIG.height)
        for samples in sent:
            camera.send(frame_beats(np.ascontiguousarray(samples[..., [1, 2, 0]])))  # green, blue, red from below
            camera.run(len(samples) * FIT.source_width + longest_frame_cycles(CONFIG))
            found += frames.feed(camera.receive())
    for board_frame, frame in zip(found, expected, strict=True):
        picture, metadata = unpack_board_frame(board_frame)
        np.testing.assert_array_equal(picture, frame.frame)
        assert metadata.boxes == frame.boxes
