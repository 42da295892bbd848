// Forced into the compilation of Verilator's run-time library: what the RTL prints goes into the handle's log instead
// of the process's standard output, and relative memory files open in the handle's data directory.
#pragma once
#include <cstdio>

extern "C" int hwa_printf(const char* format, ...) __attribute__((format(printf, 1, 2)));
#define VL_PRINTF hwa_printf

// Verilator calls std::fopen; the macro makes it std::hwa_fopen, which the harness defines.
namespace std {
FILE* hwa_fopen(const char* path, const char* mode);
}
#define fopen hwa_fopen
