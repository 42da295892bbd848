/// Stand-ins for the networks behind a generated camera top, with byte-wide streams as a stitched design may have.

`default_nettype none

/// Cells from the picture itself: score, dx, dy from a cell's first pixel, log_w, log_h from its second one.
module bench_detector #(
    parameter int unsigned Width  = 80,
    parameter int unsigned Height = 48
) (
    input  wire logic       ap_clk,
    input  wire logic       ap_rst_n,
    input  wire logic [7:0] s_axis_tdata,
    input  wire logic       s_axis_tvalid,
    output logic            s_axis_tready,
    output logic [7:0]      m_axis_tdata,
    output logic            m_axis_tvalid,
    input  wire logic       m_axis_tready,
    output logic            m_axis_tlast
);

    localparam int unsigned Columns = Width / 16;
    localparam int unsigned Cells   = Columns * (Height / 16);
    localparam int unsigned Bytes   = (Width / 2) * (Height / 2) * 3;

    logic [7:0]  map_q [5*Cells];
    logic [31:0] in_q, out_q;
    logic        answering_q;
    wire logic [31:0] pixel   = in_q / 3;
    wire logic [31:0] column  = pixel % (Width / 2);
    wire logic [31:0] row     = pixel / (Width / 2);
    wire logic [31:0] channel = 3 * (column % 8) + in_q % 3;

    assign s_axis_tready = !answering_q;
    assign m_axis_tvalid = answering_q;
    assign m_axis_tdata  = map_q[out_q];
    assign m_axis_tlast  = out_q == 5 * Cells - 1;

    always_ff @(posedge ap_clk) begin
        if (!ap_rst_n) begin
            {in_q, out_q, answering_q} <= '0;
        end else if (s_axis_tvalid && s_axis_tready) begin
            if (row % 8 == 0 && channel < 5) map_q[5 * (row / 8 * Columns + column / 8) + channel] <= s_axis_tdata;
            in_q        <= in_q == Bytes - 1 ? '0 : in_q + 1;
            answering_q <= in_q == Bytes - 1;
        end else if (m_axis_tvalid && m_axis_tready) begin
            out_q       <= m_axis_tlast ? '0 : out_q + 1;
            answering_q <= !m_axis_tlast;
        end
    end

endmodule

/// Inverts every byte; drops the fourth one of a pixel, the key, after adding it to the first.
module bench_modifier #(
    parameter int unsigned CropSize = 8
) (
    input  wire logic        ap_clk,
    input  wire logic        ap_rst_n,
    input  wire logic [31:0] s_axis_tdata,
    input  wire logic        s_axis_tvalid,
    output logic             s_axis_tready,
    output logic [23:0]      m_axis_tdata,
    output logic             m_axis_tvalid,
    input  wire logic        m_axis_tready,
    output logic             m_axis_tlast
);

    logic [31:0] count_q;

    assign s_axis_tready = m_axis_tready;
    assign m_axis_tvalid = s_axis_tvalid;
    assign m_axis_tdata  = {~s_axis_tdata[23:8], ~s_axis_tdata[7:0] + s_axis_tdata[31:24]};
    assign m_axis_tlast  = count_q == CropSize * CropSize - 1;

    always_ff @(posedge ap_clk) begin
        if (!ap_rst_n) count_q <= '0;
        else if (m_axis_tvalid && m_axis_tready) count_q <= m_axis_tlast ? '0 : count_q + 1;
    end

endmodule

/// Sets the camera running, gives it video as soon as it has its key, and takes what comes out.
module camera_top_bench (
    input  wire logic         clk_i,
    input  wire logic         rst_ni,

    // The pixel, start of frame, end of line.
    input  wire logic [31:0]  s_video_tdata,
    input  wire logic         s_video_tvalid,
    output logic              s_video_tready,

    output logic [31:0]       m_frame_tdata,
    output logic              m_frame_tvalid,
    input  wire logic         m_frame_tready,

    output logic [191:0]      m_meta_tdata,
    output logic              m_meta_tvalid,
    input  wire logic         m_meta_tready
);

    logic started_q, awready;
    logic waiting_q;  // a whole frame is in; the next one waits until it is delivered
    logic [31:0] lines_q;

    assign s_video_tready      = started_q && u_top.u_shell.keyed && !waiting_q;
    assign m_frame_tdata[31:26] = '0;

    always_ff @(posedge clk_i) begin
        if (!rst_ni) begin
            {started_q, waiting_q, lines_q} <= '0;
        end else begin
            if (awready) started_q <= 1'b1;
            if (s_video_tvalid && s_video_tready && s_video_tdata[25]) begin
                lines_q   <= lines_q == 47 ? '0 : lines_q + 1;
                waiting_q <= lines_q == 47;
            end else if (m_meta_tvalid && m_meta_tready) begin
                waiting_q <= 1'b0;
            end
        end
    end

    camera_top u_top (
        .clk_i, .rst_ni,
        .s_axi_awaddr(12'h020), .s_axi_awprot('0), .s_axi_awvalid(!started_q), .s_axi_awready(awready),
        .s_axi_wdata(32'd1), .s_axi_wstrb('1), .s_axi_wvalid(!started_q), .s_axi_wready(),
        .s_axi_bresp(), .s_axi_bvalid(), .s_axi_bready(1'b1),
        .s_axi_araddr('0), .s_axi_arprot('0), .s_axi_arvalid(1'b0), .s_axi_arready(),
        .s_axi_rdata(), .s_axi_rresp(), .s_axi_rvalid(), .s_axi_rready(1'b1),
        .irq_o(),
        .s_axis_tdata(s_video_tdata[23:0]), .s_axis_tvalid(s_video_tvalid && s_video_tready), .s_axis_tready(),
        .s_axis_tuser(s_video_tdata[24]), .s_axis_tlast(s_video_tdata[25]),
        .m_axis_tdata(m_frame_tdata[23:0]), .m_axis_tvalid(m_frame_tvalid), .m_axis_tready(m_frame_tready),
        .m_axis_tuser(m_frame_tdata[24]), .m_axis_tlast(m_frame_tdata[25]),
        .m_meta_tdata, .m_meta_tvalid, .m_meta_tready
    );

endmodule

`default_nettype wire
