"""A vendor project: equal bytes, every check able to fail, and scripts that a Tcl interpreter runs to their end."""

from __future__ import annotations

import dataclasses
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from hls.synth.block import ONE, ZERO, make_design
from hls.synth.config import VendorConfig, plan_fit, source_budget
from hls.synth.design import BlockDesign, External, check_paths
from hls.synth.ipxact import check_component
from hls.synth.ports import Port, read_ports
from hls.synth.project import PREDICTION, write_project
from hls.synth.scripts import DONE_LINE, check_constraints
from hls.synth.sensors import CHAINS, get_chain, get_mode
from hls.synth.tcl import check_script, commands, settings, word
from hls.synth.wrapper import WRAPPER
from hw_anon.core.boards import BOARDS
from hw_anon.core.camera import CameraConfig
from hw_anon.core.errors import ConfigError, ContractError, ToolError
from hw_anon.core.hwh import render_hwh
from hw_anon.core.manifest import Manifest
from hw_anon.core.platform import get_platform
from tests.hls.vendor import CAMERA_TOP, TIMING, camera_directory, project, sensor_table, vendor_config

GOLDEN = Path(__file__).with_name("golden") / "vendor"
GOLDEN_FILES = ("block_design.tcl", "build.tcl", "constraints/board.xdc", f"ip/camera/src/{WRAPPER}.v")
STUB = Path(__file__).with_name("vendor_stub.tcl")
BOARD_NAMES = tuple(BOARDS)


def _design(board: str) -> BlockDesign:
    return make_design(get_platform(board), CHAINS[board])


def _check(design: BlockDesign) -> None:
    check_paths(design, camera="camera_0", vdma="axi_vdma_0", constants=(ONE, ZERO))


@pytest.mark.parametrize("board", BOARD_NAMES)
def test_equal_cameras_give_equal_bytes_and_those_that_were_reviewed(board: str, tmp_path: Path) -> None:
    """After a change that is meant: copy the new files over the golden ones and read the difference."""
    first, second = project(board, tmp_path / "a"), project(board, tmp_path / "b")
    assert first.manifest == second.manifest
    Manifest.load(first.directory).verify(first.directory, allow_extra=False)
    assert (first.directory / PREDICTION).read_text() == render_hwh(first.platform)
    for name in GOLDEN_FILES:
        made, golden = first.directory / name, GOLDEN / board / Path(name).name
        assert made.read_text() == golden.read_text(), f"{board}: {name}"


def test_no_path_of_a_machine_is_in_a_project(tmp_path: Path) -> None:
    made = project("kv260", tmp_path)
    for path in made.directory.rglob("*"):
        assert not path.is_file() or str(tmp_path) not in path.read_text(), path


@pytest.mark.parametrize("board", BOARD_NAMES)
def test_raw_video_ends_in_the_camera(board: str) -> None:
    _check(_design(board))


def test_no_block_brings_a_debug_core() -> None:
    """The HDMI receiver has one that shows raw video, on by default."""
    assert dict(_design("pynq-z2").cell("dvi2rgb_0").settings)["kDebug"] == "false"
    with pytest.raises(ContractError, match="has no ila_0"):
        _design("pynq-z2").cell("ila_0")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d: {"streams": (*d.streams, ("axis_subset_0/M_AXIS", "axi_vdma_0/S_AXIS_S2MM"))}, "raw video leaves"),
        (
            lambda d: {"streams": tuple((a, b) for a, b in d.streams if b != "camera_0/s_axis")},
            "sources of the raw video: expected one, found none",
        ),
        (
            lambda d: {"streams": (*d.streams, ("camera_0/m_axis", "mipi_csi2_rx_0/in"))},
            "circle",
        ),
        (
            lambda d: {"buses": (*d.buses, ("axi_registers/M03_AXI", "mipi_csi2_rx_0/csirxss_s_axi"))},
            "before the camera",
        ),
        (lambda d: {"buses": (*d.buses, ("mipi_csi2_rx_0/M_AXI", "axi_memory/S01_AXI"))}, "before the camera"),
        (lambda d: {"buses": (*d.buses, ("camera_0/M_AXI", "axi_memory/S01_AXI"))}, "camera_0 can reach memory"),
        (
            lambda d: {"streams": tuple(("axis_subset_0/M_AXIS" if "m_axis" in a else a, b) for a, b in d.streams)},
            "raw video leaves",
        ),
        (lambda d: {"externals": (*d.externals, External(name="led", pin="axis_subset_0/debug"))}, "the output led"),
        (lambda d: {"externals": (*d.externals, External(name="led", pin="camera_0/debug"))}, "the output led"),
    ],
)
def test_every_seeded_bypass_is_seen(change: object, message: str) -> None:
    design = _design("kv260")
    assert callable(change)
    with pytest.raises(ContractError, match=message):
        _check(dataclasses.replace(design, **change(design)))


