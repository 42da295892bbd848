/// Takes video in, checks its geometry, and writes good lines to the frame store: the golden model's ingress.
///
/// The source is never stalled: a sensor cannot wait. A frame gets its number when it begins; if it cannot be stored it
/// ends in the same cycle with its fault, or, without room to note even that, it is dropped.

`default_nettype none

module video_ingress #(
    // Columns of the frame, at least 2.
    parameter int unsigned Width         = 320,
    // Rows of the frame, at least 1.
    parameter int unsigned Height        = 240,
    // Bits of a coordinate and of a side; Width and Height must fit.
    parameter int unsigned SideWidth     = 10,
    // Cycles without a pixel inside a frame after which the source counts as gone, at least 1.
    parameter int unsigned SourceTimeout = 1_000_000
) (
    input  wire logic                  clk_i,
    input  wire logic                  rst_ni,

    // Whether new frames are taken in.
    input  wire logic                  run_i,
    // Ends the frame under way, in the same cycle.
    input  wire logic                  soft_reset_i,
    // Whether the frame store is free, and whether there is room to note one more frame.
    input  wire logic                  free_i,
    input  wire logic                  room_i,

    // Video: tuser marks a frame's first pixel, tlast each line's last one; always ready.
    input  wire logic [23:0]           s_axis_tdata,
    input  wire logic                  s_axis_tvalid,
    output logic                       s_axis_tready,
    input  wire logic                  s_axis_tuser,
    input  wire logic                  s_axis_tlast,

    // Write port of the frame store, and the rows of the frame under way that are whole in it.
    output logic                       wr_en_o,
    output logic [SideWidth-1:0]       wr_x_o,
    output logic [SideWidth-1:0]       wr_y_o,
    output logic [23:0]                wr_data_o,
    output logic [SideWidth-1:0]       rows_o,

    // A frame begins: its number; a fault if it ended at once, else it is being stored.
    output logic                       begin_o,
    output logic [31:0]                begin_number_o,
    output camera_pkg::fault_e         begin_fault_o,
    // A frame begins of which nothing can be noted; begin_o is low.
    output logic                       dropped_o,
    // The frame that was being stored ends: complete, or with a fault. At a start of frame, before begin_o.
    output logic                       end_o,
    output camera_pkg::fault_e         end_fault_o,
    // A frame is being stored.
    output logic                       capturing_o
);

    import camera_pkg::*;

    if (Width < 2 || Height < 1 || Width >= (1 << SideWidth) || Height >= (1 << SideWidth)) begin : gen_bad_size
        $fatal(1, "video_ingress: Width = %0d, Height = %0d, must be at least 2 and 1 and fit in SideWidth = %0d bits",
               Width, Height, SideWidth);
    end
    if (SourceTimeout < 1) begin : gen_bad_timeout
        $fatal(1, "video_ingress: SourceTimeout = %0d, must be at least 1", SourceTimeout);
    end

    typedef logic [SideWidth-1:0] side_t;
    typedef enum logic [1:0] { Off, Seek, Between, Frame } state_e;

    state_e      state_q, state_d, state;
    side_t       x_q, y_q;  // next pixel
    logic [31:0] number_q, idle_q;
    logic        starts;    // a frame begins, whatever becomes of it

    wire logic sof         = s_axis_tvalid && s_axis_tuser;
    wire logic last_column = x_q == side_t'(Width - 1);
    wire logic last_row    = y_q == side_t'(Height - 1);
    wire logic timeout     = !s_axis_tvalid && idle_q == SourceTimeout - 1;

    assign s_axis_tready  = 1'b1;
    assign begin_number_o = number_q;
    assign capturing_o    = state_q == Frame;
    assign rows_o         = y_q;
    assign wr_data_o      = s_axis_tdata;

    always_comb begin
        // `run` counts at once, except inside a frame.
        state = state_q;
        if (state_q == Off && run_i) state = Seek;
        if (state_q inside {Seek, Between} && !run_i) state = Off;

        // What happens to the frame under way.
        end_o       = 1'b0;
        end_fault_o = FaultNone;
        state_d     = state;
        if (state == Frame) begin
            end_o = 1'b1;
            if (soft_reset_i)                                   end_fault_o = FaultReset;
            else if (sof)                                       end_fault_o = FaultShortFrame;
            else if (timeout)                                   end_fault_o = FaultSourceTimeout;
            else if (s_axis_tvalid && s_axis_tlast && !last_column) end_fault_o = FaultShortLine;
            else if (s_axis_tvalid && !s_axis_tlast && last_column) end_fault_o = FaultLongLine;
            else end_o = s_axis_tvalid && last_column && last_row;
            if (end_o) state_d = !run_i ? Off : end_fault_o == FaultNone ? Between : Seek;
        end

        // What begins with this beat.
        starts = !soft_reset_i && s_axis_tvalid
              && (state == Between || (s_axis_tuser && (state == Seek || (state == Frame && run_i))));
        begin_o       = starts && room_i;
        dropped_o     = starts && !room_i;
        begin_fault_o = FaultNone;
        if (!s_axis_tuser)                        begin_fault_o = FaultLongFrame;
        else if (!free_i && state_q != Frame)     begin_fault_o = FaultOverrun;
        else if (s_axis_tlast)                    begin_fault_o = FaultShortLine;
        if (starts) state_d = room_i && begin_fault_o == FaultNone ? Frame : Seek;
        if (soft_reset_i) state_d = Off;

        wr_en_o = s_axis_tvalid && (begin_o ? begin_fault_o == FaultNone
                                            : state == Frame && !(end_o && end_fault_o != FaultNone));
        wr_x_o  = begin_o ? '0 : x_q;
        wr_y_o  = begin_o ? '0 : y_q;
    end

    always_ff @(posedge clk_i) begin
        if (!rst_ni) begin
            state_q  <= Off;
            number_q <= '0;
        end else begin
            state_q <= state_d;
            if (starts) number_q <= number_q + 1;
        end
    end

    always_ff @(posedge clk_i) begin
        idle_q <= s_axis_tvalid || state_q != Frame ? '0 : idle_q + 1;
        if (begin_o && begin_fault_o == FaultNone) begin
            x_q <= side_t'(1);
            y_q <= '0;
        end else if (s_axis_tvalid && state == Frame) begin
            x_q <= last_column ? '0 : x_q + 1'b1;
            if (last_column) y_q <= y_q + 1'b1;
        end
    end

`ifndef SYNTHESIS
    logic [31:0] stored;  // pixels of the frame under way
    always_ff @(posedge clk_i) begin
        if (!rst_ni || !(state_d == Frame))                     stored <= '0;
        else if (begin_o && begin_fault_o == FaultNone)         stored <= 1;
        else if (wr_en_o)                                       stored <= stored + 1;
    end

    a_write : assert property (@(posedge clk_i) disable iff (!rst_ni)
        wr_en_o |-> 32'(wr_x_o) < Width && 32'(wr_y_o) < Height)
        else $error("video_ingress: write outside the frame");
    a_order : assert property (@(posedge clk_i) disable iff (!rst_ni)
        wr_en_o && !begin_o |-> stored == 32'(wr_y_o) * Width + 32'(wr_x_o))
        else $error("video_ingress: a pixel was left out");
    a_complete : assert property (@(posedge clk_i) disable iff (!rst_ni)
        end_o && end_fault_o == FaultNone |-> wr_en_o && stored + 1 == Width * Height)
        else $error("video_ingress: complete without all pixels");
    a_free : assert property (@(posedge clk_i) disable iff (!rst_ni)
        wr_en_o |-> free_i || capturing_o)
        else $error("video_ingress: write into a buffer that is in use");
`endif

endmodule

`default_nettype wire
