/// `sensor_setup` and an I2C device that takes everything: bytes come out with a mark on the first of each transfer.
///
/// The one input word says how many bytes from the beginning on the device does not acknowledge.

`default_nettype none

module sensor_setup_bench #(
    parameter Table = "sensor_table.dat",
    parameter int unsigned Stretch = 0
) (
    input  wire logic       clk_i,
    input  wire logic       rst_ni,
    input  wire logic [7:0] s_axis_tdata,
    input  wire logic       s_axis_tvalid,
    output wire logic       s_axis_tready,
    output logic [9:0]      m_axis_tdata,
    output logic            m_axis_tvalid,
    input  wire logic       m_axis_tready
);

    wire logic scl_t, sda_t, done, scl_o, sda_o;
    logic       known_q, pull_q, hold_q;
    logic [7:0] refuse_q;
    wire logic scl = scl_t && !hold_q;
    wire logic sda = sda_t && !pull_q;

    sensor_setup #(
        .Table      (Table),
        .Words      (32),
        .Quarter    (3),
        .Millisecond(40),
        .Pause      (2)
    ) u_setup (
        .clk_i, .rst_ni(known_q),
        .scl_i(scl), .scl_o, .scl_t, .sda_i(sda), .sda_o, .sda_t, .done_o(done)
    );

    logic scl_q, sda_q, first_q, active_q, ended_q;
    logic [7:0] byte_q, seen_q;
    logic [3:0] count_q;
    logic [7:0] stretch_q;
    assign s_axis_tready = !known_q;

    always_ff @(posedge clk_i) begin
        m_axis_tvalid <= 1'b0;
        {scl_q, sda_q} <= {scl, sda};
        if (s_axis_tvalid && !known_q) begin
            known_q  <= 1'b1;
            refuse_q <= s_axis_tdata;
        end
        if (scl && scl_q && sda_q && !sda) {active_q, first_q, count_q} <= {2'b11, 4'hf};  // start
        if (scl && scl_q && !sda_q && sda) active_q <= 1'b0;                               // stop
        if (active_q && scl && !scl_q && count_q < 8) byte_q <= {byte_q[6:0], sda};
        if (active_q && !scl && scl_q) begin  // falling
            count_q <= count_q == 4'd8 ? '0 : count_q + 1'b1;
            if (count_q == 4'd7) begin
                pull_q        <= seen_q >= refuse_q;
                seen_q        <= seen_q == 8'hff ? seen_q : seen_q + 1'b1;
                m_axis_tvalid <= 1'b1;
                m_axis_tdata  <= {1'b0, first_q, byte_q};
                first_q       <= 1'b0;
            end else begin
                pull_q <= 1'b0;
            end
            hold_q    <= Stretch != 0;
            stretch_q <= 8'(Stretch);
        end
        if (stretch_q != 0) stretch_q <= stretch_q - 1'b1;
        else hold_q <= 1'b0;
        ended_q <= done;
        if (done && !ended_q) begin
            m_axis_tvalid <= 1'b1;
            m_axis_tdata  <= 10'h200;
        end
        if (!rst_ni) begin
            {known_q, pull_q, hold_q, active_q, ended_q} <= '0;
            {scl_q, sda_q}     <= 2'b11;
            {count_q, seen_q, stretch_q} <= '0;
        end
    end

    a_ready : assert property (@(posedge clk_i) disable iff (!rst_ni) m_axis_tvalid |-> m_axis_tready)
        else $error("sensor_setup_bench: the bench cannot wait");
    a_low : assert property (@(posedge clk_i) {scl_o, sda_o} == '0) else $error("sensor_setup: drives a wire high");

endmodule

`default_nettype wire
