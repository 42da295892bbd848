/// The ports towards both accelerators keep the rules of AXI4-Stream, and end in bounded time when they are taken.
///
/// Between two resets: with a fault, these blocks and the accelerators are reset together.

`default_nettype none

module stream_rules (
    input  wire logic        clk_i,
    // Crop.
    input  wire logic [15:0] region_i,
    input  wire logic        region_valid_i,
    input  wire logic [7:0]  key_i,
    input  wire logic        crop_ready_i,
    // Half of the frame.
    input  wire logic        start_i,
    input  wire logic [2:0]  rows_i,
    input  wire logic        half_ready_i,
    // From the frame store.
    input  wire logic [95:0] pixels_i
);

    localparam int unsigned CropLimit = 2 * (4 + camera_pkg::PositionBits + 2) + 24;

    logic rst_ni = 1'b0;
    always_ff @(posedge clk_i) rst_ni <= 1'b1;

    logic        accepts, crop_reads, crop_valid, crop_last, half_reads, half_valid, half_last;
    logic [3:0]  left, right, upper, lower;
    logic [2:0]  half_left, half_right, half_upper, half_lower;
    logic [31:0] crop;
    logic [23:0] half;
    video_crop_resize #(.SideWidth(4), .CropSize(2), .KeyChannels(1)) u_crop (
        .clk_i, .rst_ni,
        .s_region_tdata(region_i), .s_region_tvalid(region_valid_i), .s_region_tready(accepts), .key_i,
        .rd_en_o(crop_reads), .rd_left_o(left), .rd_right_o(right), .rd_upper_o(upper), .rd_lower_o(lower),
        .rd_data_i(pixels_i),
        .m_axis_tdata(crop), .m_axis_tvalid(crop_valid), .m_axis_tready(crop_ready_i), .m_axis_tlast(crop_last)
    );
    video_downscale #(.Width(4), .Height(4), .SideWidth(3)) u_half (
        .clk_i, .rst_ni, .start_i, .rows_i,
        .rd_en_o(half_reads), .rd_left_o(half_left), .rd_right_o(half_right), .rd_upper_o(half_upper),
        .rd_lower_o(half_lower), .rd_data_i(pixels_i),
        .m_axis_tdata(half), .m_axis_tvalid(half_valid), .m_axis_tready(half_ready_i), .m_axis_tlast(half_last)
    );

    logic        crop_stalled_q, half_stalled_q, crop_busy_q;
    logic [32:0] crop_q;
    logic [24:0] half_q;
    logic [2:0]  crop_pixels_q, half_due_q;
    logic [6:0]  cycles_q;
    always_ff @(posedge clk_i) begin
        crop_stalled_q <= rst_ni && crop_valid && !crop_ready_i;
        half_stalled_q <= rst_ni && half_valid && !half_ready_i;
        crop_q         <= {crop, crop_last};
        half_q         <= {half, half_last};
        if (!rst_ni) begin
            crop_busy_q <= 1'b0;
        end else if (region_valid_i && accepts) begin
            crop_busy_q               <= 1'b1;
            {crop_pixels_q, cycles_q} <= '0;
        end else begin
            if (crop_ready_i) cycles_q <= cycles_q + 1'b1;
            if (crop_valid && crop_ready_i) begin
                crop_pixels_q <= crop_pixels_q + 1'b1;
                if (crop_last) crop_busy_q <= 1'b0;
            end
        end
        if (!rst_ni)                         half_due_q <= '0;
        else if (start_i)                    half_due_q <= 3'd4;
        else if (half_valid && half_ready_i) half_due_q <= half_due_q - 1'b1;
    end

    always_ff @(posedge clk_i) begin
        // From the sequencer and the ingress.
        assume (region_i[11:8] != '0 && region_i[15:12] != '0);
        assume (!start_i || half_due_q == '0);
        if (rst_ni) begin
            a_crop_valid:  assert (!crop_stalled_q || crop_valid);
            a_crop_stable: assert (!crop_stalled_q || {crop, crop_last} == crop_q);
            a_crop_last:   assert (!crop_valid || (crop_busy_q && crop_last == (crop_pixels_q == 3'd3)));
            a_crop_ends:   assert (!crop_busy_q || 32'(cycles_q) <= CropLimit);
            a_half_valid:  assert (!half_stalled_q || half_valid);
            a_half_stable: assert (!half_stalled_q || {half, half_last} == half_q);
            a_half_last:   assert (!half_valid || (half_due_q != '0 && half_last == (half_due_q == 3'd1)));
        end
    end

endmodule

`default_nettype wire
