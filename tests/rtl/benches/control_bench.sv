/// Test bench of `control_status`: each command is one bus access or one cycle of events, and gives one answer.

`default_nettype none

module control_bench #(
    parameter int unsigned MaxFaces = 2
) (
    input  wire logic                       clk_i,
    input  wire logic                       rst_ni,

    // {metadata, status: 8, strobes: 8, kind: 8, unused: 8, address: 16, data: 32}. Kind 0 reads, 1 writes, 2 writes
    // with the data late, 3 with the address late; 4 is one cycle of events: data bits 31…0 are faults, address bit 0 a
    // frame in, 1 a dropped one, 2 a delivered one.
    input  wire logic [64*(1+MaxFaces)+79:0] s_command_tdata,
    input  wire logic                        s_command_tvalid,
    output logic                             s_command_tready,

    // {interrupt, run, soft resets: 8, threshold: 8, data read: 32}
    output logic [63:0]                      m_answer_tdata,
    output logic                             m_answer_tvalid,
    input  wire logic                        m_answer_tready
);

    typedef enum logic [1:0] { Idle, Access, Settle, Answer } state_e;

    state_e      state_q;
    logic [3:0]  wait_q;
    logic        sent_address_q, sent_data_q, irq, run, soft_reset;
    logic [7:0]  threshold, resets_q;
    logic [31:0] read_q, rdata;
    logic        awready, wready, arready, rvalid, bvalid;

    wire logic [7:0] kind    = s_command_tdata[63:56];
    wire logic       writes  = kind inside {1, 2, 3};
    wire logic       event_i = state_q == Access && kind == 4;
    wire logic       awvalid = state_q == Access && writes && !sent_address_q && (kind != 3 || wait_q > 3);
    wire logic       wvalid  = state_q == Access && writes && !sent_data_q && (kind != 2 || wait_q > 3);
    wire logic       arvalid = state_q == Access && kind == 0 && !sent_address_q;

    assign s_command_tready = state_q == Answer && m_answer_tready;
    assign m_answer_tvalid  = state_q == Answer;
    assign m_answer_tdata   = {7'd0, irq, 7'd0, run, resets_q, threshold, read_q};

    always_ff @(posedge clk_i) begin
        if (!rst_ni) begin
            state_q  <= Idle;
            resets_q <= '0;
        end else begin
            resets_q <= resets_q + 8'(soft_reset);
            wait_q   <= wait_q == '1 ? wait_q : wait_q + 1'b1;
            if (awvalid && awready || arvalid && arready) sent_address_q <= 1'b1;
            if (wvalid && wready) sent_data_q <= 1'b1;
            if (rvalid) read_q <= rdata;
            unique case (state_q)
                Idle: if (s_command_tvalid) begin
                    state_q <= Access;
                    {wait_q, sent_address_q, sent_data_q, read_q} <= '0;
                end
                Access: if (event_i || rvalid || bvalid) begin
                    state_q <= Settle;
                    wait_q  <= '0;
                end
                Settle: if (wait_q == 4) state_q <= Answer;
                default: if (m_answer_tready) state_q <= Idle;
            endcase
        end
    end

    control_status #(
        .Width(80), .Height(48), .CropSize(8), .MaxFaces(MaxFaces), .Threshold(8'd90),
        .BuildId(128'h00112233445566778899AABBCCDDEEFF)
    ) u_control (
        .clk_i, .rst_ni,
        .s_axi_awaddr(s_command_tdata[43:32]), .s_axi_awprot('0), .s_axi_awvalid(awvalid), .s_axi_awready(awready),
        .s_axi_wdata(s_command_tdata[31:0]), .s_axi_wstrb(s_command_tdata[67:64]), .s_axi_wvalid(wvalid),
        .s_axi_wready(wready), .s_axi_bresp(), .s_axi_bvalid(bvalid), .s_axi_bready(state_q == Access),
        .s_axi_araddr(s_command_tdata[43:32]), .s_axi_arprot('0), .s_axi_arvalid(arvalid), .s_axi_arready(arready),
        .s_axi_rdata(rdata), .s_axi_rresp(), .s_axi_rvalid(rvalid), .s_axi_rready(state_q == Access),
        .irq_o(irq), .run_o(run), .soft_reset_o(soft_reset), .threshold_o(threshold),
        .frame_in_i(event_i && s_command_tdata[32]), .dropped_i(event_i && s_command_tdata[33]),
        .faults_i(event_i ? s_command_tdata[31:0] : soft_reset ? 32'h2000 : '0),
        .delivered_i(event_i && s_command_tdata[34]), .meta_i(s_command_tdata[80 +: 64*(1+MaxFaces)]),
        .capturing_i(s_command_tdata[72]), .processing_i(s_command_tdata[73]), .delivering_i(s_command_tdata[74]),
        .key_ready_i(s_command_tdata[75])
    );

endmodule

`default_nettype wire
