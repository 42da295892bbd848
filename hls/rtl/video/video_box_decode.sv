/// Decodes the face detector's heat map into the regions that are replaced: the golden model's `decode`.
///
/// The map is stored, then its candidates are found (2 cycles a cell, 11 for one at or above the threshold), and then, for
/// each region, the best candidate is picked and the candidates inside its region are dropped (2 cycles a cell). If the
/// map has another length, or a candidate is left after MaxFaces regions, the result is a fault without regions.

`default_nettype none

module video_box_decode #(
    // Cells in a row and in a column of the map, 1 to 256.
    parameter int unsigned Columns  = 20,
    parameter int unsigned Rows     = 15,
    // Regions at most, 1 to 255.
    parameter int unsigned MaxFaces = 4,
    // Every cell at or above the threshold is a candidate; else only those higher than their neighbours.
    parameter bit EveryCell         = 1'b0
) (
    input  wire logic                    clk_i,
    // Also gives up the map under way.
    input  wire logic                    rst_ni,

    // Scores from here on are faces; constant from a map's first beat to its result.
    input  wire logic [7:0]              threshold_i,

    // Cells in raster order: {log_h, log_w, dy, dx, score}.
    input  wire logic [39:0]             s_axis_tdata,
    input  wire logic                    s_axis_tvalid,
    output logic                         s_axis_tready,
    input  wire logic                    s_axis_tlast,

    // {regions, count, fault}: 64 bits {height, width, y, x} a region, the first one lowest, 0 from count on.
    output logic [64*MaxFaces+15:0]      m_result_tdata,
    output logic                         m_result_tvalid,
    input  wire logic                    m_result_tready
);

    localparam int unsigned Cells        = Columns * Rows;
    localparam int unsigned AddressWidth = Cells > 1 ? $clog2(Cells) : 1;
    localparam int unsigned IndexWidth   = 8;
    localparam int unsigned BoxLatency   = 4;  // memory and video_cell_box
    localparam int unsigned FrameWidth   = Columns * camera_pkg::Cell;
    localparam int unsigned FrameHeight  = Rows * camera_pkg::Cell;

    if (Columns < 1 || Rows < 1 || Columns > 256 || Rows > 256) begin : gen_bad_map
        $fatal(1, "video_box_decode: Columns = %0d, Rows = %0d, must be 1 to 256", Columns, Rows);
    end
    if (MaxFaces < 1 || MaxFaces > 255) begin : gen_bad_faces
        $fatal(1, "video_box_decode: MaxFaces = %0d, must be 1 to 255", MaxFaces);
    end

    typedef logic [AddressWidth-1:0] address_t;
    typedef logic [IndexWidth-1:0] index_t;
    typedef struct packed {
        address_t address;
        index_t   row;
        index_t   column;
    } place_t;
    typedef enum logic [3:0] { Fill, Centre, Check, Look, Pick, Picked, Box, Region, Suppress, Flush, Done } state_e;

    state_e state_q;
    place_t here_q, best_q;             // the cell under way, the best candidate
    logic   last_column, last_cell;
    logic   wait_end;
    logic [3:0] step_q;                 // neighbour, or cycles waited
    logic [7:0] score_q;                // of the cell under way
    logic   beaten_q, inside_q;         // by a neighbour; whether the neighbour just read exists
    logic   found_q, scan_q;            // a candidate was found; the cell just read belongs to the scan
    logic [7:0] best_score_q;
    place_t     read_q;                 // the cell just read
    logic [7:0] count_q, fault_q;
    logic [MaxFaces-1:0][63:0] region_q;

    assign last_column = here_q.column == index_t'(Columns - 1);
    assign last_cell   = here_q.address == address_t'(Cells - 1);

    function automatic place_t next(input place_t place, input logic wrap);
        next.address = place.address + 1'b1;
        next.row     = wrap ? place.row + 1'b1 : place.row;
        next.column  = wrap ? '0 : place.column + 1'b1;
    endfunction

    // Neighbour number step_q in raster order, 0 to 3 before the cell, 4 to 7 after it.
    wire logic [1:0] look_row    = step_q < 3 ? 2'd0 : step_q < 5 ? 2'd1 : 2'd2;
    wire logic [1:0] look_column = step_q inside {0, 3, 5} ? 2'd0 : step_q inside {1, 6} ? 2'd1 : 2'd2;
    wire logic       look_inside = !(look_row == 0 && here_q.row == '0)
                                && !(look_row == 2 && here_q.row == index_t'(Rows - 1))
                                && !(look_column == 0 && here_q.column == '0)
                                && !(look_column == 2 && last_column);
    wire address_t look_address = address_t'(32'(here_q.address) + 32'(look_row) * Columns + 32'(look_column)
                                             - (Columns + 1));

    // Memory of the map, and of which cells are candidates.
    (* ram_style = "block" *)
    logic [39:0] mem [Cells];
    (* ram_style = "distributed" *)
    logic        alive [Cells];
    logic [39:0] cell_q;
    logic        alive_q;
    address_t    read_address, alive_address;
    logic        alive_write, alive_value, covered, covered_valid;
    address_t    covered_address;

    wire logic take     = s_axis_tvalid && s_axis_tready;
    wire logic scanning = state_q inside {Pick, Suppress};
    // The neighbour just read is higher, or as high and before the cell.
    wire logic beats    = inside_q && (step_q < 5 ? cell_q[7:0] >= score_q : cell_q[7:0] > score_q);

    always_comb begin
        read_address = here_q.address;
        if (state_q == Look && look_inside) read_address = look_address;
        if (state_q == Box) read_address = best_q.address;
        alive_address = here_q.address;
        alive_write   = 1'b0;
        alive_value   = 1'b0;
        if (state_q == Check) alive_write = cell_q[7:0] < threshold_i;
        if (state_q == Look && step_q == 8) {alive_write, alive_value} = {1'b1, EveryCell || !(beaten_q || beats)};
        if (covered_valid) {alive_address, alive_write} = {covered_address, covered};
    end

    always_ff @(posedge clk_i) begin
        if (take) mem[here_q.address] <= s_axis_tdata;
        if (alive_write) alive[alive_address] <= alive_value;
        cell_q  <= mem[read_address];
        alive_q <= alive[read_address];
        read_q  <= state_q == Box ? best_q : here_q;
        scan_q  <= scanning;
    end

    // Box of the cell read, its region, and whether the box lies inside the region picked last.
    logic signed [15:0] left, right, top, bottom;
    logic [15:0]        region_x, region_y, region_width, region_height;
    wire logic [63:0]   picked = region_q[$clog2(MaxFaces > 1 ? MaxFaces : 2)'(count_q - 1'b1)];
    wire logic signed [16:0] picked_left   = $signed({1'b0, picked[15:0]});
    wire logic signed [16:0] picked_top    = $signed({1'b0, picked[31:16]});
    wire logic signed [16:0] picked_right  = picked_left + $signed({1'b0, picked[47:32]});
    wire logic signed [16:0] picked_bottom = picked_top + $signed({1'b0, picked[63:48]});
    assign covered = (17'(left) >= picked_left || picked_left == 0)
                  && (17'(top) >= picked_top || picked_top == 0)
                  && (17'(right) <= picked_right || picked_right == 17'(FrameWidth))
                  && (17'(bottom) <= picked_bottom || picked_bottom == 17'(FrameHeight));

    video_cell_box #(.IndexWidth(IndexWidth)) u_cell_box (
        .clk_i,
        .cell_i  (cell_q),
        .row_i   (read_q.row),
        .column_i(read_q.column),
        .left_o  (left),
        .right_o (right),
        .top_o   (top),
        .bottom_o(bottom)
    );
    video_region #(.Side(FrameWidth)) u_region_x (
        .clk_i, .first_i(left), .after_i(right), .first_o(region_x), .length_o(region_width)
    );
    video_region #(.Side(FrameHeight)) u_region_y (
        .clk_i, .first_i(top), .after_i(bottom), .first_o(region_y), .length_o(region_height)
    );
    video_delay #(.Width(1 + AddressWidth), .Depth(BoxLatency), .Cleared(1'b1)) u_covered (
        .clk_i, .rst_ni, .en_i(1'b1),
        .data_i({state_q == Suppress, here_q.address}), .data_o({covered_valid, covered_address})
    );

    assign s_axis_tready   = state_q == Fill;
    assign m_result_tvalid = state_q == Done;
    assign m_result_tdata  = {region_q, count_q, fault_q};
    assign wait_end        = step_q == 4'd8;  // longer than BoxLatency and video_region together

    always_ff @(posedge clk_i) begin
        if (!rst_ni) begin
            state_q <= Fill;
            here_q  <= '0;
            {region_q, count_q, fault_q} <= '0;
        end else begin
            if (take || scanning || (state_q == Check && cell_q[7:0] < threshold_i)
                    || (state_q == Look && step_q == 8)) begin
                here_q <= last_cell ? '0 : next(here_q, last_column);
            end
            unique case (state_q)
                Fill: if (take && s_axis_tlast != last_cell) begin
                    state_q <= Done;
                    fault_q <= camera_pkg::FaultDetectorLength;
                end else if (take && last_cell) begin
                    state_q <= Centre;
                end
                Centre: state_q <= Check;
                Check:  state_q <= cell_q[7:0] >= threshold_i ? Look : last_cell ? Pick : Centre;
                Look:   if (step_q == 8) state_q <= last_cell ? Pick : Centre;
                Pick:   if (last_cell) state_q <= Picked;
                Picked: if (!scan_q) begin
                    state_q <= Box;
                    if (!found_q) begin
                        state_q <= Done;
                    end else if (count_q == 8'(MaxFaces)) begin
                        state_q <= Done;
                        {region_q, count_q} <= '0;
                        fault_q <= camera_pkg::FaultTooManyFaces;
                    end
                end
                Box:    if (wait_end) state_q <= Region;
                Region: begin
                    state_q <= Suppress;
                    count_q <= count_q + 1'b1;
                    region_q[$clog2(MaxFaces > 1 ? MaxFaces : 2)'(count_q)] <=
                        {region_height, region_width, region_y, region_x};
                end
                Suppress: if (last_cell) state_q <= Flush;
                Flush:    if (wait_end) state_q <= Pick;
                Done:     if (m_result_tready) begin
                    state_q <= Fill;
                    here_q  <= '0;
                    {region_q, count_q, fault_q} <= '0;
                end
                default:  state_q <= Fill;
            endcase
        end
    end

    always_ff @(posedge clk_i) begin
        step_q   <= state_q inside {Look, Box, Flush} ? step_q + 1'b1 : '0;
        inside_q <= look_inside;
        if (state_q == Check) score_q <= cell_q[7:0];
        if (state_q != Look) beaten_q <= 1'b0;
        else if (step_q != 0 && beats) beaten_q <= 1'b1;
        if (!(state_q inside {Pick, Picked})) begin
            {found_q, best_score_q} <= '0;
        end else if (scan_q && alive_q && (!found_q || cell_q[7:0] > best_score_q)) begin
            {found_q, best_score_q, best_q} <= {1'b1, cell_q[7:0], read_q};
        end
    end

`ifndef SYNTHESIS
    a_stable : assert property (@(posedge clk_i) disable iff (!rst_ni)
        m_result_tvalid && !m_result_tready |=> m_result_tvalid && $stable(m_result_tdata))
        else $error("video_box_decode: result changed while stalled");
    a_fault : assert property (@(posedge clk_i) disable iff (!rst_ni)
        m_result_tvalid && fault_q != '0 |-> count_q == '0 && region_q == '0)
        else $error("video_box_decode: a fault with regions");
    a_inside : assert property (@(posedge clk_i) disable iff (!rst_ni)
        state_q == Region |-> region_width >= 16'(camera_pkg::MinRegion) && region_height >= 16'(camera_pkg::MinRegion)
            && 32'(region_x) + 32'(region_width) <= FrameWidth && 32'(region_y) + 32'(region_height) <= FrameHeight)
        else $error("video_box_decode: region outside the frame");
    a_progress : assert property (@(posedge clk_i) disable iff (!rst_ni)
        covered_valid && covered_address == best_q.address |-> covered)
        else $error("video_box_decode: a box is not inside its own region");
`endif

endmodule

`default_nettype wire
