/// The camera around its two accelerators: registers, video in and out, and the accelerators' streams.
///
/// A generated top connects the face detector and the face modifier, both on the chip, and nothing else to those streams.

`default_nettype none

module camera_shell #(
    // Columns and rows of the frame, multiples of 16.
    parameter int unsigned Width           = 320,
    parameter int unsigned Height          = 240,
    // Side of the modifier's pictures, even, at least 8.
    parameter int unsigned CropSize        = 64,
    // Faces at most, 1 to 32.
    parameter int unsigned MaxFaces        = 4,
    // Frames stored, 1 or 2.
    parameter int unsigned Buffers         = 1,
    // Every cell of the map from the threshold on may be a face; else only those higher than their neighbours.
    parameter bit          EveryCell       = 1'b0,
    // Constant channels after a crop's three colours, 0 or more.
    parameter int unsigned KeyChannels     = 0,
    // Where the noise of the key begins in simulation, not 0; without meaning on a device.
    parameter bit [63:0]   SimulationSeed  = 64'h4B45_5953_4545_4421,
    // Built-in detector threshold, the largest one.
    parameter bit [7:0]    Threshold       = 8'd128,
    // Build id, compared with the manifest's.
    parameter bit [127:0]  BuildId         = '0,
    // Time limits in cycles: a pixel inside a frame, the regions, each face's modification.
    parameter int unsigned SourceTimeout   = 1_000_000,
    parameter int unsigned DetectorTimeout = 300_000,
    parameter int unsigned ModifierTimeout = 520_000,
    // Pixels in a word of the frame store, and its memory: 1 and "block", 3 and "ultra".
    parameter int unsigned Lanes           = 1,
    parameter              RamStyle        = "block"
) (
    input  wire logic                                                     clk_i,
    input  wire logic                                                     rst_ni,

    input  wire logic [camera_registers_pkg::AddressWidth-1:0]            s_axi_awaddr,
    input  wire logic [2:0]                                               s_axi_awprot,
    input  wire logic                                                     s_axi_awvalid,
    output logic                                                          s_axi_awready,
    input  wire logic [31:0]                                              s_axi_wdata,
    input  wire logic [3:0]                                               s_axi_wstrb,
    input  wire logic                                                     s_axi_wvalid,
    output logic                                                          s_axi_wready,
    output logic [1:0]                                                    s_axi_bresp,
    output logic                                                          s_axi_bvalid,
    input  wire logic                                                     s_axi_bready,
    input  wire logic [camera_registers_pkg::AddressWidth-1:0]            s_axi_araddr,
    input  wire logic [2:0]                                               s_axi_arprot,
    input  wire logic                                                     s_axi_arvalid,
    output logic                                                          s_axi_arready,
    output logic [31:0]                                                   s_axi_rdata,
    output logic [1:0]                                                    s_axi_rresp,
    output logic                                                          s_axi_rvalid,
    input  wire logic                                                     s_axi_rready,
    output logic                                                          irq_o,

    // Raw video in.
    input  wire logic [23:0]                                              s_axis_tdata,
    input  wire logic                                                     s_axis_tvalid,
    output logic                                                          s_axis_tready,
    input  wire logic                                                     s_axis_tuser,
    input  wire logic                                                     s_axis_tlast,

    // Face detector; its reset, active high, beside the system's.
    output logic                                                          flush_detector_o,
    output logic [23:0]                                                   m_half_tdata,
    output logic                                                          m_half_tvalid,
    input  wire logic                                                     m_half_tready,
    output logic                                                          m_half_tlast,
    input  wire logic [39:0]                                              s_cells_tdata,
    input  wire logic                                                     s_cells_tvalid,
    output logic                                                          s_cells_tready,
    input  wire logic                                                     s_cells_tlast,

    // Face modifier; its reset, active high, beside the system's.
    output logic                                                          flush_modifier_o,
    output logic [24+8*KeyChannels-1:0]                                   m_crop_tdata,
    output logic                                                          m_crop_tvalid,
    input  wire logic                                                     m_crop_tready,
    output logic                                                          m_crop_tlast,
    input  wire logic [23:0]                                              s_modified_tdata,
    input  wire logic                                                     s_modified_tvalid,
    output logic                                                          s_modified_tready,
    input  wire logic                                                     s_modified_tlast,

    // Anonymised video out, and one metadata beat after each frame.
    output logic [23:0]                                                   m_axis_tdata,
    output logic                                                          m_axis_tvalid,
    input  wire logic                                                     m_axis_tready,
    output logic                                                          m_axis_tuser,
    output logic                                                          m_axis_tlast,
    output logic [64*(1+MaxFaces)-1:0]                                    m_meta_tdata,
    output logic                                                          m_meta_tvalid,
    input  wire logic                                                     m_meta_tready
);

    localparam int unsigned KeyBytes = KeyChannels > 0 ? KeyChannels : 1;

    logic        run, keyed, soft_reset, frame_in, dropped, capturing, processing, delivering;
    logic [7:0]  threshold;
    logic [31:0] faults;
    logic [8*KeyBytes-1:0] key;

    // The modifier's key: drawn once after a full reset, seen by the crops only. Without it no frame is taken in.
    if (KeyChannels > 0) begin : gen_key
        logic enable, sample, noise;
        key_noise #(.SimulationSeed(SimulationSeed)) u_noise (
            .clk_i, .enable_i(enable), .sample_i(sample), .noise_o(noise)
        );
        key_source #(.KeyBytes(KeyBytes)) u_key (
            .clk_i, .rst_ni, .enable_o(enable), .sample_o(sample), .noise_i(noise), .key_o(key), .ready_o(keyed)
        );
    end else begin : gen_no_key
        assign {key, keyed} = {8'd0, 1'b1};
    end

    control_status #(
        .Width    (Width),
        .Height   (Height),
        .CropSize (CropSize),
        .Buffers  (Buffers),
        .MaxFaces (MaxFaces),
        .Threshold(Threshold),
        .BuildId  (BuildId)
    ) u_control (
        .clk_i, .rst_ni,
        .s_axi_awaddr, .s_axi_awprot, .s_axi_awvalid, .s_axi_awready,
        .s_axi_wdata, .s_axi_wstrb, .s_axi_wvalid, .s_axi_wready,
        .s_axi_bresp, .s_axi_bvalid, .s_axi_bready,
        .s_axi_araddr, .s_axi_arprot, .s_axi_arvalid, .s_axi_arready,
        .s_axi_rdata, .s_axi_rresp, .s_axi_rvalid, .s_axi_rready,
        .irq_o,
        .run_o       (run),
        .soft_reset_o(soft_reset),
        .threshold_o (threshold),
        .frame_in_i  (frame_in),
        .dropped_i   (dropped),
        .faults_i    (faults),
        .delivered_i (m_meta_tvalid && m_meta_tready),
        .meta_i      (m_meta_tdata),
        .capturing_i (capturing),
        .processing_i(processing),
        .delivering_i(delivering),
        .key_ready_i (keyed)
    );

    camera_core #(
        .Width          (Width),
        .Height         (Height),
        .CropSize       (CropSize),
        .MaxFaces       (MaxFaces),
        .KeyChannels    (KeyChannels),
        .Buffers        (Buffers),
        .EveryCell      (EveryCell),
        .SourceTimeout  (SourceTimeout),
        .DetectorTimeout(DetectorTimeout),
        .ModifierTimeout(ModifierTimeout),
        .Lanes          (Lanes),
        .RamStyle       (RamStyle)
    ) u_core (
        .clk_i, .rst_ni,
        .run_i       (run && keyed),
        .soft_reset_i(soft_reset),
        .threshold_i (threshold),
        .key_i       (key),
        .s_axis_tdata, .s_axis_tvalid, .s_axis_tready, .s_axis_tuser, .s_axis_tlast,
        .flush_detector_o,
        .m_half_tdata, .m_half_tvalid, .m_half_tready, .m_half_tlast,
        .s_cells_tdata, .s_cells_tvalid, .s_cells_tready, .s_cells_tlast,
        .flush_modifier_o,
        .m_crop_tdata, .m_crop_tvalid, .m_crop_tready, .m_crop_tlast,
        .s_modified_tdata, .s_modified_tvalid, .s_modified_tready, .s_modified_tlast,
        .m_axis_tdata, .m_axis_tvalid, .m_axis_tready, .m_axis_tuser, .m_axis_tlast,
        .m_meta_tdata, .m_meta_tvalid, .m_meta_tready,
        .frame_in_o  (frame_in),
        .dropped_o   (dropped),
        .faults_o    (faults),
        .capturing_o (capturing),
        .processing_o(processing),
        .delivering_o(delivering)
    );

endmodule

`default_nettype wire
