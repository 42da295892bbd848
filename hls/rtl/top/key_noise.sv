/// Raw noise for the power-up key: free-running ring oscillators, sampled by the clock.
///
/// In simulation with Verilator, and only there, it is a fixed sequence instead: the golden model's `simulated_noise`.
/// Every other tool gets the rings, so that no design on a device has the sequence. Needs `key_noise.xdc` with Vivado.

`default_nettype none

module key_noise #(
    // Rings whose samples are combined, at least 1.
    parameter int unsigned Rings          = 8,
    // Start of the sequence in simulation, not 0; without meaning on a device.
    parameter bit [63:0]   SimulationSeed = 64'h4B45_5953_4545_4421
) (
    input  wire logic clk_i,
    // The rings run.
    input  wire logic enable_i,
    // The noise bit of this cycle is used.
    input  wire logic sample_i,
    output logic      noise_o
);

    if (Rings < 1 || SimulationSeed == '0) begin : gen_bad_noise
        $fatal(1, "key_noise: Rings = %0d, must be at least 1; SimulationSeed must not be 0", Rings);
    end

`ifdef VERILATOR
    // Marsaglia's xorshift; a reset does not turn it back.
    logic [63:0] state_q;
    initial state_q = SimulationSeed;
    wire logic        unused = enable_i;
    wire logic [63:0] left   = state_q ^ (state_q << 13);
    wire logic [63:0] right  = left ^ (left >> 7);
    always_ff @(posedge clk_i) if (sample_i) state_q <= right ^ (right << 17);
    assign noise_o = state_q[32];
`else
    wire logic unused = sample_i;
    logic [Rings-1:0] sampled_q, settled_q;
    for (genvar r = 0; r < int'(Rings); r++) begin : gen_ring
        // Odd lengths, different ones beside one another, so that no two rings lock.
        localparam int unsigned Length = 3 + 2 * (r % 4);
        (* keep = "true", dont_touch = "true" *)
        logic [Length-1:0] ring;
        assign ring[0] = !(enable_i && ring[Length-1]);
        for (genvar k = 1; k < int'(Length); k++) begin : gen_stage
            assign ring[k] = !ring[k-1];
        end
        always_ff @(posedge clk_i) {settled_q[r], sampled_q[r]} <= {sampled_q[r], ring[Length-1]};
    end
    assign noise_o = ^settled_q;
`endif

endmodule

`default_nettype wire
