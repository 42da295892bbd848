/// Simulation-only model of FINN's `thresholding` with fixed thresholds: same ports, results and cycles.
///
/// The original walks a binary search tree in a pipeline with one memory per level and channel lane. Here the whole
/// search happens when an input is taken, and its result waits in a ring until the pipeline would deliver it.
`default_nettype none
module thresholding #(
    // Input width.
    parameter int unsigned K = 1,
    // Thresholds per channel.
    parameter int unsigned N = 1,
    // Channels.
    parameter int unsigned C = 1,
    // Channels per beat.
    parameter int unsigned PE = 1,
    parameter bit SIGNED = 1,
    parameter bit FPARG = 0,
    // Added to every result.
    parameter int BIAS = 0,
    parameter int unsigned SETS = 1,
    // Start of the names of the threshold files, one per lane and tree level.
    parameter THRESHOLDS_PATH = "",
    parameter bit USE_CONFIG = 1,
    parameter int unsigned DEPTH_TRIGGER_URAM = 0,
    parameter int unsigned DEPTH_TRIGGER_BRAM = 0,
    parameter bit DEEP_PIPELINE = 0,
    localparam int unsigned CF = C / PE,
    localparam int unsigned S_BITS = SETS > 2 ? $clog2(SETS) : 1,
    localparam int unsigned O_BITS = BIAS >= 0 ?
        $clog2(N + BIAS + 1) : 1 + $clog2(-BIAS >= N + BIAS + 1 ? -BIAS : N + BIAS + 1)
) (
    input  wire logic clk,
    input  wire logic rst,
    input  wire logic cfg_en,
    input  wire logic cfg_we,
    input  wire logic [$clog2(SETS)+$clog2(CF)+$clog2(PE)+$clog2(N)-1:0] cfg_a,
    input  wire logic [K-1:0] cfg_d,
    output logic cfg_rack,
    output logic [K-1:0] cfg_q,
    output logic irdy,
    input  wire logic ivld,
    input  wire logic [S_BITS-1:0] iset,
    input  wire logic [PE-1:0][K-1:0] idat,
    input  wire logic ordy,
    output logic ovld,
    output logic [PE-1:0][O_BITS-1:0] odat
);

    if (USE_CONFIG || SETS > 1 || FPARG) begin : gen_unmodelled
        $fatal(1, "fast thresholding: run-time thresholds, several sets and floating point are not modelled");
    end
    if (CF * PE != C) begin : gen_ragged
        $fatal(1, "fast thresholding: PE %0d does not divide %0d channels", PE, C);
    end
    assign cfg_rack = 0;
    assign cfg_q = '0;

    // Levels of the search tree.
    localparam int unsigned Levels = $clog2(N + 1);
    // Cycles through the original's pipeline.
    localparam int unsigned Latency = (32'(DEEP_PIPELINE) + 1) * Levels;
    // Results that the original lets be under way or waiting.
    localparam int unsigned MaxPending = Latency + 2;
    localparam int unsigned PointerBits = $clog2(MaxPending + 1);

    int unsigned pending_q = 0;
    assign irdy = pending_q <= MaxPending;
    wire take = ivld && irdy;
    wire give = ovld && ordy;

    // Inputs on their way through the pipeline, and results that have left it.
    logic [Latency-1:0] under_way_q = '0;
    int unsigned waiting_q = 0;
    logic [PointerBits-1:0] write_q = '0;
    logic [PointerBits-1:0] read_q = '0;
    int unsigned fold_q = 0;
    wire pop = waiting_q != 0 && (!ovld || ordy);
    logic valid_q = 0;
    assign ovld = valid_q;

    always_ff @(posedge clk) begin
        if (rst) begin
            pending_q   <= 0;
            under_way_q <= '0;
            waiting_q   <= 0;
            write_q     <= '0;
            read_q      <= '0;
            fold_q      <= 0;
            valid_q     <= 0;
        end else begin
            pending_q   <= pending_q + 32'(take) - 32'(give);
            under_way_q <= Latency'({under_way_q, take});
            waiting_q   <= waiting_q + 32'(under_way_q[Latency-1]) - 32'(pop);
            if (take) begin
                write_q <= write_q + 1;
                fold_q  <= fold_q == CF - 1 ? 0 : fold_q + 1;
            end
            if (pop) read_q <= read_q + 1;
            if (!ovld || ordy) valid_q <= waiting_q != 0;
        end
    end

    for (genvar lane = 0; lane < PE; lane++) begin : gen_lane
        // Thresholds in ascending order, 2^Levels slots per channel of this lane.
        logic [K-1:0] thresholds[CF*2**Levels];
        for (genvar level = 0; level < Levels; level++) begin : gen_level
            logic [K-1:0] loaded[CF*2**level];
            initial begin
                $readmemh($sformatf("%sthreshs_%0d_%0d.dat", THRESHOLDS_PATH, lane, level), loaded);
                for (int unsigned fold = 0; fold < CF; fold++) begin
                    for (int unsigned k = 0; k < 2 ** level; k++) begin
                        thresholds[(fold << Levels) + (k << (Levels - level)) + 2 ** (Levels - level - 1) - 1] =
                            loaded[(fold << level) + k];
                    end
                end
            end
        end

        logic [Levels-1:0] ring_q[2**PointerBits];
        logic [Levels-1:0] result_q = '0;
        always_ff @(posedge clk) begin
            if (take) begin
                automatic int unsigned reached = 0;
                for (int level = Levels - 1; level >= 0; level--) begin
                    automatic int unsigned probe = reached + (1 << level) - 1;
                    automatic logic [K-1:0] threshold = thresholds[(fold_q << Levels) + probe];
                    automatic logic above = SIGNED ? $signed(threshold) <= $signed(idat[lane]) : threshold <= idat[lane];
                    if (probe < N && above) reached += 1 << level;
                end
                ring_q[write_q] <= Levels'(reached);
            end
            if (pop) result_q <= ring_q[read_q];
        end
        assign odat[lane] = O_BITS'(32'(result_q) + BIAS);
    end

endmodule
`default_nettype wire
