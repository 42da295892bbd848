/// No raw pixel leaves, for ever: one camera in which a pixel is a tag, 1 if it is raw and lies at the watched place.
///
/// The place is any one, chosen once and for all. A frame whose pixel at that place is raw (the others are nobody's
/// secret) has a region over it, if regions are found at all. Detector, decoder, halving, crops, time limits, control,
/// sink, and pastes within the rules that `paste_rules` states, are free.

`default_nettype none

module release_tags #(
    parameter int unsigned Buffers  = 1,
    parameter int unsigned MaxFaces = 1,
    // Whether what holds in between is checked as well.
    parameter bit          Lemmas   = 1'b1
) (
    input  wire logic         clk_i,
    // Control.
    input  wire logic         run_i,
    input  wire logic         soft_reset_i,
    input  wire logic [7:0]   threshold_i,
    input  wire logic [7:0]   key_i,
    // Raw video.
    input  wire logic         raw_i,
    input  wire logic         raw_valid_i,
    input  wire logic         raw_user_i,
    input  wire logic         raw_last_i,
    // Accelerators and sink.
    input  wire logic         half_ready_i,
    input  wire logic [39:0]  cells_i,
    input  wire logic         cells_valid_i,
    input  wire logic         cells_last_i,
    input  wire logic         crop_ready_i,
    input  wire logic         modified_valid_i,
    input  wire logic         modified_last_i,
    input  wire logic         ready_i,
    input  wire logic         meta_ready_i,
    // What the stand-ins answer.
    input  wire logic [64*MaxFaces+15:0] result,
    input  wire logic         result_valid,
    input  wire logic         decode_ready,
    input  wire logic [31:0]  half_read,
    input  wire logic [31:0]  crop_read,
    input  wire logic         half_valid,
    input  wire logic         half_last,
    input  wire logic         crop_accepts,
    input  wire logic         paste_accepts,
    input  wire logic         paste_writes,
    input  wire logic         paste_ends,
    // The watched place; its value in the first cycle counts.
    input  wire logic [1:0]   place_x_i,
    input  wire logic [1:0]   place_y_i,
    // Time limits, at any moment.
    input  wire logic         source_timeout,
    input  wire logic         detector_timeout,
    input  wire logic         modifier_timeout
);

    localparam int unsigned Side     = 4;
    localparam int unsigned CropSize = 2;

    logic rst_ni = 1'b0;
    always_ff @(posedge clk_i) rst_ni <= 1'b1;

    logic [1:0] place_x, place_y;
    always_ff @(posedge clk_i) if (!rst_ni) {place_x, place_y} <= {place_x_i, place_y_i};

    logic [23:0] pixel;
    logic        valid, meta_valid;
    camera_core #(
        .Width(Side), .Height(Side), .CropSize(CropSize), .MaxFaces(MaxFaces), .Buffers(Buffers), .QueueDepth(2)
    ) u_core (
        .clk_i, .rst_ni, .run_i, .soft_reset_i, .threshold_i, .key_i,
        .s_axis_tdata(24'(raw_i)), .s_axis_tvalid(raw_valid_i), .s_axis_tready(), .s_axis_tuser(raw_user_i),
        .s_axis_tlast(raw_last_i),
        .flush_detector_o(), .m_half_tdata(), .m_half_tvalid(), .m_half_tready(half_ready_i), .m_half_tlast(),
        .s_cells_tdata(cells_i), .s_cells_tvalid(cells_valid_i), .s_cells_tready(), .s_cells_tlast(cells_last_i),
        .flush_modifier_o(), .m_crop_tdata(), .m_crop_tvalid(), .m_crop_tready(crop_ready_i), .m_crop_tlast(),
        .s_modified_tdata('0), .s_modified_tvalid(modified_valid_i), .s_modified_tready(),
        .s_modified_tlast(modified_last_i),
        .m_axis_tdata(pixel), .m_axis_tvalid(valid), .m_axis_tready(ready_i), .m_axis_tuser(), .m_axis_tlast(),
        .m_meta_tdata(), .m_meta_tvalid(meta_valid), .m_meta_tready(meta_ready_i),
        .frame_in_o(), .dropped_o(), .faults_o(), .capturing_o(), .processing_o(), .delivering_o()
    );

    // Whether the frame in each store has its pixel at the place, and whether that was raw: seen at the write port.
    logic [1:0] there_q, secret_q;
    wire logic  writes = u_core.ingress_write.en && u_core.ingress_write.x == 3'(place_x)
                      && u_core.ingress_write.y == 3'(place_y);
    always_ff @(posedge clk_i) begin
        if (writes || u_core.stores) there_q[u_core.store_buffer]  <= writes;
        if (writes || u_core.stores) secret_q[u_core.store_buffer] <= writes && raw_i;
    end

    // Whether a region of the frame lies over the place.
    logic over;
    always_comb begin
        over = 1'b0;
        for (int unsigned k = 0; k < MaxFaces; k++) begin
            over |= k < 32'(result[15:8])
                 && 17'(place_x) >= 17'(result[16+64*k +: 16])
                 && 17'(place_x) < 17'(result[16+64*k +: 16]) + 17'(result[16+64*k+32 +: 16])
                 && 17'(place_y) >= 17'(result[16+64*k+16 +: 16])
                 && 17'(place_y) < 17'(result[16+64*k+16 +: 16]) + 17'(result[16+64*k+48 +: 16]);
        end
    end

    always_ff @(posedge clk_i) begin
        assume (!(u_core.found && secret_q[u_core.process_buffer]) || over);
        if (rst_ni) a_raw: assert (!valid || !pixel[0]);
    end

    if (Lemmas) begin : gen_lemmas
        // What holds in between, from ingress to egress; it is proven as well, and lets the proof close.
        localparam logic [1:0] Detect = 2'd1, Paste = 2'd3;  // of the sequencer
        wire logic [1:0] at_work = u_core.u_sequencer.state_q;
        wire logic [7:0] pasted  = u_core.u_sequencer.pasted_q;
        wire logic [7:0] count   = u_core.u_sequencer.count_q;
        logic            due;     // a region that covers the place is still to be pasted
        logic [11:0]     region;  // the one whose turn it is
        always_comb begin
            {due, region} = '0;
            for (int unsigned k = 0; k < MaxFaces; k++) begin
                automatic logic [63:0] word = u_core.u_sequencer.region_q[k];
                due |= k >= 32'(pasted) && k < 32'(count) && 3'(place_x) >= word[2:0] && 3'(place_y) >= word[18:16]
                    && 4'(place_x) < 4'(word[2:0]) + 4'(word[34:32]) && 4'(place_y) < 4'(word[18:16]) + 4'(word[50:48]);
                if (k == 32'(pasted)) region = {word[50:48], word[34:32], word[18:16], word[2:0]};
            end
        end

        wire logic pasting  = u_core.u_paste.busy_q && !u_core.flush_engines;
        wire logic emitting = u_core.u_egress.state_q != 2'd0;
        wire logic [7:0][3:0] marks = u_core.u_egress.u_marks.word_q;  // bit 3 a pixel, bit 0 the frame's last one
        // The guard's queue: frames that wait, oldest at the head.
        wire logic [1:0] live = u_core.u_guard.waiting_q == 2'd2 ? 2'b11
                              : u_core.u_guard.waiting_q == 2'd1 ? 2'b01 << u_core.u_guard.head_q : 2'b00;
        for (genvar b = 0; b < int'(Buffers); b++) begin : gen_lemma
            wire logic       raw      = u_core.gen_store[b].u_store.raw_q;
            wire logic [5:0] raws     = u_core.gen_store[b].u_store.raws_q;
            wire logic       stored   = u_core.u_guard.gen_buffer[b].stored_q;
            wire logic       released = u_core.u_guard.gen_buffer[b].released_q;
            wire logic       captured = u_core.u_guard.gen_buffer[b].captured_q;
            wire logic       found    = u_core.u_guard.gen_buffer[b].found_q;
            wire logic [7:0] counted  = u_core.u_guard.gen_buffer[b].count_q;
            wire logic [7:0] seen     = u_core.u_guard.gen_buffer[b].pasted_q;
            wire logic       slot     = u_core.u_guard.gen_buffer[b].slot_q;
            wire logic       reading  = u_core.u_guard.reading_q && u_core.u_guard.reading_buffer_q == 1'(b);
            wire logic       fills    = u_core.capturing_o && u_core.u_guard.newest_q == 1'(b);
            wire logic       worked   = at_work != 2'd0 && u_core.u_sequencer.process_buffer_q == 1'(b);
            wire logic       waits    = u_core.u_sequencer.captured_q && u_core.u_sequencer.captured_buffer_q == 1'(b);
            wire logic       picture  = u_core.u_guard.decided_q[slot]
                                     && u_core.u_guard.fault_q[slot] == camera_pkg::FaultNone;
            wire logic       noted    = live[slot] && (Buffers == 1 || u_core.u_guard.buffer_q[slot] == 1'(b));
            always_ff @(posedge clk_i) begin
                if (rst_ni) begin
                    // A store holds a frame that comes in, waits, is searched, is modified, is released, in this order.
                    l_released: assert (!released || (!raw && !stored && !fills && !waits && !worked));
                    l_fills:    assert (!fills || (stored && !captured && !found && !waits && !worked
                        && u_core.u_sequencer.capture_buffer_q == 1'(b)));
                    l_captured: assert (!stored || captured || fills);
                    l_waits:    assert (!waits || (stored && captured && !found));
                    l_detect:   assert (!(worked && at_work == Detect) || (stored && captured && !found && !waits));
                    l_modify:   assert (!(worked && at_work > Detect) || (stored && captured && found
                        && counted == count && seen == pasted && pasted < count && !waits));
                    l_unseen:   assert (!stored || found || seen == '0);
                    l_found:    assert (!(stored && found) || worked || seen == counted);
                    l_open:     assert (!(stored && captured && !found) || waits || (worked && at_work == Detect));
                    // It holds a raw pixel at the place only while a region that covers it is due.
                    l_place:    assert (!fills || there_q[b] == (
                        {u_core.u_ingress.y_q, u_core.u_ingress.x_q} > {1'b0, place_y, 1'b0, place_x}));
                    l_there:    assert (!(stored && captured) || there_q[b]);
                    l_secret:   assert (!(stored && there_q[b] && raw) || secret_q[b]);
                    l_raw:      assert (!(stored && found && raw) || (worked && at_work > Detect && due));
                    l_written:  assert (!(worked && pasting && u_core.u_paste.written_q) || !raw);
                    // The queue knows it.
                    l_stored:   assert (!stored || (noted && !u_core.u_guard.decided_q[slot]));
                    l_picture:  assert (!(released && !reading) || (noted && picture));
                    l_reading:  assert (!reading || (released && emitting && !u_core.u_egress.black_q));
                    for (int unsigned k = 1; k < 7; k++) assert (!(reading && marks[k][3]) || !raws[k-1]);
                end
            end
        end
        for (genvar i = 0; i < 2; i++) begin : gen_slot
            wire logic buffer = Buffers > 1 && u_core.u_guard.buffer_q[i];
            wire logic there  = live[i] && u_core.u_guard.decided_q[i]
                             && u_core.u_guard.fault_q[i] == camera_pkg::FaultNone;
            always_ff @(posedge clk_i) begin
                if (rst_ni) begin
                    l_slot: assert (!there || (u_core.u_guard.released[buffer] && u_core.u_guard.slot[buffer] == 1'(i)
                        && !(u_core.u_guard.reading_q && u_core.u_guard.reading_buffer_q == buffer)));
                    l_undecided: assert (!live[i] || u_core.u_guard.decided_q[i]
                        || (u_core.u_guard.stored[buffer] && u_core.u_guard.slot[buffer] == 1'(i)));
                end
            end
        end
        always_ff @(posedge clk_i) begin
            if (rst_ni) begin
                l_tail:    assert (u_core.u_guard.tail_q == (u_core.u_guard.head_q ^ u_core.u_guard.waiting_q[0])
                    && u_core.u_guard.waiting_q <= 2'd2);
                l_buffers: assert (Buffers > 1 || !(u_core.u_guard.newest_q
                    || (u_core.u_guard.reading_q && u_core.u_guard.reading_buffer_q)
                    || (at_work != 2'd0 && u_core.u_sequencer.process_buffer_q)
                    || (u_core.u_sequencer.captured_q && u_core.u_sequencer.captured_buffer_q)
                    || (u_core.capturing_o && u_core.u_sequencer.capture_buffer_q)));
                l_inside:  assert (!u_core.capturing_o || (u_core.u_ingress.y_q < 3'd4 && u_core.u_ingress.x_q < 3'd4));
                l_flush:   assert (!u_core.flush_engines || at_work <= Detect);
                l_paste:   assert (!pasting || (at_work == Paste && u_core.u_sequencer.paste_busy_q && region
                    == {u_core.u_paste.height_q, u_core.u_paste.width_q, u_core.u_paste.y_q, u_core.u_paste.x_q}));
                l_first:   assert (at_work != 2'd2 || pasted == '0);
                l_few:     assert (at_work <= Detect || 32'(count) <= MaxFaces);
                l_black:   assert (!emitting || u_core.u_guard.reading_q || u_core.u_egress.black_q);
                for (int unsigned k = 0; k < 8; k++) begin
                    assert (!marks[k][3] || u_core.u_egress.state_q inside {2'd1, 2'd2});
                    assert (!marks[k][0] || (marks[k][3] && u_core.u_egress.state_q == 2'd2));
                    for (int unsigned j = 0; j < k; j++) assert (!marks[k][0] || !marks[j][3]);
                end
            end
        end
    end

endmodule

`default_nettype wire
