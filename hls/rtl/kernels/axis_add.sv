/// Adds two streams element by element; a beat leaves when both operands have arrived, one each cycle at most.
///
/// One output register; both ready outputs are combinational in the valids and `m_axis_tready`.

`default_nettype none

module axis_add #(
    // Elements in one beat, at least 1.
    parameter int unsigned Pe       = 1,
    // Bits of an element of operand A, at least 1.
    parameter int unsigned AWidth   = 8,
    // Whether operand A is two's complement.
    parameter bit          ASigned  = 1'b0,
    // Bits of an element of operand B, at least 1.
    parameter int unsigned BWidth   = 8,
    // Whether operand B is two's complement.
    parameter bit          BSigned  = 1'b0,
    // Bits of a sum; at least what holds every sum exactly, extended if wider.
    parameter int unsigned SumWidth = 9
) (
    input  wire logic                     clk_i,
    input  wire logic                     rst_ni,

    // Element 0 in the least significant bits, as in all three streams.
    input  wire logic [Pe*AWidth-1:0]     s_axis_a_tdata,
    input  wire logic                     s_axis_a_tvalid,
    output logic                          s_axis_a_tready,

    input  wire logic [Pe*BWidth-1:0]     s_axis_b_tdata,
    input  wire logic                     s_axis_b_tvalid,
    output logic                          s_axis_b_tready,

    output logic [Pe*SumWidth-1:0]        m_axis_tdata,
    output logic                          m_axis_tvalid,
    input  wire logic                     m_axis_tready
);

    // Bits of the operands as signed numbers if either is signed, else as they are.
    localparam int unsigned AnySigned  = int'(ASigned || BSigned);
    localparam int unsigned AFullWidth = AWidth + (AnySigned != 0 && !ASigned ? 1 : 0);
    localparam int unsigned BFullWidth = BWidth + (AnySigned != 0 && !BSigned ? 1 : 0);
    localparam int unsigned MinWidth   = (AFullWidth > BFullWidth ? AFullWidth : BFullWidth) + 1;

    if (Pe < 1) begin : gen_bad_pe
        $fatal(1, "axis_add: Pe = %0d, must be at least 1", Pe);
    end
    if (AWidth < 1 || BWidth < 1) begin : gen_bad_width
        $fatal(1, "axis_add: AWidth = %0d, BWidth = %0d, must be at least 1", AWidth, BWidth);
    end
    if (SumWidth < MinWidth) begin : gen_bad_sum
        $fatal(1, "axis_add: SumWidth = %0d cannot hold every sum, needs %0d", SumWidth, MinWidth);
    end

    logic                   valid_q;
    logic [Pe*SumWidth-1:0] data_q;
    logic [Pe*SumWidth-1:0] sum;
    logic                   take;

    assign take            = s_axis_a_tvalid && s_axis_b_tvalid && (!valid_q || m_axis_tready);
    assign s_axis_a_tready = take;
    assign s_axis_b_tready = take;
    assign m_axis_tvalid   = valid_q;
    assign m_axis_tdata    = data_q;

    for (genvar k = 0; k < int'(Pe); k++) begin : gen_pe
        wire logic [AWidth-1:0] a = s_axis_a_tdata[k*AWidth +: AWidth];
        wire logic [BWidth-1:0] b = s_axis_b_tdata[k*BWidth +: BWidth];
        assign sum[k*SumWidth +: SumWidth] = SumWidth'($signed({ASigned && a[AWidth-1], a}))
                                           + SumWidth'($signed({BSigned && b[BWidth-1], b}));
    end

    always_ff @(posedge clk_i) begin
        if (!rst_ni)            valid_q <= 1'b0;
        else if (take)          valid_q <= 1'b1;
        else if (m_axis_tready) valid_q <= 1'b0;
        if (take)               data_q  <= sum;
    end

`ifndef SYNTHESIS
    logic [31:0] beats_a, beats_b, beats_out;  // beats accepted and sent, modulo 2^32
    always_ff @(posedge clk_i) begin
        if (!rst_ni) begin
            beats_a   <= '0;
            beats_b   <= '0;
            beats_out <= '0;
        end else begin
            if (s_axis_a_tvalid && s_axis_a_tready) beats_a   <= beats_a + 1;
            if (s_axis_b_tvalid && s_axis_b_tready) beats_b   <= beats_b + 1;
            if (m_axis_tvalid && m_axis_tready)     beats_out <= beats_out + 1;
        end
    end

    a_stable : assert property (@(posedge clk_i) disable iff (!rst_ni)
        m_axis_tvalid && !m_axis_tready |=> m_axis_tvalid && $stable(m_axis_tdata))
        else $error("axis_add: output changed while stalled");
    a_paired : assert property (@(posedge clk_i) disable iff (!rst_ni) beats_a == beats_b)
        else $error("axis_add: operands out of step");
    a_no_loss : assert property (@(posedge clk_i) disable iff (!rst_ni) beats_a - beats_out == 32'(m_axis_tvalid))
        else $error("axis_add: lost or repeated a beat");
    // Of use in four-state simulators only.
    a_known : assert property (@(posedge clk_i) disable iff (!rst_ni)
        !$isunknown(m_axis_tvalid) && !(m_axis_tvalid && $isunknown(m_axis_tdata)))
        else $error("axis_add: output is unknown");
`endif

endmodule

`default_nettype wire
