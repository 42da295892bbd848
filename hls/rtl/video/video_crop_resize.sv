/// Cuts a region out of a frame store and resamples it to the modifier's input, one pixel a cycle.
///
/// The golden model's `crop_resize`. Each beat ends with KeyChannels constant bytes, which are taken from key_i when the
/// region is accepted: a modifier's new identity can depend on them.

`default_nettype none

module video_crop_resize #(
    // Bits of a coordinate and of a side, at least 4; the crop's side must fit.
    parameter int unsigned SideWidth   = 10,
    // Side of the crop in pixels, at least 2.
    parameter int unsigned CropSize    = 64,
    // Constant channels after the three colours, 0 or more.
    parameter int unsigned KeyChannels = 0
) (
    input  wire logic                                         clk_i,
    input  wire logic                                         rst_ni,

    // Region inside the frame: {height, width, y, x}.
    input  wire logic [4*SideWidth-1:0]                       s_region_tdata,
    input  wire logic                                         s_region_tvalid,
    output logic                                              s_region_tready,

    // The key's bytes; one unused byte if there are no key channels.
    input  wire logic [8*(KeyChannels > 0 ? KeyChannels : 1)-1:0] key_i,

    // Read port of the frame store.
    output logic                                              rd_en_o,
    output logic [SideWidth-1:0]                              rd_left_o,
    output logic [SideWidth-1:0]                              rd_right_o,
    output logic [SideWidth-1:0]                              rd_upper_o,
    output logic [SideWidth-1:0]                              rd_lower_o,
    input  wire logic [3:0][23:0]                             rd_data_i,

    // The crop in raster order, colours in the low bytes; tlast on its last pixel.
    output logic [24+8*KeyChannels-1:0]                       m_axis_tdata,
    output logic                                              m_axis_tvalid,
    input  wire logic                                         m_axis_tready,
    output logic                                              m_axis_tlast
);

    if (CropSize < 2 || CropSize >= (1 << SideWidth)) begin : gen_bad_size
        $fatal(1, "video_crop_resize: CropSize = %0d, must be at least 2 and fit in SideWidth = %0d bits",
               CropSize, SideWidth);
    end

    logic [23:0] pixel;
    logic        unused_row_end;

    video_resampler #(
        .SideWidth(SideWidth)
    ) u_resampler (
        .clk_i,
        .rst_ni,
        .s_rect_tvalid  (s_region_tvalid),
        .s_rect_tready  (s_region_tready),
        .source_x_i     (s_region_tdata[0*SideWidth +: SideWidth]),
        .source_y_i     (s_region_tdata[1*SideWidth +: SideWidth]),
        .source_width_i (s_region_tdata[2*SideWidth +: SideWidth]),
        .source_height_i(s_region_tdata[3*SideWidth +: SideWidth]),
        .target_width_i (SideWidth'(CropSize)),
        .target_height_i(SideWidth'(CropSize)),
        .rd_en_o,
        .rd_left_o,
        .rd_right_o,
        .rd_upper_o,
        .rd_lower_o,
        .rd_data_i,
        .m_axis_tdata   (pixel),
        .m_axis_tvalid,
        .m_axis_tready,
        .m_axis_tuser   (unused_row_end),
        .m_axis_tlast
    );

    if (KeyChannels > 0) begin : gen_key
        logic [8*KeyChannels-1:0] key_q;
        always_ff @(posedge clk_i) if (s_region_tvalid && s_region_tready) key_q <= key_i;
        assign m_axis_tdata = {key_q, pixel};

`ifndef SYNTHESIS
        a_key : assert property (@(posedge clk_i) disable iff (!rst_ni)
            m_axis_tvalid && !(m_axis_tready && m_axis_tlast) |=> $stable(key_q))
            else $error("video_crop_resize: the key changed within a crop");
`endif
    end else begin : gen_no_key
        wire logic unused = |key_i;
        assign m_axis_tdata = pixel;
    end

endmodule

`default_nettype wire
