/// Resamples a rectangle of a frame store to another size by bilinear interpolation, one pixel a cycle, in raster order.
///
/// The arithmetic is that of `resample` in the golden model. A rectangle begins with two divisions, 2 (SideWidth + 20)
/// cycles; the next one is accepted when the last pixel of this one has left.

`default_nettype none

module video_resampler #(
    // Bits of a coordinate and of a side, at least 4.
    parameter int unsigned SideWidth = 10
) (
    input  wire logic                  clk_i,
    input  wire logic                  rst_ni,

    // Source rectangle and target size; no side is 0.
    input  wire logic                  s_rect_tvalid,
    output logic                       s_rect_tready,
    input  wire logic [SideWidth-1:0]  source_x_i,
    input  wire logic [SideWidth-1:0]  source_y_i,
    input  wire logic [SideWidth-1:0]  source_width_i,
    input  wire logic [SideWidth-1:0]  source_height_i,
    input  wire logic [SideWidth-1:0]  target_width_i,
    input  wire logic [SideWidth-1:0]  target_height_i,

    // Read port of a frame store, of latency StoreLatency.
    output logic                       rd_en_o,
    output logic [SideWidth-1:0]       rd_left_o,
    output logic [SideWidth-1:0]       rd_right_o,
    output logic [SideWidth-1:0]       rd_upper_o,
    output logic [SideWidth-1:0]       rd_lower_o,
    input  wire logic [3:0][23:0]      rd_data_i,

    // The target's pixels; tuser marks the last one of a row, tlast the last one of all.
    output logic [23:0]                m_axis_tdata,
    output logic                       m_axis_tvalid,
    input  wire logic                  m_axis_tready,
    output logic                       m_axis_tuser,
    output logic                       m_axis_tlast
);

    localparam int unsigned StepWidth = SideWidth + camera_pkg::PositionBits;
    localparam int unsigned Weight    = camera_pkg::WeightBits;
    // Two stages from a position to the read port, the store, the interpolation.
    localparam int unsigned Latency   = 2 + video_pkg::StoreLatency + video_pkg::BilinearLatency;

    if (SideWidth < 4) begin : gen_bad_width
        $fatal(1, "video_resampler: SideWidth = %0d, must be at least 4", SideWidth);
    end

    typedef logic [SideWidth-1:0] side_t;
    typedef logic [StepWidth-1:0] step_t;
    typedef enum logic [2:0] { Idle, DivideX, DivideY, First, Run, Drain } state_e;

    state_e state_q;
    side_t  source_x_q, source_y_q, source_width_q, source_height_q, target_width_q, target_height_q;
    step_t  step_x_q, step_y_q;
    side_t  column_q, row_q;  // target pixel

    wire logic accept = s_rect_tvalid && s_rect_tready;
    wire logic move   = !m_axis_tvalid || m_axis_tready;
    wire logic issue  = state_q == Run;

    wire logic last_column = column_q == target_width_q - 1'b1;
    wire logic last_row    = row_q == target_height_q - 1'b1;

    assign s_rect_tready = state_q == Idle;
    assign rd_en_o       = move;

    // Both divisions, one after the other: step = (source * 2^PositionBits + target / 2) / target.
    logic  divide_done;
    step_t quotient;
    wire side_t divide_source = state_q == Idle ? source_width_i : source_height_q;
    wire side_t divide_target = state_q == Idle ? target_width_i : target_height_q;
    video_divider #(
        .NumeratorWidth(StepWidth),
        .DivisorWidth  (SideWidth)
    ) u_divider (
        .clk_i,
        .rst_ni,
        .start_i    (accept || (state_q == DivideX && divide_done)),
        .numerator_i({divide_source, camera_pkg::PositionBits'(divide_target >> 1)}),
        .divisor_i  (divide_target),
        .done_o     (divide_done),
        .quotient_o (quotient)
    );

    always_ff @(posedge clk_i) begin
        if (!rst_ni) begin
            state_q <= Idle;
        end else begin
            unique case (state_q)
                Idle:    if (s_rect_tvalid) state_q <= DivideX;
                DivideX: if (divide_done) state_q <= DivideY;
                DivideY: if (divide_done) state_q <= First;
                First:   state_q <= Run;
                Run:     if (move && last_column && last_row) state_q <= Drain;
                Drain:   if (m_axis_tvalid && m_axis_tready && m_axis_tlast) state_q <= Idle;
                default: state_q <= Idle;
            endcase
        end
    end

    always_ff @(posedge clk_i) begin
        if (accept) begin
            {source_x_q, source_width_q, target_width_q}  <= {source_x_i, source_width_i, target_width_i};
            {source_y_q, source_height_q, target_height_q} <= {source_y_i, source_height_i, target_height_i};
        end
        if (state_q == DivideX && divide_done) step_x_q <= quotient;
        if (state_q == DivideY && divide_done) step_y_q <= quotient;
        if (state_q == First) begin
            {column_q, row_q} <= '0;
        end else if (issue && move) begin
            column_q <= last_column ? '0 : column_q + 1'b1;
            if (last_column) row_q <= row_q + 1'b1;
        end
    end

    side_t             left, right, upper, lower;
    logic [Weight-1:0] weight_x, weight_y;
    video_axis #(
        .SideWidth(SideWidth)
    ) u_axis_x (
        .clk_i,
        .first_i (state_q == First || (issue && move && last_column)),
        .next_i  (issue && move),
        .step_i  (step_x_q),
        .source_i(source_width_q),
        .left_o  (left),
        .right_o (right),
        .weight_o(weight_x)
    );
    video_axis #(
        .SideWidth(SideWidth)
    ) u_axis_y (
        .clk_i,
        .first_i (state_q == First),
        .next_i  (issue && move && last_column),
        .step_i  (step_y_q),
        .source_i(source_height_q),
        .left_o  (upper),
        .right_o (lower),
        .weight_o(weight_y)
    );

    // From the position, relative to the rectangle, to the read port.
    side_t left_q, right_q, upper_q, lower_q;
    always_ff @(posedge clk_i) begin
        if (move) begin
            {left_q, right_q, upper_q, lower_q} <= {left, right, upper, lower};
            rd_left_o  <= source_x_q + left_q;
            rd_right_o <= source_x_q + right_q;
            rd_upper_o <= source_y_q + upper_q;
            rd_lower_o <= source_y_q + lower_q;
        end
    end

    logic [2*Weight-1:0] weights;  // beside the pixels that come from the store
    video_delay #(
        .Width(2 * Weight),
        .Depth(2 + video_pkg::StoreLatency)
    ) u_weights (
        .clk_i,
        .rst_ni,
        .en_i  (move),
        .data_i({weight_y, weight_x}),
        .data_o(weights)
    );

    video_bilinear u_bilinear (
        .clk_i,
        .en_i      (move),
        .pixels_i  (rd_data_i),
        .weight_x_i(weights[Weight-1:0]),
        .weight_y_i(weights[2*Weight-1:Weight]),
        .pixel_o   (m_axis_tdata)
    );

    video_delay #(
        .Width  (3),
        .Depth  (Latency),
        .Cleared(1'b1)
    ) u_marks (
        .clk_i,
        .rst_ni,
        .en_i  (move),
        .data_i({issue, issue && last_column, issue && last_column && last_row}),
        .data_o({m_axis_tvalid, m_axis_tuser, m_axis_tlast})
    );

`ifndef SYNTHESIS
    a_stable : assert property (@(posedge clk_i) disable iff (!rst_ni)
        m_axis_tvalid && !m_axis_tready
        |=> m_axis_tvalid && $stable({m_axis_tdata, m_axis_tuser, m_axis_tlast}))
        else $error("video_resampler: output changed while stalled");
    a_sides : assert property (@(posedge clk_i) disable iff (!rst_ni)
        accept |-> source_width_i != '0 && source_height_i != '0 && target_width_i != '0 && target_height_i != '0)
        else $error("video_resampler: a side is 0");
    // Every read lies in the rectangle: a pixel outside it never reaches the output (P1, seen from the crop).
    a_inside : assert property (@(posedge clk_i) disable iff (!rst_ni)
        issue |-> left < source_width_q && right < source_width_q && upper < source_height_q && lower < source_height_q)
        else $error("video_resampler: read outside the rectangle");
    a_pair : assert property (@(posedge clk_i) disable iff (!rst_ni)
        issue |-> (right == left || right == left + 1'b1) && (lower == upper || lower == upper + 1'b1))
        else $error("video_resampler: neighbours that the store cannot read at once");

    logic [31:0] pixels_due;  // pixels of the rectangle that have not left
    always_ff @(posedge clk_i) begin
        if (!rst_ni)                             pixels_due <= '0;
        else if (accept)                         pixels_due <= 32'(target_width_i) * 32'(target_height_i);
        else if (m_axis_tvalid && m_axis_tready) pixels_due <= pixels_due - 1;
    end
    a_count : assert property (@(posedge clk_i) disable iff (!rst_ni)
        m_axis_tvalid |-> m_axis_tlast == (pixels_due == 1) && pixels_due != '0)
        else $error("video_resampler: wrong number of pixels");
`endif

endmodule

`default_nettype wire
