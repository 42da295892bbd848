/// Concatenates N streams packet by packet: Beats[0] beats of input 0, then Beats[1] of input 1, …, and again.
///
/// No storage and no latency: the selected input's ready is combinational in `m_axis_tready`.

`default_nettype none

module axis_concat #(
    // Payload width in bits, at least 1.
    parameter int unsigned            DataWidth = 8,
    // Number of inputs, at least 2.
    parameter int unsigned            Inputs    = 2,
    // Beats of one packet of each input, at least 1; input 0 in the least significant word.
    parameter bit [Inputs-1:0][31:0]  Beats     = {Inputs{32'd1}}
) (
    input  wire logic                              clk_i,
    input  wire logic                              rst_ni,

    // Input k at index k.
    input  wire logic [Inputs-1:0][DataWidth-1:0]  s_axis_tdata,
    input  wire logic [Inputs-1:0]                 s_axis_tvalid,
    output logic [Inputs-1:0]                      s_axis_tready,

    output logic [DataWidth-1:0]                   m_axis_tdata,
    output logic                                   m_axis_tvalid,
    input  wire logic                              m_axis_tready
);

    function automatic int unsigned longest();
        longest = 1;
        for (int unsigned k = 0; k < Inputs; k++) if (Beats[k] > longest) longest = Beats[k];
    endfunction

    localparam int unsigned SelectWidth = Inputs > 1 ? $clog2(Inputs) : 1;
    localparam int unsigned Longest     = longest();
    localparam int unsigned CountWidth  = Longest > 1 ? $clog2(Longest) : 1;

    if (DataWidth < 1) begin : gen_bad_width
        $fatal(1, "axis_concat: DataWidth = %0d, must be at least 1", DataWidth);
    end
    if (Inputs < 2) begin : gen_bad_inputs
        $fatal(1, "axis_concat: Inputs = %0d, must be at least 2", Inputs);
    end
    for (genvar k = 0; k < int'(Inputs); k++) begin : gen_beats
        if (Beats[k] < 1) begin : gen_bad_beats
            $fatal(1, "axis_concat: Beats[%0d] = %0d, must be at least 1", k, Beats[k]);
        end
    end

    logic [SelectWidth-1:0] select_q;  // the input whose turn it is
    logic [CountWidth-1:0]  count_q;   // beats of its packet that are through
    logic                   move, last_beat, last_input;

    assign m_axis_tdata  = s_axis_tdata[select_q];
    assign m_axis_tvalid = s_axis_tvalid[select_q];
    assign move          = m_axis_tvalid && m_axis_tready;
    assign last_beat     = count_q == CountWidth'(Beats[select_q] - 1);
    assign last_input    = select_q == SelectWidth'(Inputs - 1);

    always_comb begin
        s_axis_tready           = '0;
        s_axis_tready[select_q] = m_axis_tready;
    end

    always_ff @(posedge clk_i) begin
        if (!rst_ni) begin
            select_q <= '0;
            count_q  <= '0;
        end else if (move) begin
            count_q <= last_beat ? '0 : count_q + 1'b1;
            if (last_beat) select_q <= last_input ? '0 : select_q + 1'b1;
        end
    end

`ifndef SYNTHESIS
    logic [31:0] packets;  // concatenated packets that are through, modulo 2^32
    always_ff @(posedge clk_i) begin
        if (!rst_ni)                              packets <= '0;
        else if (move && last_beat && last_input) packets <= packets + 1;
    end

    for (genvar k = 0; k < int'(Inputs); k++) begin : gen_check
        logic [31:0] beats_in;  // beats taken from this input, modulo 2^32
        logic [31:0] share;     // those of them that belong to the packet under way
        assign share = int'(select_q) > k ? Beats[k] : int'(select_q) == k ? 32'(count_q) : '0;
        always_ff @(posedge clk_i) begin
            if (!rst_ni)                                   beats_in <= '0;
            else if (s_axis_tvalid[k] && s_axis_tready[k]) beats_in <= beats_in + 1;
        end

        a_share : assert property (@(posedge clk_i) disable iff (!rst_ni)
            beats_in == packets * Beats[k] + share)
            else $error("axis_concat: input %0d lost or repeated a beat", k);
    end
    a_stable : assert property (@(posedge clk_i) disable iff (!rst_ni)
        m_axis_tvalid && !m_axis_tready |=> m_axis_tvalid && $stable(m_axis_tdata))
        else $error("axis_concat: output changed while stalled");
    // Of use in four-state simulators only.
    a_known : assert property (@(posedge clk_i) disable iff (!rst_ni)
        !$isunknown(m_axis_tvalid) && !(m_axis_tvalid && $isunknown(m_axis_tdata)))
        else $error("axis_concat: output is unknown");
`endif

endmodule

`default_nettype wire
