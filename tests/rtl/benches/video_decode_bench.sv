/// Test bench of `video_box_decode`: takes a threshold before each map, and the end of packet as a byte of the beat.

`default_nettype none

module video_decode_bench #(
    parameter int unsigned Columns  = 6,
    parameter int unsigned Rows     = 4,
    parameter int unsigned MaxFaces = 3,
    parameter bit EveryCell         = 1'b0
) (
    input  wire logic                    clk_i,
    input  wire logic                    rst_ni,

    input  wire logic [7:0]              s_threshold_tdata,
    input  wire logic                    s_threshold_tvalid,
    output logic                         s_threshold_tready,

    // The cell, and 1 for its packet's last one.
    input  wire logic [47:0]             s_axis_tdata,
    input  wire logic                    s_axis_tvalid,
    output logic                         s_axis_tready,

    output logic [64*MaxFaces+15:0]      m_result_tdata,
    output logic                         m_result_tvalid,
    input  wire logic                    m_result_tready
);

    logic       loaded_q;
    logic [7:0] threshold_q;
    logic       ready;

    assign s_threshold_tready = !loaded_q;
    assign s_axis_tready      = loaded_q && ready;

    always_ff @(posedge clk_i) begin
        if (!rst_ni)                                      loaded_q <= 1'b0;
        else if (s_threshold_tvalid && s_threshold_tready) loaded_q <= 1'b1;
        else if (m_result_tvalid && m_result_tready)      loaded_q <= 1'b0;
        if (s_threshold_tvalid && s_threshold_tready) threshold_q <= s_threshold_tdata;
    end

    video_box_decode #(
        .Columns  (Columns),
        .Rows     (Rows),
        .MaxFaces (MaxFaces),
        .EveryCell(EveryCell)
    ) u_decode (
        .clk_i,
        .rst_ni,
        .threshold_i  (threshold_q),
        .s_axis_tdata (s_axis_tdata[39:0]),
        .s_axis_tvalid(s_axis_tvalid && loaded_q),
        .s_axis_tready(ready),
        .s_axis_tlast (s_axis_tdata[40]),
        .m_result_tdata,
        .m_result_tvalid,
        .m_result_tready
    );

endmodule

`default_nettype wire
