/// Test bench of `camera_core` with a scripted source and with simple accelerators that the picture itself commands.
///
/// The detector copies pixels of the halved frame into its cells; the modifier inverts. The halved frame's last pixel,
/// if its green and blue are A5 and 5A, makes an accelerator fail in the way its red says: 1 detector never answers,
/// 2 answers a cell too few, 3 one too many; 4 to 6 the same for the modifier.

`default_nettype none

module camera_bench #(
    parameter int unsigned Width           = 48,
    parameter int unsigned Height          = 32,
    parameter int unsigned CropSize        = 8,
    parameter int unsigned MaxFaces        = 2,
    parameter int unsigned SourceTimeout   = 50,
    parameter int unsigned DetectorTimeout = 2000,
    parameter int unsigned ModifierTimeout = 2000
) (
    input  wire logic                       clk_i,
    input  wire logic                       rst_ni,

    // {idle cycles before it: 16, kind: 8, pixel: 24}; kind bit 0 sof, 1 eol, 2 wait until all frames are delivered,
    // 3 no pixel but control: pixel bit 0 is run, bit 1 a soft reset, bits 15…8 the threshold.
    input  wire logic [47:0]                s_script_tdata,
    input  wire logic                       s_script_tvalid,
    output logic                            s_script_tready,

    // The pixel, start of frame, end of line.
    output logic [31:0]                     m_frame_tdata,
    output logic                            m_frame_tvalid,
    input  wire logic                       m_frame_tready,

    output logic [64*(1+MaxFaces)-1:0]      m_meta_tdata,
    output logic                            m_meta_tvalid,
    input  wire logic                       m_meta_tready,

    output logic [31:0]                     mon_frames_in,
    output logic [31:0]                     mon_dropped,
    output logic [31:0]                     mon_faults,
    // Cycles from the last good frame's last pixel to its first one out.
    output logic [31:0]                     mon_latency
);

    localparam int unsigned Columns = Width / 16;
    localparam int unsigned Cells   = Columns * (Height / 16);
    localparam int unsigned Crop    = CropSize * CropSize;

    logic        run_q, soft_reset, flush_detector, flush_modifier, frame_in, dropped;
    logic        capturing, processing, delivering, started_q;
    logic [7:0]  threshold_q;
    logic [31:0] faults, idle_q, quiet_q;
    logic [23:0] half, crop, modified;
    logic        half_valid, half_ready, half_last, crop_valid, crop_ready, crop_last;
    logic        cells_valid, cells_ready, cells_last, modified_valid, modified_ready, modified_last;
    logic [39:0] cells;

    // Source.
    wire logic control = s_script_tdata[27];
    wire logic quiet   = quiet_q == 40;  // longer than a flush and than the camera's silence between two steps
    wire logic due     = s_script_tvalid && idle_q == 32'(s_script_tdata[47:32])
                      && (!s_script_tdata[26] || quiet);
    assign s_script_tready = due;
    assign soft_reset      = due && control && s_script_tdata[1];

    always_ff @(posedge clk_i) begin
        if (!rst_ni) begin
            {run_q, started_q} <= '0;
            threshold_q <= 8'hFF;
            {idle_q, quiet_q, mon_frames_in, mon_dropped, mon_faults, mon_latency} <= '0;
        end else begin
            idle_q  <= due ? '0 : s_script_tvalid && idle_q != 32'(s_script_tdata[47:32]) ? idle_q + 1 : idle_q;
            quiet_q <= capturing || processing || delivering || m_frame_tvalid || m_meta_tvalid ? '0
                     : quiet ? quiet_q : quiet_q + 1;
            if (due && control) {threshold_q, run_q} <= {s_script_tdata[15:8], s_script_tdata[0] && !s_script_tdata[1]};
            mon_frames_in <= mon_frames_in + 32'(frame_in);
            mon_dropped   <= mon_dropped + 32'(dropped);
            mon_faults    <= soft_reset ? faults : mon_faults | faults;
            started_q     <= capturing ? 1'b0 : started_q || m_frame_tvalid;
            if (capturing) mon_latency <= '0;
            else if (!started_q && !m_frame_tvalid) mon_latency <= mon_latency + 1;
        end
    end

    camera_core #(
        .Width(Width), .Height(Height), .CropSize(CropSize), .MaxFaces(MaxFaces), .SourceTimeout(SourceTimeout),
        .DetectorTimeout(DetectorTimeout), .ModifierTimeout(ModifierTimeout)
    ) u_core (
        .clk_i, .rst_ni, .run_i(run_q), .soft_reset_i(soft_reset), .threshold_i(threshold_q), .key_i('0),
        .s_axis_tdata(s_script_tdata[23:0]), .s_axis_tvalid(due && !control), .s_axis_tready(),
        .s_axis_tuser(s_script_tdata[24]), .s_axis_tlast(s_script_tdata[25]),
        .flush_detector_o(flush_detector),
        .m_half_tdata(half), .m_half_tvalid(half_valid), .m_half_tready(half_ready), .m_half_tlast(half_last),
        .s_cells_tdata(cells), .s_cells_tvalid(cells_valid), .s_cells_tready(cells_ready), .s_cells_tlast(cells_last),
        .flush_modifier_o(flush_modifier),
        .m_crop_tdata(crop), .m_crop_tvalid(crop_valid), .m_crop_tready(crop_ready), .m_crop_tlast(crop_last),
        .s_modified_tdata(modified), .s_modified_tvalid(modified_valid), .s_modified_tready(modified_ready),
        .s_modified_tlast(modified_last),
        .m_axis_tdata(m_frame_tdata[23:0]), .m_axis_tvalid(m_frame_tvalid), .m_axis_tready(m_frame_tready),
        .m_axis_tuser(m_frame_tdata[24]), .m_axis_tlast(m_frame_tdata[25]),
        .m_meta_tdata, .m_meta_tvalid, .m_meta_tready,
        .frame_in_o(frame_in), .dropped_o(dropped), .faults_o(faults),
        .capturing_o(capturing), .processing_o(processing), .delivering_o(delivering)
    );
    assign m_frame_tdata[31:26] = '0;

    // Detector: score, dx, dy of a cell from its first pixel, log_w, log_h from its second one.
    logic [39:0] map_q [Cells];
    logic [31:0] in_x_q, in_y_q, out_q;
    logic        answering_q;
    logic [7:0]  code_q;
    wire logic [31:0] here  = (in_y_q / 8) * Columns + in_x_q / 8;
    wire logic [31:0] count = code_q == 2 ? Cells - 1 : code_q == 3 ? Cells + 1 : Cells;
    wire logic [7:0]  code  = half[23:8] == 16'h5AA5 ? half[7:0] : 8'd0;
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
            crop_q[taken_q] <= crop;
            taken_q         <= crop_last ? '0 : taken_q + 1;
            giving_q        <= crop_last;
        end else if (modified_valid && modified_ready) begin
            given_q <= modified_last ? '0 : given_q + 1;
            if (modified_last) giving_q <= 1'b0;
        end
    end

endmodule

`default_nettype wire
