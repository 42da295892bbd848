"""The build of a camera from two finished builds: refusals with numbers, the directory, and frames as the model's."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from numpy.typing import NDArray

from hls.camera.build import build_camera, camera_config, camera_parts, planned_build_id
from hls.camera.config import CameraBuildConfig, NetworkChoice
from hls.camera.equality import compare_frames, faces_found
from hls.camera.golden import load_golden
from hls.camera.resources import camera_resources, require_resources
from hls.flow.finished import GRAPH_FILE, MODEL_DIR, RTL_DIR, TWIN_FILE, FinishedBuild, load_build
from hls.report.record import RECORD_FILE
from hls.resources import Resources
from hw_anon.core.boards import get_board
from hw_anon.core.camera import CameraConfig, NetworkTiming
from hw_anon.core.camera_directory import CAMERA_FILE, CameraDirectory
from hw_anon.core.contract import MODEL_FILE, NetContract, TensorSpec
from hw_anon.core.errors import ConfigError, ContractError
from hw_anon.core.hashing import sha256_file
from hw_anon.core.manifest import Manifest
from hw_anon.core.register_access import CameraRegisters
from hw_anon.core.verilated_camera import VerilatedCamera

if TYPE_CHECKING:
    from tests.hls.tiny_networks import TinyNetworks

CONFIGS = Path(__file__).parents[2] / "hls" / "camera" / "configs"
CHOICE = NetworkChoice(net="any")
# The tiny detector's cells score 130 to 151: with this threshold it finds some of what it finds with a lower one.
CONFIG = CameraBuildConfig(detector=CHOICE, modifier=CHOICE, width=80, height=48, max_faces=2, threshold=149)
TIMING = NetworkTiming(interval_cycles=294_912, latency_cycles=436_248)


@pytest.mark.parametrize("name", ["pynq-z2-qvga", "kv260-vga"])
def test_shipped_configurations_are_sound(name: str) -> None:
    config = CameraBuildConfig.from_file(CONFIGS / f"{name}.toml")
    assert config.frames_per_s == 30
    assert (config.board, config.max_faces) in {("pynq-z2", 4), ("kv260", 8)}
    assert config.detector.net is not None
    assert config.modifier.net is not None


@pytest.mark.parametrize("choice", [{}, {"net": "x", "directory": "y"}])
def test_a_network_is_named_or_built(choice: dict[str, str]) -> None:
    with pytest.raises(ConfigError, match=r"either net .* or directory"):
        NetworkChoice.from_dict(choice)


def test_sizes_are_checked_before_a_network_is_built() -> None:
    with pytest.raises(ConfigError, match="width"):
        replace(CONFIG, width=81)


def _camera(**changed: Any) -> CameraConfig:
    return CameraConfig(**{"detector": TIMING, "modifier": TIMING, **changed})


def test_memories_follow_from_the_sizes() -> None:
    """The amounts that synthesis finds: tests/rtl/test_video_synthesis.py."""
    qvga = camera_resources(_camera())
    assert (qvga.bram18, qvga.uram, qvga.dsp) == (2 * 60 + 2 * 12 + 2, 0, 23)
    double = camera_resources(_camera(buffers=2))
    assert (double.bram18, double.dsp) == (2 * 120 + 2 * 12 + 2, 26)
    vga = camera_resources(_camera(board="kv260", width=640, height=480, max_faces=8, buffers=2))
    assert (vga.bram18, vga.uram) == (2 * 24 + 5, 56)


def test_a_design_that_does_not_fit_is_refused_with_the_numbers() -> None:
    board = get_board("pynq-z2")
    parts = {"camera": Resources(lut=4000, bram18=146), "detector": Resources(lut=40_000, bram18=100)}
    assert require_resources(parts, board) == Resources(lut=44_000, bram18=246)
    with pytest.raises(ConfigError, match=r"54,000 LUT of 53,200 \(camera 4,000, detector 40,000, modifier 10,000\)"):
        require_resources({**parts, "modifier": Resources(lut=10_000)}, board)
    with pytest.raises(ConfigError, match="1 URAM of 0"):
        require_resources({"camera": Resources(uram=1)}, board)


def _finished(
    networks: TinyNetworks, role: str, directory: Path, *, interval: int = 5000, clk_mhz: float = 100.0
) -> FinishedBuild:
    """Writes a build directory around a tiny network, as `hls.flow.build` leaves one."""
    import shutil

    from hls.twin.lift import lift

    model = networks.models[name := {"face_detector": "detector", "modifier": "modifier"}[role]]
    shutil.copytree(networks.designs[name], directory / RTL_DIR)
    (directory / MODEL_DIR).mkdir()
    (directory / MODEL_DIR / MODEL_FILE).write_bytes(b"a stand-in")
    (directory / GRAPH_FILE).parent.mkdir()
    lift(model).save(directory / TWIN_FILE)
    source, target = model.graph.input[0].name, model.graph.output[0].name
    NetContract(
        name=f"tiny-{name}",
        role=role,
        input=TensorSpec(name=source, shape=tuple(model.get_tensor_shape(source)), datatype="UINT8"),
        outputs=(TensorSpec(name=target, shape=tuple(model.get_tensor_shape(target)), datatype="UINT8"),),
        model_sha256=sha256_file(directory / MODEL_DIR / MODEL_FILE),
        weights_sha256="0" * 64,
        macs_per_inference=1,
    ).save(directory / MODEL_DIR)
    report = {"interval_cycles_rtl": interval, "latency_cycles": 9000, "dsp": 9, "lut": 2000, "bram18": 3, "uram": 0}
    (directory / RECORD_FILE).write_text(json.dumps(report))
    config = {"board": "pynq-z2", "clk_mhz": clk_mhz}
    Manifest.create(directory, inputs={}, tools={}, config=config).save(directory)
    return load_build(directory)


@pytest.fixture(scope="module")
def builds(tiny_networks: TinyNetworks, tmp_path_factory: pytest.TempPathFactory) -> dict[str, FinishedBuild]:
    work = tmp_path_factory.mktemp("builds")
    return {
        "detector": _finished(tiny_networks, "face_detector", work / "detector"),
        "modifier": _finished(tiny_networks, "modifier", work / "modifier"),
    }


def _pictures() -> list[NDArray[np.uint8]]:
    rng = np.random.default_rng(4)
    return [rng.integers(0, top, (48, 80, 3)).astype(np.uint8) for top in (256, 60, 200, 120)]


@pytest.fixture(scope="module")
def camera(builds: dict[str, FinishedBuild], tmp_path_factory: pytest.TempPathFactory) -> CameraDirectory:
    work, stages = tmp_path_factory.mktemp("cameras"), list[str]()
    made = build_camera(
        CONFIG,
        work / "camera",
        **builds,
        picture=_pictures()[0],
        cache_dir=work / "cache" / "simulators",  # that of a workspace: the command finds the library there
        on_stage=stages.append,
    )
    assert stages == ["write the design", "compile the simulator", "prove: a first frame"]
    return made


@pytest.mark.finn
@pytest.mark.sim
def test_a_camera_says_what_it_is(camera: CameraDirectory, builds: dict[str, FinishedBuild]) -> None:
    planned = camera_config(CONFIG, **builds)
    assert camera.config == planned
    assert (planned.crop_size, planned.key_channels, planned.modifier.interval_cycles) == (8, 1, 5000)
    assert camera.build_id == planned_build_id(planned, **builds)
    assert re.fullmatch("[0-9a-f]{32}", camera.build_id)
    assert camera.build_id.startswith(camera.manifest.design_id)
    assert camera.networks["modifier"]["design_id"] == builds["modifier"].manifest.design_id
    metrics = camera.manifest.metrics
    assert metrics["first_frame"]["differing_bytes"] == 0
    assert metrics["first_frame"]["faces"] > 0
    assert metrics["budget"]["fits"]
    assert metrics["resources"]["sum"]["dsp"] == 23 + 9 + 9
    for name in ("networks/detector/twin.npz", "networks/modifier/manifest.json", "rtl/files.f", "sim/libcamera.so"):
        assert (camera.directory / name).is_file()
        assert name in camera.manifest.files
    with VerilatedCamera.open(camera.directory) as simulated:
        assert CameraRegisters(read32=simulated.read, write32=simulated.write).build_id == camera.build_id


@pytest.mark.finn
@pytest.mark.sim
def test_equal_inputs_give_equal_cameras_and_others_another_id(
    camera: CameraDirectory, builds: dict[str, FinishedBuild]
) -> None:
    planned = camera_config(CONFIG, **builds)
    assert planned_build_id(planned, **builds) == camera.build_id
    assert planned_build_id(replace(planned, threshold=100), **builds) != camera.build_id
    swapped = replace(builds["modifier"], directory=builds["detector"].directory)
    assert planned_build_id(replace(planned), detector=builds["detector"], modifier=builds["modifier"])
    with pytest.raises(ContractError):
        planned_build_id(planned, detector=builds["detector"], modifier=swapped)


@pytest.mark.finn
@pytest.mark.sim
def test_frames_equal_the_golden_model(camera: CameraDirectory) -> None:
    report = compare_frames(camera, _pictures(), stall_per_mille=200)
    assert report.clean
    assert report.differing_bytes == 0
    golden = load_golden(camera)
    assert [row.faces for row in report.frames] == [faces_found(golden, picture) for picture in _pictures()]
    document = json.loads(json.dumps(report.as_json(camera)))
    assert document["frames"] == 4
    assert set(document["latency_cycles_by_faces"]) == {str(row.faces) for row in report.frames}
    assert all(row["cycles"]["latency"] > 0 for row in document["rows"])
    assert document["regions_at_borders"] == report.borders()
    assert all(sum(row.borders.values()) == 0 for row in report.frames if not row.faces)


@pytest.mark.finn
@pytest.mark.sim
def test_a_threshold_counts_in_both(camera: CameraDirectory) -> None:
    golden, sensitive = load_golden(camera), load_golden(camera, threshold=1)
    picture = next(item for item in _pictures() if faces_found(sensitive, item) != faces_found(golden, item))
    assert compare_frames(camera, [picture], threshold=1).clean


@pytest.mark.finn
@pytest.mark.sim
def test_another_network_inside_is_noticed(camera: CameraDirectory, tmp_path: Path) -> None:
    """The comparison is alive: other weights in the RTL's memory give other frames."""
    import shutil

    moved = tmp_path / "camera"
    shutil.copytree(camera.directory, moved)
    memory = moved / "rtl" / "conv0_mvu_memblock.dat"
    lines = memory.read_text().splitlines()
    memory.write_text("\n".join("0" * len(line) for line in lines) + "\n")
    report = compare_frames(replace(camera, directory=moved), _pictures()[:2])
    assert report.differing_bytes > 0
    assert not report.clean
    with pytest.raises(ContractError, match="changed: rtl/conv0_mvu_memblock.dat"):
        CameraDirectory.load(moved)


