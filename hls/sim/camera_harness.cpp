// A simulated camera behind a C interface: raw video words in, board-level video words out, registers, interrupt.
//
// Compiled with the Verilated `camera_top` and the generated `ports.h`:
//   HWA_CLOCK, HWA_RESET_N   port names
//   HWC_DESCRIPTION          JSON object with the camera's width, height, max_faces and build_id
//   HWC_WIRE(name)           a wire of `camera_top`, in Verilator's naming
//   HWC_KEYED                whether the camera has a power-up key
//
// Video words: bits 23..0 the pixel (red low), 24 tuser, 25 tlast, 31..26 idle cycles before the beat (input only).
// One clock cycle is two evaluations: clock low with the cycle's stimuli, so that combinational paths settle before the
// handshakes are read; then clock high. Equal calls give equal results, cycle for cycle. A handle is used by one thread
// at a time. A design that fails stays failed until it is reset, and moves no more (see hwc_error).

#include <cstdint>
#include <cstring>
#include <deque>
#include <stdexcept>
#include <string>
#include <vector>

#include "Vhwa___024root.h"
#include "model.h"

#define HWC_API extern "C" __attribute__((visibility("default")))

namespace {

constexpr uint32_t kAbiVersion = 2;
constexpr uint32_t kResetCycles = 20;
constexpr uint32_t kMostKeyCycles = 10'000'000;
constexpr uint32_t kBusLimit = 1000;  // cycles after which a register access counts as unanswered
constexpr uint32_t kPixel = 0xFFFFFF, kUser = 1u << 24, kLast = 1u << 25;
constexpr int kIdleShift = 26;

// Cycle of the latest event of a kind; all-ones: none since power-up. Mirrored in verilated_camera.py.
struct Times {
    uint64_t raw = UINT64_MAX;       // raw beat taken
    uint64_t cells = UINT64_MAX;     // detector's last cell
    uint64_t crop = UINT64_MAX;      // first pixel of a frame's first crop
    uint64_t modified = UINT64_MAX;  // modifier's last pixel of a crop
    uint64_t first = UINT64_MAX;     // first pixel of a delivered frame
    uint64_t last = UINT64_MAX;      // any beat of a delivered frame
};

}  // namespace

struct HwcCamera : HwaModel {
    std::deque<uint32_t> source;
    std::vector<uint32_t> delivered;
    uint64_t cycle = 0;
    uint32_t idle = 0;  // cycles still to wait before the next raw beat
    bool sink_ready = true;
    uint32_t sink_stall_per_mille = 0;
    Random random;
    uint32_t held = 0;  // output word that waits for the sink
    bool holds = false;
    bool cropped = false;  // the frame's first crop has begun
    Times times;
    // The register access under way: what of it is not yet taken, and whether it was answered.
    bool writes = false, address = false, payload = false, answered = true;
    uint32_t offset = 0, data = 0;

    void start();
    void step();
    void drive_bus();
    void sample_bus();
    void offer_source();
    void take_source();
    void take_output();
    void note_times();
    bool access(bool write, uint32_t at, uint32_t& value);
};

void HwcCamera::start() {
    source.clear();
    delivered.clear();
    error.clear();
    log.clear();
    cycle = 0;
    idle = 0;
    holds = cropped = address = payload = false;
    answered = true;
    times = Times();
    random.seed(1, 0);
    power_up();
    for (uint32_t k = 0; k < kResetCycles; k++) {
        evaluate(false);
        evaluate(true);
    }
    top->HWA_RESET_N = 1;
#if HWC_KEYED
    // Without its key the camera takes no frame in: power-up ends when it has one.
    for (uint32_t k = 0; !top->rootp->HWC_WIRE(u_shell__DOT__keyed); k++) {
        if (k == kMostKeyCycles) throw std::runtime_error("the camera got no power-up key");
        evaluate(false);
        evaluate(true);
    }
#endif
}

void HwcCamera::offer_source() {
    top->s_axis_tvalid = !source.empty() && idle == 0;
    if (!top->s_axis_tvalid) return;
    const uint32_t word = source.front();
    top->s_axis_tdata = word & kPixel;
    top->s_axis_tuser = (word & kUser) != 0;
    top->s_axis_tlast = (word & kLast) != 0;
}

void HwcCamera::take_source() {
    if (top->s_axis_tvalid) {
        if (!top->s_axis_tready) return;
        times.raw = cycle;
        source.pop_front();
        idle = source.empty() ? 0 : source.front() >> kIdleShift;
    } else if (idle) {
        idle--;
    }
}

void HwcCamera::take_output() {
    const uint32_t word = top->m_axis_tdata | (top->m_axis_tuser ? kUser : 0) | (top->m_axis_tlast ? kLast : 0);
    if (holds && !(top->m_axis_tvalid && word == held))
        fail("m_axis changed while waiting for ready, cycle " + std::to_string(cycle));
    holds = top->m_axis_tvalid && !top->m_axis_tready;
    held = word;
    if (!top->m_axis_tvalid || !top->m_axis_tready) return;
    delivered.push_back(word);
    times.last = cycle;
    if (word & kUser) {
        times.first = cycle;
        cropped = false;
    }
}

void HwcCamera::note_times() {
    const auto& root = *top->rootp;
    if (root.HWC_WIRE(cells_tvalid) && root.HWC_WIRE(cells_tready) && root.HWC_WIRE(cells_tlast)) times.cells = cycle;
    if (root.HWC_WIRE(modified_tvalid) && root.HWC_WIRE(modified_tready) && root.HWC_WIRE(modified_tlast))
        times.modified = cycle;
    if (!cropped && root.HWC_WIRE(crop_tvalid)) {
        cropped = true;
        times.crop = cycle;
    }
}

