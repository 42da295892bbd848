// Drives a Verilated design's AXI4-Streams from buffers of the calling process, through a C interface for ctypes.
//
// Compiled once per design with the generated `ports.h`:
//   HWA_CLOCK, HWA_RESET_N           port names
//   HWA_INPUTS, HWA_OUTPUTS          number of streams
//   HWA_INPUT_PORTS(X)               X(index, tdata, tvalid, tready, bytes) per input stream
//   HWA_OUTPUT_PORTS(X)              the same per output stream
//   HWA_INPUT_LASTS(X), HWA_OUTPUT_LASTS(X)   X(index, tlast) for the streams that have it
//   HWA_MONITORS(X)                  X(index, port) per 32-bit observation output
//   HWA_DESCRIPTION                  one string that identifies all of the above
//
// One clock cycle is two evaluations: clock low with the cycle's stimuli, so that combinational ready and valid paths
// settle before the handshakes are read; then clock high. Times are in cycles, sizes in beats; a beat is the stream's
// tdata rounded up to bytes, least significant byte first (little-endian hosts only). A handle is used by one thread at
// a time. A failing design marks its handle and the process goes on (`model.h`).

#include <cstdint>
#include <cstring>
#include <string>

#include "model.h"

#define HWA_API extern "C" __attribute__((visibility("default")))

namespace {

constexpr uint32_t kAbiVersion = 1;

enum Status : int32_t { kDone = 0, kRunning = 1, kIdle = 2, kFailed = 3 };

struct Input {
    const uint8_t* data = nullptr;
    uint64_t beats = 0, beats_per_image = 1, position = 0;
    bool valid = false;  // offered and not yet accepted
    Random random;
};

struct Output {
    uint8_t* data = nullptr;
    uint64_t* image_end_cycles = nullptr;
    uint64_t beats = 0, beats_per_image = 1, position = 0;
    bool ready = false, valid = false;
    bool held = false;  // valid without ready in the last cycle: AXI4-Stream wants it unchanged
    Random random;
};

template <class Port>
inline void put(Port& port, const uint8_t* from, size_t bytes) {
    std::memcpy(static_cast<void*>(&port), from, bytes);
}
template <class Port>
inline void get(const Port& port, uint8_t* to, size_t bytes) {
    std::memcpy(to, static_cast<const void*>(&port), bytes);
}
template <class Port>
inline bool same(const Port& port, const uint8_t* as, size_t bytes) {
    return std::memcmp(as, static_cast<const void*>(&port), bytes) == 0;
}

}  // namespace

// What a run reports; mirrored field by field in native.py.
struct HwaProgress {
    uint64_t cycles;       // since the run began
    uint64_t idle_cycles;  // since a beat last moved
    uint64_t beats_in[HWA_INPUTS];
    uint64_t beats_out[HWA_OUTPUTS];
};

// What a run is asked; mirrored field by field in native.py. Arrays have one entry per stream.
struct HwaJob {
    const uint8_t* const* input_data;
    const uint64_t* input_beats;
    const uint64_t* input_beats_per_image;
    uint8_t* const* output_data;
    const uint64_t* output_beats;
    const uint64_t* output_beats_per_image;
    uint64_t* const* image_end_cycles;  // per output, room for one number per image
    uint64_t input_interval_cycles;     // 0: offer beats as fast as they are taken
    uint64_t max_idle_cycles;
    uint64_t seed;
    uint32_t input_stall_per_mille;
    uint32_t output_stall_per_mille;
};

struct HwaSimulator : HwaModel {
    Input inputs[HWA_INPUTS];
    Output outputs[HWA_OUTPUTS];
    HwaJob job = {};
    uint64_t cycles = 0, idle_cycles = 0;

    void reset(uint32_t reset_cycles);
    void offer_inputs();
    void raise_readies();
    bool take_inputs();
    bool take_outputs();
    void check_last(const Output& output, const char* name, bool last);
    void fail_stability(const char* name);
    Status cycle();
    bool all_done() const;
    bool throttled() const;
    uint64_t release_cycle(const Input& input) const;
};

void HwaSimulator::reset(uint32_t reset_cycles) {
    top->HWA_RESET_N = 0;
#define X(i, tdata, tvalid, tready, bytes) top->tvalid = 0, inputs[i] = Input();
    HWA_INPUT_PORTS(X)
#undef X
#define X(i, tdata, tvalid, tready, bytes) top->tready = 0, outputs[i] = Output();
    HWA_OUTPUT_PORTS(X)
#undef X
    for (uint32_t k = 0; k < reset_cycles; k++) {
        evaluate(false);
        evaluate(true);
    }
    top->HWA_RESET_N = 1;
}

