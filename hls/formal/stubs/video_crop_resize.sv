/// Stand-in of video_crop_resize in the proof of the release path: any reads; regions are accepted at any moment.

`default_nettype none

module video_crop_resize #(
    parameter int unsigned SideWidth   = 10,
    parameter int unsigned CropSize    = 64,
    parameter int unsigned KeyChannels = 0
) (
    input  wire logic                                         clk_i,
    input  wire logic                                         rst_ni,
    input  wire logic [4*SideWidth-1:0]                       s_region_tdata,
    input  wire logic                                         s_region_tvalid,
    output logic                                              s_region_tready,
    input  wire logic [8*(KeyChannels > 0 ? KeyChannels : 1)-1:0] key_i,
    output logic                                              rd_en_o,
    output logic [SideWidth-1:0]                              rd_left_o,
    output logic [SideWidth-1:0]                              rd_right_o,
    output logic [SideWidth-1:0]                              rd_upper_o,
    output logic [SideWidth-1:0]                              rd_lower_o,
    input  wire logic [3:0][23:0]                             rd_data_i,
    output logic [24+8*KeyChannels-1:0]                       m_axis_tdata,
    output logic                                              m_axis_tvalid,
    input  wire logic                                         m_axis_tready,
    output logic                                              m_axis_tlast
);

    assign {rd_left_o, rd_right_o, rd_upper_o, rd_lower_o} = (4 * SideWidth)'($root.harness.crop_read >> 1);
    assign rd_en_o         = $root.harness.crop_read[0];
    assign s_region_tready = $root.harness.crop_accepts;
    assign m_axis_tdata    = '0;
    assign m_axis_tvalid   = 1'b0;
    assign m_axis_tlast    = 1'b0;

endmodule

`default_nettype wire
