"""The generated camera top: refused networks, and the same text for the same camera."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from hls.camera import TOP_MODULE, camera_sources, render_top
from hls.interface import DesignInterface, StreamPort
from hls.sim.toolchain import find_toolchain
from hw_anon.core.errors import ConfigError, ContractError
from tests.hls.cameras import BENCH, BUILD_ID, CONFIG, DETECTOR, MODIFIER, render


def _with_output(design: DesignInterface, change: Callable[[StreamPort], StreamPort]) -> DesignInterface:
    return replace(design, outputs=tuple(change(port) for port in design.outputs))


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"detector": MODIFIER}, r"face detector takes unsigned 8-bit \[8, 8, 4\]; the camera needs .*\[24, 40, 3\]"),
        ({"modifier": DETECTOR}, r"face modifier takes unsigned 8-bit \[24, 40, 3\]"),
        (
            {"detector": _with_output(DETECTOR, lambda port: replace(port, signed=True))},
            r"face detector gives signed 8-bit \[3, 5, 5\]",
        ),
        (
            {"modifier": _with_output(MODIFIER, lambda port: replace(port, has_tlast=False))},
            "face modifier's output has no tlast",
        ),
        (
            {"modifier": _with_output(MODIFIER, lambda port: replace(port, elements_per_beat=2, tdata_bits=16))},
            "2 elements a beat; that does not divide its 3 channels",
        ),
        ({"modifier": _with_output(MODIFIER, lambda port: replace(port, tdata_bits=32))}, "has padding: 32 bits"),
        ({"detector": replace(DETECTOR, outputs=DETECTOR.outputs * 2)}, "1 inputs and 2 outputs"),
    ],
)
def test_networks_that_do_not_fit_are_refused(changed: dict[str, DesignInterface], message: str) -> None:
    with pytest.raises(ContractError, match=message):
        render(**changed)


def test_a_build_id_that_is_none_is_refused() -> None:
    with pytest.raises(ConfigError, match="32 hex digits"):
        render_top(CONFIG, detector=DETECTOR, modifier=MODIFIER, build_id="1234")


def test_the_text_says_what_the_configuration_says() -> None:
    text = render()
    assert text == render()
    assert f".BuildId(128'h{BUILD_ID})" in text
    assert ".Threshold(8'd230)" in text
    assert '.RamStyle("block")' in text
    large = replace(CONFIG, board="kv260", buffers=2)
    other = render_top(large, detector=DETECTOR, modifier=MODIFIER, build_id=BUILD_ID)
    assert '.RamStyle("ultra")' in other
    assert ".Buffers(2)" in other


def test_raw_pixels_reach_the_two_networks_only() -> None:
    """Every net that carries raw pixels or crops connects the shell, a converter and a network: nothing else."""
    text = render()
    ports = re.search(rf"module {TOP_MODULE} \((.*?)\);", text, re.DOTALL)
    assert ports
    assert not re.search(r"half|crop|cells|modified|detector|modifier", ports[1])
    for net in ("half_tdata", "crop_tdata", "detector_in_tdata", "modifier_in_tdata"):
        assert len(re.findall(rf"\({net}\)", text)) == 2


@pytest.mark.sim
def test_lint_is_clean_but_for_open_ends(tmp_path: Path) -> None:
    (tmp_path / f"{TOP_MODULE}.sv").write_text(render())
    arguments = ["--lint-only", "-Wall", "-Wno-DECLFILENAME", "-Wno-MULTITOP", "-Wno-UNUSEDPARAM", "--no-timing"]
    sources = [*map(str, camera_sources()), str(tmp_path / f"{TOP_MODULE}.sv"), str(BENCH)]
    arguments += ["-Wno-UNUSEDSIGNAL", "-Wno-PINCONNECTEMPTY", "--top-module", TOP_MODULE, *sources]
    find_toolchain().verilate(arguments, cwd=tmp_path)
