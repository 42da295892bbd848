/// Changes how many elements a beat carries: several narrow beats become a wide one, or the other way round.
///
/// One of the two numbers divides the other. A packet that ends inside a wide beat ends it early, filled with zeros, so
/// that a wrong length stays visible behind the converter. One beat a cycle on the narrow side.

`default_nettype none

module axis_resize #(
    // Bits of an element, at least 1.
    parameter int unsigned ElementWidth = 8,
    // Elements of an input and of an output beat, at least 1.
    parameter int unsigned InElements   = 1,
    parameter int unsigned OutElements  = 3
) (
    input  wire logic                                 clk_i,
    input  wire logic                                 rst_ni,

    // Element 0 in the least significant bits, as in both streams.
    input  wire logic [InElements*ElementWidth-1:0]   s_axis_tdata,
    input  wire logic                                 s_axis_tvalid,
    output logic                                      s_axis_tready,
    input  wire logic                                 s_axis_tlast,

    output logic [OutElements*ElementWidth-1:0]       m_axis_tdata,
    output logic                                      m_axis_tvalid,
    input  wire logic                                 m_axis_tready,
    output logic                                      m_axis_tlast
);

    if (ElementWidth < 1 || InElements < 1 || OutElements < 1) begin : gen_bad_width
        $fatal(1, "axis_resize: ElementWidth = %0d, InElements = %0d, OutElements = %0d, must be at least 1",
               ElementWidth, InElements, OutElements);
    end
    if (InElements % OutElements != 0 && OutElements % InElements != 0) begin : gen_bad_ratio
        $fatal(1, "axis_resize: InElements = %0d and OutElements = %0d, one must divide the other",
               InElements, OutElements);
    end

    localparam bit          Widens     = OutElements > InElements;
    localparam int unsigned Ratio      = Widens ? OutElements / InElements : InElements / OutElements;
    localparam int unsigned CountWidth = Ratio > 1 ? $clog2(Ratio) : 1;
    localparam int unsigned WideBits   = (Widens ? OutElements : InElements) * ElementWidth;
    localparam int unsigned NarrowBits = (Widens ? InElements : OutElements) * ElementWidth;

    logic [WideBits-1:0]   wide_q;
    logic                  valid_q, last_q;
    logic [CountWidth-1:0] count_q;  // narrow beats of the wide one that are in, or out
    wire logic             take = s_axis_tvalid && s_axis_tready;
    wire logic             give = m_axis_tvalid && m_axis_tready;

    if (Widens) begin : gen_widen
        wire logic complete = count_q == CountWidth'(Ratio - 1) || s_axis_tlast;
        assign s_axis_tready = !valid_q || m_axis_tready;
        assign m_axis_tvalid = valid_q;
        assign m_axis_tdata  = wide_q;
        assign m_axis_tlast  = last_q;
        always_ff @(posedge clk_i) begin
            if (!rst_ni) begin
                valid_q <= 1'b0;
                count_q <= '0;
            end else begin
                if (take) count_q <= complete ? '0 : count_q + 1'b1;
                if (take) valid_q <= complete;
                else if (m_axis_tready) valid_q <= 1'b0;
            end
            if (take) begin
                last_q <= s_axis_tlast;
                if (count_q == '0) wide_q <= WideBits'(s_axis_tdata);
                else wide_q[32'(count_q)*NarrowBits +: NarrowBits] <= s_axis_tdata;
            end
        end
    end else begin : gen_narrow
        wire logic final_part = count_q == CountWidth'(Ratio - 1);
        assign s_axis_tready = !valid_q || (m_axis_tready && final_part);
        assign m_axis_tvalid = valid_q;
        assign m_axis_tdata  = wide_q[32'(count_q)*NarrowBits +: NarrowBits];
        assign m_axis_tlast  = last_q && final_part;
        always_ff @(posedge clk_i) begin
            if (!rst_ni) begin
                valid_q <= 1'b0;
                count_q <= '0;
            end else begin
                if (give) count_q <= final_part ? '0 : count_q + 1'b1;
                if (take) valid_q <= 1'b1;
                else if (give && final_part) valid_q <= 1'b0;
            end
            if (take) {last_q, wide_q} <= {s_axis_tlast, s_axis_tdata};
        end
    end

`ifndef SYNTHESIS
    logic [31:0] packets_in, packets_out;  // packet ends, modulo 2^32
    always_ff @(posedge clk_i) begin
        if (!rst_ni) begin
            {packets_in, packets_out} <= '0;
        end else begin
            packets_in  <= packets_in + 32'(take && s_axis_tlast);
            packets_out <= packets_out + 32'(give && m_axis_tlast);
        end
    end

    a_stable : assert property (@(posedge clk_i) disable iff (!rst_ni)
        m_axis_tvalid && !m_axis_tready |=> m_axis_tvalid && $stable({m_axis_tdata, m_axis_tlast}))
        else $error("axis_resize: output changed while stalled");
    a_packets : assert property (@(posedge clk_i) disable iff (!rst_ni)
        packets_in - packets_out == 32'(valid_q && last_q))
        else $error("axis_resize: lost or repeated the end of a packet");
`endif

endmodule

`default_nettype wire
