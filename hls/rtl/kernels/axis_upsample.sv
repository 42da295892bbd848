/// Enlarges NHWC images by nearest neighbour, Scale times along both axes, one output beat per cycle without gaps.
///
/// Input rows go through a cyclic buffer of two rows, so that the input may arrive at its average rate, one beat in
/// Scale² cycles, without stalling the output. Every row is read Scale times and every pixel Scale times within it; a
/// beat's place is freed as it is read for the last time. Image height is not needed.

`default_nettype none

module axis_upsample #(
    // Payload width in bits, at least 1.
    parameter int unsigned DataWidth   = 8,
    // Pixels in one input row, at least 1.
    parameter int unsigned Width       = 16,
    // Beats of one pixel, at least 1.
    parameter int unsigned ChannelFold = 1,
    // Enlargement along each axis, at least 2.
    parameter int unsigned Scale       = 2,
    // Memory of the row buffer: "auto", "block" or "distributed".
    parameter              RamStyle    = "auto"
) (
    input  wire logic                  clk_i,
    input  wire logic                  rst_ni,

    input  wire logic [DataWidth-1:0]  s_axis_tdata,
    input  wire logic                  s_axis_tvalid,
    output logic                       s_axis_tready,

    output logic [DataWidth-1:0]       m_axis_tdata,
    output logic                       m_axis_tvalid,
    input  wire logic                  m_axis_tready
);

    localparam int unsigned Depth      = 2 * Width * ChannelFold;
    localparam int unsigned PtrWidth   = $clog2(Depth);
    localparam int unsigned CountWidth = $clog2(Depth + 1);
    localparam int unsigned FoldWidth  = ChannelFold > 1 ? $clog2(ChannelFold) : 1;
    localparam int unsigned ColWidth   = Width > 1 ? $clog2(Width) : 1;
    localparam int unsigned RepWidth   = Scale > 1 ? $clog2(Scale) : 1;
    localparam bit [87:0]   RamText    = 88'(RamStyle);

    if (DataWidth < 1) begin : gen_bad_width
        $fatal(1, "axis_upsample: DataWidth = %0d, must be at least 1", DataWidth);
    end
    if (Width < 1 || ChannelFold < 1) begin : gen_bad_shape
        $fatal(1, "axis_upsample: Width = %0d, ChannelFold = %0d, must be at least 1", Width, ChannelFold);
    end
    if (Scale < 2) begin : gen_bad_scale
        $fatal(1, "axis_upsample: Scale = %0d, must be at least 2", Scale);
    end
    if (RamText != 88'("auto") && RamText != 88'("block") && RamText != 88'("distributed")) begin : gen_bad_ram
        $fatal(1, "axis_upsample: RamStyle must be auto, block or distributed");
    end

    typedef logic [PtrWidth-1:0] ptr_t;
    typedef logic [CountWidth-1:0] count_t;

    function automatic ptr_t next(input ptr_t ptr);
        return ptr == ptr_t'(Depth - 1) ? '0 : ptr + 1'b1;
    endfunction

    (* ram_style = RamStyle *)
    logic [DataWidth-1:0] mem [Depth];

    ptr_t   wr_ptr_q;
    ptr_t   rd_ptr_q, pixel_ptr_q, row_ptr_q;  // current beat, first beats of its pixel and of its row
    count_t space_q;                           // free places
    count_t unread_q;                          // beats in the buffer that were never read
    logic [FoldWidth-1:0] fold_q;              // position of the beat: in its pixel, in its row, repetitions
    logic [ColWidth-1:0]  col_q;
    logic [RepWidth-1:0]  rep_x_q, rep_y_q;
    logic                 valid_q;
    logic [DataWidth-1:0] data_q;

    wire logic last_fold  = fold_q == FoldWidth'(ChannelFold - 1);
    wire logic last_col   = col_q == ColWidth'(Width - 1);
    wire logic last_rep_x = rep_x_q == RepWidth'(Scale - 1);
    wire logic last_rep_y = rep_y_q == RepWidth'(Scale - 1);
    wire logic first_read = rep_x_q == '0 && rep_y_q == '0;
    wire logic final_read = last_rep_x && last_rep_y;

    wire logic write  = s_axis_tvalid && s_axis_tready;
    wire logic read   = (!valid_q || m_axis_tready) && (!first_read || unread_q != '0);
    wire ptr_t rd_inc = next(rd_ptr_q);

    assign s_axis_tready = space_q != '0;
    assign m_axis_tvalid = valid_q;
    assign m_axis_tdata  = data_q;

    always_ff @(posedge clk_i) begin
        if (write) mem[wr_ptr_q] <= s_axis_tdata;
        if (read)  data_q <= mem[rd_ptr_q];
    end

    always_ff @(posedge clk_i) begin
        if (!rst_ni) begin
            wr_ptr_q <= '0;
            space_q  <= count_t'(Depth);
            unread_q <= '0;
            valid_q  <= 1'b0;
        end else begin
            if (write) wr_ptr_q <= next(wr_ptr_q);
            space_q  <= space_q - count_t'(write) + count_t'(read && final_read);
            unread_q <= unread_q + count_t'(write) - count_t'(read && first_read);
            if (read) valid_q <= 1'b1;
            else if (m_axis_tready) valid_q <= 1'b0;
        end
    end

    always_ff @(posedge clk_i) begin
        if (!rst_ni) begin
            {rd_ptr_q, pixel_ptr_q, row_ptr_q} <= '0;
            {fold_q, col_q, rep_x_q, rep_y_q}  <= '0;
        end else if (read) begin
            rd_ptr_q <= rd_inc;
            fold_q   <= last_fold ? '0 : fold_q + 1'b1;
            if (last_fold && !last_rep_x) begin  // the pixel once more
                rd_ptr_q <= pixel_ptr_q;
                rep_x_q  <= rep_x_q + 1'b1;
            end else if (last_fold && !last_col) begin  // the next pixel
                pixel_ptr_q <= rd_inc;
                rep_x_q     <= '0;
                col_q       <= col_q + 1'b1;
            end else if (last_fold && !last_rep_y) begin  // the row once more
                {rd_ptr_q, pixel_ptr_q} <= {2{row_ptr_q}};
                {rep_x_q, col_q}        <= '0;
                rep_y_q                 <= rep_y_q + 1'b1;
            end else if (last_fold) begin  // the next row
                {pixel_ptr_q, row_ptr_q}  <= {2{rd_inc}};
                {rep_x_q, col_q, rep_y_q} <= '0;
            end
        end
    end

`ifndef SYNTHESIS
    logic [31:0] beats_in, beats_read, beats_out;  // modulo 2^32
    always_ff @(posedge clk_i) begin
        if (!rst_ni) begin
            {beats_in, beats_read, beats_out} <= '0;
        end else begin
            beats_in   <= beats_in + 32'(write);
            beats_read <= beats_read + 32'(read);
            beats_out  <= beats_out + 32'(m_axis_tvalid && m_axis_tready);
        end
    end
    wire logic row_start = {fold_q, col_q, rep_x_q, rep_y_q} == '0;

    a_stable : assert property (@(posedge clk_i) disable iff (!rst_ni)
        m_axis_tvalid && !m_axis_tready |=> m_axis_tvalid && $stable(m_axis_tdata))
        else $error("axis_upsample: output changed while stalled");
    a_buffer : assert property (@(posedge clk_i) disable iff (!rst_ni)
        space_q <= count_t'(Depth) && unread_q <= count_t'(Depth) - space_q)
        else $error("axis_upsample: buffer overrun");
    a_arrived : assert property (@(posedge clk_i) disable iff (!rst_ni) read && first_read |-> unread_q != '0)
        else $error("axis_upsample: read a beat that has not arrived");
    a_row : assert property (@(posedge clk_i) disable iff (!rst_ni)
        row_start |-> beats_read == Scale * Scale * (beats_in - (Depth - 32'(space_q))) && rd_ptr_q == row_ptr_q)
        else $error("axis_upsample: a row was not repeated %0d times", Scale);
    a_no_loss : assert property (@(posedge clk_i) disable iff (!rst_ni) beats_read - beats_out == 32'(m_axis_tvalid))
        else $error("axis_upsample: lost or repeated a beat");
    // Of use in four-state simulators only.
    a_known : assert property (@(posedge clk_i) disable iff (!rst_ni)
        !$isunknown(m_axis_tvalid) && !(m_axis_tvalid && $isunknown(m_axis_tdata)))
        else $error("axis_upsample: output is unknown");
`endif

endmodule

`default_nettype wire
