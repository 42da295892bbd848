/// Puts a frame's metadata beat under the frame, as one more line of video: H + 1 lines leave for each frame.
///
/// The beat's bytes lie in the first pixels of that line, lowest byte first, three a pixel, zeros after. The beat is
/// taken with the line's last pixel: until then its frame does not count as delivered. No storage and no latency.

`default_nettype none

module video_meta_line #(
    // Pixels of a line; the metadata beat must fit into as many.
    parameter int unsigned Width    = 320,
    // Faces in the metadata beat at most, at least 1.
    parameter int unsigned MaxFaces = 4
) (
    input  wire logic                       clk_i,
    input  wire logic                       rst_ni,

    // A frame's pixels, and when they have all left, its metadata; never both at once.
    input  wire logic [23:0]                s_axis_tdata,
    input  wire logic                       s_axis_tvalid,
    output logic                            s_axis_tready,
    input  wire logic                       s_axis_tuser,
    input  wire logic                       s_axis_tlast,
    input  wire logic [64*(1+MaxFaces)-1:0] s_meta_tdata,
    input  wire logic                       s_meta_tvalid,
    output logic                            s_meta_tready,

    output logic [23:0]                     m_axis_tdata,
    output logic                            m_axis_tvalid,
    input  wire logic                       m_axis_tready,
    output logic                            m_axis_tuser,
    output logic                            m_axis_tlast
);

    localparam int unsigned MetaBits    = 64 * (1 + MaxFaces);
    localparam int unsigned MetaPixels  = (MetaBits + 23) / 24;
    localparam int unsigned ColumnWidth = $clog2(Width);

    if (MaxFaces < 1) begin : gen_bad_faces
        $fatal(1, "video_meta_line: MaxFaces = %0d, must be at least 1", MaxFaces);
    end
    if (Width < MetaPixels) begin : gen_bad_width
        $fatal(1, "video_meta_line: Width = %0d, the metadata of %0d faces take %0d pixels", Width, MaxFaces, MetaPixels);
    end

    typedef logic [ColumnWidth-1:0] column_t;

    column_t     column_q;  // of the metadata line's next pixel
    logic [23:0] word;
    wire logic   last = column_q == column_t'(Width - 1);

    // The beat does not change until it is taken, so that no copy of it is needed.
    always_comb begin
        word = '0;
        for (int unsigned k = 0; k < MetaPixels; k++) begin
            if (column_q == column_t'(k)) word = 24'(s_meta_tdata >> (24 * k));
        end
    end

    assign m_axis_tdata  = s_meta_tvalid ? word : s_axis_tdata;
    assign m_axis_tvalid = s_meta_tvalid || s_axis_tvalid;
    assign m_axis_tuser  = !s_meta_tvalid && s_axis_tuser;
    assign m_axis_tlast  = s_meta_tvalid ? last : s_axis_tlast;
    assign s_axis_tready = !s_meta_tvalid && m_axis_tready;
    assign s_meta_tready = last && m_axis_tready;

    always_ff @(posedge clk_i) begin
        if (!rst_ni)                             column_q <= '0;
        else if (s_meta_tvalid && m_axis_tready) column_q <= last ? '0 : column_q + 1'b1;
    end

`ifndef SYNTHESIS
    logic [31:0] passed;  // pixels of this line that have left
    always_ff @(posedge clk_i) begin
        if (!rst_ni)                             passed <= '0;
        else if (m_axis_tvalid && m_axis_tready) passed <= m_axis_tlast ? '0 : passed + 1;
    end

    a_one : assert property (@(posedge clk_i) disable iff (!rst_ni) !(s_axis_tvalid && s_meta_tvalid))
        else $error("video_meta_line: a pixel and metadata at once");
    a_stable : assert property (@(posedge clk_i) disable iff (!rst_ni)
        m_axis_tvalid && !m_axis_tready
        |=> m_axis_tvalid && $stable({m_axis_tdata, m_axis_tuser, m_axis_tlast}))
        else $error("video_meta_line: output changed while stalled");
    a_length : assert property (@(posedge clk_i) disable iff (!rst_ni)
        s_meta_tvalid |-> m_axis_tlast == (passed == Width - 1))
        else $error("video_meta_line: the metadata line is not %0d pixels long", Width);
    a_start : assert property (@(posedge clk_i) disable iff (!rst_ni)
        s_axis_tvalid && s_axis_tuser |-> passed == 0)
        else $error("video_meta_line: a frame starts in the middle of a line");
    a_whole : assert property (@(posedge clk_i) disable iff (!rst_ni)
        s_meta_tvalid && !s_meta_tready |=> s_meta_tvalid && $stable(s_meta_tdata))
        else $error("video_meta_line: metadata changed before it had left");
`endif

endmodule

`default_nettype wire
