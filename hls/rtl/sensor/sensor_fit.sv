/// Fits a sensor's video to the camera's frame: blocks of Factor × Factor samples become one pixel, the middle is kept.
///
/// The golden model's `fit_frame`. Colour sensors (Bayer) get their three colours from each block, so that this is their
/// demosaicing as well. It has no setting that software could reach, and it never waits: a sensor cannot. Lines and
/// frames of another size than built for come out malformed, and the camera delivers such a frame black.

`default_nettype none

module sensor_fit #(
    // Columns and rows of the sensor, at least Width * Factor and Height * Factor.
    parameter int unsigned SourceWidth  = 1280,
    parameter int unsigned SourceHeight = 720,
    // Columns and rows of the frame, at least 2.
    parameter int unsigned Width        = 320,
    parameter int unsigned Height       = 240,
    // Side of a block, 1 to 8; even for Bayer.
    parameter int unsigned Factor       = 2,
    // One of so many frames is kept, 1 to 16: for a camera that is slower than its sensor.
    parameter int unsigned Every        = 1,
    // 0: samples are red, blue and green, green lowest (the vendor's video streams). 1: one colour filter each.
    parameter bit          Bayer        = 1'b0,
    // Column and row (0 or 1) of a red sample within each 2×2 samples.
    parameter bit          RedColumn    = 1'b0,
    parameter bit          RedRow       = 1'b0,
    // Bits of a beat; follows from Bayer, do not set.
    parameter int unsigned DataWidth    = Bayer ? 8 : 24
) (
    input  wire logic                 clk_i,
    input  wire logic                 rst_ni,

    // The sensor: tuser marks a frame's first sample, tlast each line's last one; always ready.
    input  wire logic [DataWidth-1:0] s_axis_tdata,
    input  wire logic                 s_axis_tvalid,
    output wire logic                 s_axis_tready,
    input  wire logic                 s_axis_tuser,
    input  wire logic                 s_axis_tlast,

    // The camera's video: red lowest; must always be ready.
    output logic [23:0]               m_axis_tdata,
    output logic                      m_axis_tvalid,
    input  wire logic                 m_axis_tready,
    output logic                      m_axis_tuser,
    output logic                      m_axis_tlast
);

    localparam int unsigned Columns    = SourceWidth / Factor;
    localparam int unsigned Rows       = SourceHeight / Factor;
    localparam int unsigned Left       = (Columns - Width) / 2;
    localparam int unsigned Upper      = (Rows - Height) / 2;
    localparam int unsigned IndexWidth = $clog2((Columns > Rows ? Columns : Rows) + 1);
    localparam int unsigned SumWidth   = 8 + $clog2(Factor * Factor + 1);
    localparam int unsigned Samples    = Factor * Factor;
    // Samples of each colour in a block: red, green, blue.
    localparam int unsigned Many  [3] = '{Bayer ? Samples / 4 : Samples, Bayer ? Samples / 2 : Samples,
                                          Bayer ? Samples / 4 : Samples};
    localparam int unsigned Place [3] = '{16, 0, 8};  // of red, green and blue in a beat that has all three

    if (Factor < 1 || Factor > 8 || (Bayer && Factor % 2 != 0)) begin : gen_bad_factor
        $fatal(1, "sensor_fit: Factor = %0d, must be 1 to 8, and even for Bayer", Factor);
    end
    if (Width < 2 || Height < 2 || Width * Factor > SourceWidth || Height * Factor > SourceHeight) begin : gen_bad_size
        $fatal(1, "sensor_fit: %0d x %0d blocks of %0d do not fit in %0d x %0d samples", Width, Height, Factor,
               SourceWidth, SourceHeight);
    end
    if (Every < 1 || Every > 16) begin : gen_bad_every
        $fatal(1, "sensor_fit: Every = %0d, must be 1 to 16", Every);
    end
    if (DataWidth != (Bayer ? 8 : 24)) begin : gen_bad_width
        $fatal(1, "sensor_fit: DataWidth = %0d, must not be set", DataWidth);
    end

    typedef logic [IndexWidth-1:0]    index_t;
    typedef logic [2:0]               phase_t;
    typedef logic [2:0][SumWidth-1:0] sums_t;

    // Where the next sample belongs: block and place in it. A frame's first sample says so itself.
    logic       seen_q, keep_q;
    logic [3:0] skip_q;
    index_t column_q, row_q;
    phase_t across_q, down_q;
    wire index_t column = s_axis_tuser ? '0 : column_q;
    wire index_t row    = s_axis_tuser ? '0 : row_q;
    wire phase_t across = s_axis_tuser ? '0 : across_q;
    wire phase_t down   = s_axis_tuser ? '0 : down_q;
    wire logic   take   = s_axis_tvalid && (seen_q || s_axis_tuser);
    wire logic   keep   = s_axis_tuser ? skip_q == '0 : keep_q;
    wire logic   inside_frame = keep && column != index_t'(Columns) && row != index_t'(Rows);
    wire logic   last_across  = across == phase_t'(Factor - 1);
    wire logic   last_down    = down == phase_t'(Factor - 1);

    assign s_axis_tready = 1'b1;

    always_ff @(posedge clk_i) begin
        if (!rst_ni) begin
            seen_q <= 1'b0;
            skip_q <= '0;
        end else if (take) begin
            seen_q   <= 1'b1;
            keep_q   <= keep;
            if (s_axis_tuser) skip_q <= skip_q == 4'(Every - 1) ? '0 : skip_q + 1'b1;
            across_q <= last_across ? '0 : across + 1'b1;
            column_q <= last_across && column != index_t'(Columns) ? column + 1'b1 : column;
            down_q   <= down;
            row_q    <= row;
            if (s_axis_tlast) begin
                across_q <= '0;
                column_q <= '0;
                down_q   <= last_down ? '0 : down + 1'b1;
                row_q    <= last_down && row != index_t'(Rows) ? row + 1'b1 : row;
            end
        end
    end

    // First stage: the sums of a block's line.
    logic   line_q;             // a block's line is complete
    sums_t  sums_q, total, sums;
    index_t at_column_q, at_row_q;
    phase_t at_down_q;
    for (genvar c = 0; c < 3; c++) begin : gen_sum
        wire logic [7:0] sample;
        if (Bayer) begin : gen_filter
            wire logic red_column = across[0] == RedColumn;
            wire logic red_row    = down[0] == RedRow;
            wire logic passes     = c == 0 ? red_column && red_row : c == 1 ? red_column != red_row
                                                                            : !red_column && !red_row;
            assign sample = passes ? s_axis_tdata[7:0] : '0;
        end else begin : gen_all
            assign sample = s_axis_tdata[Place[c] +: 8];
        end
        assign sums[c] = (across == '0 ? '0 : sums_q[c]) + SumWidth'(sample);
    end

    // Second stage: with the lines above, which wait in a line of sums.
    sums_t above_q, lines_q [Columns];
    for (genvar c = 0; c < 3; c++) begin : gen_total
        assign total[c] = (at_down_q == '0 ? '0 : above_q[c]) + sums_q[c];
    end
    always_ff @(posedge clk_i) begin
        line_q <= rst_ni && take && inside_frame && last_across;
        if (take) begin
            sums_q      <= sums;
            at_column_q <= column;
            at_row_q    <= row;
            at_down_q   <= down;
        end
        if (take && inside_frame) above_q <= lines_q[column];
        if (line_q) lines_q[at_column_q] <= total;
    end

    // Third stage: the mean, rounded to nearest; fourth: out.
    logic  whole_q, first_q, last_q;
    sums_t means_q;
    // In the middle; what lies before it wraps around to numbers that are too large.
    wire logic kept = at_column_q - index_t'(Left) < index_t'(Width) && at_row_q - index_t'(Upper) < index_t'(Height);
    for (genvar c = 0; c < 3; c++) begin : gen_mean
        always_ff @(posedge clk_i) means_q[c] <= (total[c] + SumWidth'(Many[c] / 2)) / SumWidth'(Many[c]);
    end
    always_ff @(posedge clk_i) begin
        whole_q       <= rst_ni && line_q && kept && at_down_q == phase_t'(Factor - 1);
        first_q       <= at_column_q == index_t'(Left) && at_row_q == index_t'(Upper);
        last_q        <= at_column_q == index_t'(Left + Width - 1);
        m_axis_tvalid <= rst_ni && whole_q;
        m_axis_tdata  <= {means_q[2][7:0], means_q[1][7:0], means_q[0][7:0]};
        m_axis_tuser  <= first_q;
        m_axis_tlast  <= last_q;
    end

`ifndef SYNTHESIS
    a_ready : assert property (@(posedge clk_i) disable iff (!rst_ni) m_axis_tvalid |-> m_axis_tready)
        else $error("sensor_fit: the camera made the sensor wait");
    for (genvar c = 0; c < 3; c++) begin : gen_range
        a_byte : assert property (@(posedge clk_i) disable iff (!rst_ni) whole_q |-> means_q[c] < SumWidth'(256))
            else $error("sensor_fit: a mean left its range");
    end
`endif

endmodule

`default_nettype wire
