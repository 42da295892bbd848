/// A capture ends well only after every pixel of the frame was written, in raster order; nothing is written into a
/// store that is in use; a frame begins only with room to note it.

`default_nettype none

module ingress_rules (
    input  wire logic        clk_i,
    input  wire logic        run_i,
    input  wire logic        soft_reset_i,
    input  wire logic        free_i,
    input  wire logic        room_i,
    input  wire logic [23:0] pixel_i,
    input  wire logic        valid_i,
    input  wire logic        user_i,
    input  wire logic        last_i
);

    localparam int unsigned Side = 4;

    logic rst_ni = 1'b0;
    always_ff @(posedge clk_i) rst_ni <= 1'b1;

    logic        ready, writes, begins, dropped, ends, capturing;
    logic [2:0]  x, y, rows;
    logic [23:0] pixel;
    logic [31:0] number;
    camera_pkg::fault_e begin_fault, end_fault;
    video_ingress #(.Width(Side), .Height(Side), .SideWidth(3), .SourceTimeout(3)) u_ingress (
        .clk_i, .rst_ni, .run_i, .soft_reset_i, .free_i, .room_i,
        .s_axis_tdata(pixel_i), .s_axis_tvalid(valid_i), .s_axis_tready(ready), .s_axis_tuser(user_i),
        .s_axis_tlast(last_i),
        .wr_en_o(writes), .wr_x_o(x), .wr_y_o(y), .wr_data_o(pixel), .rows_o(rows),
        .begin_o(begins), .begin_number_o(number), .begin_fault_o(begin_fault), .dropped_o(dropped),
        .end_o(ends), .end_fault_o(end_fault), .capturing_o(capturing)
    );

    // Counted here: the pixels of the stored frame, and whether one is being stored.
    wire logic  stores = begins && begin_fault == camera_pkg::FaultNone;
    logic       active_q;
    logic [4:0] written_q;
    always_ff @(posedge clk_i) begin
        if (!rst_ni)                {active_q, written_q} <= '0;
        else if (stores)            {active_q, written_q} <= {1'b1, 5'd1};
        else begin
            if (ends) active_q <= 1'b0;
            if (writes) written_q <= written_q + 1'b1;
        end
    end

    always_ff @(posedge clk_i) begin
        if (rst_ni) begin
            a_ready: assert (ready);
            a_free:  assert (!writes || (stores && (free_i || active_q)) || (active_q && !begins));
            a_order: assert (!writes || {y, x} == (stores ? 6'd0 : {1'b0, written_q[3:2], 1'b0, written_q[1:0]}));
            a_whole: assert (!ends || end_fault != camera_pkg::FaultNone
                || (active_q && writes && written_q == 5'(Side * Side - 1)));
            a_end:   assert (!ends || active_q);
            a_room:  assert (!(begins || dropped) || (begins == room_i && dropped == !room_i));
            a_reset: assert (!soft_reset_i
                || (!begins && !dropped && (!capturing || (ends && end_fault != camera_pkg::FaultNone))));
        end
    end

endmodule

`default_nettype wire
