// Which vector instructions this processor has and the system lets programs use. Asked here and not through the
// compiler: one of them cannot ask for F16C, and another brings no answer to link with.
#pragma once

#if defined(__x86_64__)
#include <cpuid.h>

#include <cstdint>

namespace tf1bn {

struct Processor {
  bool avx2 = false;    // with FMA and F16C
  bool avx512 = false;  // all of these, and AVX-512F

  Processor() {
    constexpr unsigned kNeeded = bit_FMA | bit_F16C | bit_AVX | bit_OSXSAVE;
    unsigned a, b, c, d;
    if (!__get_cpuid(1, &a, &b, &c, &d) || (c & kNeeded) != kNeeded) return;
    const uint64_t kept = kept_by_system();
    if (!__get_cpuid_count(7, 0, &a, &b, &c, &d)) return;
    avx2 = (b & bit_AVX2) && (kept & kLower) == kLower;
    avx512 = avx2 && (b & bit_AVX512F) && (kept & kAll) == kAll;
  }

 private:
  // Of the vectors, the system keeps for each thread: 128 bits and the next 128; masks, the next 256, and vectors 16 to 31.
  static constexpr uint64_t kLower = 0x06, kAll = kLower | 0xe0;

  static uint64_t kept_by_system() {
    uint32_t low, high;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return uint64_t{high} << 32 | low;
  }
};

}  // namespace tf1bn
#endif
