"""Small designs whose behaviour the simulator's tests choose by the data they send."""

from __future__ import annotations

from pathlib import Path

from hls.interface import DesignInterface, StreamPort

MEMORY_VALUE = 0x2A
"""What the probe adds to every beat, from its memory file."""
MEMORY_FILE = "offset.dat"

ERROR, FATAL, HANG, WRONG_LAST, UNSTABLE, FINISH, ASSERT = range(0xE001, 0xE008)
"""Beats on which the probe misbehaves."""

PROBE_SV = """
module probe #(parameter int Bonus = 0) (
    input  logic        ap_clk,
    input  logic        ap_rst_n,
    input  logic [15:0] s_axis_tdata,
    input  logic        s_axis_tvalid,
    output logic        s_axis_tready,
    output logic [15:0] m_axis_tdata,
    output logic        m_axis_tvalid,
    input  logic        m_axis_tready,
    output logic        m_axis_tlast,
    output logic [31:0] mon_beats__taken
);
    logic [7:0] offset[1];
    initial $readmemh("./offset.dat", offset);
    initial $display("probe says hello");

    logic hang_q, flip_q, wobble_q;
    logic [2:0] beat_q;
    wire room = !m_axis_tvalid || m_axis_tready;
    assign s_axis_tready = !hang_q && room;
    assign m_axis_tlast = (beat_q == 7) ^ flip_q;

    always_ff @(posedge ap_clk) begin
        if (!ap_rst_n) begin
            m_axis_tvalid <= 0;
            hang_q <= 0;
            flip_q <= 0;
            wobble_q <= 0;
            beat_q <= 0;
            mon_beats__taken <= 0;
        end else begin
            if (m_axis_tvalid && m_axis_tready) beat_q <= beat_q + 1;
            if (m_axis_tvalid && !m_axis_tready && wobble_q) m_axis_tdata <= m_axis_tdata + 1;
            if (room) begin
                m_axis_tvalid <= s_axis_tvalid && s_axis_tready;
                m_axis_tdata <= s_axis_tdata ^ {8'd0, offset[0]} ^ 16'(Bonus);
                flip_q <= s_axis_tdata == 16'hE004;
                wobble_q <= s_axis_tdata == 16'hE005;
            end
            if (s_axis_tready && s_axis_tvalid) begin
                mon_beats__taken <= mon_beats__taken + 1;
                if (s_axis_tdata == 16'hE001) $error("probe met %h", s_axis_tdata);
                if (s_axis_tdata == 16'hE002) $fatal(1, "probe gave up");
                if (s_axis_tdata == 16'hE003) hang_q <= 1;
                if (s_axis_tdata == 16'hE006) $finish;
            end
        end
    end

    never_seen: assert property (@(posedge ap_clk) disable iff (!ap_rst_n)
        s_axis_tvalid |-> s_axis_tdata != 16'hE007) else $error("probe asserted");
endmodule
"""

# Two inputs of 1 and 13 bits in FINN's spelling, outputs of 1 and 65 bits: every kind of port Verilator makes.
ODD_SV = """
module odd (
    input  logic               ap_clk,
    input  logic               ap_rst_n,
    input  logic               in0_V_TDATA,
    input  logic               in0_V_TVALID,
    output logic               in0_V_TREADY,
    input  logic signed [12:0] in1_V_TDATA,
    input  logic               in1_V_TVALID,
    output logic               in1_V_TREADY,
    output logic               flag_tdata,
    output logic               flag_tvalid,
    input  logic               flag_tready,
    output logic [4:0][12:0]   wide_tdata,
    output logic               wide_tvalid,
    input  logic               wide_tready
);
    wire room = (!flag_tvalid || flag_tready) && (!wide_tvalid || wide_tready);
    wire take = room && in0_V_TVALID && in1_V_TVALID;
    assign in0_V_TREADY = take;
    assign in1_V_TREADY = take;
    always_ff @(posedge ap_clk) begin
        if (flag_tready) flag_tvalid <= 0;
        if (wide_tready) wide_tvalid <= 0;
        if (take) begin
            flag_tvalid <= 1;
            wide_tvalid <= 1;
            flag_tdata <= !in0_V_TDATA;
            for (int k = 0; k < 5; k++) wide_tdata[k] <= 13'(in1_V_TDATA + k);
        end
        if (!ap_rst_n) begin
            flag_tvalid <= 0;
            wide_tvalid <= 0;
        end
    end
endmodule
"""


def probe_interface() -> DesignInterface:
    """Returns the probe's ports: images of `[4, 2, 2]` bytes in 8 beats."""

    def port(name: str, *, has_tlast: bool) -> StreamPort:
        return StreamPort(
            name=name,
            element_bits=8,
            elements_per_beat=2,
            signed=False,
            shape=(4, 2, 2),
            tdata_bits=16,
            has_tlast=has_tlast,
        )

    return DesignInterface(
        top="probe",
        inputs=(port("s_axis", has_tlast=False),),
        outputs=(port("m_axis", has_tlast=True),),
        monitors=("mon_beats__taken",),
    )


def odd_interface() -> DesignInterface:
    """Returns the ports of the design with odd widths: images of 3 beats."""

    def port(name: str, bits: int, elements: int, *, signed: bool, uppercase: bool) -> StreamPort:
        return StreamPort(
            name=name,
            element_bits=bits,
            elements_per_beat=elements,
            signed=signed,
            shape=(3, elements),
            tdata_bits=bits * elements,
            uppercase=uppercase,
        )

    return DesignInterface(
        top="odd",
        inputs=(
            port("in0_V", 1, 1, signed=False, uppercase=True),
            port("in1_V", 13, 1, signed=True, uppercase=True),
        ),
        outputs=(
            port("flag", 1, 1, signed=False, uppercase=False),
            port("wide", 13, 5, signed=True, uppercase=False),
        ),
    )


def write_probe(directory: Path) -> Path:
    """Writes the probe and its memory file and returns its source."""
    directory.mkdir(parents=True, exist_ok=True)
    (directory / MEMORY_FILE).write_text(f"{MEMORY_VALUE:02x}\n")
    source = directory / "probe.sv"
    source.write_text(PROBE_SV)
    return source


def write_odd(directory: Path) -> Path:
    """Writes the design with odd widths and returns its source."""
    directory.mkdir(parents=True, exist_ok=True)
    source = directory / "odd.sv"
    source.write_text(ODD_SV)
    return source