@pytest.mark.parametrize("board", BOARD_NAMES)
def test_every_port_has_a_pin_and_constraints_name_ports_only(board: str) -> None:
    design, chain = _design(board), CHAINS[board]
    check_constraints(design, chain)
    ports = {port for external in design.externals for port in external.ports}
    for line in chain.properties:
        match = re.search(r"\[get_ports (?:\{(\S+)\}|(\w+))\]", line)
        assert match, line
        pattern = re.escape(match[1] or match[2]).replace(r"\*", r"\d")
        assert any(re.fullmatch(pattern, port) for port in ports), line
    with pytest.raises(ContractError, match="ports and pins differ"):
        check_constraints(design, dataclasses.replace(chain, pins=chain.pins[1:]))
    doubled = (*chain.pins[:-1], (chain.pins[-1][0], chain.pins[0][1], "LVCMOS33"))
    with pytest.raises(ContractError, match="pins are used twice"):
        check_constraints(design, dataclasses.replace(chain, pins=doubled))


@pytest.mark.skipif(shutil.which("tclsh") is None, reason="missing: tclsh")
@pytest.mark.parametrize("board", BOARD_NAMES)
def test_an_interpreter_runs_the_scripts_and_makes_the_design(board: str, tmp_path: Path) -> None:
    made = project(board, tmp_path)

    def run(absent: str = "-", progress: str = "100%") -> tuple[int, str]:
        command = ["tclsh", str(STUB), str(made.directory / "build.tcl"), absent, progress, "/a repository"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        return done.returncode, done.stdout

    status, log = run()
    assert (status, log.splitlines()[-1]) == (0, DONE_LINE)
    cells = dict(re.findall(r"CALL create_bd_cell -type ip -vlnv (\S+) (\S+)", log))
    assert {name: vlnv for vlnv, name in cells.items()}.keys() <= {cell.name for cell in made.design.cells}
    assert len(re.findall("CALL create_bd_cell", log)) == len(made.design.cells)
    named = set(re.findall(r"CALL get_bd_(?:intf_)?pins (\S+)", log))
    assert named >= {pin for pin in made.design.pins() if "/" in pin}
    assert len(re.findall("CALL assign_bd_address", log)) == 4
    assert "{/a repository}" in log
    status, log = run(absent=made.design.cells[-1].vlnv)
    assert status == 1 and "the catalogue has no" in log
    status, log = run(progress="43%")
    assert status == 1 and "FAILED hw-anon: the implementation ended at synth_design ERROR" in log


def test_words_are_taken_as_they_are() -> None:
    assert [word(text) for text in ("a.b/c", "", "two words", "$x[y]", "{z}")] == [
        "a.b/c", "{}", "{two words}", "{$x[y]}", "{{z}}",
    ]  # fmt: skip
    assert settings({"A": "1", "B": "x y"}) == "[list CONFIG.A 1 CONFIG.B {x y}]"
    for text in ("}{", "a\\", "{", "a\nb"):
        with pytest.raises(ContractError, match="cannot stand in a Tcl script"):
            word(text)


@pytest.mark.parametrize(
    ("script", "complete"),
    [
        ("puts a\n# {\nputs [list b\nc]\n", True),
        ('if {1} {\n puts "}"\n}\n', None),
        ("puts {a\n", False),
        ("puts [list a\n", False),
        ('puts "a\n', False),
        ("puts a}\n", False),
        ("puts {a]}\n", True),
    ],
)
def test_incomplete_scripts_are_refused(script: str, complete: bool | None, tmp_path: Path) -> None:
    path = tmp_path / "x.tcl"
    path.write_text(script)
    if complete is True:
        check_script(path)
    elif complete is False:
        with pytest.raises((ContractError, ToolError)):
            check_script(path)
    else:  # our reader is stricter than Tcl about quoted braces; our scripts have none
        with pytest.raises(ContractError):
            commands(script)


def test_ports_are_read_and_other_forms_refused() -> None:
    text = "module m ( input wire a, output logic [7:0] b, // c\n inout d );\nendmodule"
    assert read_ports(text, "m") == (Port("a", "input"), Port("b", "output", 8), Port("d", "inout"))
    for bad, message in (("module n ( input a );", "no module m"), ("module m ( input [W-1:0] a );", "another form")):
        with pytest.raises(ContractError, match=message):
            read_ports(bad, "m")


def test_a_description_that_differs_is_seen(tmp_path: Path) -> None:
    made = project("pynq-z2", tmp_path)
    text = (made.directory / "ip/camera/component.xml").read_text()
    ports = read_ports((made.directory / f"ip/camera/src/{WRAPPER}.v").read_text(), WRAPPER)
    files = [path.name for path in (made.directory / "ip/camera/src").iterdir()]
    check_component(text, ports, files)
    wider = text.replace('<spirit:left spirit:format="long">23<', '<spirit:left spirit:format="long">31<')
    renamed = text.replace("<spirit:name>irq_o</spirit:name>", "<spirit:name>irq</spirit:name>")
    mixed_up = re.sub(r"(<spirit:physicalPort>\s*<spirit:name>)clk_i", r"\1rst_ni", text)
    for changed, others, message in (
        (wider, files, "ports differ"),
        (renamed, files, "ports differ"),
        (mixed_up, files, "not every port is in exactly one bus"),
        (text, [*files, "more.sv"], "file lists differ"),
    ):
        with pytest.raises(ContractError, match=message):
            check_component(changed, ports, others)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("output wire logic irq_o,", "output wire logic irq_o, input wire logic [7:0] key_i,", "unknown: key_i"),
        ("output wire logic irq_o,", "", "missing: irq_o"),
        ("output wire logic m_axis_tuser, ", "", "m_axis has"),
        ('"./weights.dat"', '"./other.dat"', "other.dat; build the camera again"),
        ("module camera_top (", "module camera (", "no module camera_top"),
    ],
)
def test_a_camera_that_does_not_fit_leaves_no_project(old: str, new: str, message: str, tmp_path: Path) -> None:
    camera = camera_directory(tmp_path / "camera", top=CAMERA_TOP.replace(old, new))
    with pytest.raises(ContractError, match=message):
        write_project(camera, VendorConfig(board="pynq-z2"), tmp_path / "project")
    assert not (tmp_path / "project").exists()


