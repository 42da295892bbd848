/// Collects the power-up key from raw noise, once after a full reset, and holds it until the next one: the golden
/// model's `collect_key`.
///
/// Pairs of samples are whitened (01 gives 0, 10 gives 1, equal ones give nothing), and each bit of the key is the parity
/// of Fold whitened bits. A run of RepetitionLimit equal samples, or equal whitened bits, means that the source is
/// broken: then there is no key until the next full reset, and a camera without its key takes no frame in.

`default_nettype none

module key_source #(
    // Bytes of the key, at least 1.
    parameter int unsigned KeyBytes        = 1,
    // Cycles from one sample to the next, at least 1.
    parameter int unsigned SamplePeriod    = 64,
    // Whitened bits in a bit of the key, at least 1.
    parameter int unsigned Fold            = 8,
    // Equal bits in a row that are one too many, at least 2. 41: a source of half a bit of entropy a sample is taken for
    // broken once in 2^20 runs (NIST SP 800-90B, 4.4.1).
    parameter int unsigned RepetitionLimit = 41
) (
    input  wire logic                  clk_i,
    // Full reset: gives up the key. No other input does.
    input  wire logic                  rst_ni,

    // The source runs; its bit is taken in this cycle.
    output logic                       enable_o,
    output logic                       sample_o,
    input  wire logic                  noise_i,

    // The key, constant while it is ready.
    output logic [8*KeyBytes-1:0]      key_o,
    output logic                       ready_o
);

    if (KeyBytes < 1 || SamplePeriod < 1 || Fold < 1 || RepetitionLimit < 2) begin : gen_bad_key
        $fatal(1, "key_source: KeyBytes = %0d, SamplePeriod = %0d, Fold = %0d, RepetitionLimit = %0d: too small",
               KeyBytes, SamplePeriod, Fold, RepetitionLimit);
    end

    localparam int unsigned Bits        = 8 * KeyBytes;
    localparam int unsigned PeriodWidth = $clog2(SamplePeriod + 1);
    localparam int unsigned FoldWidth   = $clog2(Fold + 1);
    localparam int unsigned BitWidth    = $clog2(Bits + 1);
    localparam int unsigned RunWidth    = $clog2(RepetitionLimit + 1);

    typedef enum logic [1:0] { Collect, Ready, Broken } state_e;

    /// A run of equal bits.
    typedef struct packed {
        logic                last;
        logic [RunWidth-1:0] length;
    } run_t;

    function automatic run_t longer(input run_t run, input logic value);
        longer.last   = value;
        longer.length = run.length != '0 && run.last == value ? run.length + 1'b1 : RunWidth'(1);
    endfunction

    state_e                 state_q;
    logic [PeriodWidth-1:0] wait_q;
    logic                   second_q, first_q;    // the next sample is a pair's second one; the pair's first one
    run_t                   samples_q, whitened_q, samples_d, whitened_d;
    logic                   parity_q;
    logic [FoldWidth-1:0]   folded_q;             // whitened bits in the parity
    logic [BitWidth-1:0]    collected_q;          // bits of the key
    logic [Bits-1:0]        key_q;

    assign enable_o = state_q == Collect;
    assign sample_o = state_q == Collect && wait_q == PeriodWidth'(SamplePeriod - 1);
    assign ready_o  = state_q == Ready;
    assign key_o    = key_q;

    wire logic whitens    = sample_o && second_q && noise_i != first_q;
    wire logic last_fold  = folded_q == FoldWidth'(Fold - 1);
    wire logic last_bit   = collected_q == BitWidth'(Bits - 1);
    assign samples_d      = longer(samples_q, noise_i);
    assign whitened_d     = longer(whitened_q, first_q);
    wire logic repeats    = sample_o && samples_d.length == RunWidth'(RepetitionLimit);
    wire logic rewhitens  = whitens && whitened_d.length == RunWidth'(RepetitionLimit);

    always_ff @(posedge clk_i) begin
        if (!rst_ni) begin
            state_q <= Collect;
            key_q   <= '0;
            {wait_q, second_q, samples_q, whitened_q, parity_q, folded_q, collected_q} <= '0;
        end else if (state_q == Collect) begin
            wait_q <= sample_o ? '0 : wait_q + 1'b1;
            if (sample_o) begin
                second_q  <= !second_q;
                samples_q <= samples_d;
            end
            if (whitens) begin
                whitened_q <= whitened_d;
                folded_q   <= last_fold ? '0 : folded_q + 1'b1;
                parity_q   <= !last_fold && (parity_q ^ first_q);
                if (last_fold) begin
                    key_q       <= {parity_q ^ first_q, key_q[Bits-1:1]};
                    collected_q <= collected_q + 1'b1;
                    if (last_bit) state_q <= Ready;
                end
            end
            if (repeats || rewhitens) begin
                state_q <= Broken;
                key_q   <= '0;
            end
        end
        if (sample_o) first_q <= noise_i;
    end

`ifndef SYNTHESIS
    a_constant : assert property (@(posedge clk_i) disable iff (!rst_ni) ready_o |=> ready_o && $stable(key_o))
        else $error("key_source: the key changed");
    a_broken : assert property (@(posedge clk_i) disable iff (!rst_ni) state_q == Broken |=> state_q == Broken)
        else $error("key_source: a broken source was believed");
`endif

endmodule

`default_nettype wire