// Cycle at which a throttled input's next beat may be offered: an image's beats lie evenly in its interval.
uint64_t HwaSimulator::release_cycle(const Input& input) const {
    const uint64_t image = input.position / input.beats_per_image, beat = input.position % input.beats_per_image;
    return image * job.input_interval_cycles + beat * job.input_interval_cycles / input.beats_per_image;
}

bool HwaSimulator::throttled() const {
    if (job.input_interval_cycles == 0) return false;
    for (const Input& input : inputs)
        if (!input.valid && input.position < input.beats && release_cycle(input) >= cycles) return true;
    return false;
}

bool HwaSimulator::all_done() const {
    for (const Input& input : inputs)
        if (input.position < input.beats) return false;
    for (const Output& output : outputs)
        if (output.position < output.beats) return false;
    return true;
}

void HwaSimulator::offer_inputs() {
    Input* input;
#define X(i, tdata, tvalid, tready, bytes)                                                     \
    input = &inputs[i];                                                                        \
    if (!input->valid && input->position < input->beats &&                                     \
        (job.input_interval_cycles == 0 || cycles >= release_cycle(*input)) &&                 \
        !input->random.hit(job.input_stall_per_mille)) {                                       \
        input->valid = true; /* stays up until accepted */                                     \
        put(top->tdata, input->data + input->position * bytes, bytes);                         \
    }                                                                                          \
    top->tvalid = input->valid;
    HWA_INPUT_PORTS(X)
#undef X
#define X(i, tlast) top->tlast = (inputs[i].position + 1) % inputs[i].beats_per_image == 0;
    HWA_INPUT_LASTS(X)
#undef X
}

void HwaSimulator::raise_readies() {
    Output* output;
#define X(j, tdata, tvalid, tready, bytes)                                                               \
    output = &outputs[j];                                                                                \
    output->ready = output->position < output->beats && !output->random.hit(job.output_stall_per_mille); \
    top->tready = output->ready;
    HWA_OUTPUT_PORTS(X)
#undef X
}

// Books the beats that the inputs lose at this cycle's rising edge; returns whether there are any.
bool HwaSimulator::take_inputs() {
    bool moved = false;
#define X(i, tdata, tvalid, tready, bytes) \
    if (inputs[i].valid && top->tready) {  \
        inputs[i].position++;              \
        inputs[i].valid = false;           \
        moved = true;                      \
    }
    HWA_INPUT_PORTS(X)
#undef X
    return moved;
}

