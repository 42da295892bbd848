/// The camera without its accelerators and registers: raw video in, anonymised frames and their metadata out.
///
/// One or two frame stores: with two, the next frame comes in while one is processed. Raw pixels leave only towards the
/// detector (halved) and the modifier (crops), both on the chip.

`default_nettype none

module camera_core #(
    // Columns and rows of the frame, multiples of 16.
    parameter int unsigned Width           = 320,
    parameter int unsigned Height          = 240,
    // Side of the modifier's pictures, even, at least 8.
    parameter int unsigned CropSize        = 64,
    // Faces at most, 1 to 32.
    parameter int unsigned MaxFaces        = 4,
    // Constant channels after a crop's three colours, 0 or more.
    parameter int unsigned KeyChannels     = 0,
    // Frames stored, 1 or 2.
    parameter int unsigned Buffers         = 1,
    // Every cell of the map from the threshold on may be a face; else only those higher than their neighbours.
    parameter bit          EveryCell       = 1'b0,
    // Frames that can wait for their delivery, at least 2.
    parameter int unsigned QueueDepth      = 4,
    // Time limits in cycles: a pixel inside a frame, the detector's answer, the modifier's for one face.
    parameter int unsigned SourceTimeout   = 1_000_000,
    parameter int unsigned DetectorTimeout = 300_000,
    parameter int unsigned ModifierTimeout = 520_000,
    // Pixels in a word of the frame store, and its memory: 1 and "block", 3 and "ultra".
    parameter int unsigned Lanes           = 1,
    parameter              RamStyle        = "block"
) (
    input  wire logic                           clk_i,
    input  wire logic                           rst_ni,

    // Control: see the register map. The threshold counts from the next frame on.
    input  wire logic                           run_i,
    input  wire logic                           soft_reset_i,
    input  wire logic [7:0]                     threshold_i,
    input  wire logic [8*(KeyChannels > 0 ? KeyChannels : 1)-1:0] key_i,

    // Raw video.
    input  wire logic [23:0]                    s_axis_tdata,
    input  wire logic                           s_axis_tvalid,
    output logic                                s_axis_tready,
    input  wire logic                           s_axis_tuser,
    input  wire logic                           s_axis_tlast,

    // To and from the face detector, which is reset while flush_detector_o is high.
    output logic                                flush_detector_o,
    output logic [23:0]                         m_half_tdata,
    output logic                                m_half_tvalid,
    input  wire logic                           m_half_tready,
    output logic                                m_half_tlast,
    input  wire logic [39:0]                    s_cells_tdata,
    input  wire logic                           s_cells_tvalid,
    output logic                                s_cells_tready,
    input  wire logic                           s_cells_tlast,

    // To and from the face modifier, which is reset while flush_modifier_o is high.
    output logic                                flush_modifier_o,
    output logic [24+8*KeyChannels-1:0]         m_crop_tdata,
    output logic                                m_crop_tvalid,
    input  wire logic                           m_crop_tready,
    output logic                                m_crop_tlast,
    input  wire logic [23:0]                    s_modified_tdata,
    input  wire logic                           s_modified_tvalid,
    output logic                                s_modified_tready,
    input  wire logic                           s_modified_tlast,

    // Anonymised video, and one metadata beat after each frame.
    output logic [23:0]                         m_axis_tdata,
    output logic                                m_axis_tvalid,
    input  wire logic                           m_axis_tready,
    output logic                                m_axis_tuser,
    output logic                                m_axis_tlast,
    output logic [64*(1+MaxFaces)-1:0]          m_meta_tdata,
    output logic                                m_meta_tvalid,
    input  wire logic                           m_meta_tready,

    // For the registers: a frame began, a frame was dropped, faults of this cycle by code, what is going on.
    output logic                                frame_in_o,
    output logic                                dropped_o,
    output logic [31:0]                         faults_o,
    output logic                                capturing_o,
    output logic                                processing_o,
    output logic                                delivering_o
);

    import camera_pkg::*;

    if (Width % Cell != 0 || Height % Cell != 0 || Width < Cell || Height < Cell
            || Width > MaxSide || Height > MaxSide) begin : gen_bad_size
        $fatal(1, "camera_core: %0d x %0d pixels, must be multiples of %0d up to %0d", Width, Height, Cell, MaxSide);
    end
    if (MaxFaces < 1 || MaxFaces > MostFaces || CropSize < 8 || CropSize % 2 != 0) begin : gen_bad_faces
        $fatal(1, "camera_core: MaxFaces = %0d, must be 1 to %0d; CropSize = %0d, must be even and at least 8",
               MaxFaces, MostFaces, CropSize);
    end

    localparam int unsigned Longer    = Width > Height ? Width : Height;
    localparam int unsigned SideWidth = $clog2((Longer > CropSize ? Longer : CropSize) + 1);
    localparam int unsigned XWidth    = $clog2(Width);
    localparam int unsigned YWidth    = $clog2(Height);
    localparam int unsigned FaceWidth = $clog2(MaxFaces > 1 ? MaxFaces : 2);
    localparam int unsigned CropX     = $clog2(CropSize);
    localparam int unsigned CropY     = $clog2(CropSize * MaxFaces);

    typedef logic [SideWidth-1:0] side_t;
    typedef struct packed {
        logic  en;
        side_t left, right, upper, lower;
    } read_t;
    typedef struct packed {
        logic        en;
        side_t       x, y;
        logic [23:0] data;
    } write_t;

    function automatic logic [4*SideWidth-1:0] narrow(input logic [63:0] region);
        return {side_t'(region[63:48]), side_t'(region[47:32]), side_t'(region[31:16]), side_t'(region[15:0])};
    endfunction

    logic   begins, ends, frees, room, half_start, half_waits, half_open, cells_open, cells_ready;
    logic   crop_valid, crop_ready, paste_valid, paste_ready, paste_done, result_valid, result_ready;
    logic   found, pasted, fail, cropping, pasting, paste_en, flush_engines;
    logic   store_buffer, half_buffer, process_buffer;
    fault_e begin_fault, end_fault, fail_fault;
    read_t  half_read, crop_read;
    side_t  egress_left, egress_upper;
    logic   egress_en;
    write_t ingress_write, paste_write;
    side_t  rows;
    logic [15:0]                   half_rows;
    logic [31:0]                   begin_number, decided_faults;
    logic [Buffers-1:0]            reading;
    logic [1:0][3:0][23:0]         pixels;  // of each store
    logic [7:0]                    threshold_q, next_threshold_q;
    logic [63:0]                   crop_region, paste_region;
    logic [FaceWidth-1:0]          paste_face;
    logic [64*MaxFaces+15:0]       result;
    logic [64*(1+MaxFaces)-1:0]    frame;
    logic                          frame_valid, frame_ready;
    logic [3:0][23:0]              crop_pixels;
    logic                          crop_read_en;
    logic [CropX-1:0]              crop_x, crop_left, crop_right;
    logic [CropY-1:0]              crop_y, crop_upper, crop_lower;

    wire logic detect_rst_n = rst_ni && !flush_detector_o;
    wire logic engine_rst_n = rst_ni && !flush_engines;
    wire logic unused_rows  = |half_rows;
    wire logic stores       = begins && begin_fault == FaultNone;

    assign frame_in_o       = begins || dropped_o;
    assign delivering_o     = !frame_ready;
    always_comb begin
        faults_o = decided_faults;
        if (begins) faults_o |= 32'd1 << begin_fault;
        if (dropped_o) faults_o |= 32'd1 << FaultOverrun;
        faults_o[0] = 1'b0;
    end

    // A frame's threshold is that of its beginning; the frame before it may still be waiting for its regions.
    always_ff @(posedge clk_i) begin
        if (stores) next_threshold_q <= threshold_i;
        if (half_start) threshold_q <= next_threshold_q;
    end

    video_ingress #(
        .Width(Width), .Height(Height), .SideWidth(SideWidth), .SourceTimeout(SourceTimeout)
    ) u_ingress (
        .clk_i, .rst_ni, .run_i, .soft_reset_i, .free_i(frees && !half_waits), .room_i(room),
        .s_axis_tdata, .s_axis_tvalid, .s_axis_tready, .s_axis_tuser, .s_axis_tlast,
        .wr_en_o(ingress_write.en), .wr_x_o(ingress_write.x), .wr_y_o(ingress_write.y),
        .wr_data_o(ingress_write.data), .rows_o(rows),
        .begin_o(begins), .begin_number_o(begin_number), .begin_fault_o(begin_fault), .dropped_o,
        .end_o(ends), .end_fault_o(end_fault), .capturing_o
    );

    // A store is written by the ingress or by the paste, and read for the picture, for crops, or to be halved. A paste
    // that was given up writes no more: the next frame may be coming in already.
    assign paste_write.en = paste_en && pasting;
    for (genvar b = 0; b < int'(Buffers); b++) begin : gen_store
        wire logic pastes  = paste_write.en && process_buffer == 1'(b);
        wire logic fills   = ingress_write.en && store_buffer == 1'(b);
        wire write_t write = pastes ? paste_write : ingress_write;
        wire read_t  read  = reading[b] ? {egress_en, egress_left, egress_left, egress_upper, egress_upper}
                           : cropping && process_buffer == 1'(b) ? crop_read : half_read;
        video_frame_store #(
            .Width(Width), .Height(Height), .Lanes(Lanes), .RamStyle(RamStyle)
        ) u_store (
            .clk_i, .wr_en_i(write.en && (pastes || fills)), .wr_x_i(write.x[XWidth-1:0]), .wr_y_i(write.y[YWidth-1:0]),
            .wr_data_i(write.data),
            .rd_en_i(read.en), .rd_left_i(read.left[XWidth-1:0]), .rd_right_i(read.right[XWidth-1:0]),
            .rd_upper_i(read.upper[YWidth-1:0]), .rd_lower_i(read.lower[YWidth-1:0]), .rd_data_o(pixels[b])
        );

`ifndef SYNTHESIS
        a_write : assert property (@(posedge clk_i) disable iff (!rst_ni) !(pastes && fills))
            else $error("camera_core: two writes to a frame store");
        a_picture : assert property (@(posedge clk_i) disable iff (!rst_ni)
            reading[b] |-> !pastes && !fills && !(cropping && process_buffer == 1'(b)))
            else $error("camera_core: a picture is written while it is delivered");
`endif
    end
    if (Buffers == 1) begin : gen_one assign pixels[1] = '0; end
    video_downscale #(
        .Width(Width), .Height(Height), .SideWidth(SideWidth)
    ) u_downscale (
        .clk_i, .rst_ni(detect_rst_n), .start_i(half_start), .rows_i(side_t'(half_rows)),
        .rd_en_o(half_read.en), .rd_left_o(half_read.left), .rd_right_o(half_read.right),
        .rd_upper_o(half_read.upper), .rd_lower_o(half_read.lower), .rd_data_i(pixels[half_buffer]),
        .m_axis_tdata(m_half_tdata), .m_axis_tvalid(m_half_tvalid), .m_axis_tready(half_open),
        .m_axis_tlast(m_half_tlast)
    );
    assign half_open = m_half_tready && !flush_detector_o;

    assign s_cells_tready = cells_ready && cells_open;
    video_box_decode #(
        .Columns(Width / Cell), .Rows(Height / Cell), .MaxFaces(MaxFaces), .EveryCell(EveryCell)
    ) u_decode (
        .clk_i, .rst_ni(detect_rst_n), .threshold_i(threshold_q),
        .s_axis_tdata(s_cells_tdata), .s_axis_tvalid(s_cells_tvalid && cells_open), .s_axis_tready(cells_ready),
        .s_axis_tlast(s_cells_tlast),
        .m_result_tdata(result), .m_result_tvalid(result_valid), .m_result_tready(result_ready)
    );

    video_sequencer #(
        .Width(Width), .Height(Height), .CropSize(CropSize), .MaxFaces(MaxFaces),
        .DetectorTimeout(DetectorTimeout), .ModifierTimeout(ModifierTimeout)
    ) u_sequencer (
        .clk_i, .rst_ni, .soft_reset_i,
        .stores_i(stores), .store_buffer_i(store_buffer), .rows_i(16'(rows)), .end_i(ends), .end_fault_i(end_fault),
        .half_start_o(half_start), .half_waits_o(half_waits), .half_buffer_o(half_buffer), .half_rows_o(half_rows),
        .half_done_i(m_half_tvalid && half_open && m_half_tlast),
        .cells_open_o(cells_open), .cells_valid_i(s_cells_tvalid),
        .s_result_tdata(result), .s_result_tvalid(result_valid), .s_result_tready(result_ready),
        .m_crop_tdata(crop_region), .m_crop_tvalid(crop_valid), .m_crop_tready(crop_ready),
        .s_modified_tvalid, .s_modified_tready, .s_modified_tlast, .crop_x_o(crop_x), .crop_y_o(crop_y),
        .m_paste_tdata(paste_region), .m_paste_tuser(paste_face), .m_paste_tvalid(paste_valid),
        .m_paste_tready(paste_ready), .paste_done_i(paste_done),
        .found_o(found), .pasted_o(pasted), .fail_o(fail), .fail_fault_o(fail_fault),
        .cropping_o(cropping), .pasting_o(pasting), .processing_o, .process_buffer_o(process_buffer),
        .flush_detector_o, .flush_engines_o(flush_engines), .flush_modifier_o
    );

    video_crop_resize #(
        .SideWidth(SideWidth), .CropSize(CropSize), .KeyChannels(KeyChannels)
    ) u_crop (
        .clk_i, .rst_ni(engine_rst_n), .key_i,
        .s_region_tdata(narrow(crop_region)), .s_region_tvalid(crop_valid), .s_region_tready(crop_ready),
        .rd_en_o(crop_read.en), .rd_left_o(crop_read.left), .rd_right_o(crop_read.right),
        .rd_upper_o(crop_read.upper), .rd_lower_o(crop_read.lower), .rd_data_i(pixels[process_buffer]),
        .m_axis_tdata(m_crop_tdata), .m_axis_tvalid(m_crop_tvalid), .m_axis_tready(m_crop_tready),
        .m_axis_tlast(m_crop_tlast)
    );

    video_frame_store #(
        .Width(CropSize), .Height(CropSize * MaxFaces)
    ) u_crop_store (
        .clk_i, .wr_en_i(s_modified_tvalid && s_modified_tready), .wr_x_i(crop_x), .wr_y_i(crop_y),
        .wr_data_i(s_modified_tdata),
        .rd_en_i(crop_read_en), .rd_left_i(crop_left), .rd_right_i(crop_right),
        .rd_upper_i(crop_upper), .rd_lower_i(crop_lower), .rd_data_o(crop_pixels)
    );

    video_paste #(
        .SideWidth(SideWidth), .CropSize(CropSize), .MaxFaces(MaxFaces)
    ) u_paste (
        .clk_i, .rst_ni(engine_rst_n),
        .s_region_tdata(narrow(paste_region)), .s_region_tuser(paste_face), .s_region_tvalid(paste_valid),
        .s_region_tready(paste_ready),
        .rd_en_o(crop_read_en), .rd_left_o(crop_left), .rd_right_o(crop_right),
        .rd_upper_o(crop_upper), .rd_lower_o(crop_lower), .rd_data_i(crop_pixels),
        .wr_en_o(paste_en), .wr_x_o(paste_write.x), .wr_y_o(paste_write.y), .wr_data_o(paste_write.data),
        .done_o(paste_done)
    );

    video_release_guard #(
        .MaxFaces(MaxFaces), .Buffers(Buffers), .Depth(QueueDepth)
    ) u_guard (
        .clk_i, .rst_ni, .soft_reset_i, .room_o(room), .free_o(frees), .store_buffer_o(store_buffer),
        .begin_i(begins), .begin_number_i(begin_number), .begin_fault_i(begin_fault),
        .end_i(ends), .end_fault_i(end_fault),
        .process_buffer_i(process_buffer), .found_i(found), .found_data_i(result[64*MaxFaces+15:8]), .pasted_i(pasted),
        .fail_i(fail), .fail_fault_i(fail_fault),
        .m_frame_tdata(frame), .m_frame_tvalid(frame_valid), .m_frame_tready(frame_ready),
        .delivered_i(m_meta_tvalid && m_meta_tready), .reading_o(reading), .faults_o(decided_faults)
    );

    // A store is seen by the egress while the guard has its picture released, and at no other time.
    wire logic [23:0] picture = (reading[0] ? pixels[0][0] : '0) | (reading[Buffers-1] ? pixels[Buffers-1][0] : '0);
    video_egress #(
        .Width(Width), .Height(Height), .SideWidth(SideWidth), .MaxFaces(MaxFaces)
    ) u_egress (
        .clk_i, .rst_ni, .s_frame_tdata(frame), .s_frame_tvalid(frame_valid), .s_frame_tready(frame_ready),
        .rd_en_o(egress_en), .rd_left_o(egress_left), .rd_upper_o(egress_upper),
        .rd_data_i(picture),
        .m_axis_tdata, .m_axis_tvalid, .m_axis_tready, .m_axis_tuser, .m_axis_tlast,
        .m_meta_tdata, .m_meta_tvalid, .m_meta_tready
    );

endmodule

`default_nettype wire
