/// Resamples a modified crop to its region and writes it over the region's pixels, one pixel a cycle.
///
/// The golden model's `paste`. Crops lie in a store of their own, CropSize columns wide, one below the other. All writes
/// lie in the region, and their values come from the crop store alone (P1).

`default_nettype none

module video_paste #(
    // Bits of a coordinate and of a side, at least 4.
    parameter int unsigned SideWidth = 10,
    // Side of a crop in pixels, at least 2.
    parameter int unsigned CropSize  = 64,
    // Crops in the store, at least 1.
    parameter int unsigned MaxFaces  = 4
) (
    input  wire logic                                         clk_i,
    input  wire logic                                         rst_ni,

    // Region inside the frame: {height, width, y, x}, and which crop belongs there.
    input  wire logic [4*SideWidth-1:0]                       s_region_tdata,
    input  wire logic [$clog2(MaxFaces > 1 ? MaxFaces : 2)-1:0] s_region_tuser,
    input  wire logic                                         s_region_tvalid,
    output logic                                              s_region_tready,

    // Read port of the crop store; rows of all crops.
    output logic                                              rd_en_o,
    output logic [$clog2(CropSize)-1:0]                       rd_left_o,
    output logic [$clog2(CropSize)-1:0]                       rd_right_o,
    output logic [$clog2(CropSize*MaxFaces)-1:0]              rd_upper_o,
    output logic [$clog2(CropSize*MaxFaces)-1:0]              rd_lower_o,
    input  wire logic [3:0][23:0]                             rd_data_i,

    // Write port of the frame store.
    output logic                                              wr_en_o,
    output logic [SideWidth-1:0]                              wr_x_o,
    output logic [SideWidth-1:0]                              wr_y_o,
    output logic [23:0]                                       wr_data_o,

    // High in the cycle in which the region's last pixel is written.
    output logic                                              done_o
);

    localparam int unsigned RowWidth    = $clog2(CropSize * MaxFaces);
    localparam int unsigned ColumnWidth = $clog2(CropSize);
    // The resampler addresses the crop store, whose rows may need more bits than a side of the frame.
    localparam int unsigned Wide        = RowWidth + 1 > SideWidth ? RowWidth + 1 : SideWidth;

    if (MaxFaces < 1) begin : gen_bad_faces
        $fatal(1, "video_paste: MaxFaces = %0d, must be at least 1", MaxFaces);
    end
    if (CropSize < 2 || CropSize >= (1 << SideWidth)) begin : gen_bad_size
        $fatal(1, "video_paste: CropSize = %0d, must be at least 2 and fit in SideWidth = %0d bits",
               CropSize, SideWidth);
    end

    typedef logic [SideWidth-1:0] side_t;
    typedef struct packed {
        side_t height;
        side_t width;
        side_t y;
        side_t x;
    } region_t;

    region_t         region_i;
    side_t           left_q, x_q, y_q;  // leftmost column; the pixel that is written next
    logic            last_column, last;
    logic [Wide-1:0] left, right, upper, lower;

    assign region_i = s_region_tdata;

    video_resampler #(
        .SideWidth(Wide)
    ) u_resampler (
        .clk_i,
        .rst_ni,
        .s_rect_tvalid  (s_region_tvalid),
        .s_rect_tready  (s_region_tready),
        .source_x_i     ('0),
        .source_y_i     (Wide'(32'(s_region_tuser) * CropSize)),
        .source_width_i (Wide'(CropSize)),
        .source_height_i(Wide'(CropSize)),
        .target_width_i (Wide'(region_i.width)),
        .target_height_i(Wide'(region_i.height)),
        .rd_en_o,
        .rd_left_o      (left),
        .rd_right_o     (right),
        .rd_upper_o     (upper),
        .rd_lower_o     (lower),
        .rd_data_i,
        .m_axis_tdata   (wr_data_o),
        .m_axis_tvalid  (wr_en_o),
        .m_axis_tready  (1'b1),
        .m_axis_tuser   (last_column),
        .m_axis_tlast   (last)
    );

    assign rd_left_o  = left[ColumnWidth-1:0];
    assign rd_right_o = right[ColumnWidth-1:0];
    assign rd_upper_o = upper[RowWidth-1:0];
    assign rd_lower_o = lower[RowWidth-1:0];
    assign wr_x_o     = x_q;
    assign wr_y_o     = y_q;
    assign done_o     = wr_en_o && last;

    wire logic unused = |{left[Wide-1:ColumnWidth], right[Wide-1:ColumnWidth],
                          upper[Wide-1:RowWidth], lower[Wide-1:RowWidth]};

    always_ff @(posedge clk_i) begin
        if (s_region_tvalid && s_region_tready) begin
            {left_q, x_q} <= {2{region_i.x}};
            y_q           <= region_i.y;
        end else if (wr_en_o) begin
            x_q <= last_column ? left_q : x_q + 1'b1;
            if (last_column) y_q <= y_q + 1'b1;
        end
    end

`ifndef SYNTHESIS
    region_t     region;   // the one being pasted
    logic [31:0] written;  // its pixels that are written
    always_ff @(posedge clk_i) begin
        if (s_region_tvalid && s_region_tready) region <= region_i;
        if (!rst_ni || (s_region_tvalid && s_region_tready)) written <= '0;
        else if (wr_en_o)                                    written <= written + 1;
    end

    a_inside : assert property (@(posedge clk_i) disable iff (!rst_ni)
        wr_en_o |-> wr_x_o >= region.x && 32'(wr_x_o) < 32'(region.x) + 32'(region.width)
                 && wr_y_o >= region.y && 32'(wr_y_o) < 32'(region.y) + 32'(region.height))
        else $error("video_paste: write outside the region");
    a_order : assert property (@(posedge clk_i) disable iff (!rst_ni)
        wr_en_o |-> written == 32'(wr_y_o - region.y) * 32'(region.width) + 32'(wr_x_o - region.x))
        else $error("video_paste: a pixel was left out or written twice");
    a_whole : assert property (@(posedge clk_i) disable iff (!rst_ni)
        done_o |-> written + 1 == 32'(region.width) * 32'(region.height))
        else $error("video_paste: done before the whole region was written");
    a_crop : assert property (@(posedge clk_i) disable iff (!rst_ni)
        s_region_tvalid |-> 32'(s_region_tuser) < MaxFaces)
        else $error("video_paste: no such crop");
`endif

endmodule

`default_nettype wire
