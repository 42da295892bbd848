"""The video path's modules: no lint warning over the corners of their parameters, and a clear refusal beyond them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import pytest

from hls.lint import RTL_ROOT, WAIVER_FILE
from hls.sim.toolchain import find_toolchain
from hw_anon.core.errors import ToolError
from tests.rtl.harness import verilog_parameters
from tests.rtl.video import video_source

pytestmark = pytest.mark.sim

Parameters = Mapping[str, int | str]

VGA: Parameters = {"Width": 640, "Height": 480, "SideWidth": 10}
GOOD: list[tuple[str, Parameters]] = [
    ("video_delay", {"Width": 7, "Depth": 1, "Cleared": 1}),
    ("video_divider", {"NumeratorWidth": 2, "DivisorWidth": 1}),
    ("video_divider", {"NumeratorWidth": 31, "DivisorWidth": 13}),
    ("video_frame_store", {}),
    ("video_frame_store", {"Width": 640, "Height": 480, "Lanes": 3, "RamStyle": "ultra"}),
    ("video_frame_store", {"Width": 2, "Height": 2, "RamStyle": "distributed"}),
    ("video_bilinear", {}),
    ("video_axis", {"SideWidth": 4}),
    ("video_axis", {"SideWidth": 13}),
    ("video_resampler", {"SideWidth": 13}),
    ("video_crop_resize", {"SideWidth": 13, "CropSize": 128, "KeyChannels": 3}),
    ("video_paste", {"MaxFaces": 1, "CropSize": 2}),
    ("video_paste", {"MaxFaces": 32, "CropSize": 64, "SideWidth": 10}),
    ("video_downscale", VGA),
    ("video_egress", {**VGA, "MaxFaces": 8}),
    ("video_meta_line", {}),
    ("video_meta_line", {"Width": 8, "MaxFaces": 2}),
    ("video_meta_line", {"Width": 640, "MaxFaces": 32}),
    ("video_cell_box", {"IndexWidth": 1}),
    ("video_region", {"Side": 8}),
    ("video_region", {"Side": 4096}),
    ("video_ingress", {}),
    ("video_ingress", {"Width": 2, "Height": 1, "SideWidth": 2, "SourceTimeout": 1}),
    ("video_release_guard", {"MaxFaces": 1, "Depth": 2}),
    ("video_release_guard", {"MaxFaces": 8, "Depth": 5, "Buffers": 2}),
    ("video_sequencer", {}),
    ("video_sequencer", {"MaxFaces": 1, "CropSize": 2}),
    ("key_noise", {"Rings": 1}),
    ("key_source", {}),
    ("key_source", {"KeyBytes": 16, "SamplePeriod": 3, "Fold": 2}),
    ("camera_core", {}),
    ("camera_core", {"Width": 16, "Height": 32, "CropSize": 8, "MaxFaces": 1, "KeyChannels": 2}),
    ("camera_core", {"Width": 640, "Height": 480, "MaxFaces": 8, "Buffers": 2, "Lanes": 3, "RamStyle": "ultra"}),
    ("camera_shell", {}),
    ("camera_shell", {"Width": 640, "Height": 480, "MaxFaces": 8, "KeyChannels": 1, "Lanes": 3, "RamStyle": "ultra"}),
    ("control_status", {}),
    ("control_status", {"MaxFaces": 32, "BuildId": "128'h1"}),
    ("video_box_decode", {}),
    ("video_box_decode", {"Columns": 40, "Rows": 30, "MaxFaces": 8}),
    ("video_box_decode", {"Columns": 1, "Rows": 2, "MaxFaces": 1}),
    ("video_box_decode", {"EveryCell": 1}),
]

BAD: list[tuple[str, Parameters, str]] = [
    ("video_meta_line", {"Width": 7, "MaxFaces": 2}, "the metadata of 2 faces take 8 pixels"),
    ("video_meta_line", {"MaxFaces": 0}, "MaxFaces = 0"),
    ("video_delay", {"Width": 0}, "Width = 0"),
    ("video_delay", {"Depth": 0}, "Depth = 0"),
    ("video_divider", {"NumeratorWidth": 1}, "NumeratorWidth = 1"),
    ("video_divider", {"DivisorWidth": 0}, "DivisorWidth = 0"),
    ("video_frame_store", {"Width": 321}, "Width = 321"),
    ("video_frame_store", {"Height": 0}, "Height = 0"),
    ("video_frame_store", {"Lanes": 0}, "Lanes = 0"),
    ("video_frame_store", {"RamStyle": "ddr"}, "RamStyle must be"),
    ("video_axis", {"SideWidth": 3}, "SideWidth = 3"),
    ("video_resampler", {"SideWidth": 3}, "SideWidth = 3"),
    ("video_crop_resize", {"CropSize": 1}, "CropSize = 1"),
    ("video_crop_resize", {"CropSize": 64, "SideWidth": 6}, "CropSize = 64"),
    ("video_paste", {"CropSize": 1}, "CropSize = 1"),
    ("video_paste", {"MaxFaces": 0}, "MaxFaces = 0"),
    ("video_downscale", {"Width": 9}, "Width = 9"),
    ("video_downscale", {"Height": 2}, "Height = 2"),
    ("video_downscale", {"SideWidth": 8}, "do not fit in SideWidth = 8"),
    ("video_egress", {"Width": 9}, "Width = 9"),
    ("video_egress", {"SideWidth": 8}, "do not fit in SideWidth = 8"),
    ("video_egress", {"MaxFaces": 0}, "MaxFaces = 0"),
    ("video_cell_box", {"IndexWidth": 9}, "IndexWidth = 9"),
    ("video_region", {"Side": 7}, "Side = 7"),
    ("video_region", {"Side": 4097}, "Side = 4097"),
    ("video_ingress", {"Width": 1}, "Width = 1"),
    ("video_ingress", {"SideWidth": 8}, "fit in SideWidth = 8"),
    ("video_ingress", {"SourceTimeout": 0}, "SourceTimeout = 0"),
    ("video_release_guard", {"Depth": 1}, "Depth = 1"),
    ("video_release_guard", {"MaxFaces": 0}, "MaxFaces = 0"),
    ("video_release_guard", {"Buffers": 3}, "Buffers = 3"),
    ("video_sequencer", {"MaxFaces": 0}, "MaxFaces = 0"),
    ("video_sequencer", {"FlushCycles": 1}, "FlushCycles = 1"),
    ("camera_core", {"Width": 330}, "330 x 240"),
    ("camera_core", {"MaxFaces": 33}, "MaxFaces = 33"),
    ("camera_core", {"CropSize": 6}, "CropSize = 6"),
    ("control_status", {"MaxFaces": 33}, "MaxFaces = 33"),
    ("control_status", {"Width": 65536}, "does not fit its register"),
    ("control_status", {"Threshold": 0}, "Threshold = 0"),
    ("video_box_decode", {"Columns": 0}, "Columns = 0"),
    ("video_box_decode", {"Rows": 257}, "Rows = 257"),
    ("video_box_decode", {"MaxFaces": 0}, "MaxFaces = 0"),
]


def _lint(module: str, parameters: Parameters, cwd: Path) -> None:
    settings = [f"-G{name}={value}" for name, value in verilog_parameters(parameters)]
    packages = [str(path) for path in sorted(RTL_ROOT.rglob("*_pkg.sv"))]
    arguments = ["--lint-only", "-Wall", "--assert", "--no-timing", "--top-module", module, *settings]
    arguments += ["-y", str(RTL_ROOT / "video"), "-y", str(RTL_ROOT / "top"), str(RTL_ROOT / WAIVER_FILE), *packages]
    find_toolchain().verilate([*arguments, str(video_source(module))], cwd=cwd)


@pytest.mark.parametrize(("module", "parameters"), GOOD)
def test_lint_is_clean(module: str, parameters: Parameters, tmp_path: Path) -> None:
    _lint(module, parameters, tmp_path)


def test_every_module_is_linted() -> None:
    sources = [path for room in ("video", "top") for path in (RTL_ROOT / room).glob("*.sv")]
    modules = {path.stem for path in sources if not path.stem.endswith("_pkg")}
    assert {module for module, _ in GOOD} == modules


@pytest.mark.parametrize(("module", "parameters", "message"), BAD)
def test_bad_parameters_are_refused(module: str, parameters: Parameters, message: str, tmp_path: Path) -> None:
    with pytest.raises(ToolError) as caught:
        _lint(module, parameters, tmp_path)
    assert re.search(f"USERFATAL.*{module}: .*{message}", caught.value.log)
