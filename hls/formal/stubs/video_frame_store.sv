/// Stand-in of video_frame_store in the proof of the tagged camera: of all places it keeps one, the watched one, and of
/// its pixel one bit, whether it is raw. A read of that place may see what was written to it since (`store_rules` says
/// that it sees what was written before): it is raw if any of that is.

`default_nettype none

module video_frame_store #(
    parameter int unsigned Width     = 320,
    parameter int unsigned Height    = 240,
    parameter int unsigned DataWidth = 24,
    parameter int unsigned Lanes     = 1,
    parameter              RamStyle  = "block"
) (
    input  wire logic                           clk_i,
    input  wire logic                           wr_en_i,
    input  wire logic [$clog2(Width)-1:0]       wr_x_i,
    input  wire logic [$clog2(Height)-1:0]      wr_y_i,
    input  wire logic [DataWidth-1:0]           wr_data_i,
    input  wire logic                           rd_en_i,
    input  wire logic [$clog2(Width)-1:0]       rd_left_i,
    input  wire logic [$clog2(Width)-1:0]       rd_right_i,
    input  wire logic [$clog2(Height)-1:0]      rd_upper_i,
    input  wire logic [$clog2(Height)-1:0]      rd_lower_i,
    output logic [3:0][DataWidth-1:0]           rd_data_o
);

    localparam int unsigned Latency = video_pkg::StoreLatency;

    wire logic [$clog2(Width)-1:0]  place_x = ($clog2(Width))'($root.harness.place_x);
    wire logic [$clog2(Height)-1:0] place_y = ($clog2(Height))'($root.harness.place_y);

    logic raw_q;
    wire logic here = wr_en_i && wr_x_i == place_x && wr_y_i == place_y;
    always_ff @(posedge clk_i) if (here) raw_q <= wr_data_i[0];

    // Reads under way: whether they ask for the place, for each of the four pixels, and whether it was raw.
    logic [Latency-1:0][3:0] asks_q;
    logic [Latency-1:0]      raws_q;
    wire logic [3:0] asks = {rd_lower_i == place_y && rd_right_i == place_x,
                             rd_lower_i == place_y && rd_left_i == place_x,
                             rd_upper_i == place_y && rd_right_i == place_x,
                             rd_upper_i == place_y && rd_left_i == place_x};
    wire logic [Latency-1:0] raws = raws_q | {Latency{here && wr_data_i[0]}};
    always_ff @(posedge clk_i) begin
        raws_q <= rd_en_i ? Latency'({raws, raw_q}) : raws;
        if (rd_en_i) asks_q <= (4 * Latency)'({asks_q, asks});
    end
    for (genvar k = 0; k < 4; k++) begin : gen_pixel
        assign rd_data_o[k] = DataWidth'(asks_q[Latency-1][k] && raws_q[Latency-1]);
    end

endmodule

`default_nettype wire
