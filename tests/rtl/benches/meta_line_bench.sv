/// Feeds `video_meta_line` as `video_egress` does: a frame's metadata when all of its pixels have left.

`default_nettype none

module meta_line_bench #(
    parameter int unsigned Width    = 8,
    parameter int unsigned Height   = 3,
    parameter int unsigned MaxFaces = 1,
    // Offers the metadata before the frame has left: what must never be.
    parameter bit          Early    = 1'b0
) (
    input  wire logic                       clk_i,
    input  wire logic                       rst_ni,

    input  wire logic [23:0]                s_axis_tdata,
    input  wire logic                       s_axis_tvalid,
    output logic                            s_axis_tready,

    input  wire logic [64*(1+MaxFaces)-1:0] s_meta_tdata,
    input  wire logic                       s_meta_tvalid,
    output logic                            s_meta_tready,

    // The pixel; start of frame, end of line.
    output logic [31:0]                     m_axis_tdata,
    output logic                            m_axis_tvalid,
    input  wire logic                       m_axis_tready
);

    logic [31:0] sent_q;  // pixels of this frame
    logic        ready, meta_ready;
    wire logic   due = sent_q == Width * Height;

    assign s_axis_tready       = ready && !due;
    assign s_meta_tready       = meta_ready && (due || Early);
    assign m_axis_tdata[31:26] = '0;

    always_ff @(posedge clk_i) begin
        if (!rst_ni || (s_meta_tvalid && s_meta_tready)) sent_q <= '0;
        else if (s_axis_tvalid && s_axis_tready)         sent_q <= sent_q + 1;
    end

    video_meta_line #(
        .Width(Width), .MaxFaces(MaxFaces)
    ) u_line (
        .clk_i, .rst_ni,
        .s_axis_tdata, .s_axis_tvalid(s_axis_tvalid && !due), .s_axis_tready(ready),
        .s_axis_tuser(sent_q == 0), .s_axis_tlast(sent_q % Width == Width - 1),
        .s_meta_tdata, .s_meta_tvalid(s_meta_tvalid && (due || Early)), .s_meta_tready(meta_ready),
        .m_axis_tdata(m_axis_tdata[23:0]), .m_axis_tvalid, .m_axis_tready,
        .m_axis_tuser(m_axis_tdata[24]), .m_axis_tlast(m_axis_tdata[25])
    );

endmodule

`default_nettype wire
