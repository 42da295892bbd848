"""All kernels: no lint warning over the corners of their parameters, and a clear refusal beyond them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from hls.kernels import KERNEL_DIRECTORY
from hw_anon.core.errors import ToolError
from tests.rtl.harness import kernel_interface, lint, port, simulator

pytestmark = pytest.mark.sim

GOOD = [
    ("axis_fork", {}),
    ("axis_fork", {"DataWidth": 1, "Branches": 7}),
    ("axis_add", {}),
    ("axis_add", {"Pe": 4, "AWidth": 1, "BWidth": 1, "SumWidth": 2}),
    ("axis_add", {"Pe": 3, "AWidth": 4, "ASigned": 1, "BWidth": 9, "SumWidth": 32}),
    ("axis_upsample", {}),
    ("axis_upsample", {"DataWidth": 1, "Width": 1, "ChannelFold": 1, "Scale": 3, "RamStyle": "block"}),
    ("axis_upsample", {"Width": 5, "ChannelFold": 3, "Scale": 2, "RamStyle": "distributed"}),
    ("axis_concat", {}),
    ("axis_concat", {"DataWidth": 1, "Inputs": 3, "Beats": "96'h00000002_00000001_00000005"}),
    ("axis_tlast", {}),
    ("axis_tlast", {"DataWidth": 1, "Beats": 1}),
    ("axis_resize", {}),
    ("axis_resize", {"ElementWidth": 1, "InElements": 5, "OutElements": 1}),
    ("axis_resize", {"InElements": 4, "OutElements": 4}),
]

BAD = [
    ("axis_fork", {"DataWidth": 0}, "DataWidth = 0"),
    ("axis_fork", {"Branches": 1}, "Branches = 1"),
    ("axis_add", {"Pe": 0}, "Pe = 0"),
    ("axis_add", {"AWidth": 0}, "AWidth = 0"),
    ("axis_add", {"BWidth": 0}, "BWidth = 0"),
    ("axis_add", {"SumWidth": 8}, "cannot hold every sum, needs 9"),
    ("axis_add", {"ASigned": 1, "SumWidth": 9}, "cannot hold every sum, needs 10"),
    ("axis_upsample", {"DataWidth": 0}, "DataWidth = 0"),
    ("axis_upsample", {"Width": 0}, "Width = 0"),
    ("axis_upsample", {"ChannelFold": 0}, "ChannelFold = 0"),
    ("axis_upsample", {"Scale": 1}, "Scale = 1"),
    ("axis_upsample", {"RamStyle": "ultra"}, "RamStyle must be"),
    ("axis_concat", {"DataWidth": 0}, "DataWidth = 0"),
    ("axis_concat", {"Inputs": 1}, "Inputs = 1"),
    ("axis_concat", {"Beats": "64'h00000000_00000001"}, r"Beats\[1\] = 0"),
    ("axis_resize", {"InElements": 2, "OutElements": 3}, "one must divide the other"),
    ("axis_resize", {"ElementWidth": 0}, "ElementWidth = 0"),
    ("axis_tlast", {"DataWidth": 0}, "DataWidth = 0"),
    ("axis_tlast", {"Beats": 0}, "Beats = 0"),
]


@pytest.mark.parametrize(("kernel", "parameters"), GOOD)
def test_lint_is_clean(kernel: str, parameters: dict[str, int | str], tmp_path: Path) -> None:
    lint(kernel, parameters, tmp_path)


def test_every_kernel_is_linted() -> None:
    assert {kernel for kernel, _ in GOOD} == {path.stem for path in KERNEL_DIRECTORY.glob("*.sv")}


@pytest.mark.parametrize(("kernel", "parameters", "message"), BAD)
def test_bad_parameters_are_refused(kernel: str, parameters: dict[str, int], message: str, tmp_path: Path) -> None:
    with pytest.raises(ToolError) as caught:
        lint(kernel, parameters, tmp_path)
    assert re.search(f"USERFATAL.*{kernel}: .*{message}", caught.value.log)


def test_a_simulator_build_refuses_them_too(sim_cache: Path) -> None:
    interface = kernel_interface("axis_tlast", [port("s_axis", (4,), 8)], [port("m_axis", (4,), 8)])
    with pytest.raises(ToolError, match="Beats = 0, must be at least 1"):
        simulator(interface, sim_cache, parameters={"Beats": 0})
