/// Simulation-only model of FINN's `vpc`: same ports and cycles, one shifted vector instead of a deposit network.
///
/// Only vectors that fill their beats exactly are modelled, which is what `dwc_axi` instantiates.
`default_nettype none
module vpc #(
    // Width of an element.
    parameter int unsigned W = 1,
    // Elements of a vector.
    parameter int unsigned N = 1,
    // Elements per input beat.
    parameter int unsigned PI = 1,
    // Elements per output beat.
    parameter int unsigned PO = 1,
    parameter bit PAD_ZEROS = 1,
    parameter bit RELAX_THROUGHPUT = 0
) (
    input  wire logic clk,
    input  wire logic rst,
    input  wire logic [PI-1:0][W-1:0] idat,
    input  wire logic ivld,
    output logic irdy,
    output logic [PO-1:0][W-1:0] odat,
    output logic ovld,
    input  wire logic ordy
);

    if (N % PI != 0 || N % PO != 0) begin : gen_padded
        $fatal(1, "fast vpc: a vector of %0d elements does not fill beats of %0d and %0d", N, PI, PO);
    end
    // The original takes other paths, with other cycles, for a vector that fits into one beat.
    if (PI != PO && (N <= PI || N <= PO)) begin : gen_one_beat
        $fatal(1, "fast vpc: a vector of %0d elements fits into one beat of %0d or %0d", N, PI, PO);
    end

    if (PI == PO) begin : gen_wire
        assign odat = idat;
        assign ovld = ivld;
        assign irdy = ordy;
    end else begin : gen_buffer
        localparam int unsigned Capacity = (PI + PO) * W;

        logic [Capacity-1:0] data_q = '0;
        // Bits held.
        int unsigned level_q = 0;

        assign irdy = level_q <= PO * W;
        assign ovld = level_q >= PO * W;
        assign odat = data_q[PO*W-1:0];

        always_ff @(posedge clk) begin
            if (rst) begin
                data_q  <= '0;
                level_q <= 0;
            end else if ((ivld && irdy) || (ovld && ordy)) begin
                automatic logic [Capacity-1:0] data = data_q;
                automatic int unsigned level = level_q;
                if (ovld && ordy) begin
                    data  = data >> (PO * W);
                    level = level - PO * W;
                end
                if (ivld && irdy) begin
                    data  = data | (Capacity'(idat) << level);
                    level = level + PI * W;
                end
                data_q  <= data;
                level_q <= level;
            end
        end
    end

endmodule
`default_nettype wire
