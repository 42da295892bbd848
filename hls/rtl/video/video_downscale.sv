/// Halves a frame by a 2×2 box filter while it is being stored: the face detector's input, one pixel a cycle.
///
/// The golden model's `downscale`. It reads pairs of rows from the frame store as soon as both are there, so it needs
/// neither a line buffer nor a FIFO: a detector that stalls never stalls the sensor.

`default_nettype none

module video_downscale #(
    // Columns of the frame, even, at least 4.
    parameter int unsigned Width     = 320,
    // Rows of the frame, even, at least 4.
    parameter int unsigned Height    = 240,
    // Bits of a coordinate and of a side; Width and Height must fit.
    parameter int unsigned SideWidth = 10
) (
    input  wire logic                  clk_i,
    // Also gives up the frame under way.
    input  wire logic                  rst_ni,

    // Begins a frame; one that is under way must have ended or been given up.
    input  wire logic                  start_i,
    // Rows of the frame that are whole in the store; only grows between two starts.
    input  wire logic [SideWidth-1:0]  rows_i,

    // Read port of the frame store, of latency StoreLatency.
    output logic                       rd_en_o,
    output logic [SideWidth-1:0]       rd_left_o,
    output logic [SideWidth-1:0]       rd_right_o,
    output logic [SideWidth-1:0]       rd_upper_o,
    output logic [SideWidth-1:0]       rd_lower_o,
    input  wire logic [3:0][23:0]      rd_data_i,

    // The halved frame; tlast on its last pixel.
    output logic [23:0]                m_axis_tdata,
    output logic                       m_axis_tvalid,
    input  wire logic                  m_axis_tready,
    output logic                       m_axis_tlast
);

    // One stage before the store, two for the sum.
    localparam int unsigned Latency = 1 + video_pkg::StoreLatency + 2;

    if (Width < 4 || Height < 4 || Width % 2 != 0 || Height % 2 != 0) begin : gen_bad_size
        $fatal(1, "video_downscale: Width = %0d, Height = %0d, must be even and at least 4", Width, Height);
    end
    if (Width >= (1 << SideWidth) || Height >= (1 << SideWidth)) begin : gen_bad_width
        $fatal(1, "video_downscale: %0d x %0d pixels do not fit in SideWidth = %0d bits", Width, Height, SideWidth);
    end

    typedef logic [SideWidth-1:0] side_t;

    logic  active_q;      // pixels are still to be read
    side_t left_q, row_q;  // upper left corner of the next 2×2 pixels

    wire logic move        = !m_axis_tvalid || m_axis_tready;
    wire logic issue       = active_q && rows_i > row_q + 1'b1;
    wire logic last_column = left_q == side_t'(Width - 2);
    wire logic last_row    = row_q == side_t'(Height - 2);

    assign rd_en_o = move;

    always_ff @(posedge clk_i) begin
        if (!rst_ni)                                        active_q <= 1'b0;
        else if (start_i)                                   active_q <= 1'b1;
        else if (move && issue && last_column && last_row)  active_q <= 1'b0;
        if (start_i) begin
            {left_q, row_q} <= '0;
        end else if (move && issue) begin
            left_q <= last_column ? '0 : left_q + side_t'(2);
            if (last_column) row_q <= row_q + side_t'(2);
        end
        if (move) begin
            {rd_left_o, rd_right_o}  <= {left_q, left_q + 1'b1};
            {rd_upper_o, rd_lower_o} <= {row_q, row_q + 1'b1};
        end
    end

    for (genvar c = 0; c < 3; c++) begin : gen_channel
        logic [8:0] upper_q, lower_q;
        logic [7:0] mean_q;
        always_ff @(posedge clk_i) begin
            if (move) begin
                upper_q <= 9'(rd_data_i[0][8*c +: 8]) + 9'(rd_data_i[1][8*c +: 8]);
                lower_q <= 9'(rd_data_i[2][8*c +: 8]) + 9'(rd_data_i[3][8*c +: 8]);
                mean_q  <= 8'((10'(upper_q) + 10'(lower_q) + 10'd2) >> 2);
            end
        end
        assign m_axis_tdata[8*c +: 8] = mean_q;
    end

    video_delay #(
        .Width  (2),
        .Depth  (Latency),
        .Cleared(1'b1)
    ) u_marks (
        .clk_i,
        .rst_ni,
        .en_i  (move),
        .data_i({issue, issue && last_column && last_row}),
        .data_o({m_axis_tvalid, m_axis_tlast})
    );

`ifndef SYNTHESIS
    logic [31:0] pixels_due;  // pixels of the halved frame that have not left
    always_ff @(posedge clk_i) begin
        if (!rst_ni)                             pixels_due <= '0;
        else if (start_i)                        pixels_due <= (Width / 2) * (Height / 2);
        else if (m_axis_tvalid && m_axis_tready) pixels_due <= pixels_due - 1;
    end

    a_stable : assert property (@(posedge clk_i) disable iff (!rst_ni)
        m_axis_tvalid && !m_axis_tready |=> m_axis_tvalid && $stable({m_axis_tdata, m_axis_tlast}))
        else $error("video_downscale: output changed while stalled");
    a_count : assert property (@(posedge clk_i) disable iff (!rst_ni)
        m_axis_tvalid |-> pixels_due != '0 && m_axis_tlast == (pixels_due == 1))
        else $error("video_downscale: wrong number of pixels");
    a_start : assert property (@(posedge clk_i) disable iff (!rst_ni) start_i |-> pixels_due == '0)
        else $error("video_downscale: started before the last frame ended");
    a_arrived : assert property (@(posedge clk_i) disable iff (!rst_ni)
        issue |-> 32'(rows_i) >= 32'(row_q) + 2)
        else $error("video_downscale: read a row that has not arrived");
`endif

endmodule

`default_nettype wire
