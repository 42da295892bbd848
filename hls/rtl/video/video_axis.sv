/// Sample positions along one axis: the golden model's `axis_samples`, one target pixel after the other.

`default_nettype none

module video_axis #(
    // Bits of a side, at least 4.
    parameter int unsigned SideWidth = 10
) (
    input  wire logic                                         clk_i,

    // Goes to the first target pixel.
    input  wire logic                                         first_i,
    // Goes to the next one.
    input  wire logic                                         next_i,
    // Source pixels for one target pixel, with PositionBits fraction bits; constant while in use.
    input  wire logic [SideWidth+camera_pkg::PositionBits-1:0] step_i,
    // Source pixels, at least 1; constant while in use.
    input  wire logic [SideWidth-1:0]                         source_i,

    // Neighbours, 0 to source - 1, and the weight of the right one in 1/256.
    output logic [SideWidth-1:0]                              left_o,
    output logic [SideWidth-1:0]                              right_o,
    output logic [camera_pkg::WeightBits-1:0]                 weight_o
);

    localparam int unsigned Fraction = camera_pkg::PositionBits;
    localparam int unsigned Weight   = camera_pkg::WeightBits;
    localparam int unsigned Width    = SideWidth + Fraction + 1;

    if (SideWidth < 4) begin : gen_bad_width
        $fatal(1, "video_axis: SideWidth = %0d, must be at least 4", SideWidth);
    end

    typedef logic signed [Width-1:0] position_t;

    // Half a step back to the centre of the first pixel, half a pixel to that of the source, half a weight to round.
    localparam position_t Offset = position_t'(signed'((1 << (Fraction - Weight - 1)) - (1 << (Fraction - 1))));

    position_t position_q;

    always_ff @(posedge clk_i) begin
        if (first_i)     position_q <= $signed({2'b0, step_i[$high(step_i):1]}) + Offset;
        else if (next_i) position_q <= position_q + $signed({1'b0, step_i});
    end

    wire logic signed [SideWidth:0] index = position_q[Width-1:Fraction];
    wire logic [SideWidth-1:0]      last  = source_i - 1'b1;
    wire logic                      below = index < 0;
    wire logic                      above = !below && index[SideWidth-1:0] >= last;

    assign left_o   = below ? '0 : above ? last : index[SideWidth-1:0];
    assign right_o  = below ? '0 : above ? last : index[SideWidth-1:0] + 1'b1;
    assign weight_o = position_q[Fraction-1 -: Weight];

endmodule

`default_nettype wire
