/// Stand-in of video_axis in the proof of the release path: any neighbours.

`default_nettype none

module video_axis #(
    parameter int unsigned SideWidth = 10
) (
    input  wire logic                                         clk_i,
    input  wire logic                                         first_i,
    input  wire logic                                         next_i,
    input  wire logic [SideWidth+camera_pkg::PositionBits-1:0] step_i,
    input  wire logic [SideWidth-1:0]                         source_i,
    output logic [SideWidth-1:0]                              left_o,
    output logic [SideWidth-1:0]                              right_o,
    output logic [camera_pkg::WeightBits-1:0]                 weight_o
);

    assign {left_o, right_o} = (2 * SideWidth)'(next_i ? $root.harness.sample_x : $root.harness.sample_y);
    assign weight_o          = '0;

endmodule

`default_nettype wire
