/// The camera's registers on AXI4-Lite, as `docs/registers.md` lists them.
///
/// Towards the pixel path it has three outputs: run, soft reset, and a threshold that is never above the built-in one.
/// One transaction at a time; a write waits until address and data are there.

`default_nettype none

module control_status #(
    // Sizes the design was built for.
    parameter int unsigned  Width     = 320,
    parameter int unsigned  Height    = 240,
    parameter int unsigned  CropSize  = 64,
    parameter int unsigned  Buffers   = 1,
    // Faces at most, 1 to 32.
    parameter int unsigned  MaxFaces  = 4,
    // Built-in detector threshold, the largest one.
    parameter bit [7:0]     Threshold = 8'd128,
    // Build id, compared with the manifest's.
    parameter bit [127:0]   BuildId   = '0
) (
    input  wire logic                                            clk_i,
    input  wire logic                                            rst_ni,

    input  wire logic [camera_registers_pkg::AddressWidth-1:0]   s_axi_awaddr,
    input  wire logic [2:0]                                      s_axi_awprot,
    input  wire logic                                            s_axi_awvalid,
    output logic                                                 s_axi_awready,
    input  wire logic [31:0]                                     s_axi_wdata,
    input  wire logic [3:0]                                      s_axi_wstrb,
    input  wire logic                                            s_axi_wvalid,
    output logic                                                 s_axi_wready,
    output logic [1:0]                                           s_axi_bresp,
    output logic                                                 s_axi_bvalid,
    input  wire logic                                            s_axi_bready,
    input  wire logic [camera_registers_pkg::AddressWidth-1:0]   s_axi_araddr,
    input  wire logic [2:0]                                      s_axi_arprot,
    input  wire logic                                            s_axi_arvalid,
    output logic                                                 s_axi_arready,
    output logic [31:0]                                          s_axi_rdata,
    output logic [1:0]                                           s_axi_rresp,
    output logic                                                 s_axi_rvalid,
    input  wire logic                                            s_axi_rready,

    // High while an enabled event is set.
    output logic                                                 irq_o,

    // To the camera core.
    output logic                                                 run_o,
    output logic                                                 soft_reset_o,
    output logic [7:0]                                           threshold_o,

    // From the camera core: events of this cycle, a delivered frame's metadata beat, what is going on.
    input  wire logic                                            frame_in_i,
    input  wire logic                                            dropped_i,
    input  wire logic [31:0]                                     faults_i,
    input  wire logic                                            delivered_i,
    input  wire logic [64*(1+MaxFaces)-1:0]                      meta_i,
    input  wire logic                                            capturing_i,
    input  wire logic                                            processing_i,
    input  wire logic                                            delivering_i,
    // The modifier's key is there, or it needs none.
    input  wire logic                                            key_ready_i
);

    import camera_registers_pkg::*;

    if (MaxFaces < 1 || MaxFaces > camera_pkg::MostFaces) begin : gen_bad_faces
        $fatal(1, "control_status: MaxFaces = %0d, must be 1 to %0d", MaxFaces, camera_pkg::MostFaces);
    end
    if (Width >= 1 << 16 || Height >= 1 << 16 || CropSize >= 1 << 16 || Buffers >= 1 << 8) begin : gen_bad_size
        $fatal(1, "control_status: a size does not fit its register");
    end
    if (Threshold == 0) begin : gen_bad_threshold
        $fatal(1, "control_status: Threshold = 0 leaves software nothing to make more sensitive");
    end

    localparam int unsigned OwnMetaWords = 2 * (1 + MaxFaces);
    localparam int unsigned WordWidth    = AddressWidth - 2;

    typedef logic [WordWidth-1:0] word_t;

    logic        run_q, lock_q, soft_reset_q, irq_q, bvalid_q, rvalid_q;
    logic [7:0]  threshold_q;
    logic [31:0] faults_q, frames_in_q, frames_out_q, frames_black_q, faces_q, dropped_q, rdata_q, value;
    logic [1:0]  irq_enable_q, irq_status_q;
    logic [OwnMetaWords-1:0][31:0] meta_q;

    wire logic unused = |{s_axi_awprot, s_axi_arprot, s_axi_awaddr[1:0], s_axi_araddr[1:0]};

    // Where word addresses are compared: registers are 4 bytes apart.
    function automatic word_t at(input logic [AddressWidth-1:0] offset);
        return word_t'(offset >> 2);
    endfunction

    wire word_t write_word = at(s_axi_awaddr);
    wire word_t read_word  = at(s_axi_araddr);
    wire logic  write      = s_axi_awready && s_axi_awvalid && s_axi_wvalid;
    wire logic  take       = write && s_axi_wstrb == 4'hF;
    wire logic  read       = s_axi_arvalid && s_axi_arready;
    wire word_t meta_word  = read_word - at(MetaOffset);
    wire word_t id_word    = read_word - at(BuildIdOffset);

    assign s_axi_awready = s_axi_awvalid && s_axi_wvalid && !bvalid_q;
    assign s_axi_wready  = s_axi_awready;
    assign s_axi_bvalid  = bvalid_q;
    assign s_axi_bresp   = '0;
    assign s_axi_arready = !rvalid_q;
    assign s_axi_rvalid  = rvalid_q;
    assign s_axi_rdata   = rdata_q;
    assign s_axi_rresp   = '0;
    assign irq_o         = irq_q;
    assign run_o         = run_q;
    assign soft_reset_o  = soft_reset_q;
    assign threshold_o   = threshold_q;

    always_comb begin
        value = '0;
        unique case (read_word)
            at(IdOffset):          value = CameraId;
            at(VersionOffset):     value = MapVersion;
            at(GeometryOffset):    value = {16'(Height), 16'(Width)};
            at(LimitsOffset):      value = {16'(CropSize), 8'(Buffers), 8'(MaxFaces)};
            at(ControlOffset): begin
                value[ControlRunLsb]  = run_q;
                value[ControlLockLsb] = lock_q;
            end
            at(StatusOffset): begin
                value[StatusRunningLsb]    = run_q;
                value[StatusCapturingLsb]  = capturing_i;
                value[StatusProcessingLsb] = processing_i;
                value[StatusDeliveringLsb] = delivering_i;
                value[StatusKeyReadyLsb]   = key_ready_i;
            end
            at(FaultsOffset):      value = faults_q;
            at(IrqEnableOffset):   value = {30'd0, irq_enable_q};
            at(IrqStatusOffset):   value = {30'd0, irq_status_q};
            at(ThresholdOffset):   value = {16'd0, Threshold, threshold_q};
            at(FramesInOffset):    value = frames_in_q;
            at(FramesOutOffset):   value = frames_out_q;
            at(FramesBlackOffset): value = frames_black_q;
            at(FacesOffset):       value = faces_q;
            at(DroppedOffset):     value = dropped_q;
            default: begin
                if (32'(id_word) < BuildIdWords) value = BuildId[32*32'(id_word) +: 32];
                if (32'(meta_word) < OwnMetaWords) value = meta_q[$clog2(OwnMetaWords)'(meta_word)];
            end
        endcase
    end

    // AXI4-Lite.
    always_ff @(posedge clk_i) begin
        if (!rst_ni) begin
            {bvalid_q, rvalid_q} <= '0;
        end else begin
            if (write) bvalid_q <= 1'b1;
            else if (s_axi_bready) bvalid_q <= 1'b0;
            if (read) rvalid_q <= 1'b1;
            else if (s_axi_rready) rvalid_q <= 1'b0;
        end
        if (read) rdata_q <= value;
    end

    // What software can change. A soft reset clears what the map says; what happens at the same time is kept.
    wire logic [31:0] clear_faults = soft_reset_q ? '1
                                   : take && write_word == at(FaultsOffset) ? s_axi_wdata & FaultsW1cMask : '0;
    wire logic [1:0]  clear_irq    = soft_reset_q ? '1
                                   : take && write_word == at(IrqStatusOffset) ? s_axi_wdata[1:0] : '0;
    always_ff @(posedge clk_i) begin
        if (!rst_ni) begin
            {run_q, lock_q, soft_reset_q, irq_q, irq_enable_q} <= '0;
            {faults_q, irq_status_q} <= '0;
            threshold_q <= Threshold;
        end else begin
            soft_reset_q <= take && write_word == at(ControlOffset) && s_axi_wdata[ControlSoftResetLsb];
            if (take && write_word == at(ControlOffset)) begin
                run_q  <= s_axi_wdata[ControlRunLsb] && !s_axi_wdata[ControlSoftResetLsb];
                lock_q <= lock_q || s_axi_wdata[ControlLockLsb];
            end
            if (take && write_word == at(ThresholdOffset) && !lock_q) begin
                threshold_q <= s_axi_wdata[7:0] > Threshold ? Threshold : s_axi_wdata[7:0];
            end
            if (take && write_word == at(IrqEnableOffset)) irq_enable_q <= s_axi_wdata[1:0];
            faults_q     <= (faults_q & ~clear_faults) | (faults_i & FaultsW1cMask);
            irq_status_q <= (irq_status_q & ~clear_irq) | {|(faults_i & FaultsW1cMask), delivered_i};
            irq_q        <= |(irq_status_q & irq_enable_q);
        end
    end

    // What the camera counts and tells.
    always_ff @(posedge clk_i) begin
        if (!rst_ni) begin
            {frames_in_q, frames_out_q, frames_black_q, faces_q, dropped_q} <= '0;
            meta_q <= '0;
        end else begin
            frames_in_q <= frames_in_q + 32'(frame_in_i);
            dropped_q   <= dropped_q + 32'(dropped_i);
            if (delivered_i) begin
                frames_out_q   <= frames_out_q + 1;
                frames_black_q <= frames_black_q + 32'(meta_i[39:32] != '0);
                faces_q        <= faces_q + 32'(meta_i[47:40]);
                meta_q         <= meta_i;
            end
        end
    end

`ifndef SYNTHESIS
    a_threshold : assert property (@(posedge clk_i) disable iff (!rst_ni) threshold_o <= Threshold)
        else $error("control_status: less sensitive than built");
    a_locked : assert property (@(posedge clk_i) disable iff (!rst_ni) lock_q |=> lock_q && $stable(threshold_q))
        else $error("control_status: the lock gave way");
    a_read_stable : assert property (@(posedge clk_i) disable iff (!rst_ni)
        s_axi_rvalid && !s_axi_rready |=> s_axi_rvalid && $stable(s_axi_rdata))
        else $error("control_status: read data changed while stalled");
    a_write_stable : assert property (@(posedge clk_i) disable iff (!rst_ni)
        s_axi_bvalid && !s_axi_bready |=> s_axi_bvalid)
        else $error("control_status: write response withdrawn");
    a_reset : assert property (@(posedge clk_i) disable iff (!rst_ni) soft_reset_o |-> !run_o)
        else $error("control_status: running through a soft reset");
`endif

endmodule

`default_nettype wire
