/// Stand-ins for the networks behind a generated camera top, with byte-wide streams as a stitched design may have.

`default_nettype none

/// Cells from the picture itself: score, dx, dy from a cell's first pixel, log_w, log_h from its second one.
module bench_detector #(
    parameter int unsigned Width  = 80,
    parameter int unsigned Height = 48
) (
    input  wire logic       ap_clk,
    input  wire logic       ap_rst_n,
    input  wire logic [7:0] s_axis_tdata,
    input  wire logic       s_axis_tvalid,
    output logic            s_axis_tready,
    output logic [7:0]      m_axis_tdata,
    output logic            m_axis_tvalid,
    input  wire logic       m_axis_tready,
    output logic            m_axis_tlast
);

    localparam int unsigned Columns = Width / 16;
    localparam int unsigned Cells   = Columns * (Height / 16);
    localparam int unsigned Bytes   = (Width / 2) * (Height / 2) * 3;

    logic [7:0]  map_q [5*Cells];
    logic [31:0] in_q, out_q;
    logic        answering_q;
    wire logic [31:0] pixel   = in_q / 3;
    wire logic [31:0] column  = pixel % (Width / 2);
    wire logic [31:0] row     = pixel / (Width / 2);
    wire logic [31:0] channel = 3 * (column % 8) + in_q % 3;

    assign s_axis_tready = !answering_q;
    assign m_axis_tvalid = answering_q;
    assign m_axis_tdata  = map_q[out_q];
    assign m_axis_tlast  = out_q == 5 * Cells - 1;

    always_ff @(posedge ap_clk) begin
        if (!ap_rst_n) begin
            {in_q, out_q, answering_q} <= '0;
        end else if (s_axis_tvalid && s_axis_tready) begin
            if (row % 8 == 0 && channel < 5) map_q[5 * (row / 8 * Columns + column / 8) + channel] <= s_axis_tdata;
            in_q        <= in_q == Bytes - 1 ? '0 : in_q + 1;
            answering_q <= in_q == Bytes - 1;
        end else if (m_axis_tvalid && m_axis_tready) begin
            out_q       <= m_axis_tlast ? '0 : out_q + 1;
            answering_q <= !m_axis_tlast;
        end
    end

endmodule

/// Inverts every byte; drops the fourth one of a pixel, the key, whose lower seven bits it flips in the first.
module bench_modifier #(
    parameter int unsigned CropSize = 8
) (
    input  wire logic        ap_clk,
    input  wire logic        ap_rst_n,
    input  wire logic [31:0] s_axis_tdata,
    input  wire logic        s_axis_tvalid,
    output logic             s_axis_tready,
    output logic [23:0]      m_axis_tdata,
    output logic             m_axis_tvalid,
    input  wire logic        m_axis_tready,
    output logic             m_axis_tlast
);

    logic [31:0] count_q;

    assign s_axis_tready = m_axis_tready;
    assign m_axis_tvalid = s_axis_tvalid;
    assign m_axis_tdata  = {~s_axis_tdata[23:8], ~s_axis_tdata[7:0] ^ {1'b0, s_axis_tdata[30:24]}};
    assign m_axis_tlast  = count_q == CropSize * CropSize - 1;

    always_ff @(posedge ap_clk) begin
        if (!ap_rst_n) count_q <= '0;
        else if (m_axis_tvalid && m_axis_tready) count_q <= m_axis_tlast ? '0 : count_q + 1;
    end

endmodule

`default_nettype wire