def test_a_damaged_or_foreign_camera_is_refused(tmp_path: Path) -> None:
    camera = camera_directory(tmp_path / "camera", "kv260")
    with pytest.raises(ConfigError, match="built for kv260, not for pynq-z2"):
        write_project(camera, VendorConfig(board="pynq-z2"), tmp_path / "project")
    (camera / "rtl" / "weights.dat").write_text("")
    with pytest.raises(ContractError, match=r"changed: rtl/weights\.dat"):
        write_project(camera, vendor_config("kv260", tmp_path), tmp_path / "project")


def test_settings_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="needs a table"):
        VendorConfig(board="kv260")
    with pytest.raises(ConfigError, match="has no sensor to set up"):
        VendorConfig(board="pynq-z2", sensor_table=sensor_table(tmp_path / "t.json"))
    with pytest.raises(ConfigError, match=r"no video mode 'hdmi-720p60'; its modes: ov5640"):
        get_mode("hdmi-720p60", CHAINS["kv260"])
    camera = CameraConfig(detector=TIMING, modifier=TIMING, width=640, height=480)
    with pytest.raises(ConfigError, match="need 1920"):
        plan_fit(VendorConfig(board="pynq-z2", factor=3), camera)


def test_the_sensors_pace_is_in_the_budget() -> None:
    """720p60, three lines a row: 720 of 750 lines take 16 ms."""
    camera = CameraConfig(detector=TIMING, modifier=TIMING)
    config = VendorConfig(board="pynq-z2")
    budget = source_budget(camera, plan_fit(config, camera), config.sensor_mode)
    assert budget.capture == pytest.approx(1e8 * 720 / 750 / 60, rel=1e-4)
    assert budget.available == pytest.approx(1e8 / 30, rel=1e-4)


def test_a_board_without_a_chain_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(CHAINS, "kv260")
    with pytest.raises(ConfigError, match="kv260 has no sensor chain"):
        get_chain("kv260")
