/// Decides what is delivered for each frame: the picture, if everything was seen to be done, else black with a fault.
///
/// Frames are noted in the order in which they begin, and delivered in that order. The guard trusts nobody's word that
/// a frame is finished: it counts itself. A picture is released only if its capture was complete, its regions were
/// found, and as many regions were pasted as were found (P2). Each frame that is not yet decided, and each picture that
/// is not yet delivered, has a frame store of its own.

`default_nettype none

module video_release_guard #(
    // Faces at most, at least 1.
    parameter int unsigned MaxFaces = 4,
    // Frame stores, 1 or 2.
    parameter int unsigned Buffers  = 1,
    // Frames that can wait for their delivery, at least 2.
    parameter int unsigned Depth    = 4
) (
    input  wire logic                       clk_i,
    input  wire logic                       rst_ni,
    // Ends every stored frame, unless it is released already.
    input  wire logic                       soft_reset_i,

    // From the ingress: a frame begins; the capture of the one stored last ends. Where what comes in is stored.
    output logic                            room_o,
    output logic                            free_o,
    output logic                            store_buffer_o,
    input  wire logic                       begin_i,
    input  wire logic [31:0]                begin_number_i,
    input  wire camera_pkg::fault_e         begin_fault_i,
    input  wire logic                       end_i,
    input  wire camera_pkg::fault_e         end_fault_i,

    // From the processing: the store of its frame, the regions ({regions, count}), each paste, a failure.
    input  wire logic                       process_buffer_i,
    input  wire logic                       found_i,
    input  wire logic [64*MaxFaces+7:0]     found_data_i,
    input  wire logic                       pasted_i,
    input  wire logic                       fail_i,
    input  wire camera_pkg::fault_e         fail_fault_i,

    // To the egress: the metadata beat; the picture is in its frame store until delivered_i.
    output logic [64*(1+MaxFaces)-1:0]      m_frame_tdata,
    output logic                            m_frame_tvalid,
    input  wire logic                       m_frame_tready,
    input  wire logic                       delivered_i,
    // Which frame store is being read for delivery: none but a released picture's.
    output logic [Buffers-1:0]              reading_o,

    // Faults of the frames whose fate is decided in this cycle, by code.
    output logic [31:0]                     faults_o
);

    import camera_pkg::*;

    if (MaxFaces < 1 || Depth < 2) begin : gen_bad_size
        $fatal(1, "video_release_guard: MaxFaces = %0d, Depth = %0d, must be at least 1 and 2", MaxFaces, Depth);
    end
    if (Buffers < 1 || Buffers > 2) begin : gen_bad_buffers
        $fatal(1, "video_release_guard: Buffers = %0d, must be 1 or 2", Buffers);
    end

    localparam int unsigned SlotWidth  = $clog2(Depth);
    localparam int unsigned CountWidth = $clog2(Depth + 1);

    typedef logic [SlotWidth-1:0] slot_t;

    // Frames that wait for their delivery.
    logic [Depth-1:0][31:0] number_q;
    fault_e                 fault_q   [Depth];
    logic [Depth-1:0]       decided_q, buffer_q;
    slot_t                  head_q, tail_q;
    logic [CountWidth-1:0]  waiting_q;
    logic                   newest_q;   // the store of the frame that began last of those that are stored
    logic                   reading_q, reading_buffer_q;

    // Each store: a frame that is not decided, or a released picture, and what was seen of it.
    logic [Buffers-1:0]     stored, released, decided;
    slot_t                  slot  [Buffers];
    fault_e                 fate  [Buffers];
    logic [7:0]             count [Buffers];
    logic [64*MaxFaces-1:0] regions [Buffers];

    function automatic slot_t after(input slot_t place);
        return place == slot_t'(Depth - 1) ? '0 : place + 1'b1;
    endfunction

    wire fault_e      head_fault  = fault_q[head_q];
    wire logic        head_buffer = Buffers > 1 && buffer_q[head_q];
    wire logic        hand_over   = m_frame_tvalid && m_frame_tready;
    wire logic        stores      = begin_i && begin_fault_i == FaultNone;
    // A capture that fails in the cycle in which the next frame begins leaves its store to it.
    wire logic        capture_fails = end_i && end_fault_i != FaultNone;
    wire logic        next_buffer   = Buffers > 1 && (capture_fails ? newest_q : stored[0] || released[0]);

    assign room_o         = waiting_q != CountWidth'(Depth);
    assign free_o         = (stored | released) != '1;
    assign store_buffer_o = stores ? next_buffer : newest_q;
    assign m_frame_tvalid = waiting_q != '0 && decided_q[head_q];
    assign m_frame_tdata[63:0] = {8'd0, 8'(MetadataFormat), head_fault == FaultNone ? count[head_buffer] : 8'd0,
                                  head_fault, number_q[head_q]};
    assign m_frame_tdata[64*(1+MaxFaces)-1:64] = head_fault == FaultNone ? regions[head_buffer] : '0;

    always_comb begin
        faults_o = '0;
        for (int unsigned b = 0; b < Buffers; b++) if (decided[b]) faults_o |= 32'd1 << fate[b];
        faults_o[0] = 1'b0;
    end

    for (genvar b = 0; b < int'(Buffers); b++) begin : gen_buffer
        logic                   stored_q, released_q, captured_q, found_q;
        logic [7:0]             count_q, pasted_q;
        logic [64*MaxFaces-1:0] regions_q;
        slot_t                  slot_q;

        wire logic starts  = stores && next_buffer == 1'(b);
        wire logic ends    = end_i && newest_q == 1'(b);
        wire logic at_work = process_buffer_i == 1'(b);
        wire logic done    = captured_q && found_q && pasted_q == count_q;

        // A fault of any kind goes before a release.
        always_comb begin
            fate[b] = FaultNone;
            if (soft_reset_i)                              fate[b] = FaultReset;
            else if (ends && end_fault_i != FaultNone)     fate[b] = end_fault_i;
            else if (fail_i && at_work)                    fate[b] = fail_fault_i;
        end
        assign decided[b]  = stored_q && (done || fate[b] != FaultNone);
        assign stored[b]   = stored_q;
        assign released[b] = released_q;
        assign slot[b]     = slot_q;
        assign count[b]    = count_q;
        assign regions[b]  = regions_q;
        assign reading_o[b] = released_q && reading_q && reading_buffer_q == 1'(b);

        always_ff @(posedge clk_i) begin
            if (!rst_ni) begin
                {stored_q, released_q} <= '0;
            end else begin
                if (starts) stored_q <= 1'b1;
                else if (decided[b]) stored_q <= 1'b0;
                if (decided[b] && fate[b] == FaultNone) released_q <= 1'b1;
                else if (reading_o[b] && delivered_i) released_q <= 1'b0;
            end
            if (starts) begin
                slot_q                         <= tail_q;
                {captured_q, found_q}          <= '0;
                {count_q, pasted_q, regions_q} <= '0;
            end else if (stored_q) begin
                if (ends) captured_q <= 1'b1;
                if (found_i && at_work && !found_q) begin
                    found_q              <= 1'b1;
                    {regions_q, count_q} <= found_data_i;
                end
                if (pasted_i && at_work) pasted_q <= pasted_q + 1'b1;
            end
        end

`ifndef SYNTHESIS
        a_store : assert property (@(posedge clk_i) disable iff (!rst_ni)
            starts |-> !released_q && (!stored_q || (decided[b] && fate[b] != FaultNone)))
            else $error("video_release_guard: a frame is stored over another one");
        a_release : assert property (@(posedge clk_i) disable iff (!rst_ni)
            decided[b] && fate[b] == FaultNone |-> captured_q && found_q && pasted_q == count_q)
            else $error("video_release_guard: released before all was done");
        a_picture : assert property (@(posedge clk_i) disable iff (!rst_ni)
            m_frame_tvalid && head_fault == FaultNone && head_buffer == 1'(b) |-> released_q && !stored_q)
            else $error("video_release_guard: a picture that is not in the store");
        a_paste : assert property (@(posedge clk_i) disable iff (!rst_ni)
            pasted_i && at_work |-> stored_q && found_q && pasted_q != count_q)
            else $error("video_release_guard: more pastes than regions");
`endif
    end

    always_ff @(posedge clk_i) begin
        if (!rst_ni) begin
            {head_q, tail_q, waiting_q} <= '0;
            {reading_q, newest_q}       <= '0;
        end else begin
            if (begin_i) tail_q <= after(tail_q);
            if (hand_over) head_q <= after(head_q);
            waiting_q <= waiting_q + CountWidth'(begin_i) - CountWidth'(hand_over);
            if (stores) newest_q <= next_buffer;
            if (hand_over) reading_q <= head_fault == FaultNone;
            else if (delivered_i) reading_q <= 1'b0;
        end
    end

    always_ff @(posedge clk_i) begin
        for (int unsigned b = 0; b < Buffers; b++) begin
            if (decided[b]) begin
                fault_q[slot[b]]   <= fate[b];
                decided_q[slot[b]] <= 1'b1;
            end
        end
        if (begin_i) begin
            number_q[tail_q]  <= begin_number_i;
            fault_q[tail_q]   <= begin_fault_i;
            decided_q[tail_q] <= begin_fault_i != FaultNone;
            buffer_q[tail_q]  <= next_buffer;
        end
        if (hand_over) reading_buffer_q <= head_buffer;
    end

`ifndef SYNTHESIS
    a_stable : assert property (@(posedge clk_i) disable iff (!rst_ni)
        m_frame_tvalid && !m_frame_tready |=> m_frame_tvalid && $stable(m_frame_tdata))
        else $error("video_release_guard: the frame to deliver changed while stalled");
    a_room : assert property (@(posedge clk_i) disable iff (!rst_ni) begin_i |-> room_o)
        else $error("video_release_guard: a frame began without room to note it");
`endif

endmodule

`default_nettype wire
