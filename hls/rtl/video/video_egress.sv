/// Delivers one frame: its pixels from the frame store, or as many black ones, and then the metadata beat.
///
/// Whether a frame is black follows from its own metadata beat alone: a beat with a fault code never travels with a
/// picture (P2).

`default_nettype none

module video_egress #(
    // Columns of the frame, even, at least 4.
    parameter int unsigned Width     = 320,
    // Rows of the frame, even, at least 4.
    parameter int unsigned Height    = 240,
    // Bits of a coordinate and of a side; Width and Height must fit.
    parameter int unsigned SideWidth = 10,
    // Faces in the metadata beat at most, at least 1.
    parameter int unsigned MaxFaces  = 4
) (
    input  wire logic                       clk_i,
    input  wire logic                       rst_ni,

    // The metadata beat of the frame that is to be delivered.
    input  wire logic [64*(1+MaxFaces)-1:0] s_frame_tdata,
    input  wire logic                       s_frame_tvalid,
    output logic                            s_frame_tready,

    // Read port of the frame store, of latency StoreLatency.
    output logic                            rd_en_o,
    output logic [SideWidth-1:0]            rd_left_o,
    output logic [SideWidth-1:0]            rd_upper_o,
    input  wire logic [23:0]                rd_data_i,

    // Video: tuser marks a frame's first pixel, tlast each line's last one.
    output logic [23:0]                     m_axis_tdata,
    output logic                            m_axis_tvalid,
    input  wire logic                       m_axis_tready,
    output logic                            m_axis_tuser,
    output logic                            m_axis_tlast,

    // One beat a frame, after its last pixel.
    output logic [64*(1+MaxFaces)-1:0]      m_meta_tdata,
    output logic                            m_meta_tvalid,
    input  wire logic                       m_meta_tready
);

    // One stage before the store, one for black.
    localparam int unsigned Latency = 1 + video_pkg::StoreLatency + 1;

    if (Width < 4 || Height < 4 || Width % 2 != 0 || Height % 2 != 0) begin : gen_bad_size
        $fatal(1, "video_egress: Width = %0d, Height = %0d, must be even and at least 4", Width, Height);
    end
    if (Width >= (1 << SideWidth) || Height >= (1 << SideWidth)) begin : gen_bad_width
        $fatal(1, "video_egress: %0d x %0d pixels do not fit in SideWidth = %0d bits", Width, Height, SideWidth);
    end
    if (MaxFaces < 1) begin : gen_bad_faces
        $fatal(1, "video_egress: MaxFaces = %0d, must be at least 1", MaxFaces);
    end

    typedef logic [SideWidth-1:0] side_t;
    typedef enum logic [1:0] { Idle, Read, Drain, Meta } state_e;

    state_e state_q;
    side_t  column_q, row_q;
    logic   black_q;
    logic   frame_end;

    wire logic move        = !m_axis_tvalid || m_axis_tready;
    wire logic issue       = state_q == Read;
    wire logic last_column = column_q == side_t'(Width - 1);
    wire logic last_row    = row_q == side_t'(Height - 1);

    assign s_frame_tready = state_q == Idle;
    assign rd_en_o        = move;
    assign m_meta_tvalid  = state_q == Meta;

    always_ff @(posedge clk_i) begin
        if (!rst_ni) begin
            state_q <= Idle;
        end else begin
            unique case (state_q)
                Idle:    if (s_frame_tvalid) state_q <= Read;
                Read:    if (move && last_column && last_row) state_q <= Drain;
                Drain:   if (m_axis_tvalid && m_axis_tready && frame_end) state_q <= Meta;
                Meta:    if (m_meta_tready) state_q <= Idle;
                default: state_q <= Idle;
            endcase
        end
    end

    always_ff @(posedge clk_i) begin
        if (state_q == Idle) begin
            m_meta_tdata      <= s_frame_tdata;
            black_q           <= s_frame_tdata[39:32] != 8'(camera_pkg::FaultNone);
            {column_q, row_q} <= '0;
        end else if (issue && move) begin
            column_q <= last_column ? '0 : column_q + 1'b1;
            if (last_column) row_q <= row_q + 1'b1;
        end
        if (move) begin
            {rd_left_o, rd_upper_o} <= {column_q, row_q};
            m_axis_tdata            <= black_q ? '0 : rd_data_i;
        end
    end

    video_delay #(
        .Width  (4),
        .Depth  (Latency),
        .Cleared(1'b1)
    ) u_marks (
        .clk_i,
        .rst_ni,
        .en_i  (move),
        .data_i({issue, issue && column_q == '0 && row_q == '0, issue && last_column,
                 issue && last_column && last_row}),
        .data_o({m_axis_tvalid, m_axis_tuser, m_axis_tlast, frame_end})
    );

`ifndef SYNTHESIS
    logic [31:0] pixels;  // pixels of this frame that have left
    always_ff @(posedge clk_i) begin
        if (!rst_ni || state_q == Idle)          pixels <= '0;
        else if (m_axis_tvalid && m_axis_tready) pixels <= pixels + 1;
    end

    a_stable : assert property (@(posedge clk_i) disable iff (!rst_ni)
        m_axis_tvalid && !m_axis_tready
        |=> m_axis_tvalid && $stable({m_axis_tdata, m_axis_tuser, m_axis_tlast}))
        else $error("video_egress: video changed while stalled");
    a_meta_stable : assert property (@(posedge clk_i) disable iff (!rst_ni)
        m_meta_tvalid && !m_meta_tready |=> m_meta_tvalid && $stable(m_meta_tdata))
        else $error("video_egress: metadata changed while stalled");
    a_black : assert property (@(posedge clk_i) disable iff (!rst_ni)
        m_axis_tvalid && m_meta_tdata[39:32] != '0 |-> m_axis_tdata == '0)
        else $error("video_egress: a pixel of a frame with a fault is not black");
    a_marks : assert property (@(posedge clk_i) disable iff (!rst_ni)
        m_axis_tvalid |-> m_axis_tuser == (pixels == 0) && m_axis_tlast == (pixels % Width == Width - 1))
        else $error("video_egress: wrong marks");
    a_length : assert property (@(posedge clk_i) disable iff (!rst_ni)
        m_meta_tvalid |-> pixels == Width * Height && !m_axis_tvalid)
        else $error("video_egress: metadata before the whole frame");
`endif

endmodule

`default_nettype wire
