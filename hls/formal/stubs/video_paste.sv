/// Stand-in of video_paste in the proof of the tagged camera: whatever `paste_rules` lets a paste do, at any speed and
/// in any order. Nothing that it writes is raw.

`default_nettype none

module video_paste #(
    parameter int unsigned SideWidth = 10,
    parameter int unsigned CropSize  = 64,
    parameter int unsigned MaxFaces  = 4
) (
    input  wire logic                                         clk_i,
    input  wire logic                                         rst_ni,
    input  wire logic [4*SideWidth-1:0]                       s_region_tdata,
    input  wire logic [$clog2(MaxFaces > 1 ? MaxFaces : 2)-1:0] s_region_tuser,
    input  wire logic                                         s_region_tvalid,
    output logic                                              s_region_tready,
    output logic                                              rd_en_o,
    output logic [$clog2(CropSize)-1:0]                       rd_left_o,
    output logic [$clog2(CropSize)-1:0]                       rd_right_o,
    output logic [$clog2(CropSize*MaxFaces)-1:0]              rd_upper_o,
    output logic [$clog2(CropSize*MaxFaces)-1:0]              rd_lower_o,
    input  wire logic [3:0][23:0]                             rd_data_i,
    output logic                                              wr_en_o,
    output logic [SideWidth-1:0]                              wr_x_o,
    output logic [SideWidth-1:0]                              wr_y_o,
    output logic [23:0]                                       wr_data_o,
    output logic                                              done_o
);

    logic                 busy_q, written_q;
    logic [SideWidth-1:0] x_q, y_q, width_q, height_q;
    wire logic [SideWidth-1:0] place_x = SideWidth'($root.harness.place_x);
    wire logic [SideWidth-1:0] place_y = SideWidth'($root.harness.place_y);
    // The watched place lies in the region under way; it is being written.
    wire logic covers = place_x >= x_q && {1'b0, place_x} < {1'b0, x_q} + {1'b0, width_q}
                     && place_y >= y_q && {1'b0, place_y} < {1'b0, y_q} + {1'b0, height_q};
    wire logic here   = busy_q && $root.harness.paste_writes && covers;

    assign s_region_tready = !busy_q && $root.harness.paste_accepts;
    assign wr_en_o         = here;
    assign {wr_x_o, wr_y_o, wr_data_o} = {place_x, place_y, 24'd0};
    assign done_o          = busy_q && $root.harness.paste_ends && (!covers || written_q || here);
    assign rd_en_o         = 1'b0;
    assign {rd_left_o, rd_right_o, rd_upper_o, rd_lower_o} = '0;

    always_ff @(posedge clk_i) begin
        if (!rst_ni) begin
            busy_q <= 1'b0;
        end else if (s_region_tvalid && s_region_tready) begin
            {busy_q, written_q}           <= 2'b10;
            {height_q, width_q, y_q, x_q} <= s_region_tdata;
        end else begin
            if (here) written_q <= 1'b1;
            if (done_o) busy_q <= 1'b0;
        end
    end

endmodule

`default_nettype wire
