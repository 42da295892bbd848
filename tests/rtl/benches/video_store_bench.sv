/// Test bench of the blocks around a frame store: each frame is stored and halved, Faces regions of it are cropped, as
/// many crops are pasted, and the frame is delivered.

`default_nettype none

module video_store_bench #(
    parameter int unsigned Width       = 32,
    parameter int unsigned Height      = 24,
    parameter int unsigned CropSize    = 8,
    parameter int unsigned Faces       = 2,
    parameter int unsigned KeyChannels = 0,
    parameter int unsigned Lanes       = 1
) (
    input  wire logic                       clk_i,
    input  wire logic                       rst_ni,

    input  wire logic [23:0]                s_axis_tdata,
    input  wire logic                       s_axis_tvalid,
    output logic                            s_axis_tready,

    // Fault code of the frame: not 0 delivers it black.
    input  wire logic [7:0]                 s_fault_tdata,
    input  wire logic                       s_fault_tvalid,
    output logic                            s_fault_tready,

    // {height, width, y, x}, 16 bits each.
    input  wire logic [63:0]                s_region_tdata,
    input  wire logic                       s_region_tvalid,
    output logic                            s_region_tready,

    input  wire logic [23:0]                s_crop_tdata,
    input  wire logic                       s_crop_tvalid,
    output logic                            s_crop_tready,

    output logic [23:0]                     m_half_tdata,
    output logic                            m_half_tvalid,
    input  wire logic                       m_half_tready,
    output logic                            m_half_tlast,

    output logic [24+8*KeyChannels-1:0]     m_crop_tdata,
    output logic                            m_crop_tvalid,
    input  wire logic                       m_crop_tready,

    // The pixel, start of frame, end of line.
    output logic [31:0]                     m_frame_tdata,
    output logic                            m_frame_tvalid,
    input  wire logic                       m_frame_tready,

    output logic [64*(1+Faces)-1:0]         m_meta_tdata,
    output logic                            m_meta_tvalid,
    input  wire logic                       m_meta_tready,

    // Cycles from the start to the end of the last phase of each kind.
    output logic [31:0]                     mon_crop,
    output logic [31:0]                     mon_paste
);

    localparam int unsigned SideWidth = $clog2((Width > Height ? Width : Height) + 1);
    localparam int unsigned XWidth    = $clog2(Width);
    localparam int unsigned YWidth    = $clog2(Height);
    localparam int unsigned CropRows  = CropSize * Faces;

    typedef logic [SideWidth-1:0] side_t;
    typedef enum logic [2:0] { Store, Crop, Paste, Release, Deliver } phase_e;

    phase_e      phase_q;
    side_t       x_q, y_q;          // next pixel that is stored
    logic [31:0] face_q, crop_x_q, crop_y_q, crops_q, number_q;
    logic        halved_q, storing_q;
    logic [63:0] region_q [Faces];

    wire logic store      = s_axis_tvalid && s_axis_tready;
    wire logic crop_in    = s_crop_tvalid && s_crop_tready;
    wire logic row_end    = x_q == side_t'(Width - 1);
    wire logic half_done  = m_half_tvalid && m_half_tready && m_half_tlast;

    logic crop_ready, unused_ready, paste_done, crop_last, egress_ready;
    wire logic paste_go  = phase_q == Paste && face_q < Faces && crops_q == Faces;
    wire logic crop_done = m_crop_tvalid && m_crop_tready && crop_last;

    assign s_axis_tready   = phase_q == Store && storing_q && y_q != side_t'(Height);
    assign s_crop_tready   = phase_q inside {Store, Crop, Paste} && crops_q != Faces;
    assign s_region_tready = phase_q == Crop && crop_ready && face_q < Faces;
    assign s_fault_tready  = phase_q == Release && egress_ready;

    // Frame store and who reads it in each phase.
    logic  half_en, crop_en, egress_en, read_en;
    side_t half_left, half_right, half_upper, half_lower, crop_left, crop_right, crop_upper, crop_lower;
    side_t egress_left, egress_upper, read_left, read_right, read_upper, read_lower, paste_x, paste_y;
    logic  paste_en;
    logic [23:0]      paste_data;
    logic [3:0][23:0] pixels;

    always_comb begin
        unique case (phase_q)
            Store: {read_en, read_left, read_right, read_upper, read_lower} =
                {half_en, half_left, half_right, half_upper, half_lower};
            Crop: {read_en, read_left, read_right, read_upper, read_lower} =
                {crop_en, crop_left, crop_right, crop_upper, crop_lower};
            default: {read_en, read_left, read_right, read_upper, read_lower} =
                {egress_en, egress_left, egress_left, egress_upper, egress_upper};
        endcase
    end

    video_frame_store #(
        .Width (Width),
        .Height(Height),
        .Lanes (Lanes)
    ) u_store (
        .clk_i,
        .wr_en_i   (store || paste_en),
        .wr_x_i    (paste_en ? paste_x[XWidth-1:0] : x_q[XWidth-1:0]),
        .wr_y_i    (paste_en ? paste_y[YWidth-1:0] : y_q[YWidth-1:0]),
        .wr_data_i (paste_en ? paste_data : s_axis_tdata),
        .rd_en_i   (read_en),
        .rd_left_i (read_left[XWidth-1:0]),
        .rd_right_i(read_right[XWidth-1:0]),
        .rd_upper_i(read_upper[YWidth-1:0]),
        .rd_lower_i(read_lower[YWidth-1:0]),
        .rd_data_o (pixels)
    );

    video_downscale #(
        .Width    (Width),
        .Height   (Height),
        .SideWidth(SideWidth)
    ) u_downscale (
        .clk_i,
        .rst_ni,
        .start_i      (phase_q == Store && !storing_q),
        .rows_i       (y_q),
        .rd_en_o      (half_en),
        .rd_left_o    (half_left),
        .rd_right_o   (half_right),
        .rd_upper_o   (half_upper),
        .rd_lower_o   (half_lower),
        .rd_data_i    (pixels),
        .m_axis_tdata (m_half_tdata),
        .m_axis_tvalid(m_half_tvalid),
        .m_axis_tready(m_half_tready),
        .m_axis_tlast (m_half_tlast)
    );

    video_crop_resize #(
        .SideWidth  (SideWidth),
        .CropSize   (CropSize),
        .KeyChannels(KeyChannels)
    ) u_crop (
        .clk_i,
        .rst_ni,
        .s_region_tdata ({s_region_tdata[48 +: SideWidth], s_region_tdata[32 +: SideWidth],
                          s_region_tdata[16 +: SideWidth], s_region_tdata[0 +: SideWidth]}),
        .s_region_tvalid(s_region_tvalid && phase_q == Crop && face_q < Faces),
        .s_region_tready(crop_ready),
        .key_i          ($bits(u_crop.key_i)'(face_q + 1)),
        .rd_en_o        (crop_en),
        .rd_left_o      (crop_left),
        .rd_right_o     (crop_right),
        .rd_upper_o     (crop_upper),
        .rd_lower_o     (crop_lower),
        .rd_data_i      (pixels),
        .m_axis_tdata   (m_crop_tdata),
        .m_axis_tvalid  (m_crop_tvalid),
        .m_axis_tready  (m_crop_tready),
        .m_axis_tlast   (crop_last)
    );

    // Crop store and paste.
    logic                        crop_store_en;
    logic [$clog2(CropSize)-1:0] crop_store_left, crop_store_right;
    logic [$clog2(CropRows)-1:0] crop_store_upper, crop_store_lower;
    logic [3:0][23:0]            crop_pixels;
    video_frame_store #(
        .Width (CropSize),
        .Height(CropRows)
    ) u_crop_store (
        .clk_i,
        .wr_en_i   (crop_in),
        .wr_x_i    ($clog2(CropSize)'(crop_x_q)),
        .wr_y_i    ($clog2(CropRows)'(crop_y_q)),
        .wr_data_i (s_crop_tdata),
        .rd_en_i   (crop_store_en),
        .rd_left_i (crop_store_left),
        .rd_right_i(crop_store_right),
        .rd_upper_i(crop_store_upper),
        .rd_lower_i(crop_store_lower),
        .rd_data_o (crop_pixels)
    );

    wire logic [63:0] paste_region = region_q[$clog2(Faces > 1 ? Faces : 2)'(face_q)];
    video_paste #(
        .SideWidth(SideWidth),
        .CropSize (CropSize),
        .MaxFaces (Faces)
    ) u_paste (
        .clk_i,
        .rst_ni,
        .s_region_tdata ({paste_region[48 +: SideWidth], paste_region[32 +: SideWidth],
                          paste_region[16 +: SideWidth], paste_region[0 +: SideWidth]}),
        .s_region_tuser ($clog2(Faces > 1 ? Faces : 2)'(face_q)),
        .s_region_tvalid(paste_go),
        .s_region_tready(unused_ready),
        .rd_en_o        (crop_store_en),
        .rd_left_o      (crop_store_left),
        .rd_right_o     (crop_store_right),
        .rd_upper_o     (crop_store_upper),
        .rd_lower_o     (crop_store_lower),
        .rd_data_i      (crop_pixels),
        .wr_en_o        (paste_en),
        .wr_x_o         (paste_x),
        .wr_y_o         (paste_y),
        .wr_data_o      (paste_data),
        .done_o         (paste_done)
    );

    logic [64*(1+Faces)-1:0] beat;
    always_comb begin
        beat       = '0;
        beat[63:0] = {8'd0, 8'(camera_pkg::MetadataFormat), s_fault_tdata == '0 ? 8'(Faces) : 8'd0, s_fault_tdata,
                      number_q};
        for (int unsigned k = 0; k < Faces; k++) if (s_fault_tdata == '0) beat[64*(k+1) +: 64] = region_q[k];
    end

    video_egress #(
        .Width    (Width),
        .Height   (Height),
        .SideWidth(SideWidth),
        .MaxFaces (Faces)
    ) u_egress (
        .clk_i,
        .rst_ni,
        .s_frame_tdata (beat),
        .s_frame_tvalid(s_fault_tvalid && phase_q == Release),
        .s_frame_tready(egress_ready),
        .rd_en_o       (egress_en),
        .rd_left_o     (egress_left),
        .rd_upper_o    (egress_upper),
        .rd_data_i     (pixels[0]),
        .m_axis_tdata  (m_frame_tdata[23:0]),
        .m_axis_tvalid (m_frame_tvalid),
        .m_axis_tready (m_frame_tready),
        .m_axis_tuser  (m_frame_tdata[24]),
        .m_axis_tlast  (m_frame_tdata[25]),
        .m_meta_tdata,
        .m_meta_tvalid,
        .m_meta_tready
    );
    assign m_frame_tdata[31:26] = '0;

    always_ff @(posedge clk_i) begin
        if (!rst_ni) begin
            phase_q <= Store;
            {storing_q, halved_q} <= '0;
            {x_q, y_q} <= '0;
            {face_q, crop_x_q, crop_y_q, crops_q, number_q} <= '0;
            {mon_crop, mon_paste} <= '0;
        end else begin
            if (phase_q == Store) storing_q <= 1'b1;
            if (half_done) halved_q <= 1'b1;
            if (store) begin
                x_q <= row_end ? '0 : x_q + 1'b1;
                if (row_end) y_q <= y_q + 1'b1;
            end
            if (crop_in) begin
                crop_x_q <= crop_x_q == CropSize - 1 ? '0 : crop_x_q + 1;
                if (crop_x_q == CropSize - 1) crop_y_q <= crop_y_q + 1;
                if (crop_x_q == CropSize - 1 && (crop_y_q + 1) % CropSize == 0) crops_q <= crops_q + 1;
            end
            unique case (phase_q)
                Store: if (y_q == side_t'(Height) && halved_q) begin
                    phase_q  <= Crop;
                    face_q   <= '0;
                    mon_crop <= '0;
                end
                Crop: begin
                    mon_crop <= mon_crop + 1;
                    if (s_region_tvalid && s_region_tready) begin
                        region_q[$clog2(Faces > 1 ? Faces : 2)'(face_q)] <= s_region_tdata;
                        face_q <= face_q + 1;
                    end
                    if (crop_done && face_q == Faces) begin
                        phase_q   <= Paste;
                        face_q    <= '0;
                        mon_paste <= '0;
                    end
                end
                Paste: begin
                    mon_paste <= mon_paste + 1;
                    if (paste_done) begin
                        face_q <= face_q + 1;
                        if (face_q == Faces - 1) phase_q <= Release;
                    end
                end
                Release: if (s_fault_tvalid && egress_ready) phase_q <= Deliver;
                default: if (m_meta_tvalid && m_meta_tready) begin
                    phase_q <= Store;
                    {storing_q, halved_q} <= '0;
                    {x_q, y_q} <= '0;
                    {crop_x_q, crop_y_q, crops_q} <= '0;
                    number_q <= number_q + 1;
                end
            endcase
        end
    end

endmodule

`default_nettype wire