void HwcCamera::drive_bus() {
    top->s_axi_awaddr = top->s_axi_araddr = offset;
    top->s_axi_wdata = data;
    top->s_axi_wstrb = 0xF;
    top->s_axi_awvalid = writes && address;
    top->s_axi_wvalid = payload;
    top->s_axi_arvalid = !writes && address;
    top->s_axi_bready = top->s_axi_rready = 1;
}

void HwcCamera::sample_bus() {
    if (writes ? top->s_axi_awready : top->s_axi_arready) address = false;
    if (top->s_axi_wready) payload = false;
    if (writes ? top->s_axi_bvalid : top->s_axi_rvalid) answered = true;
    if (!writes && top->s_axi_rvalid) data = top->s_axi_rdata;
}

void HwcCamera::step() {
    const bool busy = address || payload || !answered;
    if (busy) drive_bus();
    offer_source();
    top->m_axis_tready = sink_ready && !random.hit(sink_stall_per_mille);
    evaluate(false);
    if (busy) sample_bus();
    note_times();
    take_output();
    take_source();
    evaluate(true);
    cycle++;
}

// One access on AXI4-Lite; false if it was not answered, or the design failed.
bool HwcCamera::access(bool write, uint32_t at, uint32_t& value) {
    writes = payload = write;
    address = true;
    answered = false;
    offset = at;
    data = value;
    for (uint32_t k = 0; k < kBusLimit && !answered && error.empty(); k++) step();
    if (!answered) fail("no answer to an access of register " + std::to_string(at));
    address = payload = false;
    answered = true;
    drive_bus();
    value = data;
    return error.empty();
}

// Version of the functions below; a caller refuses another one.
HWC_API uint32_t hwc_abi_version() { return kAbiVersion; }

// What the camera is, as a JSON object.
HWC_API const char* hwc_description() { return HWC_DESCRIPTION; }

// Makes a camera as it is after power-up; its relative memory files lie in `data_dir`. Never null: see hwc_error.
HWC_API HwcCamera* hwc_create(const char* data_dir) {
    auto* camera = new HwcCamera;
    camera->data_dir = data_dir;
    guarded(camera, [&] { camera->start(); });
    return camera;
}

HWC_API void hwc_destroy(HwcCamera* camera) {
    guarded(camera, [&] { camera->power_down(); });
    delete camera;
}

// Why the camera failed, empty if it did not; valid until the next call.
HWC_API const char* hwc_error(const HwcCamera* camera) { return camera->error.c_str(); }

// What the RTL printed last, at most the tail of it; valid until the next call.
HWC_API const char* hwc_log(const HwcCamera* camera) { return camera->log.c_str(); }

// Power off and on: memories, registers, queues and a failure are gone.
HWC_API void hwc_reset(HwcCamera* camera) {
    guarded(camera, [&] { camera->start(); });
}

// Cycles since power-up, those in reset not counted.
HWC_API uint64_t hwc_cycle(const HwcCamera* camera) { return camera->cycle; }

// Level of the interrupt line at the last rising edge.
HWC_API int32_t hwc_irq(const HwcCamera* camera) { return camera->error.empty() && camera->top->irq_o; }

// Accesses the register at a byte offset; 0 if that failed (see hwc_error).
HWC_API int32_t hwc_read(HwcCamera* camera, uint32_t offset, uint32_t* value) {
    bool done = false;
    if (camera->error.empty()) guarded(camera, [&] { done = camera->access(false, offset, *value); });
    return done;
}

HWC_API int32_t hwc_write(HwcCamera* camera, uint32_t offset, uint32_t value) {
    bool done = false;
    if (camera->error.empty()) guarded(camera, [&] { done = camera->access(true, offset, value); });
    return done;
}

// Queues raw beats behind those that wait.
HWC_API void hwc_send(HwcCamera* camera, const uint32_t* beats, uint64_t count) {
    if (camera->source.empty() && count) camera->idle = beats[0] >> kIdleShift;
    camera->source.insert(camera->source.end(), beats, beats + count);
}

// Raw beats queued and not yet taken.
HWC_API uint64_t hwc_pending(const HwcCamera* camera) { return camera->source.size(); }

// Whether output is taken, and in how many of 1000 cycles it is not all the same.
HWC_API void hwc_set_sink(HwcCamera* camera, int32_t ready, uint32_t stall_per_mille) {
    camera->sink_ready = ready;
    camera->sink_stall_per_mille = stall_per_mille;
}

// Lets cycles go by; 0 if the design failed on the way.
HWC_API int32_t hwc_run(HwcCamera* camera, uint64_t cycles) {
    guarded(camera, [&] {
        for (uint64_t k = 0; k < cycles && camera->error.empty(); k++) camera->step();
    });
    return camera->error.empty();
}

// Output beats that wait to be received.
HWC_API uint64_t hwc_available(const HwcCamera* camera) { return camera->delivered.size(); }

// Copies the oldest `count` output beats, no more than there are, and forgets them.
HWC_API void hwc_receive(HwcCamera* camera, uint32_t* beats, uint64_t count) {
    std::memcpy(beats, camera->delivered.data(), count * sizeof *beats);
    camera->delivered.erase(camera->delivered.begin(), camera->delivered.begin() + static_cast<int64_t>(count));
}

// Copies the cycles of the latest events, in the order of `Times`.
HWC_API void hwc_times(const HwcCamera* camera, uint64_t* cycles) {
    static_assert(sizeof(Times) == 6 * sizeof(uint64_t), "no padding");
    std::memcpy(cycles, &camera->times, sizeof(Times));
}
