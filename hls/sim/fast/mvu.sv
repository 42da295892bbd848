/// Simulation-only model of FINN's `mvu`: same ports, results and cycles, plain dot products instead of DSP lanes.
///
/// The original pipelines every product through packed DSP lanes and adder trees. Here a dot product is added to its
/// accumulator in the cycle its operands arrive; a finished sum waits in a ring until the pipeline would deliver it.
`default_nettype none
module mvu #(
    // DSP generation: decides lanes, not results.
    parameter int unsigned VERSION = 1,
    // Rows computed in parallel.
    parameter int unsigned PE = 1,
    // Products per row and cycle.
    parameter int unsigned SIMD = 1,
    parameter int unsigned WEIGHT_WIDTH = 2,
    parameter int unsigned ACTIVATION_WIDTH = 2,
    parameter int unsigned ACCU_WIDTH = 4,
    parameter bit SIGNED_ACTIVATIONS = 0,
    parameter bit NARROW_WEIGHTS = 0,
    parameter bit FORCE_BEHAVIORAL = 0
) (
    input  wire logic clk,
    input  wire logic rst,
    input  wire logic en,
    // Last operands of a sum.
    input  wire logic last,
    // Ignore this cycle's operands.
    input  wire logic zero,
    input  wire logic signed [PE-1:0][SIMD-1:0][WEIGHT_WIDTH-1:0] w,
    input  wire logic [SIMD-1:0][ACTIVATION_WIDTH-1:0] a,
    output logic vld,
    output logic signed [PE-1:0][ACCU_WIDTH-1:0] p
);

    // Cycles from a sum's last operands to its result, as in the original.
    localparam int unsigned Latency = 4 + $clog2(SIMD) + 32'(SIMD == 1);
    // At most one sum ends per cycle, so no more than Latency are under way.
    localparam int unsigned PointerBits = $clog2(Latency + 1);

    typedef int product_t;
    typedef longint sum_t;

    if (WEIGHT_WIDTH + ACTIVATION_WIDTH + $clog2(SIMD) > 31 || ACCU_WIDTH > 64) begin : gen_too_wide
        $fatal(1, "fast mvu: %0d-bit weights, %0d-bit activations and SIMD %0d exceed the model's 32-bit products",
               WEIGHT_WIDTH, ACTIVATION_WIDTH, SIMD);
    end

    logic [Latency-1:0] ending_q = '0;
    always_ff @(posedge clk) begin
        if (rst) ending_q <= '0;
        else if (en) ending_q <= {ending_q[Latency-2:0], last};
    end
    assign vld = ending_q[Latency-1];

    logic [PointerBits-1:0] write_q = '0;
    logic [PointerBits-1:0] read_q = '0;
    logic first_q = 1;
    always_ff @(posedge clk) begin
        if (rst) begin
            write_q <= '0;
            read_q  <= '0;
            first_q <= 1;
        end else if (en) begin
            if (last) write_q <= write_q + 1;
            if (vld) read_q <= read_q + 1;
            if (last) first_q <= 1;
            else if (!zero) first_q <= 0;
        end
    end

    for (genvar row = 0; row < PE; row++) begin : gen_row
        sum_t sum_q = 0;
        logic [ACCU_WIDTH-1:0] ring_q[2**PointerBits];

        always_ff @(posedge clk) begin
            if (en && !zero) begin
                automatic product_t dot = 0;
                automatic sum_t sum;
                for (int unsigned k = 0; k < SIMD; k++) begin
                    if (SIGNED_ACTIVATIONS) dot += product_t'($signed(w[row][k])) * product_t'($signed(a[k]));
                    else dot += product_t'($signed(w[row][k])) * product_t'({1'b0, a[k]});
                end
                sum = sum_t'(dot) + (first_q ? 0 : sum_q);
                sum_q <= sum;
                if (last) ring_q[write_q] <= ACCU_WIDTH'(sum);
            end
        end
        assign p[row] = ring_q[read_q];
    end

endmodule
`default_nettype wire
