// Which loops a processor can run; every set is compiled, and one is chosen when the process runs.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <cstring>

#include "halves.h"
#include "processor.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace tf1bn {

// One value per column each, or null where a pass has no use for it.
template <class F>
struct Columns {
  const F *shift, *a, *b, *d, *e, *f;
  Columns behind(int64_t j) const {
    const auto at = [j](const F* column) { return column ? column + j : column; };
    return {at(shift), at(a), at(b), at(d), at(e), at(f)};
  }
};

enum class Pass { kForward, kBackward, kBackwardRelu };
enum class Apply { kForward, kForwardRelu, kBackward, kBackwardRelu, kGiven, kGivenRelu };

constexpr int64_t kBlockRows = 128, kBlockColumns = 1024;
constexpr double kFarSquared = 4.0;

template <class F>
struct Loops {
  void (*sums)(Pass, const F* x, const F* dy, int64_t stride, int64_t rows, int64_t w, const Columns<F>&, F* scratch,
               double* one, double* two);
  // Streamed, y goes to memory past the caches, where it is aligned.
  void (*apply)(Apply, const F* x, const F* dy, F* y, int64_t stride, int64_t rows, int64_t w, const Columns<F>&,
                bool streamed);
  bool (*far)(const double* mean, const double* variance, const F* shift, int64_t c, double epsilon);
  void (*affine)(const double* mean, const double* variance, const F* gamma, const F* beta, int64_t c, double epsilon,
                 F* shift, F* residual, F* inverse, F* a, F* b);
  void (*combine)(const double* one, const double* two, const F* residual, const F* inverse, const F* a, int64_t c,
                  double share, F* dgamma, F* dbeta, F* d, F* e, F* f);
};

struct Level {
  const char* name;
  Loops<float> single;
  Loops<double> twice;
  void (*fold)(double* to, const double* from, int64_t c, int64_t k);
  void (*moments)(double* one, double* two, int64_t c, double share);
  void (*widen_bfloat16)(const uint16_t*, float*, int64_t);
  void (*widen_half)(const uint16_t*, float*, int64_t);
  void (*narrow_bfloat16)(const float*, uint16_t*, int64_t);
  void (*narrow_half)(const float*, uint16_t*, int64_t);

  const Loops<float>& loops(float) const { return single; }
  const Loops<double>& loops(double) const { return twice; }
};

#if defined(__x86_64__)
#define TF1BN_BASE "sse2"
#elif defined(__aarch64__)
#define TF1BN_BASE "neon"
#else
#define TF1BN_BASE "generic"
#endif

namespace base {
#define TF1BN_NAME TF1BN_BASE
#define TF1BN_TARGET
#define TF1BN_BYTES 16
#include "loops.inc"
#undef TF1BN_NAME
#undef TF1BN_TARGET
#undef TF1BN_BYTES
}  // namespace base

#if defined(__x86_64__)
namespace avx2 {
#define TF1BN_NAME "avx2"
#define TF1BN_TARGET __attribute__((target("avx2,fma,f16c")))
#define TF1BN_BYTES 32
#define TF1BN_F16C
#include "loops.inc"
#undef TF1BN_NAME
#undef TF1BN_TARGET
#undef TF1BN_BYTES
}  // namespace avx2

namespace avx512 {
#define TF1BN_NAME "avx512"
#define TF1BN_TARGET __attribute__((target("avx512f,avx2,fma,f16c")))
#define TF1BN_BYTES 64
#include "loops.inc"
#undef TF1BN_F16C
#undef TF1BN_NAME
#undef TF1BN_TARGET
#undef TF1BN_BYTES
}  // namespace avx512
#endif

// The i-th level that this processor runs, best first; null behind the last.
inline const Level* level_at(int i) {
#if defined(__x86_64__)
  static const Processor here;
  if (here.avx512 && i-- == 0) return &avx512::kLevel;
  if (here.avx2 && i-- == 0) return &avx2::kLevel;
#endif
  return i == 0 ? &base::kLevel : nullptr;
}

// The level of that name, or the best one for null or an empty name; null where this processor does not run it.
inline const Level* level_of(const char* name) {
  if (name == nullptr || *name == '\0') return level_at(0);
  for (int i = 0; const Level* level = level_at(i); ++i)
    if (std::strcmp(level->name, name) == 0) return level;
  return nullptr;
}

}  // namespace tf1bn
