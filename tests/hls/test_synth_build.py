"""The vendor build with a stand-in for the tool: reports, refusals, collection, signature; and the command."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from hls.synth.bitstream import build_bitstream
from hls.synth.handoff import require_handoff
from hls.synth.project import Project
from hls.synth.reports import parse_power, parse_timing, parse_utilisation, require_timing
from hls.synth.vivado import SUPPORTED, find_vivado
from hw_anon.cli import main
from hw_anon.core.errors import ConfigError, ContractError, ToolError
from hw_anon.core.hwh import render_hwh
from hw_anon.core.manifest import Manifest
from hw_anon.core.platform import get_platform
from hw_anon.core.signature import generate_key, public_key_path, verify_manifest
from tests.hls.vendor import (
    POWER,
    UTILISATION,
    camera_directory,
    fake_vivado,
    project,
    timing_report,
)

CapFd = pytest.CaptureFixture[str]
HP0 = '<MEMORYMAP><MEMRANGE INSTANCE="ps"/></MEMORYMAP>'
"""A way to memory."""


@pytest.fixture
def made(tmp_path: Path) -> Project:
    """A project for the smallest board."""
    return project("pynq-z2", tmp_path)


def test_reports_become_numbers() -> None:
    used = parse_utilisation(UTILISATION)
    assert (used.dsp, used.lut, used.ff, used.bram18, used.uram) == (171, 31234, 40567, 197, 0)
    ultra = UTILISATION.replace("Slice LUTs ", "CLB LUTs ").replace("Slice Registers", "CLB Registers")
    assert parse_utilisation(ultra + "| URAM           |   48 |     0 |          0 |        64 | 75.00 |\n").uram == 48
    timing = parse_timing(timing_report())
    assert (timing.setup_slack_ns, timing.hold_slack_ns, timing.pulse_slack_ns) == (0.412, 0.021, 3.75)
    assert (timing.failing, timing.endpoints, timing.without_clock) == (0, 81234, 0)
    assert parse_power(POWER) == 2.345


@pytest.mark.parametrize(
    ("parse", "text", "message"),
    [
        (parse_utilisation, UTILISATION.replace("DSPs", "Others"), "no row for dsp"),
        (parse_utilisation, "", "no row for lut"),
        (parse_timing, "", "no summary with numbers"),
        (parse_timing, timing_report("NA"), "no summary with numbers"),
        (parse_timing, timing_report().replace("no_clock", "other"), "no summary with numbers"),
        (parse_timing, timing_report()[:700], "no summary with numbers"),
        (parse_power, "| Total |", "no total"),
    ],
)
def test_other_texts_are_no_reports(parse: object, text: str, message: str) -> None:
    assert callable(parse)
    with pytest.raises(ContractError, match=message):
        parse(text)


@pytest.mark.parametrize(
    "changed", [{"wns": "-0.001"}, {"failing": 3}, {"no_clock": 1}, {"wns": "-12.5", "failing": 999}]
)
def test_a_design_that_misses_its_timing_is_refused(changed: dict[str, object]) -> None:
    text = timing_report(**changed)  # type: ignore[arg-type]
    with pytest.raises(ToolError, match="misses its timing") as caught:
        require_timing(parse_timing(text), text)
    assert "WNS(ns)" in caught.value.log
    for slack in ("hold", "pulse"):
        bad = timing_report().replace("0.021" if slack == "hold" else "3.750", "-0.01")
        with pytest.raises(ToolError, match="misses its timing"):
            require_timing(parse_timing(bad), bad)


@pytest.mark.parametrize("board", ["pynq-z2", "kv260", "zcu104"])
def test_the_prediction_is_what_is_expected(board: str) -> None:
    platform = get_platform(board)
    require_handoff(render_hwh(platform), platform)
    reset = '<MODULE INSTANCE="proc_sys_reset_0" VLNV="xilinx.com:ip:proc_sys_reset:5.0"/></MODULES>'
    require_handoff(render_hwh(platform).replace("</MODULES>", reset), platform)


@pytest.mark.parametrize(
    ("pattern", "replacement", "message"),
    [
        ('BASEVALUE="0x43C00000"', 'BASEVALUE="0x43D00000"', "camera_0/s_axi lies elsewhere"),
        ("hw_anon:video:camera:1.1", "hw_anon:video:camera:0.9", "camera_0: is hw_anon:video:camera:0.9"),
        ('NAME="C_INCLUDE_MM2S" VALUE="0"', 'NAME="C_INCLUDE_MM2S" VALUE="1"', "C_INCLUDE_MM2S = 1, not 0"),
        ('NAME="ADDRESS_OFFSET" VALUE="0x34"', 'NAME="ADDRESS_OFFSET" VALUE="0x38"', "register THRESHOLD is at 0x38"),
        ('INSTANCE="axi_vdma_0" PORT="s2mm_introut"', 'INSTANCE="other" PORT="s2mm_introut"', "is not connected"),
        ('INSTANCE="axi_intc_0" MODTYPE', 'INSTANCE="intc" MODTYPE', "axi_intc_0 is missing"),
        ("</EDKSYSTEM>", "", "is no XML"),
        ("<MEMRANGE", '<MEMRANGE INSTANCE="axi_dma_1"/><MEMRANGE', "reaches axi_dma_1"),
        (
            "</MODULES>",
            f'<MODULE INSTANCE="dma_1" VLNV="x:dma:1.0">{HP0}</MODULE></MODULES>',
            "dma_1 (x:dma:1.0) reaches ps",
        ),
    ],
)
def test_a_handoff_that_differs_is_refused(pattern: str, replacement: str, message: str) -> None:
    platform = get_platform("pynq-z2")
    text = render_hwh(platform)
    assert pattern in text
    with pytest.raises(ContractError, match=re.escape(message)):
        require_handoff(text.replace(pattern, replacement), platform)


def test_numbers_may_be_written_in_several_ways_and_clocks_differ() -> None:
    platform = get_platform("kv260")
    text = render_hwh(platform).replace('VALUE="0xA002FFFF"', 'VALUE="0xa002ffff"').replace("ACT_FREQMHZ", "FREQ")
    require_handoff(text, platform)


def test_a_build_is_collected_signed_and_found_again(made: Project, tmp_path: Path) -> None:
    pytest.importorskip("cryptography", reason="cryptography is not installed (extra synth or board)")
    key = tmp_path / "release.key"
    generate_key(key)
    vivado = find_vivado(fake_vivado(tmp_path / "tool", made))
    (tmp_path / "blocks").mkdir()
    stages: list[str] = []
    done = build_bitstream(
        made, vivado, tmp_path / "out", repositories=[tmp_path / "blocks"], key=key, on_stage=stages.append
    )
    assert stages == ["Vivado 2024.1", "collecting"]
    assert done.directory == tmp_path / "out" / "pynq-z2" / done.manifest.design_id
    manifest = verify_manifest(done.directory, public_key_path(key))
    manifest.verify(done.directory, allow_extra=False)
    assert manifest == done.manifest
    assert set(manifest.files) == {
        "camera.json", "hw_anon.bit", "hw_anon.hwh", "power.rpt", "report.json", "timing.rpt", "utilisation.rpt",
    }  # fmt: skip
    assert manifest.tools["vivado"] == "2024.1"
    assert manifest.metrics["timing"]["setup_slack_ns"] == 0.412
    assert manifest.inputs["camera"] == made.manifest.inputs["camera"]
    arguments = (made.directory / "arguments").read_text().split()
    assert arguments[:2] == ["-mode", "batch"] and arguments[-1] == str(tmp_path / "blocks")


def test_another_version_gives_another_design(made: Project, tmp_path: Path) -> None:
    found = {
        build_bitstream(
            made, find_vivado(fake_vivado(tmp_path / version, made, version=version)), tmp_path / "out"
        ).manifest.design_id
        for version in SUPPORTED
    }
    assert len(found) == len(SUPPORTED)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"status": 1, "log": "ERROR: [Place 30-99] too large"}, r"(?s)Vivado 2024\.1 failed.*status: 1.*too large"),
        ({"log": "no more"}, "ended before the build script did"),
        ({"log": "CRITICAL WARNING: [Synth 8-4445] could not open $readmem data file; hw-anon: finished"}, "not whole"),
        ({"timing": timing_report("-0.2", failing=7)}, "misses its timing"),
        ({"handoff": "<EDKSYSTEM/>"}, "camera_0 is missing"),
        ({"without": "hw_anon.bit"}, r"ended without hw_anon\.bit"),
    ],
)  # fmt: skip
def test_a_bad_run_leaves_no_bitstream(
    settings: dict[str, object], message: str, made: Project, tmp_path: Path
) -> None:
    if "$readmem" in str(settings.get("log")):
        settings = {"log": str(settings["log"]).replace("$", "\\$")}  # the shell prints it
    vivado = find_vivado(fake_vivado(tmp_path / "tool", made, **settings))  # type: ignore[arg-type]
    with pytest.raises((ToolError, ContractError), match=message):
        build_bitstream(made, vivado, tmp_path / "out")
    assert not list((tmp_path / "out").rglob("*")) if (tmp_path / "out").exists() else True


def test_messages_of_the_runs_are_read_too(made: Project, tmp_path: Path) -> None:
    vivado = find_vivado(fake_vivado(tmp_path / "tool", made))
    run = made.directory / "project" / "hw_anon.runs" / "synth_1"
    run.mkdir(parents=True)
    (run / "runme.log").write_text("CRITICAL WARNING: [Synth 8-3] black box instance u_modifier\n")
    with pytest.raises(ToolError, match="after 1 messages"):
        build_bitstream(made, vivado, tmp_path / "out")


def test_a_changed_project_is_not_built(made: Project, tmp_path: Path) -> None:
    (made.directory / "constraints" / "board.xdc").write_text("")
    with pytest.raises(ContractError, match=r"changed: constraints/board\.xdc"):
        build_bitstream(made, find_vivado(fake_vivado(tmp_path / "tool", made)), tmp_path / "out")


def test_a_missing_repository_is_named(made: Project, tmp_path: Path) -> None:
    vivado = find_vivado(fake_vivado(tmp_path / "tool", made))
    with pytest.raises(ConfigError, match="--ip-repository .* is not a directory"):
        build_bitstream(made, vivado, tmp_path / "out", repositories=[tmp_path / "nowhere"])


def test_only_versions_that_the_scripts_are_written_for_are_used(tmp_path: Path) -> None:
    with pytest.raises(ToolError, match=r"is Vivado 2019\.2; the scripts are written for 2023\.2"):
        find_vivado(fake_vivado(tmp_path / "old", None, version="2019.2"))
    with pytest.raises(ToolError, match="is not a program"):
        find_vivado(tmp_path / "nowhere")
    silent = tmp_path / "vivado"
    silent.write_text("#!/bin/sh\nexit 3\n")
    silent.chmod(0o755)
    with pytest.raises(ToolError, match="does not say its version"):
        find_vivado(silent)


def test_the_command_builds(tmp_path: Path, capfd: CapFd, monkeypatch: pytest.MonkeyPatch) -> None:
    made = project("pynq-z2", tmp_path / "other")
    tool = fake_vivado(tmp_path / "tool", made)
    camera = camera_directory(tmp_path / "camera")
    arguments = ["bitstream", str(camera), "--board", "pynq-z2", "--work", str(tmp_path / "work")]
    arguments += ["--out", str(tmp_path / "out"), "--vivado", str(tool)]
    assert main([*arguments, "--json"]) == 0
    document = json.loads(capfd.readouterr().out)
    assert document["used"]["dsp"] == 171
    assert document["checks"]["raw video"].startswith("ends in the camera")
    Manifest.load(Path(document["directory"])).verify(Path(document["directory"]))
    assert main(arguments) == 0
    assert "setup slack" in capfd.readouterr().out


def test_the_command_without_the_tool_says_what_there_is(
    tmp_path: Path, capfd: CapFd, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    camera = camera_directory(tmp_path / "camera")
    arguments = ["bitstream", str(camera), "--board", "pynq-z2", "--work", str(tmp_path / "work")]
    assert main(arguments) == 4
    message = capfd.readouterr().err
    for part in ("vivado is not on the search path", "is complete and checked without it", "raw video: ends in the",
                 "synthesis, placement, timing"):  # fmt: skip
        assert part in message
    (directory,) = (tmp_path / "work" / "vendor").iterdir()
    Manifest.load(directory).verify(directory, allow_extra=False)
    assert main([*arguments, "--prepare-only", "--json"]) == 0
    assert json.loads(capfd.readouterr().out)["project"] == str(directory)


def test_the_command_looks_at_the_key_first(tmp_path: Path, capfd: CapFd) -> None:
    pytest.importorskip("cryptography", reason="cryptography is not installed (extra synth or board)")
    camera = camera_directory(tmp_path / "camera")
    arguments = ["bitstream", str(camera), "--board", "pynq-z2", "--work", str(tmp_path / "work")]
    assert main([*arguments, "--key", str(tmp_path / "no.key")]) == 2
    assert not (tmp_path / "work").exists()
