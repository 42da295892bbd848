/// Test bench of `camera_shell` with a scripted source and with simple accelerators that the picture itself commands.
///
/// The detector copies pixels of the halved frame into its cells; the modifier inverts. The halved frame's last pixel,
/// if its green and blue are 25 and 5A, makes an accelerator fail in the way its red says: 1 detector never answers,
/// 2 answers a cell too few, 3 one too many; 4 to 6 the same for the modifier.

`default_nettype none

module camera_bench #(
    parameter int unsigned Width           = 48,
    parameter int unsigned Height          = 32,
    parameter int unsigned CropSize        = 8,
    parameter int unsigned MaxFaces        = 2,
    parameter int unsigned Buffers         = 1,
    parameter int unsigned KeyChannels     = 0,
    parameter bit          EveryCell       = 1'b0,
    parameter int unsigned Threshold       = 255,
    parameter int unsigned Lanes           = 1,
    parameter int unsigned SourceTimeout   = 50,
    parameter int unsigned DetectorTimeout = 2000,
    parameter int unsigned ModifierTimeout = 2000
) (
    input  wire logic                       clk_i,
    input  wire logic                       rst_ni,

    // {address: 16, idle cycles before it: 16, kind: 8, data: 32}; kind bit 0 sof, 1 eol, 2 wait until all frames are
    // delivered, 3 no pixel but a register write, 4 a register read, 5 stop (data 1) or resume (0) the sink, 6 pad what
    // came out to so many frames, with pixels whose bit 31 is set and metadata that is 0.
    input  wire logic [71:0]                s_script_tdata,
    input  wire logic                       s_script_tvalid,
    output logic                            s_script_tready,

    // Words that were read.
    output logic [31:0]                     m_read_tdata,
    output logic                            m_read_tvalid,
    input  wire logic                       m_read_tready,

    // The pixel, start of frame, end of line; 31 a pixel of the padding.
    output logic [31:0]                     m_frame_tdata,
    output logic                            m_frame_tvalid,
    input  wire logic                       m_frame_tready,

    output logic [64*(1+MaxFaces)-1:0]      m_meta_tdata,
    output logic                            m_meta_tvalid,
    input  wire logic                       m_meta_tready,

    // Cycles from the last good frame's last pixel to its first one out.
    output logic [31:0]                     mon_latency
);

    localparam int unsigned Columns = Width / 16;
    localparam int unsigned Cells   = Columns * (Height / 16);
    localparam int unsigned Crop    = CropSize * CropSize;

    logic        flush_detector, flush_modifier, started_q, held_q;
    logic [23:0] video;
    logic        video_valid, video_user, video_last, meta_valid;
    logic [64*(1+MaxFaces)-1:0] meta;
    logic [31:0] idle_q, quiet_q;
    logic [31:0] padded_q, pad_q;  // frames that came out, pixels of the padding
    logic [23:0] half, modified;
    logic [24+8*KeyChannels-1:0] crop;
    logic        half_valid, half_ready, half_last, crop_valid, crop_ready, crop_last;
    logic        cells_valid, cells_ready, cells_last, modified_valid, modified_ready, modified_last;
    logic [39:0] cells;

    // Source and bus. A write is over when its response is there, a read when its word is taken.
    logic bus_sent_q, awready, arready, bvalid, rvalid;
    wire logic capturing = u_shell.capturing;
    wire logic busy      = capturing || u_shell.processing || u_shell.delivering || video_valid || meta_valid;
    wire logic quiet     = quiet_q == 40;  // longer than a flush and than the camera's silence between two steps
    wire logic due       = s_script_tvalid && idle_q == 32'(s_script_tdata[55:40]) && (!s_script_tdata[34] || quiet);
    wire logic writes    = due && s_script_tdata[35];
    wire logic reads     = due && s_script_tdata[36];
    // An offered beat is not withdrawn: the sink stops behind one.
    wire logic offered   = (video_valid && !m_frame_tready) || (meta_valid && !m_meta_tready);
    wire logic holds     = due && s_script_tdata[37] && (held_q || !offered);
    wire logic pads      = due && s_script_tdata[38] && padded_q < s_script_tdata[31:0];
    assign s_script_tready = writes ? bvalid : reads ? rvalid && m_read_tready
                           : s_script_tdata[37] ? holds : due && !pads;
    assign m_read_tvalid   = reads && rvalid;

    always_ff @(posedge clk_i) begin
        if (!rst_ni) begin
            {started_q, bus_sent_q} <= '0;
            {idle_q, quiet_q, mon_latency} <= '0;
        end else begin
            if (s_script_tvalid && s_script_tready) idle_q <= '0;
            else if (s_script_tvalid && idle_q != 32'(s_script_tdata[55:40])) idle_q <= idle_q + 1;
            if (s_script_tready) bus_sent_q <= 1'b0;
            else if ((writes && awready) || (reads && arready)) bus_sent_q <= 1'b1;
            quiet_q   <= busy ? '0 : quiet ? quiet_q : quiet_q + 1;
            started_q <= capturing ? 1'b0 : started_q || video_valid;
            if (capturing) mon_latency <= '0;
            else if (!started_q && !video_valid) mon_latency <= mon_latency + 1;
        end
    end

    camera_shell #(
        .Width(Width), .Height(Height), .CropSize(CropSize), .MaxFaces(MaxFaces), .Buffers(Buffers),
        .KeyChannels(KeyChannels), .EveryCell(EveryCell), .Threshold(Threshold),
        .SourceTimeout(SourceTimeout), .DetectorTimeout(DetectorTimeout), .ModifierTimeout(ModifierTimeout),
        .Lanes(Lanes)
    ) u_shell (
        .clk_i, .rst_ni, .irq_o(),
        .s_axi_awaddr(s_script_tdata[67:56]), .s_axi_awprot('0), .s_axi_awvalid(writes && !bus_sent_q),
        .s_axi_awready(awready), .s_axi_wdata(s_script_tdata[31:0]), .s_axi_wstrb('1),
        .s_axi_wvalid(writes && !bus_sent_q), .s_axi_wready(), .s_axi_bresp(), .s_axi_bvalid(bvalid),
        .s_axi_bready(writes), .s_axi_araddr(s_script_tdata[67:56]), .s_axi_arprot('0),
        .s_axi_arvalid(reads && !bus_sent_q), .s_axi_arready(arready), .s_axi_rdata(m_read_tdata), .s_axi_rresp(),
        .s_axi_rvalid(rvalid), .s_axi_rready(reads && m_read_tready),
        .s_axis_tdata(s_script_tdata[23:0]), .s_axis_tvalid(due && s_script_tdata[38:35] == '0), .s_axis_tready(),
        .s_axis_tuser(s_script_tdata[32]), .s_axis_tlast(s_script_tdata[33]),
        .flush_detector_o(flush_detector),
        .m_half_tdata(half), .m_half_tvalid(half_valid), .m_half_tready(half_ready), .m_half_tlast(half_last),
        .s_cells_tdata(cells), .s_cells_tvalid(cells_valid), .s_cells_tready(cells_ready), .s_cells_tlast(cells_last),
        .flush_modifier_o(flush_modifier),
        .m_crop_tdata(crop), .m_crop_tvalid(crop_valid), .m_crop_tready(crop_ready), .m_crop_tlast(crop_last),
        .s_modified_tdata(modified), .s_modified_tvalid(modified_valid), .s_modified_tready(modified_ready),
        .s_modified_tlast(modified_last),
        .m_axis_tdata(video), .m_axis_tvalid(video_valid), .m_axis_tready(video_valid && m_frame_tready && !held_q),
        .m_axis_tuser(video_user), .m_axis_tlast(video_last),
        .m_meta_tdata(meta), .m_meta_tvalid(meta_valid), .m_meta_tready(meta_valid && m_meta_tready && !held_q)
    );

    // Sink, which the script can stop between two beats, and padding.
    assign m_frame_tvalid = pads ? pad_q != Width * Height : video_valid && !held_q;
    assign m_frame_tdata  = pads ? 32'h8000_0000 : {6'd0, video_last, video_user, video};
    assign m_meta_tvalid  = pads ? pad_q == Width * Height : meta_valid && !held_q;
    assign m_meta_tdata   = pads ? '0 : meta;
    always_ff @(posedge clk_i) begin
        if (!rst_ni) begin
            {padded_q, pad_q, held_q} <= '0;
        end else begin
            if (holds) held_q <= s_script_tdata[0];
            if (m_meta_tvalid && m_meta_tready) padded_q <= padded_q + 1;
            if (m_meta_tvalid && m_meta_tready) pad_q <= '0;
            else if (pads && m_frame_tvalid && m_frame_tready) pad_q <= pad_q + 1;
        end
    end

    // Detector: score, dx, dy of a cell from its first pixel, log_w, log_h from its second one.
    logic [39:0] map_q [Cells];
    logic [31:0] in_x_q, in_y_q, out_q;
    logic        answering_q;
    logic [7:0]  code_q;
    wire logic [31:0] here  = (in_y_q / 8) * Columns + in_x_q / 8;
    wire logic [31:0] count = code_q == 2 ? Cells - 1 : code_q == 3 ? Cells + 1 : Cells;
    wire logic [7:0]  code  = half[23:8] == 16'h5A25 ? half[7:0] : 8'd0;
    assign half_ready  = !answering_q;
    assign cells_valid = answering_q && code_q != 1;
    assign cells       = map_q[out_q % Cells];
    assign cells_last  = out_q == count - 1;
    always_ff @(posedge clk_i) begin
        if (!rst_ni || flush_detector) begin
            {in_x_q, in_y_q, out_q, answering_q} <= '0;
        end else if (half_valid && half_ready) begin
            if (in_x_q % 8 == 0 && in_y_q % 8 == 0) map_q[here][23:0] <= half;
            if (in_x_q % 8 == 1 && in_y_q % 8 == 0) map_q[here][39:24] <= half[15:0];
            in_x_q <= in_x_q == Width / 2 - 1 ? '0 : in_x_q + 1;
            if (in_x_q == Width / 2 - 1) in_y_q <= half_last ? '0 : in_y_q + 1;
            if (half_last) {answering_q, code_q} <= {1'b1, code};
        end else if (cells_valid && cells_ready) begin
            out_q <= cells_last ? '0 : out_q + 1;
            if (cells_last) answering_q <= 1'b0;
        end
    end

    // Modifier: takes a whole crop and gives it back inverted.
    logic [23:0] crop_q [Crop];
    logic [31:0] taken_q, given_q;
    logic        giving_q;
    wire logic [31:0] give = code_q == 5 ? Crop - 1 : code_q == 6 ? Crop + 1 : Crop;
    assign crop_ready     = !giving_q;
    assign modified_valid = giving_q && code_q != 4;
    assign modified       = ~crop_q[given_q % Crop];
    assign modified_last  = given_q == give - 1;
    always_ff @(posedge clk_i) begin
        if (!rst_ni || flush_modifier) begin
            {taken_q, given_q, giving_q} <= '0;
        end else if (crop_valid && crop_ready) begin
            crop_q[taken_q] <= crop[23:0];
            taken_q         <= crop_last ? '0 : taken_q + 1;
            giving_q        <= crop_last;
        end else if (modified_valid && modified_ready) begin
            given_q <= modified_last ? '0 : given_q + 1;
            if (modified_last) giving_q <= 1'b0;
        end
    end

endmodule

`default_nettype wire
