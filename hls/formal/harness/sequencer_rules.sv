/// The sequencer reports a frame's regions once, lets each of them be pasted in its turn, and reports no paste that
/// did not happen; its crop port keeps the rules of AXI4-Stream.

`default_nettype none

module sequencer_rules (
    input  wire logic         clk_i,
    input  wire logic         soft_reset_i,
    input  wire logic         stores_i,
    input  wire logic         end_i,
    input  wire logic [7:0]   end_fault_i,
    input  wire logic         half_done_i,
    input  wire logic         cells_valid_i,
    input  wire logic [143:0] result_i,
    input  wire logic         result_valid_i,
    input  wire logic         crop_ready_i,
    input  wire logic         modified_valid_i,
    input  wire logic         modified_last_i,
    input  wire logic         paste_done_i
);

    localparam int unsigned MaxFaces = 2;

    logic rst_ni = 1'b0;
    always_ff @(posedge clk_i) rst_ni <= 1'b1;

    logic        half_start, cells_open, result_ready, crop_valid, modified_ready, crop_x, paste_valid, found, pasted;
    logic        fail, cropping, pasting, processing, flush, flush_modifier;
    logic [1:0]  crop_y;
    logic [63:0] crop, paste;
    logic        face;
    logic        paste_ready;
    camera_pkg::fault_e fail_fault;
    video_sequencer #(
        .Width(4), .Height(4), .CropSize(2), .MaxFaces(MaxFaces), .DetectorTimeout(5), .ModifierTimeout(5),
        .FlushCycles(2)
    ) u_sequencer (
        .clk_i, .rst_ni, .soft_reset_i, .stores_i, .store_buffer_i(1'b0), .rows_i(16'd4), .end_i, .end_fault_i(camera_pkg::fault_e'(end_fault_i)),
        .half_waits_o(), .half_buffer_o(), .half_rows_o(), .process_buffer_o(), .flush_detector_o(),
        .half_start_o(half_start), .half_done_i, .cells_open_o(cells_open), .cells_valid_i,
        .s_result_tdata(result_i), .s_result_tvalid(result_valid_i), .s_result_tready(result_ready),
        .m_crop_tdata(crop), .m_crop_tvalid(crop_valid), .m_crop_tready(crop_ready_i),
        .s_modified_tvalid(modified_valid_i), .s_modified_tready(modified_ready), .s_modified_tlast(modified_last_i),
        .crop_x_o(crop_x), .crop_y_o(crop_y),
        .m_paste_tdata(paste), .m_paste_tuser(face), .m_paste_tvalid(paste_valid), .m_paste_tready(paste_ready),
        .paste_done_i,
        .found_o(found), .pasted_o(pasted), .fail_o(fail), .fail_fault_o(fail_fault),
        .cropping_o(cropping), .pasting_o(pasting), .processing_o(processing), .flush_engines_o(flush),
        .flush_modifier_o(flush_modifier)
    );

    // The paste: takes a region when it has none, is done some time later, and is reset by a flush.
    logic busy_q;
    assign paste_ready = !busy_q;
    // Kept here: the regions found, how many of them were pasted, and whether the frame's work goes on.
    logic                active_q;
    logic [7:0]          count_q, pasted_q, taken_q;
    logic [1:0][63:0]    region_q;
    always_ff @(posedge clk_i) begin
        if (!rst_ni || flush) busy_q <= 1'b0;
        else if (paste_valid && paste_ready) busy_q <= 1'b1;
        else if (paste_done_i) busy_q <= 1'b0;
        if (!rst_ni || fail || soft_reset_i || (end_i && end_fault_i != '0)) begin
            active_q <= 1'b0;
        end else if (found) begin
            active_q             <= result_i[15:8] != '0;
            {region_q, count_q}  <= result_i[143:8];
            {pasted_q, taken_q}  <= '0;
        end else begin
            if (paste_valid && paste_ready) taken_q <= taken_q + 1'b1;
            if (pasted) pasted_q <= pasted_q + 1'b1;
            if (pasted && pasted_q + 8'd1 == count_q) active_q <= 1'b0;
        end
    end

    // The modifier: crops that it took, pictures that it gave.
    logic [7:0] asked_q, answered_q;
    always_ff @(posedge clk_i) begin
        if (!rst_ni || !cropping) begin
            {asked_q, answered_q} <= '0;
        end else begin
            if (crop_valid && crop_ready_i) asked_q <= asked_q + 1'b1;
            if (modified_valid_i && modified_ready && modified_last_i) answered_q <= answered_q + 1'b1;
        end
    end

    logic        crop_stalled_q;
    logic [63:0] crop_q;
    always_ff @(posedge clk_i) begin
        crop_stalled_q <= rst_ni && crop_valid && !crop_ready_i && !fail && !soft_reset_i
                       && !(end_i && end_fault_i != '0);
        crop_q         <= crop;
    end

    always_ff @(posedge clk_i) begin
        // From the modifier, once it is asked, the paste and the ingress.
        assume (!(modified_valid_i && cropping) || answered_q < asked_q);
        assume (!paste_done_i || (busy_q && !flush));
        assume (!(stores_i || end_i) || !processing);
        if (rst_ni) begin
            a_found:   assert (!found || (result_valid_i && result_i[7:0] == '0 && result_i[15:8] <= 8'(MaxFaces)));
            a_pasting: assert (!paste_valid || (active_q && taken_q == pasted_q && pasted_q < count_q));
            a_region:  assert (!paste_valid || (paste == region_q[pasted_q[0]] && face == pasted_q[0]));
            a_pasted:  assert (!pasted || (active_q && busy_q && taken_q == pasted_q + 8'd1 && pasted_q < count_q));
            a_write:   assert (!(busy_q && !flush) || pasting);
            a_code:    assert (!fail || fail_fault != camera_pkg::FaultNone);
            a_crop:    assert (!crop_stalled_q || (crop_valid && crop == crop_q));
        end
    end

endmodule

`default_nettype wire
