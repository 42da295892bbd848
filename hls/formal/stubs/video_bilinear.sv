/// Stand-in of video_bilinear in the proof of the release path: a value that any one of the pixels changes, after as
/// many cycles.

`default_nettype none

module video_bilinear (
    input  wire logic              clk_i,
    input  wire logic              en_i,
    input  wire logic [3:0][23:0]  pixels_i,
    input  wire logic [7:0]        weight_x_i,
    input  wire logic [7:0]        weight_y_i,
    output logic [23:0]            pixel_o
);

    wire logic [23:0] value = pixels_i[0] ^ pixels_i[1] ^ pixels_i[2] ^ pixels_i[3];

    logic [video_pkg::BilinearLatency-1:0][23:0] word_q;
    always_ff @(posedge clk_i) begin
        if (en_i) begin
            word_q <= (24 * video_pkg::BilinearLatency)'({word_q, value});
        end
    end
    assign pixel_o = word_q[video_pkg::BilinearLatency-1];

endmodule

`default_nettype wire
