/// Writes a sensor's settings over I2C after power-up, from a ROM: no software has a say in them.
///
/// Write transfers only, one at a time. A device that does not acknowledge starts the whole table again, for ever: a
/// sensor that is not there or not ready gives no video, and nothing else depends on this module.

`default_nettype none

module sensor_setup #(
    // Memory file of the table: words of hls/synth/sensor_table.py, ended by 0.
    parameter               Table        = "sensor_table.dat",
    // Words in it, at most.
    parameter int unsigned  Words        = 1024,
    // Cycles of a quarter of a bit, at least 2: 250 at 100 MHz for 100 kHz.
    parameter int unsigned  Quarter      = 250,
    // Cycles of a millisecond, at least 2.
    parameter int unsigned  Millisecond  = 100_000,
    // Milliseconds before the first step, and before the table starts again.
    parameter int unsigned  Pause        = 50
) (
    input  wire logic clk_i,
    input  wire logic rst_ni,

    // I2C, open drain: a high `_t` lets go of the wire; `_o` is always low.
    input  wire logic scl_i,
    output wire logic scl_o,
    output logic      scl_t,
    input  wire logic sda_i,
    output wire logic sda_o,
    output logic      sda_t,

    // All settings have been written and acknowledged.
    output wire logic done_o
);

    localparam int unsigned AddressWidth = $clog2(Words);
    localparam int unsigned TickWidth    = $clog2(Quarter > Millisecond ? Quarter : Millisecond);

    if (Quarter < 2 || Millisecond < 2 || Words < 2 || Pause < 1 || Pause > 65535) begin : gen_bad_parameters
        $fatal(1, "sensor_setup: Quarter = %0d, Millisecond = %0d, Words = %0d must be at least 2, Pause = %0d 1 to 65535",
               Quarter, Millisecond, Words, Pause);
    end

    typedef enum logic [2:0] { Wait, Fetch, Decode, Start, Bits, Stop, Done } state_e;

    (* rom_style = "block" *) logic [35:0] rom [Words];
    initial $readmemh(Table, rom);

    state_e                  state_q;
    logic [AddressWidth-1:0] address_q;
    logic [35:0]             word_q;
    logic [TickWidth-1:0]    tick_q;
    logic [15:0]             wait_q;
    logic [1:0]              phase_q;
    logic [35:0]             shift_q;   // address and bytes, each with its acknowledge bit released
    logic [5:0]              left_q;    // bits to send, acknowledges included
    logic [3:0]              place_q;   // within a byte: 8 is its acknowledge
    logic                    refused_q;

    logic [1:0] scl_q, sda_q;  // synchronised
    always_ff @(posedge clk_i) begin
        scl_q <= {scl_q[0], scl_i};
        sda_q <= {sda_q[0], sda_i};
    end

    assign {scl_o, sda_o} = '0;
    assign done_o         = state_q == Done;

    // A device may hold the clock low: time stands still while it should be high and is not.
    wire logic moving = state_q inside {Start, Bits, Stop};
    wire logic held   = moving && scl_t && !scl_q[1];
    wire logic tick   = tick_q == '0;
    wire logic symbol = moving && tick && !held && phase_q == 2'd3;

    always_ff @(posedge clk_i) begin
        word_q <= rom[address_q];
        if (tick)       tick_q <= moving ? TickWidth'(Quarter - 1) : TickWidth'(Millisecond - 1);
        else if (!held) tick_q <= tick_q - 1'b1;
        if (moving && tick && !held) phase_q <= phase_q + 1'b1;

        unique case (state_q)
            Wait: if (tick) begin
                wait_q <= wait_q - 1'b1;
                if (wait_q == 16'd1) state_q <= Fetch;
            end
            Fetch: state_q <= Decode;
            Decode: begin
                address_q <= address_q + 1'b1;
                shift_q   <= {word_q[30:24], 2'b01, word_q[23:16], 1'b1, word_q[15:8], 1'b1, word_q[7:0], 1'b1};
                left_q    <= 6'd9 * (6'(word_q[33:32]) + 6'd1);
                place_q   <= '0;
                refused_q <= 1'b0;
                wait_q    <= word_q[15:0];
                phase_q   <= '0;
                tick_q    <= word_q[34] ? TickWidth'(Millisecond - 1) : TickWidth'(Quarter - 1);
                state_q   <= word_q == '0 ? Done : word_q[34] ? Wait : Start;
            end
            Start: if (symbol) state_q <= Bits;
            Bits: begin
                if (tick && !held && phase_q == 2'd1 && place_q == 4'd8 && sda_q[1]) refused_q <= 1'b1;
                if (symbol) begin
                    shift_q <= shift_q << 1;
                    left_q  <= left_q - 1'b1;
                    place_q <= place_q == 4'd8 ? '0 : place_q + 1'b1;
                    if (left_q == 6'd1 || refused_q) state_q <= Stop;
                end
            end
            Stop: if (symbol) begin
                state_q <= refused_q ? Wait : Fetch;
                wait_q  <= 16'(Pause);
                if (refused_q) address_q <= '0;
            end
            default: ;  // Done
        endcase

        if (!rst_ni) begin
            state_q   <= Wait;
            wait_q    <= 16'(Pause);
            tick_q    <= TickWidth'(Millisecond - 1);
            address_q <= '0;
        end
    end

    // The wires: data changes while the clock is low, but for start and stop.
    always_ff @(posedge clk_i) begin
        unique case (state_q)
            Start:   {scl_t, sda_t} <= {phase_q != 2'd3, phase_q == 2'd0 || phase_q == 2'd1};
            Bits:    {scl_t, sda_t} <= {phase_q == 2'd1 || phase_q == 2'd2, shift_q[35]};
            Stop:    {scl_t, sda_t} <= {phase_q != 2'd0, phase_q == 2'd2 || phase_q == 2'd3};
            default: {scl_t, sda_t} <= 2'b11;
        endcase
        if (!rst_ni) {scl_t, sda_t} <= 2'b11;
    end

endmodule

`default_nettype wire
