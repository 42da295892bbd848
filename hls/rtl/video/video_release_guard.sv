/// Decides what is delivered for each frame: the picture, if everything was seen to be done, else black with a fault.
///
/// Frames are noted in the order in which they begin, and delivered in that order. The guard trusts nobody's word that
/// a frame is finished: it counts itself. A picture is released only if its capture was complete, its regions were
/// found, and as many regions were pasted as were found (P2). One frame store: one frame at a time can be stored.

`default_nettype none

module video_release_guard #(
    // Faces at most, at least 1.
    parameter int unsigned MaxFaces = 4,
    // Frames that can wait for their delivery, at least 2.
    parameter int unsigned Depth    = 4
) (
    input  wire logic                       clk_i,
    input  wire logic                       rst_ni,
    // Ends the stored frame, unless it is released already.
    input  wire logic                       soft_reset_i,

    // From the ingress: a frame begins; the stored frame's capture ends.
    output logic                            room_o,
    output logic                            free_o,
    input  wire logic                       begin_i,
    input  wire logic [31:0]                begin_number_i,
    input  wire camera_pkg::fault_e         begin_fault_i,
    input  wire logic                       end_i,
    input  wire camera_pkg::fault_e         end_fault_i,

    // From the processing of the stored frame: its regions ({regions, count}), each paste, its failure.
    input  wire logic                       found_i,
    input  wire logic [64*MaxFaces+7:0]     found_data_i,
    input  wire logic                       pasted_i,
    input  wire logic                       fail_i,
    input  wire camera_pkg::fault_e         fail_fault_i,

    // To the egress: the metadata beat; the picture is in the frame store until delivered_i.
    output logic [64*(1+MaxFaces)-1:0]      m_frame_tdata,
    output logic                            m_frame_tvalid,
    input  wire logic                       m_frame_tready,
    input  wire logic                       delivered_i,
    // The frame store is being read for delivery.
    output logic                            reading_o,

    // A stored frame's fate is decided in this cycle, and it is a fault.
    output logic                            fault_valid_o,
    output camera_pkg::fault_e              fault_o
);

    import camera_pkg::*;

    if (MaxFaces < 1 || Depth < 2) begin : gen_bad_size
        $fatal(1, "video_release_guard: MaxFaces = %0d, Depth = %0d, must be at least 1 and 2", MaxFaces, Depth);
    end

    localparam int unsigned SlotWidth  = $clog2(Depth);
    localparam int unsigned CountWidth = $clog2(Depth + 1);

    typedef logic [SlotWidth-1:0] slot_t;

    logic [Depth-1:0][31:0] number_q;
    fault_e                 fault_q   [Depth];
    logic [Depth-1:0]       decided_q;
    slot_t                  head_q, tail_q, stored_slot_q;
    logic [CountWidth-1:0]  waiting_q;

    logic stored_q;    // a frame is in the store and not decided
    logic captured_q, found_q;
    logic [7:0] count_q, pasted_q;
    logic [64*MaxFaces-1:0] regions_q;
    logic released_q;  // a decided picture is in the store
    logic reading_q;

    function automatic slot_t after(input slot_t slot);
        return slot == slot_t'(Depth - 1) ? '0 : slot + 1'b1;
    endfunction

    // The stored frame's fate: a fault of any kind goes before a release.
    wire logic done    = captured_q && found_q && pasted_q == count_q;
    wire logic decided = stored_q && (soft_reset_i || fail_i || done || (end_i && end_fault_i != FaultNone));
    fault_e    fate;
    always_comb begin
        fate = FaultNone;
        if (soft_reset_i)                             fate = FaultReset;
        else if (end_i && end_fault_i != FaultNone)   fate = end_fault_i;
        else if (fail_i)                              fate = fail_fault_i;
    end

    assign fault_valid_o = decided && fate != FaultNone;
    assign fault_o       = fate;
    assign room_o        = waiting_q != CountWidth'(Depth);
    assign free_o        = !stored_q && !released_q;
    assign reading_o     = reading_q;

    wire fault_e head_fault = fault_q[head_q];
    wire logic   hand_over  = m_frame_tvalid && m_frame_tready;
    wire logic   stores     = begin_i && begin_fault_i == FaultNone;

    assign m_frame_tvalid      = waiting_q != '0 && decided_q[head_q];
    assign m_frame_tdata[63:0] = {8'd0, 8'(MetadataFormat), head_fault == FaultNone ? count_q : 8'd0, head_fault,
                                  number_q[head_q]};
    assign m_frame_tdata[64*(1+MaxFaces)-1:64] = head_fault == FaultNone ? regions_q : '0;

    always_ff @(posedge clk_i) begin
        if (!rst_ni) begin
            {head_q, tail_q, waiting_q} <= '0;
            {stored_q, released_q, reading_q} <= '0;
        end else begin
            if (begin_i) tail_q <= after(tail_q);
            if (hand_over) head_q <= after(head_q);
            waiting_q <= waiting_q + CountWidth'(begin_i) - CountWidth'(hand_over);
            if (stores) stored_q <= 1'b1;
            else if (decided) stored_q <= 1'b0;
            if (decided && fate == FaultNone) released_q <= 1'b1;
            else if (reading_q && delivered_i) released_q <= 1'b0;
            if (hand_over) reading_q <= head_fault == FaultNone;
            else if (delivered_i) reading_q <= 1'b0;
        end
    end

    always_ff @(posedge clk_i) begin
        if (decided) begin
            fault_q[stored_slot_q]   <= fate;
            decided_q[stored_slot_q] <= 1'b1;
        end
        if (begin_i) begin
            number_q[tail_q]  <= begin_number_i;
            fault_q[tail_q]   <= begin_fault_i;
            decided_q[tail_q] <= begin_fault_i != FaultNone;
        end
        if (stores) begin
            stored_slot_q                     <= tail_q;
            {captured_q, found_q}             <= '0;
            {count_q, pasted_q, regions_q}    <= '0;
        end else if (stored_q) begin
            if (end_i) captured_q <= 1'b1;
            if (found_i && !found_q) begin
                found_q              <= 1'b1;
                {regions_q, count_q} <= found_data_i;
            end
            if (pasted_i) pasted_q <= pasted_q + 1'b1;
        end
    end

`ifndef SYNTHESIS
    a_stable : assert property (@(posedge clk_i) disable iff (!rst_ni)
        m_frame_tvalid && !m_frame_tready |=> m_frame_tvalid && $stable(m_frame_tdata))
        else $error("video_release_guard: the frame to deliver changed while stalled");
    a_room : assert property (@(posedge clk_i) disable iff (!rst_ni) begin_i |-> room_o)
        else $error("video_release_guard: a frame began without room to note it");
    a_store : assert property (@(posedge clk_i) disable iff (!rst_ni)
        stores |-> free_o || (stored_q && decided && fate != FaultNone))
        else $error("video_release_guard: a frame is stored over another one");
    a_release : assert property (@(posedge clk_i) disable iff (!rst_ni)
        decided && fate == FaultNone |-> captured_q && found_q && pasted_q == count_q)
        else $error("video_release_guard: released before all was done");
    a_picture : assert property (@(posedge clk_i) disable iff (!rst_ni)
        m_frame_tvalid && head_fault == FaultNone |-> released_q && !stored_q)
        else $error("video_release_guard: a picture that is not in the store");
    a_paste : assert property (@(posedge clk_i) disable iff (!rst_ni)
        pasted_i |-> stored_q && found_q && pasted_q != count_q)
        else $error("video_release_guard: more pastes than regions");
`endif

endmodule

`default_nettype wire
