"""What the tests of the vendor build share: a camera of ports only, a sensor table, a stand-in for the tool."""

from __future__ import annotations

import json
from pathlib import Path

from hls.synth.config import VendorConfig
from hls.synth.project import Project, write_project
from hw_anon.core.camera import CameraConfig, NetworkTiming
from hw_anon.core.hwh import render_hwh
from hw_anon.core.manifest import Manifest, build_id
from hw_anon.core.registers import ADDRESS_BITS

__all__ = ["RESOURCES", "camera_directory", "fake_vivado", "project", "sensor_table", "vendor_config"]

RESOURCES = {"dsp": 10, "lut": 2000, "bram18": 20, "uram": 0}
TIMING = NetworkTiming(interval_cycles=5000, latency_cycles=5000)
_AXI = f"""\
    input wire logic [{ADDRESS_BITS - 1}:0] s_axi_awaddr, input wire logic [2:0] s_axi_awprot,
    input wire logic s_axi_awvalid, output wire logic s_axi_awready,
    input wire logic [31:0] s_axi_wdata, input wire logic [3:0] s_axi_wstrb,
    input wire logic s_axi_wvalid, output wire logic s_axi_wready,
    output wire logic [1:0] s_axi_bresp, output wire logic s_axi_bvalid, input wire logic s_axi_bready,
    input wire logic [{ADDRESS_BITS - 1}:0] s_axi_araddr, input wire logic [2:0] s_axi_arprot,
    input wire logic s_axi_arvalid, output wire logic s_axi_arready,
    output wire logic [31:0] s_axi_rdata, output wire logic [1:0] s_axi_rresp,
    output wire logic s_axi_rvalid, input wire logic s_axi_rready,
"""
CAMERA_TOP = f"""\
// Ports of a camera, and a memory.
module camera_top (
    input wire logic clk_i,
    input wire logic rst_ni, // active low
{_AXI}
    output wire logic irq_o,
    input wire logic [23:0] s_axis_tdata, input wire logic s_axis_tvalid, output wire logic s_axis_tready,
    input wire logic s_axis_tuser, input wire logic s_axis_tlast,
    output wire logic [23:0] m_axis_tdata, output wire logic m_axis_tvalid, input wire logic m_axis_tready,
    output wire logic m_axis_tuser, output wire logic m_axis_tlast
);
    logic [7:0] rom [4];
    initial $readmemh("./weights.dat", rom);
endmodule
"""


def camera_directory(directory: Path, board: str = "pynq-z2", *, top: str = CAMERA_TOP) -> Path:
    """Writes a finished camera directory whose camera does nothing."""
    width, height = (320, 240) if board == "pynq-z2" else (640, 480)
    config = CameraConfig(detector=TIMING, modifier=TIMING, board=board, width=width, height=height)
    (directory / "rtl").mkdir(parents=True)
    (directory / "rtl" / "camera_top.sv").write_text(top)
    (directory / "rtl" / "weights.dat").write_text("00\n11\n22\n33\n")
    (directory / "rtl" / "files.f").write_text("camera_top.sv\n")
    number = build_id({}, {}, config.to_dict())
    networks = {role: {"net": role, "design_id": "0" * 16} for role in ("detector", "modifier")}
    content = {"build_id": number, "camera": config.to_dict(), "networks": networks}
    (directory / "camera.json").write_text(json.dumps(content))
    parts = {"camera": RESOURCES, "detector": RESOURCES, "modifier": RESOURCES, "sum": RESOURCES}
    Manifest.create(directory, inputs={}, tools={}, config=config.to_dict(), metrics={"resources": parts}).save(
        directory
    )
    return directory


def sensor_table(path: Path) -> Path:
    """Writes a small sensor table."""
    steps = [{"device": "0x74", "bytes": "04"}, {"wait_ms": 5}, {"device": "0x3c", "bytes": "3008 02"}]
    path.write_text(json.dumps({"name": "a sensor", "steps": steps}))
    return path


