/// The frame store reads what was written last: at any place, whatever else is written, and from the next cycle on.

`default_nettype none

module store_rules (
    input  wire logic        clk_i,
    input  wire logic        write_i,
    input  wire logic [1:0]  write_x_i,
    input  wire logic [1:0]  write_y_i,
    input  wire logic        data_i,
    input  wire logic        move_i,
    input  wire logic [1:0]  left_i,
    input  wire logic [1:0]  right_i,
    input  wire logic [1:0]  upper_i,
    input  wire logic [1:0]  lower_i,
    // The place that is watched; its value in the first cycle counts.
    input  wire logic [1:0]  place_x_i,
    input  wire logic [1:0]  place_y_i
);

    localparam int unsigned Latency = video_pkg::StoreLatency;

    logic rst_ni = 1'b0;
    always_ff @(posedge clk_i) rst_ni <= 1'b1;

    logic [3:0] pixels;
    video_frame_store #(.Width(4), .Height(4), .DataWidth(1)) u_store (
        .clk_i, .wr_en_i(write_i), .wr_x_i(write_x_i), .wr_y_i(write_y_i), .wr_data_i(data_i),
        .rd_en_i(move_i), .rd_left_i(left_i), .rd_right_i(right_i), .rd_upper_i(upper_i), .rd_lower_i(lower_i),
        .rd_data_o(pixels)
    );

    // Kept here: the value at the place, once it was written, and which reads under way ask for it.
    logic [1:0] x_q, y_q;
    logic       known_q, value_q;
    logic [Latency-1:0][3:0] asked_q;
    logic [Latency-1:0]      since_q;  // the read began when the value was known, and no write to it has come since
    wire logic  hit   = write_i && write_x_i == x_q && write_y_i == y_q;
    wire logic [3:0] asks = {lower_i == y_q && right_i == x_q, lower_i == y_q && left_i == x_q,
                             upper_i == y_q && right_i == x_q, upper_i == y_q && left_i == x_q};
    always_ff @(posedge clk_i) begin
        if (!rst_ni) begin
            {x_q, y_q}         <= {place_x_i, place_y_i};
            {known_q, since_q} <= '0;
        end else begin
            if (hit) {known_q, value_q} <= {1'b1, data_i};
            if (move_i) begin
                asked_q <= (4 * Latency)'({asked_q, asks});
                since_q <= Latency'({since_q, known_q});
            end
            if (hit) since_q <= '0;
        end
    end

    always_ff @(posedge clk_i) begin
        assume (right_i == left_i || (left_i != 2'd3 && right_i == left_i + 1'b1));
        assume (lower_i == upper_i || (upper_i != 2'd3 && lower_i == upper_i + 1'b1));
        if (rst_ni) for (int unsigned k = 0; k < 4; k++) begin
            assert (!(since_q[Latency-1] && asked_q[Latency-1][k]) || pixels[k] == value_q);
        end
    end

endmodule

`default_nettype wire
