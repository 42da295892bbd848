/// Leads a captured frame through detection, cropping, modification and pasting, and notices what goes wrong there.
///
/// One frame is processed at a time; meanwhile the next one can be captured and detected, in a store of its own. After
/// a fault the side it happened on, up to and with its accelerator, is reset for FlushCycles, so that the next frame
/// starts from nothing.

`default_nettype none

module video_sequencer #(
    // Columns and rows of the frame.
    parameter int unsigned Width           = 320,
    parameter int unsigned Height          = 240,
    // Side of a crop in pixels, at least 2.
    parameter int unsigned CropSize        = 64,
    // Faces at most, at least 1.
    parameter int unsigned MaxFaces        = 4,
    // Cycles from the last pixel on within which the detector must have answered, at least 1.
    parameter int unsigned DetectorTimeout = 300_000,
    // Cycles within which the modifier must have answered for one face, at least 1.
    parameter int unsigned ModifierTimeout = 520_000,
    // Cycles of a reset of the accelerators, at least 2.
    parameter int unsigned FlushCycles     = 16
) (
    input  wire logic                               clk_i,
    input  wire logic                               rst_ni,
    input  wire logic                               soft_reset_i,

    // A frame is being stored from now on, and where; its capture ends, complete or not. Rows of it that are there.
    input  wire logic                               stores_i,
    input  wire logic                               store_buffer_i,
    input  wire logic [15:0]                        rows_i,
    input  wire logic                               end_i,
    input  wire camera_pkg::fault_e                 end_fault_i,

    // Detector: start of its input, the store and the rows it comes from, its end, whether its output is wanted and
    // offered, its result.
    output logic                                    half_start_o,
    output logic                                    half_waits_o,
    output logic                                    half_buffer_o,
    output logic [15:0]                             half_rows_o,
    input  wire logic                               half_done_i,
    output logic                                    cells_open_o,
    input  wire logic                               cells_valid_i,
    input  wire logic [64*MaxFaces+15:0]            s_result_tdata,
    input  wire logic                               s_result_tvalid,
    output logic                                    s_result_tready,

    // Regions to crop, in the order of the list.
    output logic [63:0]                             m_crop_tdata,
    output logic                                    m_crop_tvalid,
    input  wire logic                               m_crop_tready,

    // Modified crops, and where they go in the crop store.
    input  wire logic                               s_modified_tvalid,
    output logic                                    s_modified_tready,
    input  wire logic                               s_modified_tlast,
    output logic [$clog2(CropSize)-1:0]             crop_x_o,
    output logic [$clog2(CropSize*MaxFaces)-1:0]    crop_y_o,

    // Regions to paste, and which crop belongs there.
    output logic [63:0]                             m_paste_tdata,
    output logic [$clog2(MaxFaces > 1 ? MaxFaces : 2)-1:0] m_paste_tuser,
    output logic                                    m_paste_tvalid,
    input  wire logic                               m_paste_tready,
    input  wire logic                               paste_done_i,

    // To the guard.
    output logic                                    found_o,
    output logic                                    pasted_o,
    output logic                                    fail_o,
    output camera_pkg::fault_e                      fail_fault_o,

    // The frame store is being read for crops; pastes may write to it; a frame is being processed.
    output logic                                    cropping_o,
    output logic                                    pasting_o,
    output logic                                    processing_o,
    output logic                                    process_buffer_o,
    // Resets what halves, detects and decodes; what crops, modifies and pastes. The modifier also when it answers
    // without having been asked.
    output logic                                    flush_detector_o,
    output logic                                    flush_engines_o,
    output logic                                    flush_modifier_o
);

    import camera_pkg::*;

    if (MaxFaces < 1 || CropSize < 2) begin : gen_bad_size
        $fatal(1, "video_sequencer: MaxFaces = %0d, CropSize = %0d, must be at least 1 and 2", MaxFaces, CropSize);
    end
    if (DetectorTimeout < 1 || ModifierTimeout < 1 || FlushCycles < 2) begin : gen_bad_time
        $fatal(1, "video_sequencer: DetectorTimeout = %0d, ModifierTimeout = %0d, FlushCycles = %0d: too short",
               DetectorTimeout, ModifierTimeout, FlushCycles);
    end

    localparam int unsigned FaceWidth  = $clog2(MaxFaces > 1 ? MaxFaces : 2);
    localparam int unsigned FlushWidth = $clog2(FlushCycles + 1);
    localparam int unsigned XWidth     = $clog2(CropSize);
    localparam int unsigned YWidth     = $clog2(CropSize * MaxFaces);

    typedef enum logic [1:0] { Idle, Detect, Modify, Paste } state_e;

    state_e                    state_q;
    logic                      half_pending_q, pending_buffer_q, pending_whole_q;  // a frame waits to be halved
    logic                      halved_q, half_buffer_q, half_whole_q;              // the one that is, or was last
    logic                      detecting_q;                                        // its result is not taken yet
    logic                      captured_q, captured_buffer_q, capture_buffer_q;    // a whole frame waits for Detect
    logic                      cells_open_q, paste_busy_q, process_buffer_q;
    logic [FlushWidth-1:0]     flush_q, flush_engines_q, flush_modifier_q;
    logic [31:0]               timer_q;
    logic [7:0]                count_q, cropped_q, modified_q, pasted_q;
    logic [MaxFaces-1:0][63:0] region_q;
    logic [XWidth-1:0]         crop_x_q;
    logic [YWidth-1:0]         crop_y_q;
    logic [$clog2(CropSize+1)-1:0] crop_rows_q;  // rows of the crop under way that are there

    // The result: a fault, or regions that all lie inside the frame.
    wire logic [7:0] result_fault = s_result_tdata[7:0];
    wire logic [7:0] result_count = s_result_tdata[15:8];
    logic            valid_regions;
    always_comb begin
        valid_regions = 32'(result_count) <= MaxFaces;
        for (int unsigned k = 0; k < MaxFaces; k++) begin
            if (k < 32'(result_count)) begin
                valid_regions &= 32'(s_result_tdata[16+64*k+32 +: 16]) >= MinRegion
                    && 32'(s_result_tdata[16+64*k+48 +: 16]) >= MinRegion
                    && 32'(s_result_tdata[16+64*k +: 16]) + 32'(s_result_tdata[16+64*k+32 +: 16]) <= Width
                    && 32'(s_result_tdata[16+64*k+16 +: 16]) + 32'(s_result_tdata[16+64*k+48 +: 16]) <= Height;
            end
        end
    end

    wire logic stray_cells = state_q inside {Modify, Paste} && cells_valid_i && !cells_open_q && !detecting_q;
    wire logic stray    = state_q inside {Idle, Detect} && s_modified_tvalid;
    wire logic result   = state_q == Detect && s_result_tvalid && halved_q && !stray && !flush_modifier_o;
    wire logic beat     = s_modified_tvalid && s_modified_tready;
    wire logic row_end  = crop_x_q == XWidth'(CropSize - 1);
    wire logic crop_end = row_end && 32'(crop_rows_q) == CropSize - 1;

    always_comb begin
        fail_o       = 1'b1;
        fail_fault_o = FaultNone;
        if (result && result_fault != 8'(FaultNone))                        fail_fault_o = fault_e'(result_fault);
        else if (result && !valid_regions)                                  fail_fault_o = FaultInvalidRegion;
        else if (state_q == Detect && !result && timer_q == DetectorTimeout) fail_fault_o = FaultDetectorTimeout;
        else if (stray_cells)                                               fail_fault_o = FaultDetectorLength;
        else if (beat && s_modified_tlast != crop_end)                      fail_fault_o = FaultModifierLength;
        else if (state_q == Paste && s_modified_tvalid)                     fail_fault_o = FaultModifierLength;
        else if (state_q == Modify && timer_q == ModifierTimeout)           fail_fault_o = FaultModifierTimeout;
        else                                                                fail_o       = 1'b0;
    end

    wire logic capture_fails = end_i && end_fault_i != FaultNone;
    wire logic captured      = end_i && end_fault_i == FaultNone;
    wire logic blame_engines = fail_fault_o inside {FaultModifierTimeout, FaultModifierLength};
    // A frame whose capture fails before it was halved leaves the detector alone: another one may be in there.
    wire logic flush         = soft_reset_i || (fail_o && !blame_engines) || (capture_fails && !half_pending_q);
    wire logic flush_engines = soft_reset_i || (fail_o && state_q inside {Modify, Paste});
    wire logic give_up       = soft_reset_i || fail_o;

    // One frame is in the detector at a time: the next one follows when its result is taken.
    assign half_start_o      = half_pending_q && !flush_detector_o && !detecting_q && !give_up && !capture_fails;
    assign half_waits_o      = half_pending_q;
    assign half_buffer_o     = half_buffer_q;
    assign half_rows_o       = half_whole_q ? 16'(Height) : rows_i;
    assign cells_open_o      = cells_open_q;
    assign s_result_tready   = result;
    assign found_o           = result && !fail_o;
    assign m_crop_tdata      = region_q[FaceWidth'(cropped_q)];
    assign m_crop_tvalid     = state_q == Modify && cropped_q != count_q;
    assign s_modified_tready = state_q == Modify && modified_q != count_q;
    assign crop_x_o          = crop_x_q;
    assign crop_y_o          = crop_y_q;
    assign m_paste_tdata     = region_q[FaceWidth'(pasted_q)];
    assign m_paste_tuser     = FaceWidth'(pasted_q);
    assign m_paste_tvalid    = state_q == Paste && !paste_busy_q;
    assign pasted_o          = state_q == Paste && paste_done_i && !fail_o;
    assign cropping_o        = state_q == Modify;
    assign pasting_o         = state_q == Paste;
    assign processing_o      = state_q != Idle || captured_q;
    assign process_buffer_o  = process_buffer_q;
    assign flush_detector_o  = flush_q != '0;
    assign flush_engines_o   = flush_engines_q != '0;
    assign flush_modifier_o  = flush_engines_o || flush_modifier_q != '0;

    always_ff @(posedge clk_i) begin
        if (!rst_ni) begin
            state_q          <= Idle;
            flush_q          <= FlushWidth'(FlushCycles);
            flush_engines_q  <= FlushWidth'(FlushCycles);
            flush_modifier_q <= '0;
            {half_pending_q, pending_whole_q, halved_q, half_whole_q, cells_open_q, captured_q, detecting_q} <= '0;
        end else begin
            if (flush) flush_q <= FlushWidth'(FlushCycles);
            else if (flush_q != '0) flush_q <= flush_q - 1'b1;
            if (flush_engines) flush_engines_q <= FlushWidth'(FlushCycles);
            else if (flush_engines_q != '0) flush_engines_q <= flush_engines_q - 1'b1;
            if (flush_modifier_q != '0) flush_modifier_q <= flush_modifier_q - 1'b1;
            else if (stray && !flush_engines_o) flush_modifier_q <= FlushWidth'(FlushCycles);
            // A frame that begins as another one fails waits for the end of the flush.
            if (stores_i) half_pending_q <= 1'b1;
            else if (half_start_o || soft_reset_i || (capture_fails && half_pending_q)) half_pending_q <= 1'b0;
            if (stores_i) pending_whole_q <= 1'b0;
            else if (captured && half_pending_q) pending_whole_q <= 1'b1;
            if (half_start_o) half_whole_q <= pending_whole_q || captured;
            else if (captured && !half_pending_q) half_whole_q <= 1'b1;
            if (half_start_o || flush) halved_q <= 1'b0;
            else if (half_done_i) halved_q <= 1'b1;
            if (half_start_o) detecting_q <= 1'b1;
            else if (flush || result) detecting_q <= 1'b0;
            if (flush) cells_open_q <= 1'b0;
            else if (half_start_o) cells_open_q <= 1'b1;
            else if (s_result_tvalid) cells_open_q <= 1'b0;
            if (soft_reset_i) captured_q <= 1'b0;
            else if (captured) captured_q <= 1'b1;
            else if (state_q == Idle) captured_q <= 1'b0;
            unique case (state_q)
                Idle:    if (captured_q) state_q <= Detect;
                Detect:  if (result) state_q <= result_count == '0 ? Idle : Modify;
                Modify:  if (modified_q == count_q) state_q <= Paste;
                default: if (pasted_o && pasted_q == count_q - 1'b1) state_q <= Idle;
            endcase
            if (give_up) state_q <= Idle;
        end
    end

    always_ff @(posedge clk_i) begin
        if (stores_i) {pending_buffer_q, capture_buffer_q} <= {2{store_buffer_i}};
        if (captured) captured_buffer_q <= capture_buffer_q;
        if (state_q == Idle) process_buffer_q <= captured_buffer_q;
        if (half_start_o) half_buffer_q <= pending_buffer_q;
    end

    always_ff @(posedge clk_i) begin
        if (result) {region_q, count_q} <= {s_result_tdata[16 +: 64*MaxFaces], result_count};
        timer_q <= state_q == Idle || result || (beat && crop_end) ? '0 : timer_q + 1;
        if (state_q == Detect) begin
            {cropped_q, modified_q, pasted_q, crop_x_q, crop_y_q, crop_rows_q, paste_busy_q} <= '0;
        end else begin
            if (m_crop_tvalid && m_crop_tready) cropped_q <= cropped_q + 1'b1;
            if (beat) begin
                crop_x_q <= row_end ? '0 : crop_x_q + 1'b1;
                if (row_end) crop_y_q <= crop_y_q + 1'b1;
                if (row_end) crop_rows_q <= crop_end ? '0 : crop_rows_q + 1'b1;
                if (crop_end) modified_q <= modified_q + 1'b1;
            end
            if (paste_done_i) {paste_busy_q, pasted_q} <= {1'b0, pasted_q + 1'b1};
            else if (m_paste_tvalid && m_paste_tready) paste_busy_q <= 1'b1;
        end
    end

`ifndef SYNTHESIS
    a_order : assert property (@(posedge clk_i) disable iff (!rst_ni)
        state_q == Paste |-> cropped_q == count_q && modified_q == count_q)
        else $error("video_sequencer: a paste before the last crop was taken");
    a_one : assert property (@(posedge clk_i) disable iff (!rst_ni) captured |-> !captured_q)
        else $error("video_sequencer: more whole frames than stores");
`endif

endmodule

`default_nettype wire