def vendor_config(board: str, scratch: Path) -> VendorConfig:
    """Settings for a board, with a sensor table where one is needed."""
    table = None if board == "pynq-z2" else sensor_table(scratch / "table.json")
    return VendorConfig(board=board, sensor_table=table)


def project(board: str, scratch: Path) -> Project:
    """Writes a camera and its project."""
    camera = camera_directory(scratch / "camera", board)
    return write_project(camera, vendor_config(board, scratch), scratch / "project")


UTILISATION = """\
Copyright 1986-2022 Xilinx, Inc. All Rights Reserved.
| Tool Version : Vivado v.2024.1 (lin64)
1. Slice Logic
--------------

+----------------------------+-------+-------+------------+-----------+-------+
|          Site Type         |  Used | Fixed | Prohibited | Available | Util% |
+----------------------------+-------+-------+------------+-----------+-------+
| Slice LUTs                 | 31234 |     0 |          0 |     53200 | 58.71 |
|   LUT as Logic             | 28000 |     0 |          0 |     53200 | 52.63 |
| Slice Registers            | 40567 |     0 |          0 |    106400 | 38.13 |
+----------------------------+-------+-------+------------+-----------+-------+

2. Memory
---------

+-------------------+------+-------+------------+-----------+-------+
|     Site Type     | Used | Fixed | Prohibited | Available | Util% |
+-------------------+------+-------+------------+-----------+-------+
| Block RAM Tile    | 98.5 |     0 |          0 |       140 | 70.36 |
+-------------------+------+-------+------------+-----------+-------+

3. DSP
------

| DSPs           |  171 |     0 |          0 |       220 | 77.73 |
"""
TIMING_REPORT = """\
Timing Summary Report

1. checking no_clock ({no_clock})
------------------------

| Design Timing Summary
| ---------------------

    WNS(ns)      TNS(ns)  TNS Failing Endpoints  TNS Total Endpoints      WHS(ns)      THS(ns)  THS Failing Endpoints  THS Total Endpoints     WPWS(ns)     TPWS(ns)  TPWS Failing Endpoints  TPWS Total Endpoints
    -------      -------  ---------------------  -------------------      -------      -------  ---------------------  -------------------     --------     --------  ----------------------  --------------------
    {wns:7}        0.000                      {failing}                81234        0.021        0.000                      0                81234        3.750        0.000                       0                 42001
"""  # noqa: E501
POWER = """\
1. Summary
----------

+--------------------------+--------------+
| Total On-Chip Power (W)  | 2.345        |
| Design Power Budget (W)  | Unspecified* |
+--------------------------+--------------+
"""


def timing_report(wns: str = "0.412", *, failing: int = 0, no_clock: int = 0) -> str:
    """Returns a timing report in the tool's layout, with made-up numbers."""
    return TIMING_REPORT.format(wns=wns, failing=failing, no_clock=no_clock)


def fake_vivado(
    directory: Path,
    made: Project | None,
    *,
    version: str = "2024.1",
    status: int = 0,
    timing: str | None = None,
    log: str = "hw-anon: finished",
    handoff: str | None = None,
    without: str = "",
) -> Path:
    """Writes a shell script that answers like the tool: its version, or the outputs of a build."""
    directory.mkdir(parents=True, exist_ok=True)
    outputs = {
        "hw_anon.bit": "bits",
        "hw_anon.hwh": handoff or (render_hwh(made.platform) if made else ""),
        "utilisation.rpt": UTILISATION,
        "timing.rpt": timing or timing_report(),
        "power.rpt": POWER,
    }
    for name, text in outputs.items():
        (directory / name).write_text(text)
    copies = "\n".join(f"cp {directory / name} out/" for name in outputs if name != without)
    script = f"""\
#!/bin/sh
if [ "$1" = "-version" ]; then echo "vivado v{version} (64-bit)"; exit 0; fi
echo "$@" > arguments
mkdir -p out project/hw_anon.runs/synth_1
{copies}
echo "{log}"
exit {status}
"""
    program = directory / "vivado"
    program.write_text(script)
    program.chmod(0o755)
    return program