// Books the beats that the outputs give at this cycle's rising edge; returns whether there are any.
bool HwaSimulator::take_outputs() {
    bool moved = false;
#define X(j, tlast) \
    if (outputs[j].ready) check_last(outputs[j], #tlast, top->tlast);
#define Y(j, tdata, tvalid, tready, bytes)                                                                     \
    {                                                                                                          \
        Output& output = outputs[j];                                                                           \
        uint8_t* beat = output.data + output.position * bytes;                                                 \
        output.valid = top->tvalid;                                                                            \
        if (output.held && !(output.valid && same(top->tdata, beat, bytes))) fail_stability(#tvalid);          \
        output.held = output.valid && !output.ready && output.position < output.beats;                         \
        if (output.held || (output.valid && output.ready)) get(top->tdata, beat, bytes);                       \
    }
    HWA_OUTPUT_PORTS(Y)
    HWA_OUTPUT_LASTS(X)
#undef Y
#undef X
    for (Output& output : outputs) {
        if (!output.valid || !output.ready) continue;
        moved = true;
        if (++output.position % output.beats_per_image == 0) *output.image_end_cycles++ = cycles;
    }
    return moved;
}

void HwaSimulator::check_last(const Output& output, const char* name, bool last) {
    const uint64_t image = output.position / output.beats_per_image, beat = output.position % output.beats_per_image;
    if (!output.valid || last == (beat + 1 == output.beats_per_image)) return;
    fail(std::string(name) + " is " + (last ? "1" : "0") + " at beat " + std::to_string(beat) + " of " +
         std::to_string(output.beats_per_image) + " of image " + std::to_string(image) + ", cycle " +
         std::to_string(cycles));
}

void HwaSimulator::fail_stability(const char* name) {
    fail(std::string(name) + " or its data changed while waiting for ready, cycle " + std::to_string(cycles));
}

Status HwaSimulator::cycle() {
    offer_inputs();
    raise_readies();
    evaluate(false);
    const bool taken = take_inputs();
    const bool moved = take_outputs() || taken;
    evaluate(true);
    cycles++;
    idle_cycles = moved || throttled() ? 0 : idle_cycles + 1;
    if (!error.empty()) return kFailed;
    if (moved && all_done()) return kDone;
    return idle_cycles > job.max_idle_cycles ? kIdle : kRunning;
}

// Version of the functions below; a caller refuses another one.
HWA_API uint32_t hwa_abi_version() { return kAbiVersion; }

// Identifies the ports the library was built for.
HWA_API const char* hwa_description() { return HWA_DESCRIPTION; }

// Makes a simulator whose relative memory files lie in `data_dir`, and settles its initial state. Never null: see
// hwa_error.
HWA_API HwaSimulator* hwa_create(const char* data_dir) {
    auto* simulator = new HwaSimulator;
    simulator->data_dir = data_dir;
    guarded(simulator, [&] {
        simulator->power_up();
    });
    return simulator;
}

HWA_API void hwa_destroy(HwaSimulator* simulator) {
    guarded(simulator, [&] { simulator->power_down(); });
    delete simulator;
}

// Why the simulator failed, empty if it did not; valid until the next call.
HWA_API const char* hwa_error(const HwaSimulator* simulator) { return simulator->error.c_str(); }

// What the RTL printed last, at most the tail of it; valid until the next call.
HWA_API const char* hwa_log(const HwaSimulator* simulator) { return simulator->log.c_str(); }

// Holds reset for `cycles` cycles with all streams silent and forgets the current run; a failed design stays failed.
HWA_API void hwa_reset(HwaSimulator* simulator, uint32_t cycles) {
    if (!simulator->error.empty()) return;
    guarded(simulator, [&] { simulator->reset(cycles); });
}

// Begins a run; the job's arrays may go afterwards, the buffers they point at must stay until the run ends.
HWA_API void hwa_start(HwaSimulator* simulator, const HwaJob* job) {
    simulator->job = *job;
    simulator->cycles = simulator->idle_cycles = 0;
    for (uint64_t i = 0; i < HWA_INPUTS; i++) {
        Input& input = simulator->inputs[i] = Input();
        input.data = job->input_data[i];
        input.beats = job->input_beats[i];
        input.beats_per_image = job->input_beats_per_image[i];
        input.random.seed(job->seed, i);
    }
    for (uint64_t j = 0; j < HWA_OUTPUTS; j++) {
        Output& output = simulator->outputs[j] = Output();
        output.data = job->output_data[j];
        output.beats = job->output_beats[j];
        output.beats_per_image = job->output_beats_per_image[j];
        output.image_end_cycles = job->image_end_cycles[j];
        output.random.seed(job->seed, HWA_INPUTS + j);
    }
}

// Runs at most `max_cycles` more cycles; 0 done, 1 more to do, 2 idle too long, 3 failed (see hwa_error).
HWA_API int32_t hwa_step(HwaSimulator* simulator, uint64_t max_cycles, HwaProgress* progress) {
    Status status = simulator->error.empty() ? kRunning : kFailed;
    guarded(simulator, [&] {
        for (uint64_t k = 0; k < max_cycles && status == kRunning; k++) status = simulator->cycle();
    });
    if (!simulator->error.empty()) status = kFailed;
    progress->cycles = simulator->cycles;
    progress->idle_cycles = simulator->idle_cycles;
    for (uint64_t i = 0; i < HWA_INPUTS; i++) progress->beats_in[i] = simulator->inputs[i].position;
    for (uint64_t j = 0; j < HWA_OUTPUTS; j++) progress->beats_out[j] = simulator->outputs[j].position;
    return status;
}

// Copies the observation outputs, in the order of the interface.
HWA_API void hwa_monitors(const HwaSimulator* simulator, uint32_t* values) {
    (void)simulator, (void)values;
#define X(k, port) values[k] = simulator->top->port;
    HWA_MONITORS(X)
#undef X
}

// Opens (or with an empty path closes) a VCD waveform; returns 0 if the library was built without traces or the file
// cannot be written.
HWA_API int32_t hwa_trace(HwaSimulator* simulator, const char* path) {
#if VM_TRACE
    bool open = false;
    guarded(simulator, [&] {
        if (simulator->trace->isOpen()) simulator->trace->close();
        if (*path) simulator->trace->open(path);
        open = simulator->trace->isOpen();
    });
    return open || !*path;
#else
    (void)simulator;
    return !*path;
#endif
}
