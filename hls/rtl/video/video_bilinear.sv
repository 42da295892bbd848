/// Bilinear value of 2×2 RGB pixels, rounded once, half up: the golden model's `resample` for one pixel.
///
/// A pipeline of BilinearLatency stages; one multiplier per interpolation: a (256 - w) + b w = 256 a + (b - a) w.

`default_nettype none

module video_bilinear (
    input  wire logic              clk_i,
    // Moves the pipeline.
    input  wire logic              en_i,
    // Upper left, upper right, lower left, lower right pixel at index 0 to 3; three unsigned bytes each.
    input  wire logic [3:0][23:0]  pixels_i,
    // Weights of the right and of the lower pixels in 1/256.
    input  wire logic [7:0]        weight_x_i,
    input  wire logic [7:0]        weight_y_i,
    output logic [23:0]            pixel_o
);

    logic [7:0] weight_x1_q, weight_y1_q, weight_y2_q, weight_y3_q;

    always_ff @(posedge clk_i) begin
        if (en_i) begin
            weight_x1_q                             <= weight_x_i;
            {weight_y3_q, weight_y2_q, weight_y1_q} <= {weight_y2_q, weight_y1_q, weight_y_i};
        end
    end

    for (genvar c = 0; c < 3; c++) begin : gen_channel
        wire logic [3:0][7:0] value = {pixels_i[3][8*c +: 8], pixels_i[2][8*c +: 8],
                                       pixels_i[1][8*c +: 8], pixels_i[0][8*c +: 8]};

        logic [7:0]         left1_q       [2];  // left pixel, of the upper and of the lower row
        logic signed [8:0]  difference1_q [2];  // right minus left
        logic [15:0]        across2_q     [2];  // interpolated along the row, in 1/256
        logic signed [16:0] difference3_q;      // lower minus upper
        logic [15:0]        upper3_q, upper4_q;
        logic signed [25:0] product4_q;
        logic [7:0]         value5_q;

        always_ff @(posedge clk_i) begin
            if (en_i) begin
                for (int unsigned row = 0; row < 2; row++) begin
                    left1_q[row]       <= value[2*row];
                    difference1_q[row] <= $signed({1'b0, value[2*row+1]}) - $signed({1'b0, value[2*row]});
                    across2_q[row]     <= 16'($signed({10'b0, left1_q[row], 8'h00})
                                            + 26'(difference1_q[row]) * $signed({18'b0, weight_x1_q}));
                end
                difference3_q        <= $signed({1'b0, across2_q[1]}) - $signed({1'b0, across2_q[0]});
                {upper4_q, upper3_q} <= {upper3_q, across2_q[0]};
                product4_q           <= 26'(difference3_q) * $signed({18'b0, weight_y3_q});
                value5_q             <= 8'(($signed({2'b0, upper4_q, 8'h00}) + product4_q + 26'sh8000) >>> 16);
            end
        end
        assign pixel_o[8*c +: 8] = value5_q;
    end

endmodule

`default_nettype wire
