/// One frame on the chip, in four banks by the parities of row and column: any 2×2 pixels are read in one cycle.
///
/// Pixel (x, y) lies in bank {y[0], x[0]} at address (y / 2) * (Width / 2) + x / 2. Writes take one pixel a cycle. Reads
/// take four coordinates a cycle and give the four pixels at their crossings, StoreLatency moves of the read pipeline
/// later; a read sees every write of the cycles before its own. Right is left or left + 1, lower is upper or upper + 1.
///
/// A memory word holds Lanes pixels, consecutive thirds of a bank for Lanes = 3: a 72-bit UltraRAM holds three pixels
/// where it would hold one.

`default_nettype none

module video_frame_store #(
    // Columns, even, at least 2.
    parameter int unsigned Width     = 320,
    // Rows, even, at least 2.
    parameter int unsigned Height    = 240,
    // Bits of a pixel, at least 1.
    parameter int unsigned DataWidth = 24,
    // Pixels in a memory word, at least 1: 3 for UltraRAM, else 1.
    parameter int unsigned Lanes     = 1,
    // Memory: "auto", "block", "ultra" or "distributed".
    parameter              RamStyle  = "block"
) (
    input  wire logic                           clk_i,

    input  wire logic                           wr_en_i,
    input  wire logic [$clog2(Width)-1:0]       wr_x_i,
    input  wire logic [$clog2(Height)-1:0]      wr_y_i,
    input  wire logic [DataWidth-1:0]           wr_data_i,

    // Moves the read pipeline.
    input  wire logic                           rd_en_i,
    input  wire logic [$clog2(Width)-1:0]       rd_left_i,
    input  wire logic [$clog2(Width)-1:0]       rd_right_i,
    input  wire logic [$clog2(Height)-1:0]      rd_upper_i,
    input  wire logic [$clog2(Height)-1:0]      rd_lower_i,
    // Upper left, upper right, lower left, lower right pixel at index 0 to 3.
    output logic [3:0][DataWidth-1:0]           rd_data_o
);

    localparam int unsigned HalfWidth = Width / 2;
    localparam int unsigned Depth     = HalfWidth * (Height / 2);  // pixels of a bank
    localparam int unsigned Words     = (Depth + Lanes - 1) / Lanes;
    localparam int unsigned DepthBits = Depth > 1 ? $clog2(Depth) : 1;
    localparam int unsigned WordBits  = Words > 1 ? $clog2(Words) : 1;
    localparam int unsigned LaneBits  = Lanes > 1 ? $clog2(Lanes) : 1;
    localparam int unsigned XWidth    = $clog2(Width);
    localparam int unsigned YWidth    = $clog2(Height);
    localparam bit [87:0]   RamText   = 88'(RamStyle);

    if (Width < 2 || Height < 2 || Width % 2 != 0 || Height % 2 != 0) begin : gen_bad_size
        $fatal(1, "video_frame_store: Width = %0d, Height = %0d, must be even and at least 2", Width, Height);
    end
    if (DataWidth < 1 || Lanes < 1) begin : gen_bad_word
        $fatal(1, "video_frame_store: DataWidth = %0d, Lanes = %0d, must be at least 1", DataWidth, Lanes);
    end
    if (RamText != 88'("auto") && RamText != 88'("block") && RamText != 88'("ultra")
            && RamText != 88'("distributed")) begin : gen_bad_ram
        $fatal(1, "video_frame_store: RamStyle must be auto, block, ultra or distributed");
    end

    typedef logic [DepthBits-1:0] address_t;

    /// Where a pixel lies within a bank's memory.
    typedef struct packed {
        logic [LaneBits-1:0] lane;
        logic [WordBits-1:0] word;
    } place_t;

    function automatic place_t place(input address_t address);
        automatic int unsigned lane = 0;
        for (int unsigned k = 1; k < Lanes; k++) if (32'(address) >= k * Words) lane = k;
        place.lane = LaneBits'(lane);
        place.word = WordBits'(32'(address) - lane * Words);
    endfunction

    function automatic address_t address_of(input logic [YWidth-1:0] row, input logic [XWidth-1:0] column);
        return address_t'(32'(row >> 1) * HalfWidth + 32'(column >> 1));
    endfunction

    // Write pipeline: coordinates, address, place. It is no longer than the read pipeline before the memory.
    logic                 wr1_en_q, wr2_en_q, wr3_en_q;
    logic [XWidth-1:0]    wr1_x_q;
    logic [YWidth-1:0]    wr1_y_q;
    logic [1:0]           wr2_bank_q, wr3_bank_q;
    logic [DataWidth-1:0] wr1_data_q, wr2_data_q, wr3_data_q;
    address_t             wr2_address_q;
    place_t               wr3_place_q;

    always_ff @(posedge clk_i) begin
        {wr3_en_q, wr2_en_q, wr1_en_q}       <= {wr2_en_q, wr1_en_q, wr_en_i};
        {wr3_data_q, wr2_data_q, wr1_data_q} <= {wr2_data_q, wr1_data_q, wr_data_i};
        {wr1_x_q, wr1_y_q}                   <= {wr_x_i, wr_y_i};
        wr2_address_q                        <= address_of(wr1_y_q, wr1_x_q);
        wr2_bank_q                           <= {wr1_y_q[0], wr1_x_q[0]};
        wr3_place_q                          <= place(wr2_address_q);
        wr3_bank_q                           <= wr2_bank_q;
    end

    // Read pipeline, stage 1: the coordinate that falls into the even and into the odd banks.
    logic [1:0][XWidth-1:0] rd1_x_q;
    logic [1:0][YWidth-1:0] rd1_y_q;
    always_ff @(posedge clk_i) begin
        if (rd_en_i) begin
            rd1_x_q <= rd_left_i[0] ? {rd_left_i, rd_right_i} : {rd_right_i, rd_left_i};
            rd1_y_q <= rd_upper_i[0] ? {rd_upper_i, rd_lower_i} : {rd_lower_i, rd_upper_i};
        end
    end

    // The parities of lower, upper, right and left, where the pixels come out of the banks.
    logic [3:0] parity;
    video_delay #(
        .Width(4),
        .Depth(video_pkg::StoreLatency - 1)
    ) u_parity (
        .clk_i,
        .rst_ni(1'b1),
        .en_i  (rd_en_i),
        .data_i({rd_lower_i[0], rd_upper_i[0], rd_right_i[0], rd_left_i[0]}),
        .data_o(parity)
    );

    // Stages 2 to 5 of each bank: address, place, memory, memory's output register.
    logic [3:0][DataWidth-1:0] bank_data;
    for (genvar k = 0; k < 4; k++) begin : gen_bank
        (* ram_style = RamStyle *)
        logic [Lanes-1:0][DataWidth-1:0] mem [Words];

        address_t                        rd2_address_q;
        place_t                          rd3_place_q;
        logic [LaneBits-1:0]             rd4_lane_q, rd5_lane_q;
        logic [Lanes-1:0][DataWidth-1:0] rd4_word_q, rd5_word_q;

        always_ff @(posedge clk_i) begin
            for (int unsigned lane = 0; lane < Lanes; lane++) begin
                if (wr3_en_q && wr3_bank_q == 2'(k) && 32'(wr3_place_q.lane) == lane) begin
                    mem[wr3_place_q.word][lane] <= wr3_data_q;
                end
            end
        end

        always_ff @(posedge clk_i) begin
            if (rd_en_i) begin
                rd2_address_q            <= address_of(rd1_y_q[k/2], rd1_x_q[k%2]);
                rd3_place_q              <= place(rd2_address_q);
                rd4_word_q               <= mem[rd3_place_q.word];
                rd5_word_q               <= rd4_word_q;
                {rd5_lane_q, rd4_lane_q} <= {rd4_lane_q, rd3_place_q.lane};
            end
        end
        assign bank_data[k] = rd5_word_q[rd5_lane_q];
    end

    // Stage 6: each pixel from the bank of its parities.
    always_ff @(posedge clk_i) begin
        if (rd_en_i) begin
            rd_data_o[0] <= bank_data[{parity[2], parity[0]}];
            rd_data_o[1] <= bank_data[{parity[2], parity[1]}];
            rd_data_o[2] <= bank_data[{parity[3], parity[0]}];
            rd_data_o[3] <= bank_data[{parity[3], parity[1]}];
        end
    end

`ifndef SYNTHESIS
    a_write : assert property (@(posedge clk_i) wr_en_i |-> 32'(wr_x_i) < Width && 32'(wr_y_i) < Height)
        else $error("video_frame_store: write outside the frame");
`endif

endmodule

`default_nettype wire
