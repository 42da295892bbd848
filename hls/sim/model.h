// One Verilated model behind a C interface: its clock, what it printed, and why it failed.
//
// Included by exactly one harness of a library, after the generated `ports.h` gave the names HWA_CLOCK and HWA_RESET_N.
// Verilator's stop, fatal, warning and finish are overridden here, so that a failing design marks its model and the
// process goes on. What the RTL prints goes into the model's log; relative memory files open in its data directory.
#pragma once

#include <algorithm>
#include <cstdarg>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <memory>
#include <string>

#include "Vhwa.h"
#include "ports.h"
#include "verilated.h"
#if VM_TRACE
#include "verilated_vcd_c.h"
#endif

namespace {

constexpr size_t kLogLimit = 1 << 16;
constexpr int kTraceLevels = 99;

// Thrown where Verilator would end the process, because its loops do not expect to return from a fatal error.
struct FatalError : std::exception {};

struct Random {
    uint64_t state = 1;

    void seed(uint64_t seed, uint64_t stream) {
        state = (seed + 1) * 0x9E3779B97F4A7C15ull ^ (stream + 1) * 0xD1B54A32D192ED03ull;
        if (state == 0) state = 1;
        for (int k = 0; k < 4; k++) next();
    }
    uint32_t next() {
        state ^= state >> 12, state ^= state << 25, state ^= state >> 27;
        return static_cast<uint32_t>(state * 0x2545F4914F6CDD1Dull >> 32);
    }
    // True in `per_mille` of 1000 calls; no number is drawn for 0.
    bool hit(uint32_t per_mille) { return per_mille && next() % 1000 < per_mille; }
};

}  // namespace

struct HwaModel {
    std::unique_ptr<VerilatedContext> context;
    std::unique_ptr<Vhwa> top;
#if VM_TRACE
    std::unique_ptr<VerilatedVcdC> trace;
#endif
    std::string data_dir, log, error;
    uint64_t half_cycles = 0;  // simulation time: two units a cycle

    void fail(const std::string& message) {
        if (error.empty()) error = message;
    }
    void evaluate(bool clock_high) {
        top->HWA_CLOCK = clock_high;
        context->time(half_cycles);
        top->eval();
#if VM_TRACE
        if (trace && trace->isOpen()) trace->dump(half_cycles);
#endif
        half_cycles++;
    }
    // Makes the model anew and settles its initial state, in reset.
    void power_up() {
#if VM_TRACE
        trace.reset();
#endif
        drop();
        half_cycles = 0;
        context = std::make_unique<VerilatedContext>();
#if VM_TRACE
        context->traceEverOn(true);
#endif
        top = std::make_unique<Vhwa>(context.get());
#if VM_TRACE
        trace = std::make_unique<VerilatedVcdC>();
        top->trace(trace.get(), kTraceLevels);
#endif
        top->HWA_RESET_N = 0;
        evaluate(false);
    }
    void power_down() {
        if (top && error.empty()) top->final();
        drop();
    }
    // Deletes the model. That asks the thread's context for the model's scopes, which, with several models in a
    // process, may be another model's and gone already.
    void drop() {
        if (context) Verilated::threadContextp(context.get());
        top.reset();
    }
};

namespace {

// The handle whose model is being evaluated: Verilator's hooks carry no user pointer.
thread_local HwaModel* t_active = nullptr;

// The last line of the log that reports an error, as `$error`, `$fatal` and assertions print it before they stop.
std::string last_error_line(const std::string& log) {
    const size_t at = std::max(log.rfind("%Error") + 1, log.rfind("%Fatal") + 1);
    if (at == 0) return "";
    const size_t before = log.rfind('\n', at - 1);
    const size_t begin = before == std::string::npos ? 0 : before + 1;
    const size_t end = log.find_last_not_of('\n');
    return log.substr(begin, end + 1 - begin);
}

std::string location(const char* filename, int line, const char* text) {
    std::string out = text;
    if (filename && *filename) out += std::string(" (") + filename + (line ? ":" + std::to_string(line) : "") + ")";
    return out;
}

// Runs `body` with the hooks pointing at a model; no exception leaves it.
template <class Body>
void guarded(HwaModel* model, Body body) {
    t_active = model;
    try {
        body();
    } catch (const FatalError&) {
        // vl_fatal has recorded the message
    } catch (const std::exception& exception) {
        model->fail(std::string("C++ exception: ") + exception.what());
    }
    t_active = nullptr;
}

}  // namespace

extern "C" int hwa_printf(const char* format, ...) {
    char line[4096];
    va_list arguments;
    va_start(arguments, format);
    const int length = vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    if (t_active && length > 0) {
        std::string& log = t_active->log;
        log.append(line, std::min<size_t>(length, sizeof line - 1));
        if (log.size() > 2 * kLogLimit) log.erase(0, log.size() - kLogLimit);
    }
    return length;
}

namespace std {
FILE* hwa_fopen(const char* path, const char* mode) {
    const bool relative = path[0] != '/' && t_active && !t_active->data_dir.empty();
    return fopen(relative ? (t_active->data_dir + "/" + path).c_str() : path, mode);
}
}  // namespace std

// Also called for `$error` and failed assertions, after they printed their message.
void vl_stop(const char* filename, int line, const char*) VL_MT_UNSAFE {
    if (!t_active) return;
    const std::string printed = last_error_line(t_active->log);
    t_active->fail(printed.empty() ? location(filename, line, "$stop") : printed);
}

void vl_finish(const char* filename, int line, const char*) VL_MT_UNSAFE {
    if (!t_active) return;
    const std::string printed = last_error_line(t_active->log);
    t_active->fail(printed.empty() ? location(filename, line, "$finish") : printed);
}

void vl_fatal(const char* filename, int line, const char*, const char* message) VL_MT_UNSAFE {
    if (t_active) t_active->fail(location(filename, line, message));
    throw FatalError();
}

// The only run-time warning of a design without constrained random numbers is a missing memory file.
void vl_warn(const char* filename, int line, const char*, const char* message) VL_MT_UNSAFE {
    if (t_active) t_active->fail(location(filename, line, message));
}
