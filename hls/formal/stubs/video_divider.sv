/// Stand-in of video_divider in the proof of the release path: an end at any moment; the quotient does not matter.

`default_nettype none

module video_divider #(
    parameter int unsigned NumeratorWidth = 28,
    parameter int unsigned DivisorWidth   = 10
) (
    input  wire logic                       clk_i,
    input  wire logic                       rst_ni,
    input  wire logic                       start_i,
    input  wire logic [NumeratorWidth-1:0]  numerator_i,
    input  wire logic [DivisorWidth-1:0]    divisor_i,
    output logic                            done_o,
    output logic [NumeratorWidth-1:0]       quotient_o
);

    assign done_o     = $root.harness.divided;
    assign quotient_o = '0;

endmodule

`default_nettype wire
