/// A frame with a fault leaves black, each other one as it is stored; frames are whole, with their metadata; ports keep
/// AXI4-Stream; a frame leaves in a bounded number of cycles in which the sink is ready.

`default_nettype none

module egress_rules (
    input  wire logic         clk_i,
    input  wire logic [127:0] frame_i,
    input  wire logic         frame_valid_i,
    input  wire logic [23:0]  pixel_i,
    input  wire logic         ready_i,
    input  wire logic         meta_ready_i
);

    localparam int unsigned Side  = 4;
    localparam int unsigned Limit = Side * Side + video_pkg::StoreLatency + 4;

    logic         rst_ni = 1'b0;
    always_ff @(posedge clk_i) rst_ni <= 1'b1;

    logic         accepts, reads, valid, user, last, meta_valid;
    logic [2:0]   left, upper;
    // What the store answers: the place that was asked for in the low bits, never black, anything else between.
    logic [video_pkg::StoreLatency-1:0][3:0] place_q;
    always_ff @(posedge clk_i) if (reads) place_q <= (4 * video_pkg::StoreLatency)'({place_q, upper[1:0], left[1:0]});
    wire logic [23:0] stored = {1'b1, pixel_i[22:4], place_q[video_pkg::StoreLatency-1]};
    logic [23:0]  pixel;
    logic [127:0] meta;
    video_egress #(.Width(Side), .Height(Side), .SideWidth(3), .MaxFaces(1)) u_egress (
        .clk_i, .rst_ni,
        .s_frame_tdata(frame_i), .s_frame_tvalid(frame_valid_i), .s_frame_tready(accepts),
        .rd_en_o(reads), .rd_left_o(left), .rd_upper_o(upper), .rd_data_i(stored),
        .m_axis_tdata(pixel), .m_axis_tvalid(valid), .m_axis_tready(ready_i), .m_axis_tuser(user), .m_axis_tlast(last),
        .m_meta_tdata(meta), .m_meta_tvalid(meta_valid), .m_meta_tready(meta_ready_i)
    );

    // Counted here: the fault of the frame under way, its pixels that have left, the cycles in which it could move.
    logic       busy_q;
    logic [7:0] fault_q;
    logic [4:0] pixels_q;
    logic [5:0] cycles_q;
    always_ff @(posedge clk_i) begin
        if (!rst_ni) begin
            busy_q <= 1'b0;
        end else if (accepts && frame_valid_i) begin
            {busy_q, fault_q}    <= {1'b1, frame_i[39:32]};
            {pixels_q, cycles_q} <= '0;
        end else begin
            if (meta_valid && meta_ready_i) busy_q <= 1'b0;
            if (valid && ready_i) pixels_q <= pixels_q + 1'b1;
            if (busy_q && ready_i && meta_ready_i) cycles_q <= cycles_q + 1'b1;
        end
    end

    logic         stalled_q, meta_stalled_q, user_q, last_q;
    logic [23:0]  pixel_q;
    logic [127:0] meta_q;
    always_ff @(posedge clk_i) begin
        stalled_q                 <= rst_ni && valid && !ready_i;
        meta_stalled_q            <= rst_ni && meta_valid && !meta_ready_i;
        {pixel_q, user_q, last_q} <= {pixel, user, last};
        meta_q                    <= meta;
    end

    always_ff @(posedge clk_i) begin
        if (rst_ni) begin
            a_black:       assert (!valid || fault_q == '0 || pixel == '0);
            a_place:       assert (!valid || fault_q != '0 || (pixel[23] && pixel[3:0] == pixels_q[3:0]));
            a_fault:       assert (!meta_valid || meta[39:32] == fault_q);
            a_busy:        assert (busy_q || (!valid && !meta_valid));
            a_marks:       assert (!valid || (user == (pixels_q == '0) && last == (pixels_q[1:0] == 2'd3)));
            a_whole:       assert (!meta_valid || (pixels_q == 5'(Side * Side) && !valid));
            a_valid:       assert (!stalled_q || valid);
            a_stable:      assert (!stalled_q || {pixel, user, last} == {pixel_q, user_q, last_q});
            a_meta_valid:  assert (!meta_stalled_q || meta_valid);
            a_meta_stable: assert (!meta_stalled_q || meta == meta_q);
            a_progress:    assert (!busy_q || 32'(cycles_q) <= Limit);
        end
    end

endmodule

`default_nettype wire
