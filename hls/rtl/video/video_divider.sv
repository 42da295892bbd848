/// Divides unsigned integers, one quotient bit a cycle: quotient = numerator / divisor, rounded down.

`default_nettype none

module video_divider #(
    // Bits of numerator and quotient, at least 2.
    parameter int unsigned NumeratorWidth = 28,
    // Bits of the divisor, at least 1.
    parameter int unsigned DivisorWidth   = 10
) (
    input  wire logic                       clk_i,
    input  wire logic                       rst_ni,

    // Begins a division; one that is under way is given up.
    input  wire logic                       start_i,
    input  wire logic [NumeratorWidth-1:0]  numerator_i,
    // Not 0; read in the cycle of the start only.
    input  wire logic [DivisorWidth-1:0]    divisor_i,

    // High for one cycle, NumeratorWidth + 1 cycles after the start; the quotient stays until the next start.
    output logic                            done_o,
    output logic [NumeratorWidth-1:0]       quotient_o
);

    if (NumeratorWidth < 2 || DivisorWidth < 1) begin : gen_bad_width
        $fatal(1, "video_divider: NumeratorWidth = %0d, must be at least 2; DivisorWidth = %0d, at least 1",
               NumeratorWidth, DivisorWidth);
    end

    localparam int unsigned CountWidth = $clog2(NumeratorWidth + 1);

    logic [CountWidth-1:0]     left_q;       // bits still to do
    logic [NumeratorWidth-1:0] quotient_q;   // numerator bits still to do above, quotient bits below
    logic [DivisorWidth-1:0]   divisor_q;
    logic [DivisorWidth-1:0]   remainder_q;  // below the divisor
    logic                      done_q;

    // What is left of the numerator so far, with its next bit; the borrow of the trial subtraction on top.
    wire logic [DivisorWidth:0]   trial = {remainder_q, quotient_q[NumeratorWidth-1]};
    wire logic [DivisorWidth+1:0] rest  = {1'b0, trial} - {2'b0, divisor_q};
    wire logic                    fits  = !rest[DivisorWidth+1];

    assign done_o     = done_q;
    assign quotient_o = quotient_q;

    always_ff @(posedge clk_i) begin
        if (!rst_ni) begin
            left_q <= '0;
            done_q <= 1'b0;
        end else if (start_i) begin
            left_q <= CountWidth'(NumeratorWidth);
            done_q <= 1'b0;
        end else begin
            if (left_q != '0) left_q <= left_q - 1'b1;
            done_q <= left_q == CountWidth'(1);
        end
    end

    always_ff @(posedge clk_i) begin
        if (start_i) begin
            quotient_q  <= numerator_i;
            divisor_q   <= divisor_i;
            remainder_q <= '0;
        end else if (left_q != '0) begin
            quotient_q  <= {quotient_q[NumeratorWidth-2:0], fits};
            remainder_q <= fits ? rest[DivisorWidth-1:0] : trial[DivisorWidth-1:0];
        end
    end

`ifndef SYNTHESIS
    logic [NumeratorWidth-1:0] numerator;  // of the division under way
    always_ff @(posedge clk_i) if (start_i) numerator <= numerator_i;

    a_divisor : assert property (@(posedge clk_i) disable iff (!rst_ni) start_i |-> divisor_i != '0)
        else $error("video_divider: division by 0");
    a_quotient : assert property (@(posedge clk_i) disable iff (!rst_ni)
        done_o |-> 64'(quotient_o) * 64'(divisor_q) + 64'(remainder_q) == 64'(numerator)
                   && remainder_q < divisor_q)
        else $error("video_divider: wrong quotient");
`endif

endmodule

`default_nettype wire
