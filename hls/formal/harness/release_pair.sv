/// Non-interference of the release path, by self-composition: two cameras, whose raw pixels differ under the regions
/// only, deliver the same for ever.
///
/// The raw pixels may differ at one place, chosen once and for all (any set of places follows, one place after the
/// other). A frame that is stored with such a pixel has a region over that place. Detector, modifier, crops, time
/// limits and the sink are free, and the same for both. Pixels move as a whole, so their lowest bit stands for each
/// of them.

`default_nettype none

module release_pair (
    input  wire logic         clk_i,
    // Control, shared.
    input  wire logic         run_i,
    input  wire logic         soft_reset_i,
    input  wire logic [7:0]   threshold_i,
    input  wire logic [7:0]   key_i,
    // Raw video: the pixels of both cameras.
    input  wire logic [23:0]  raw_a_i,
    input  wire logic [23:0]  raw_b_i,
    input  wire logic         raw_valid_i,
    input  wire logic         raw_user_i,
    input  wire logic         raw_last_i,
    // Accelerators and sink, shared.
    input  wire logic         half_ready_i,
    input  wire logic [39:0]  cells_i,
    input  wire logic         cells_valid_i,
    input  wire logic         cells_last_i,
    input  wire logic         crop_ready_i,
    input  wire logic [23:0]  modified_i,
    input  wire logic         modified_valid_i,
    input  wire logic         modified_last_i,
    input  wire logic         ready_i,
    input  wire logic         meta_ready_i,
    // What the stand-ins of blocks off the release path answer, shared.
    input  wire logic [79:0]  result,
    input  wire logic         result_valid,
    input  wire logic         decode_ready,
    input  wire logic [31:0]  half_read,
    input  wire logic [31:0]  crop_read,
    input  wire logic         half_valid,
    input  wire logic         half_last,
    input  wire logic         crop_accepts,
    input  wire logic         divided,
    input  wire logic [31:0]  sample_x,
    input  wire logic [31:0]  sample_y,
    // The place where the raw pixels may differ; its value in the first cycle counts.
    input  wire logic [3:0]   place_i,
    // Time limits, at any moment.
    input  wire logic         source_timeout,
    input  wire logic         detector_timeout,
    input  wire logic         modifier_timeout
);

    localparam int unsigned Side     = 4;
    localparam int unsigned CropSize = 2;
    localparam int unsigned MaxFaces = 1;

    logic rst_ni = 1'b0;
    always_ff @(posedge clk_i) rst_ni <= 1'b1;

    logic [1:0][23:0]                       raw, pixel;
    logic [1:0]                             valid, user, last, meta_valid;
    logic [1:0][64*(1+MaxFaces)-1:0]        meta;
    assign raw = {raw_b_i, raw_a_i};

    for (genvar k = 0; k < 2; k++) begin : gen_camera
        camera_core #(
            .Width(Side), .Height(Side), .CropSize(CropSize), .MaxFaces(MaxFaces), .QueueDepth(2)
        ) u_core (
            .clk_i, .rst_ni, .run_i, .soft_reset_i, .threshold_i, .key_i,
            .s_axis_tdata(raw[k]), .s_axis_tvalid(raw_valid_i), .s_axis_tready(), .s_axis_tuser(raw_user_i),
            .s_axis_tlast(raw_last_i),
            .flush_detector_o(), .m_half_tdata(), .m_half_tvalid(), .m_half_tready(half_ready_i), .m_half_tlast(),
            .s_cells_tdata(cells_i), .s_cells_tvalid(cells_valid_i), .s_cells_tready(), .s_cells_tlast(cells_last_i),
            .flush_modifier_o(), .m_crop_tdata(), .m_crop_tvalid(), .m_crop_tready(crop_ready_i), .m_crop_tlast(),
            .s_modified_tdata(modified_i), .s_modified_tvalid(modified_valid_i), .s_modified_tready(),
            .s_modified_tlast(modified_last_i),
            .m_axis_tdata(pixel[k]), .m_axis_tvalid(valid[k]), .m_axis_tready(ready_i), .m_axis_tuser(user[k]),
            .m_axis_tlast(last[k]),
            .m_meta_tdata(meta[k]), .m_meta_tvalid(meta_valid[k]), .m_meta_tready(meta_ready_i),
            .frame_in_o(), .dropped_o(), .faults_o(), .capturing_o(), .processing_o(), .delivering_o()
        );
    end

    // The place, and where the source is in its frame: counted here, from the start of frame on.
    typedef logic [$clog2(Side*Side)-1:0] place_t;
    place_t place_q, next_q;
    wire place_t here = raw_user_i ? '0 : next_q;
    always_ff @(posedge clk_i) begin
        if (!rst_ni) place_q <= place_i;
        if (raw_valid_i) next_q <= here + 1'b1;
    end

    // Whether the cameras' stored frames differ.
    logic differs_q;
    wire logic differs = raw_a_i[0] != raw_b_i[0];
    always_ff @(posedge clk_i) begin
        if (!rst_ni)                                      differs_q <= 1'b0;
        else if (gen_camera[0].u_core.stores)             differs_q <= differs;
        else if (gen_camera[0].u_core.ingress_write.en)   differs_q <= differs_q || differs;
    end

    // Whether a region of the frame lies over the place.
    wire logic [16:0] place_x = 17'(place_q % Side);
    wire logic [16:0] place_y = 17'(place_q / Side);
    logic over;
    always_comb begin
        over = 1'b0;
        for (int unsigned k = 0; k < MaxFaces; k++) begin
            over |= k < 32'(result[15:8])
                 && place_x >= 17'(result[16+64*k +: 16])
                 && place_x < 17'(result[16+64*k +: 16]) + 17'(result[16+64*k+32 +: 16])
                 && place_y >= 17'(result[16+64*k+16 +: 16])
                 && place_y < 17'(result[16+64*k+16 +: 16]) + 17'(result[16+64*k+48 +: 16]);
        end
    end

    always_ff @(posedge clk_i) begin
        assume (!differs || !rst_ni || here == place_q);
        assume (!(gen_camera[0].u_core.found && differs_q) || over);
        if (rst_ni) begin
            a_control: assert (valid[0] == valid[1] && user[0] == user[1] && last[0] == last[1]
                && meta_valid[0] == meta_valid[1]);
            a_pixel: assert (!valid[0] || pixel[0][0] == pixel[1][0]);
        end
    end

endmodule

`default_nettype wire
