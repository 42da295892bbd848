"""What pynq finds of us, and the overlays that are refused."""

from __future__ import annotations

import asyncio
import importlib
import tomllib
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from host.driver import AnonymizedCamera, CameraSettings
from host.driver.find import find_design
from host.driver.sources import require_closed, video_input
from host.overlays import install
from host.stand_ins import model_config
from hw_anon.core.errors import ContractError, DeviceError
from hw_anon.core.manifest import Manifest
from hw_anon.core.platform import get_platform
from tests.host.world import golden, scenes, write_design

PYPROJECT = Path(__file__).parents[2] / "pyproject.toml"
PLATFORM = get_platform("kv260")


def blocks(**more: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Returns what pynq says of the platform."""
    found = {p.instance: {"type": p.vlnv, "parameters": dict(p.parameters)} for p in PLATFORM.peripherals}
    return found | more


def test_the_design_as_it_is_built_is_closed() -> None:
    require_closed(blocks(), PLATFORM)
    require_closed(blocks(zynq_ultra_ps_e_0={"type": PLATFORM.ps.vlnv}), PLATFORM)


def test_a_design_with_another_way_to_memory_is_refused() -> None:
    with pytest.raises(DeviceError, match=r"axi_dma_0 \(xilinx.com:ip:axi_dma:7.1\)"):
        require_closed(blocks(axi_dma_0={"type": "xilinx.com:ip:axi_dma:7.1"}), PLATFORM)
    both = blocks()
    both["axi_vdma_0"]["parameters"]["C_INCLUDE_MM2S"] = "1"
    with pytest.raises(DeviceError, match="other channels"):
        require_closed(both, PLATFORM)
    del both["axi_vdma_0"]["parameters"]["C_INCLUDE_MM2S"]
    with pytest.raises(DeviceError, match="other channels"):
        require_closed(both, PLATFORM)


@pytest.mark.parametrize(("board", "connector"), [("pynq-z2", "HDMI"), ("kv260", "MIPI"), ("zcu104", "MIPI")])
def test_every_board_says_where_its_video_comes_from(board: str, connector: str) -> None:
    assert connector in video_input(board).connector


def test_an_installed_design_is_found(tmp_path: Path) -> None:
    design = write_design(tmp_path / "build")
    place = install(design, root=tmp_path / "overlays")
    assert place.parent.name == "kv260"
    assert find_design(CameraSettings(), roots=[tmp_path / "overlays"]) == place
    assert install(design, root=tmp_path / "overlays") == place
    (design / "notes.txt").write_text("not of the build\n")
    assert not (install(design, root=tmp_path / "overlays") / "notes.txt").exists()
    (design / "hw_anon.bit").write_bytes(b"changed")
    with pytest.raises(ContractError, match="changed"):
        install(design, root=tmp_path / "overlays")


@pytest.mark.board
def test_the_entry_points_name_modules_that_pynq_can_import() -> None:
    groups = tomllib.loads(PYPROJECT.read_text())["project"]["entry-points"]
    assert set(groups) == {"pynq.lib", "pynq.overlays", "pynq.notebooks"}
    for entries in groups.values():
        for module in entries.values():
            importlib.import_module(module)


@pytest.mark.board
def test_pynq_delivers_the_notebooks(tmp_path: Path) -> None:
    from pynqutils.setup_utils import deliver_notebooks

    import host.notebooks

    deliver_notebooks("", str(Path(host.notebooks.__file__).parent), str(tmp_path), "hw-anon", folder=True)
    assert len(list((tmp_path / "hw-anon").glob("*.ipynb"))) == 3


@pytest.mark.board
def test_the_registers_are_bound_for_whoever_uses_the_overlay_alone(tmp_path: Path) -> None:
    import pynq

    from host.driver.ip import CameraIP
    from host.simulated.source import VideoSource
    from host.simulation import simulated_camera

    config = model_config()
    loop = asyncio.new_event_loop()  # pynq wants a current one, and an earlier asyncio.run() leaves none
    asyncio.set_event_loop(loop)
    with (
        closing(loop),
        simulated_camera(work=tmp_path, source=VideoSource(scenes(1)), config=config) as simulated,
    ):
        overlay = pynq.Overlay(str(simulated.design / "hw_anon.bit"))
        assert isinstance(overlay.camera_0, CameraIP)
        assert overlay.camera_0.registers.geometry.width == config.width
        assert int(overlay.camera_0.register_map.ID) == 0x4E415748


@pytest.mark.board
def test_a_design_without_handoff_file_is_refused(tmp_path: Path) -> None:
    design = write_design(tmp_path / "one")
    (design / "hw_anon.hwh").unlink()
    Manifest.create(design, inputs={}, tools={}, config={}).save(design)
    with pytest.raises(ContractError, match="handoff file"):
        AnonymizedCamera(design).open()


@pytest.mark.board
def test_a_handoff_file_that_is_exchanged_while_it_is_loaded_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from host.simulated.device import SimulatedDevice
    from host.simulated.source import VideoSource
    from host.simulation import simulated_camera

    download = SimulatedDevice.download

    def exchanged(device: SimulatedDevice, bitstream: Any, parser: Any = None) -> None:
        handoff = Path(bitstream.bitfile_name).with_suffix(".hwh")
        handoff.write_text(handoff.read_text() + "<!-- another one -->")
        download(device, bitstream, parser)

    monkeypatch.setattr(SimulatedDevice, "download", exchanged)
    with (
        simulated_camera(work=tmp_path, source=VideoSource(scenes(1)), config=model_config()) as simulated,
        pytest.raises(ContractError, match=r"hwh was changed while it was used"),
    ):
        AnonymizedCamera(simulated.design).open()


def test_a_zynq_7000_gets_the_clock_that_pynq_does_not_find(tmp_path: Path) -> None:
    """Pynq 4.0 finds no frequency in a PYNQ-Z2's handoff file; the driver says it, and pynq loads the design."""
    pynq = pytest.importorskip("pynq")
    from host.simulated.source import VideoSource
    from host.simulation import simulated_camera

    raw = scenes(3)
    with (
        simulated_camera(work=tmp_path, source=VideoSource(raw), config=model_config(), board="pynq-z2") as simulated,
        AnonymizedCamera(simulated.design) as camera,
    ):
        assert pynq.Clocks.fclk0_mhz == pytest.approx(get_platform("pynq-z2").clock.ps_mhz)
        assert simulated.device.downloads == [str(simulated.design / "hw_anon.bit")]
        for wanted in golden(raw):
            with camera.readframe() as frame:
                assert frame.copy().equals(wanted)


@pytest.mark.parametrize(("index", "wanted"), [(0, 100.0), (1, None)])
def test_only_the_cameras_own_clock_is_known(index: int, wanted: float | None) -> None:
    from host.driver.overlay import _name_clocks

    clocks = {k: {"enable": int(k == index), "frequency": None} for k in range(4)}
    overlay = SimpleNamespace(bitfile_name="hw_anon.bit", clock_dict=clocks)
    if wanted is None:
        with pytest.raises(DeviceError, match="clock 1"):
            _name_clocks(overlay, get_platform("pynq-z2"))
    else:
        _name_clocks(overlay, get_platform("pynq-z2"))
        assert overlay.clock_dict[index]["frequency"] == wanted
        assert clocks[index]["frequency"] is None, "pynq's own description is left as it is"
