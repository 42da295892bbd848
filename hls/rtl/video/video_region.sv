/// The region that is replaced for a box: the golden model's `face_region` for one axis, in 3 cycles.
///
/// Enlarged by ceil(77/256 of the side) on both sides, clipped to the frame, at least MinRegion pixels.

`default_nettype none

module video_region #(
    // Pixels of the frame along this axis, MinRegion to MaxSide.
    parameter int unsigned Side = 320
) (
    input  wire logic               clk_i,

    // First pixel of the box and the first one after it; its centre lies inside the frame.
    input  wire logic signed [15:0] first_i,
    input  wire logic signed [15:0] after_i,

    // First pixel of the region, inside the frame, and its length.
    output logic [15:0]             first_o,
    output logic [15:0]             length_o
);

    localparam int unsigned Shift = camera_pkg::MarginShift;

    if (Side < camera_pkg::MinRegion || Side > camera_pkg::MaxSide) begin : gen_bad_side
        $fatal(1, "video_region: Side = %0d, must be %0d to %0d", Side, camera_pkg::MinRegion, camera_pkg::MaxSide);
    end

    typedef logic signed [15:0] edge_t;

    edge_t       first1_q, after1_q, first2_q, after2_q;
    logic [15:0] margin1_q;
    wire edge_t       length  = after_i - first_i;
    wire edge_t       first   = first1_q - $signed(margin1_q);
    wire edge_t       after   = after1_q + $signed(margin1_q);
    wire logic [15:0] clipped = $unsigned(after2_q - first2_q);
    wire logic [15:0] grown   = clipped < 16'(camera_pkg::MinRegion) ? 16'(camera_pkg::MinRegion) : clipped;

    always_ff @(posedge clk_i) begin
        margin1_q            <= 16'((32'($unsigned(length)) * camera_pkg::MarginNumerator
                                     + (32'd1 << Shift) - 32'd1) >> Shift);
        {first1_q, after1_q} <= {first_i, after_i};
        first2_q             <= first < 0 ? '0 : first;
        after2_q             <= after > edge_t'(Side) ? edge_t'(Side) : after;
        length_o             <= grown;
        first_o              <= 16'($unsigned(first2_q)) > 16'(Side) - grown ? 16'(Side) - grown : $unsigned(first2_q);
    end

endmodule

`default_nettype wire
