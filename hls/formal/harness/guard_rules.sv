/// The guard hands a picture over only after everything was seen to be done; its port keeps the rules of AXI4-Stream.

`default_nettype none

module guard_rules (
    input  wire logic                clk_i,
    input  wire logic                soft_reset_i,
    input  wire logic                begin_i,
    input  wire logic [31:0]         begin_number_i,
    input  wire logic [7:0]          begin_fault_i,
    input  wire logic                end_i,
    input  wire logic [7:0]          end_fault_i,
    input  wire logic                found_i,
    input  wire logic [135:0]        found_data_i,
    input  wire logic                pasted_i,
    input  wire logic                fail_i,
    input  wire logic [7:0]          fail_fault_i,
    input  wire logic                ready_i,
    input  wire logic                delivered_i
);

    localparam int unsigned MaxFaces = 2;

    logic         rst_ni = 1'b0;
    logic         room, free, valid, reading;
    logic [191:0] frame;
    always_ff @(posedge clk_i) rst_ni <= 1'b1;

    video_release_guard #(.MaxFaces(MaxFaces), .Buffers(1), .Depth(2)) u_guard (
        .clk_i, .rst_ni, .soft_reset_i, .room_o(room), .free_o(free), .store_buffer_o(),
        .begin_i, .begin_number_i, .begin_fault_i(camera_pkg::fault_e'(begin_fault_i)),
        .end_i, .end_fault_i(camera_pkg::fault_e'(end_fault_i)),
        .process_buffer_i(1'b0), .found_i, .found_data_i, .pasted_i,
        .fail_i, .fail_fault_i(camera_pkg::fault_e'(fail_fault_i)),
        .m_frame_tdata(frame), .m_frame_tvalid(valid), .m_frame_tready(ready_i), .delivered_i,
        .reading_o(reading), .faults_o()
    );

    // Counted here: what was done for the frame that was stored last.
    logic        ended_q, found_q, failed_q;
    logic [7:0]  count_q, pasted_q;
    logic [3:0]  number_q;
    wire logic   stores   = begin_i && begin_fault_i == '0;
    wire logic   complete = ended_q && found_q && !failed_q && pasted_q == count_q;
    wire logic   picture  = frame[39:32] == '0;
    wire logic   failing  = soft_reset_i || fail_i || (end_i && end_fault_i != '0);
    always_ff @(posedge clk_i) begin
        if (!rst_ni || stores) begin
            {ended_q, found_q, count_q, pasted_q} <= '0;
            failed_q <= !rst_ni;
            number_q <= begin_number_i[3:0];
        end else begin
            if (!free && !complete && failing) failed_q <= 1'b1;
            if (end_i && end_fault_i == '0) ended_q <= 1'b1;
            if (found_i && !found_q) {found_q, count_q} <= {1'b1, found_data_i[7:0]};
            if (pasted_i) pasted_q <= pasted_q + 1'b1;
        end
    end

    logic         stalled_q;
    logic [191:0] frame_q;
    logic         taken_q;  // the egress works on a frame
    always_ff @(posedge clk_i) begin
        stalled_q <= rst_ni && valid && !ready_i;
        frame_q   <= frame;
        if (!rst_ni)               taken_q <= 1'b0;
        else if (valid && ready_i) taken_q <= 1'b1;
        else if (delivered_i)      taken_q <= 1'b0;
    end

    always_ff @(posedge clk_i) begin
        // From the ingress, the sequencer and the egress.
        assume (!begin_i || room);
        assume (!stores || free || (failing && u_guard.stored[0]));
        assume (!pasted_i || (found_q && pasted_q != count_q));
        assume (!delivered_i || taken_q);
        assume (!(taken_q && ready_i));
        // A failure has a code.
        assume (!fail_i || fail_fault_i != '0);
        if (rst_ni) begin
            a_complete: assert (!(valid && picture) || (complete && frame[3:0] == number_q));
            a_count:    assert (!(valid && picture) || frame[47:40] == count_q);
            a_bare:     assert (!valid || picture || (frame[47:40] == '0 && frame[191:64] == '0));
            a_reading:  assert (!reading || (complete && !free));
            a_valid:    assert (!stalled_q || valid);
            a_stable:   assert (!stalled_q || frame == frame_q);
        end
    end

endmodule

`default_nettype wire