@pytest.mark.finn
@pytest.mark.sim
def test_a_directory_that_contradicts_itself_is_refused(camera: CameraDirectory, tmp_path: Path) -> None:
    import shutil

    moved = tmp_path / "camera"
    shutil.copytree(camera.directory, moved)
    manifest = Manifest.load(moved)
    text = (moved / CAMERA_FILE).read_text()
    for wrong, message in (
        (text.replace(camera.build_id, "0" * 32), "says build 0{32}, not"),
        (text.replace('"networks"', '"nets"'), "no camera of this release|not a camera of this release"),
    ):
        (moved / CAMERA_FILE).write_text(wrong)
        replace(manifest, files={**manifest.files, CAMERA_FILE: sha256_file(moved / CAMERA_FILE)}).save(moved)
        with pytest.raises(ContractError, match=message):
            CameraDirectory.load(moved)


def _slow(builds: dict[str, FinishedBuild]) -> dict[str, FinishedBuild]:
    report = {**builds["modifier"].report, "interval_cycles_rtl": 4_000_000}
    return {**builds, "modifier": replace(builds["modifier"], report=report)}


def _large(builds: dict[str, FinishedBuild]) -> dict[str, FinishedBuild]:
    report = {**builds["modifier"].report, "dsp": 200}
    return {**builds, "modifier": replace(builds["modifier"], report=report)}


