/// Stand-in of video_downscale in the proof of the release path: any reads, and an end at any moment.

`default_nettype none

module video_downscale #(
    parameter int unsigned Width     = 320,
    parameter int unsigned Height    = 240,
    parameter int unsigned SideWidth = 10
) (
    input  wire logic                  clk_i,
    input  wire logic                  rst_ni,
    input  wire logic                  start_i,
    input  wire logic [SideWidth-1:0]  rows_i,
    output logic                       rd_en_o,
    output logic [SideWidth-1:0]       rd_left_o,
    output logic [SideWidth-1:0]       rd_right_o,
    output logic [SideWidth-1:0]       rd_upper_o,
    output logic [SideWidth-1:0]       rd_lower_o,
    input  wire logic [3:0][23:0]      rd_data_i,
    output logic [23:0]                m_axis_tdata,
    output logic                       m_axis_tvalid,
    input  wire logic                  m_axis_tready,
    output logic                       m_axis_tlast
);

    assign {rd_left_o, rd_right_o, rd_upper_o, rd_lower_o} = (4 * SideWidth)'($root.harness.half_read >> 1);
    assign rd_en_o       = $root.harness.half_read[0];
    assign m_axis_tdata  = '0;
    assign m_axis_tvalid = $root.harness.half_valid;
    assign m_axis_tlast  = $root.harness.half_last;

endmodule

`default_nettype wire
