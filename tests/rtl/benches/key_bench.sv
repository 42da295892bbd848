/// Test bench of `key_source`: each beat is one sample, or a full reset, and is answered by what the source says then.

`default_nettype none

module key_bench #(
    parameter int unsigned KeyBytes        = 1,
    parameter int unsigned SamplePeriod    = 3,
    parameter int unsigned Fold            = 8,
    parameter int unsigned RepetitionLimit = 41
) (
    input  wire logic                  clk_i,
    input  wire logic                  rst_ni,

    // Bit 0 the sample, bit 1 takes key_noise's instead, bit 2 resets.
    input  wire logic [7:0]            s_bit_tdata,
    input  wire logic                  s_bit_tvalid,
    output logic                       s_bit_tready,

    // {key, running: 4, ready: 4}
    output logic [8*KeyBytes+7:0]      m_state_tdata,
    output logic                       m_state_tvalid,
    input  wire logic                  m_state_tready
);

    logic [8*KeyBytes-1:0] key;
    logic                  enable, sample, noise, ready, answer_q;
    // A sample waits until the source takes it, if it takes any. Without a beat the source is reset: send without pause.
    wire logic take   = s_bit_tvalid && s_bit_tready;
    wire logic resets = !s_bit_tvalid || (take && s_bit_tdata[2]);

    assign s_bit_tready   = !answer_q && (s_bit_tdata[2] || !enable || sample);
    assign m_state_tvalid = answer_q;
    assign m_state_tdata  = {key, 3'd0, enable, 3'd0, ready};
    always_ff @(posedge clk_i) begin
        if (!rst_ni) answer_q <= 1'b0;
        else if (take) answer_q <= 1'b1;
        else if (m_state_tready) answer_q <= 1'b0;
    end

    key_noise u_noise (
        .clk_i, .enable_i(enable), .sample_i(take && s_bit_tdata[1] && sample), .noise_o(noise)
    );
    key_source #(
        .KeyBytes(KeyBytes), .SamplePeriod(SamplePeriod), .Fold(Fold), .RepetitionLimit(RepetitionLimit)
    ) u_key (
        .clk_i, .rst_ni(rst_ni && !resets), .enable_o(enable), .sample_o(sample),
        .noise_i(s_bit_tdata[1] ? noise : s_bit_tdata[0]), .key_o(key), .ready_o(ready)
    );

endmodule

`default_nettype wire