def _twice(builds: dict[str, FinishedBuild]) -> dict[str, FinishedBuild]:
    return {**builds, "modifier": builds["detector"]}


@pytest.mark.finn
@pytest.mark.sim
@pytest.mark.parametrize(
    ("change", "settings", "error", "message"),
    [
        (_slow, {}, ConfigError, r"80×48 with 2 faces does not hold 30 .*modify 4,009,000.*of 3,333,333"),
        (_large, {}, ConfigError, r"232 DSP of 220 \(camera 23, detector 9, modifier 200\)"),
        (_twice, {}, ContractError, "is a face_detector, not a modifier"),
        (dict, {"clk_mhz": 50.0}, ContractError, "built for pynq-z2 at 100 MHz, the camera is for pynq-z2 at 50 MHz"),
        (dict, {"board": "kv260"}, ContractError, "the camera is for kv260"),
        (dict, {"width": 96}, ContractError, r"face detector takes .*\[24, 40, 3\]; the camera needs .*\[24, 48, 3\]"),
    ],
)
def test_a_camera_that_cannot_be_is_refused(
    builds: dict[str, FinishedBuild],
    change: Callable[[dict[str, FinishedBuild]], dict[str, FinishedBuild]],
    settings: dict[str, Any],
    error: type[Exception],
    message: str,
    tmp_path: Path,
) -> None:
    with pytest.raises(error, match=message):
        build_camera(
            replace(CONFIG, **settings),
            tmp_path / "camera",
            **change(builds),
            picture=_pictures()[0],
            cache_dir=tmp_path,
        )
    assert not (tmp_path / "camera").exists()


