/// Forks one stream into N; each branch takes its copy when it can, the beat is consumed when all have.
///
/// No storage and no latency: `s_axis_tready` is combinational in every `m_axis_tready`, so keep a FIFO on one side.

`default_nettype none

module axis_fork #(
    // Payload width in bits, at least 1.
    parameter int unsigned DataWidth = 8,
    // Number of branches, at least 2.
    parameter int unsigned Branches  = 2
) (
    input  wire logic                                clk_i,
    input  wire logic                                rst_ni,

    input  wire logic [DataWidth-1:0]                s_axis_tdata,
    input  wire logic                                s_axis_tvalid,
    output logic                                     s_axis_tready,

    // Branch k at index k.
    output logic [Branches-1:0][DataWidth-1:0]       m_axis_tdata,
    output logic [Branches-1:0]                      m_axis_tvalid,
    input  wire logic [Branches-1:0]                 m_axis_tready
);

    if (DataWidth < 1) begin : gen_bad_width
        $fatal(1, "axis_fork: DataWidth = %0d, must be at least 1", DataWidth);
    end
    if (Branches < 2) begin : gen_bad_branches
        $fatal(1, "axis_fork: Branches = %0d, must be at least 2", Branches);
    end

    logic [Branches-1:0] taken_q;  // branches that already hold the current beat
    logic [Branches-1:0] taken_d;

    assign m_axis_tdata  = {Branches{s_axis_tdata}};
    assign m_axis_tvalid = {Branches{s_axis_tvalid}} & ~taken_q;
    assign taken_d       = taken_q | (m_axis_tvalid & m_axis_tready);
    assign s_axis_tready = &(taken_q | m_axis_tready);

    always_ff @(posedge clk_i) begin
        if (!rst_ni)                             taken_q <= '0;
        else if (s_axis_tvalid && s_axis_tready) taken_q <= '0;
        else                                     taken_q <= taken_d;
    end

`ifndef SYNTHESIS
    logic [31:0] beats_in;  // beats consumed from the input, modulo 2^32
    always_ff @(posedge clk_i) begin
        if (!rst_ni)                             beats_in <= '0;
        else if (s_axis_tvalid && s_axis_tready) beats_in <= beats_in + 1;
    end

    for (genvar k = 0; k < int'(Branches); k++) begin : gen_check
        logic [31:0] beats_out;  // beats taken by this branch, modulo 2^32
        always_ff @(posedge clk_i) begin
            if (!rst_ni)                                   beats_out <= '0;
            else if (m_axis_tvalid[k] && m_axis_tready[k]) beats_out <= beats_out + 1;
        end

        a_stable : assert property (@(posedge clk_i) disable iff (!rst_ni)
            m_axis_tvalid[k] && !m_axis_tready[k] |=> m_axis_tvalid[k] && $stable(m_axis_tdata[k]))
            else $error("axis_fork: branch %0d changed while stalled", k);
        a_no_loss : assert property (@(posedge clk_i) disable iff (!rst_ni)
            beats_out - beats_in == 32'(taken_q[k]))
            else $error("axis_fork: branch %0d lost or repeated a beat", k);
        // Of use in four-state simulators only.
        a_known : assert property (@(posedge clk_i) disable iff (!rst_ni)
            !$isunknown(m_axis_tvalid[k]) && !(m_axis_tvalid[k] && $isunknown(m_axis_tdata[k])))
            else $error("axis_fork: branch %0d is unknown", k);
    end
`endif

endmodule

`default_nettype wire
