/// Passes a stream and marks the last beat of each packet of a fixed number of beats.
///
/// No storage and no latency; packets follow each other without a gap from the reset on.

`default_nettype none

module axis_tlast #(
    // Payload width in bits, at least 1.
    parameter int unsigned DataWidth = 8,
    // Beats in one packet, at least 1.
    parameter int unsigned Beats     = 16
) (
    input  wire logic                  clk_i,
    input  wire logic                  rst_ni,

    input  wire logic [DataWidth-1:0]  s_axis_tdata,
    input  wire logic                  s_axis_tvalid,
    output logic                       s_axis_tready,

    output logic [DataWidth-1:0]       m_axis_tdata,
    output logic                       m_axis_tvalid,
    input  wire logic                  m_axis_tready,
    output logic                       m_axis_tlast
);

    localparam int unsigned CountWidth = Beats > 1 ? $clog2(Beats) : 1;

    if (DataWidth < 1) begin : gen_bad_width
        $fatal(1, "axis_tlast: DataWidth = %0d, must be at least 1", DataWidth);
    end
    if (Beats < 1) begin : gen_bad_beats
        $fatal(1, "axis_tlast: Beats = %0d, must be at least 1", Beats);
    end

    logic [CountWidth-1:0] count_q;  // index of the current beat in its packet

    assign m_axis_tdata  = s_axis_tdata;
    assign m_axis_tvalid = s_axis_tvalid;
    assign s_axis_tready = m_axis_tready;
    assign m_axis_tlast  = count_q == CountWidth'(Beats - 1);

    always_ff @(posedge clk_i) begin
        if (!rst_ni)                             count_q <= '0;
        else if (m_axis_tvalid && m_axis_tready) count_q <= m_axis_tlast ? '0 : count_q + 1'b1;
    end

`ifndef SYNTHESIS
    logic [31:0] since_last;  // beats since the last one marked
    always_ff @(posedge clk_i) begin
        if (!rst_ni)                             since_last <= '0;
        else if (m_axis_tvalid && m_axis_tready) since_last <= m_axis_tlast ? '0 : since_last + 1;
    end

    a_stable : assert property (@(posedge clk_i) disable iff (!rst_ni)
        m_axis_tvalid && !m_axis_tready |=> m_axis_tvalid && $stable({m_axis_tlast, m_axis_tdata}))
        else $error("axis_tlast: output changed while stalled");
    a_length : assert property (@(posedge clk_i) disable iff (!rst_ni)
        m_axis_tvalid |-> m_axis_tlast == (since_last == Beats - 1))
        else $error("axis_tlast: packet is not %0d beats long", Beats);
    // Of use in four-state simulators only.
    a_known : assert property (@(posedge clk_i) disable iff (!rst_ni)
        !$isunknown(m_axis_tvalid) && !(m_axis_tvalid && $isunknown({m_axis_tlast, m_axis_tdata})))
        else $error("axis_tlast: output is unknown");
`endif

endmodule

`default_nettype wire
