/// Delays a word by a number of cycles in which the pipeline moves.

`default_nettype none

module video_delay #(
    // Bits of the word, at least 1.
    parameter int unsigned Width  = 1,
    // Cycles, at least 1.
    parameter int unsigned Depth  = 1,
    // Whether a reset clears the words under way; without, shift-register LUTs can hold them.
    parameter bit          Cleared = 1'b0
) (
    input  wire logic              clk_i,
    input  wire logic              rst_ni,
    // Whether the pipeline moves in this cycle.
    input  wire logic              en_i,
    input  wire logic [Width-1:0]  data_i,
    output logic [Width-1:0]       data_o
);

    if (Width < 1 || Depth < 1) begin : gen_bad_size
        $fatal(1, "video_delay: Width = %0d, Depth = %0d, must be at least 1", Width, Depth);
    end

    logic [Depth-1:0][Width-1:0] word_q;  // the newest at index 0

    always_ff @(posedge clk_i) begin
        if (Cleared && !rst_ni) word_q <= '0;
        else if (en_i)          word_q <= (Width * Depth)'({word_q, data_i});
    end

    assign data_o = word_q[Depth-1];

endmodule

`default_nettype wire
