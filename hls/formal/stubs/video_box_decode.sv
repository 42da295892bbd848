/// Stand-in of video_box_decode in the proof of the release path: any regions, at any moment.

`default_nettype none

module video_box_decode #(
    parameter int unsigned Columns  = 20,
    parameter int unsigned Rows     = 15,
    parameter int unsigned MaxFaces = 4,
    parameter bit EveryCell         = 1'b0
) (
    input  wire logic                    clk_i,
    input  wire logic                    rst_ni,
    input  wire logic [7:0]              threshold_i,
    input  wire logic [39:0]             s_axis_tdata,
    input  wire logic                    s_axis_tvalid,
    output logic                         s_axis_tready,
    input  wire logic                    s_axis_tlast,
    output logic [64*MaxFaces+15:0]      m_result_tdata,
    output logic                         m_result_tvalid,
    input  wire logic                    m_result_tready
);

    assign s_axis_tready   = $root.harness.decode_ready;
    assign m_result_tdata  = $root.harness.result;
    assign m_result_tvalid = $root.harness.result_valid;

endmodule

`default_nettype wire
