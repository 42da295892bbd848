/// A paste is done only after each pixel of its region was written, writes nowhere else, and ends in bounded time.

`default_nettype none

module paste_rules (
    input  wire logic        clk_i,
    input  wire logic [15:0] region_i,
    input  wire logic        face_i,
    input  wire logic        valid_i,
    input  wire logic [95:0] crop_i,
    // The place that is watched; its value in the first cycle counts.
    input  wire logic [3:0]  place_x_i,
    input  wire logic [3:0]  place_y_i
);

    localparam int unsigned Longest = 3;  // of a region's sides
    // Two divisions, the pipeline, the pixels.
    localparam int unsigned Limit   = 2 * (4 + camera_pkg::PositionBits + 2) + 20 + Longest * Longest;

    logic rst_ni = 1'b0;
    always_ff @(posedge clk_i) rst_ni <= 1'b1;

    logic        accepts, reads, left, right, writes, done;
    logic [1:0]  upper, lower;
    logic [3:0]  x, y;
    logic [23:0] pixel;
    video_paste #(.SideWidth(4), .CropSize(2), .MaxFaces(2)) u_paste (
        .clk_i, .rst_ni,
        .s_region_tdata(region_i), .s_region_tuser(face_i), .s_region_tvalid(valid_i), .s_region_tready(accepts),
        .rd_en_o(reads), .rd_left_o(left), .rd_right_o(right), .rd_upper_o(upper), .rd_lower_o(lower),
        .rd_data_i(crop_i), .wr_en_o(writes), .wr_x_o(x), .wr_y_o(y), .wr_data_o(pixel), .done_o(done)
    );

    logic [3:0] place_x_q, place_y_q;
    always_ff @(posedge clk_i) if (!rst_ni) {place_x_q, place_y_q} <= {place_x_i, place_y_i};

    // Counted here: the region under way, whether the place was written, the cycles it took.
    logic       busy_q, written_q;
    logic [3:0] x_q, y_q, width_q, height_q;
    logic [7:0] cycles_q;
    wire logic  here   = writes && x == place_x_q && y == place_y_q;
    wire logic  inside_region = place_x_q >= x_q && 5'(place_x_q) < 5'(x_q) + 5'(width_q)
                             && place_y_q >= y_q && 5'(place_y_q) < 5'(y_q) + 5'(height_q);
    always_ff @(posedge clk_i) begin
        if (!rst_ni) begin
            busy_q <= 1'b0;
        end else if (valid_i && accepts) begin
            busy_q                        <= 1'b1;
            {height_q, width_q, y_q, x_q} <= region_i;
            {written_q, cycles_q}         <= '0;
        end else begin
            cycles_q <= cycles_q + 1'b1;
            if (here) written_q <= 1'b1;
            if (done) busy_q <= 1'b0;
        end
    end

    always_ff @(posedge clk_i) begin
        assume (region_i[11:8] != '0 && region_i[15:12] != '0);
        assume (32'(region_i[11:8]) <= Longest && 32'(region_i[15:12]) <= Longest);
        assume (region_i[3:0] < 4'd8 && region_i[7:4] < 4'd8);
        if (rst_ni) begin
            a_busy:     assert (!writes || busy_q);
            a_done:     assert (!done || !inside_region || written_q || here);
            a_inside:   assert (!here || inside_region);
            a_accepts:  assert (!accepts || !writes);
            a_progress: assert (!busy_q || 32'(cycles_q) <= Limit);
        end
    end

endmodule

`default_nettype wire
