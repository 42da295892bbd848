/// Edges of the box that a cell of the face detector's map stands for: the golden model's `cell_box`, in 3 cycles.

`default_nettype none

module video_cell_box #(
    // Bits of a cell's row and column, at least 1.
    parameter int unsigned IndexWidth = 6
) (
    input  wire logic                   clk_i,

    // {log_h, log_w, dy, dx, score}.
    input  wire logic [39:0]            cell_i,
    input  wire logic [IndexWidth-1:0]  row_i,
    input  wire logic [IndexWidth-1:0]  column_i,

    // First column and row of the box and the first ones after it, in pixels of the frame; they may lie outside it.
    output logic signed [15:0]          left_o,
    output logic signed [15:0]          right_o,
    output logic signed [15:0]          top_o,
    output logic signed [15:0]          bottom_o
);

    if (IndexWidth < 1 || IndexWidth > 8) begin : gen_bad_width
        $fatal(1, "video_cell_box: IndexWidth = %0d, must be 1 to 8", IndexWidth);
    end

    wire logic unused_score = |cell_i[7:0];

    // Axis 0 is x, axis 1 is y.
    logic signed [15:0] first [2];
    logic signed [15:0] after [2];

    for (genvar k = 0; k < 2; k++) begin : gen_axis
        wire logic [7:0] offset = cell_i[8+8*k +: 8];
        wire logic [7:0] code   = cell_i[24+8*k +: 8];

        logic [10:0]        mantissa1_q;
        logic [2:0]         octave1_q;
        logic [15:0]        centre1_q, centre2_q;  // in 1/16 pixel
        logic [9:0]         side2_q;
        logic signed [15:0] first3_q, after3_q;

        wire logic [9:0]         side  = 10'(((18'(mantissa1_q) << octave1_q) + 18'd128) >> 8);
        wire logic signed [17:0] start  = $signed({2'b0, centre2_q}) - $signed({5'b0, side2_q, 3'b0}) + 18'sd8;

        always_ff @(posedge clk_i) begin
            mantissa1_q <= camera_pkg::SizeMantissa[code[4:0]];
            octave1_q   <= code[7:5];
            centre1_q   <= {8'(k == 0 ? column_i : row_i), offset};
            side2_q     <= side;
            centre2_q   <= centre1_q;
            first3_q    <= 16'(start >>> 4);
            after3_q    <= 16'(start >>> 4) + $signed({6'b0, side2_q});
        end
        assign first[k] = first3_q;
        assign after[k] = after3_q;
    end

    assign {left_o, right_o, top_o, bottom_o} = {first[0], after[0], first[1], after[1]};

endmodule

`default_nettype wire