@pytest.mark.finn
@pytest.mark.sim
def test_parts_add_up(builds: dict[str, FinishedBuild]) -> None:
    parts = camera_parts(camera_config(CONFIG, **builds), **builds)
    assert parts["modifier"] == Resources(dsp=9, lut=2000, bram18=3)
    assert parts["camera"].bram18 > 0


def _written(directory: Path, builds: dict[str, FinishedBuild], **settings: Any) -> Path:
    choices = {name: {"directory": str(build.directory)} for name, build in builds.items()}
    path = directory / "tiny.json"
    path.write_text(
        json.dumps({"width": 80, "height": 48, "max_faces": 2, "threshold": CONFIG.threshold, **choices, **settings})
    )
    return path


@pytest.mark.finn
@pytest.mark.sim
def test_the_commands_build_and_compare_a_camera(
    camera: CameraDirectory,
    builds: dict[str, FinishedBuild],
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pytest.importorskip("skimage", reason="missing: scikit-image")
    from hw_anon.cli import main, simulate_camera

    config, work = _written(tmp_path, builds), str(camera.directory.parent)
    command = ["camera", str(config), "--out", str(tmp_path / "camera"), "--work", work, "--json"]
    assert main(command) == 0
    first = json.loads(capfd.readouterr().out)
    assert first["first_frame"]["differing_bytes"] == 0
    assert first["build_id"] == camera.build_id
    written = (tmp_path / "camera" / "manifest.json").stat().st_mtime_ns
    assert main(command) == 0
    assert json.loads(capfd.readouterr().out)["build_id"] == first["build_id"]
    assert (tmp_path / "camera" / "manifest.json").stat().st_mtime_ns == written, "an intact camera is reused"
    monkeypatch.setattr(simulate_camera, "_pictures", lambda *_: iter(_pictures()[:2]))
    compare = ["simulate", "--camera", str(tmp_path / "camera"), "--frames", "2", "--work", work]
    assert main([*compare, "--json"]) == 0
    report = json.loads(capfd.readouterr().out)
    assert (report["frames"], report["differing_bytes"], report["build_id"]) == (2, 0, first["build_id"])


@pytest.mark.finn
@pytest.mark.sim
def test_the_command_refuses_with_the_numbers(
    builds: dict[str, FinishedBuild], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    from hw_anon.cli import main

    config = _written(tmp_path, builds, frames_per_s=900.0, pixel_rate_mhz=2.5)
    assert main(["camera", str(config), "--work", str(tmp_path / "work")]) == 2
    assert "does not hold 900 frames/s" in " ".join(capfd.readouterr().err.split())
