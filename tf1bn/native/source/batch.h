// Batch normalisation of n rows by c channels; knows nothing of TensorFlow.
//
// Rows are seen k at a time, as rows of w = k * c values, so that w fills vectors whatever c is. Sums are of x - shift,
// where the shift is the mean of a few rows: that keeps them precise far from zero. Where it turns out to be far from
// the mean all the same, they are made once more with a better one. Sums are kept in the type of the computation over a
// block of rows, then in double, for each chunk by itself. The chunks depend on the shape alone, and are joined in one
// order, so the result does not depend on the number of threads.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <numeric>
#include <type_traits>

#include "crew.h"
#include "levels.h"

namespace tf1bn {

// From this size on an output is not in the caches any more when the next op reads it, so it is written past them.
#ifndef TF1BN_STREAMED_BYTES
#define TF1BN_STREAMED_BYTES (int64_t{1} << 24)
#endif

// From this size on an input is read from memory, in each pass anew.
#ifndef TF1BN_MEMORY_BYTES
#define TF1BN_MEMORY_BYTES (int64_t{1} << 22)
#endif

// So many values at least for each thread. One thread took 0.7 of the time of two with 65,536 values and with 150,528,
// about as long with 250,880, and 1.3 times as long with 602,112.
#ifndef TF1BN_THREAD_ELEMENTS
#define TF1BN_THREAD_ELEMENTS 98304
#endif

struct Half { uint16_t bits; };
struct Bfloat16 { uint16_t bits; };

// The type in which values of a type are computed with, and statistics are kept.
template <class E> struct Computed { typedef float F; };
template <> struct Computed<double> { typedef double F; };
template <class E> using ComputedIn = typename Computed<E>::F;

inline void widen(const Level& level, const Half* from, float* to, int64_t size) {
  level.widen_half(&from->bits, to, size);
}
inline void widen(const Level& level, const Bfloat16* from, float* to, int64_t size) {
  level.widen_bfloat16(&from->bits, to, size);
}
inline void narrow(const Level& level, const float* from, Half* to, int64_t size) {
  level.narrow_half(from, &to->bits, size);
}
inline void narrow(const Level& level, const float* from, Bfloat16* to, int64_t size) {
  level.narrow_bfloat16(from, &to->bits, size);
}

struct Geometry {
  static constexpr int64_t kVector = 16, kNarrowBelow = 256, kChunkElements = 32768, kMostChunks = 16;
  // Some rows are read side by side. While they come from a cache, short ones cost least. From memory, only what is read
  // in ascending order comes in time, so that rows are about a page long, and not quite, as then all would begin at the
  // same place of the first cache.
  static constexpr int64_t kWide = 128, kWideFromMemory = 900;

  int64_t n, c, k = 1, w, rows, rest, row_chunks, column_chunks = 1;

  Geometry(int64_t n, int64_t c, int64_t value_bytes) : n(n), c(c) {
    if (c < kNarrowBelow) {
      const int64_t aligned = kVector / std::gcd(c, kVector);
      const int64_t wide = n * c * value_bytes < TF1BN_MEMORY_BYTES ? kWide : kWideFromMemory;
      for (k = aligned; k * c < wide;) k += aligned;
      while (k > 1 && n / k < 4) k = k > aligned ? k - aligned : 1;  // too few rows for such wide ones
    }
    w = k * c, rows = n / k, rest = n % k;
    const int64_t wanted = std::clamp<int64_t>(n * c / kChunkElements, 1, kMostChunks);
    if (w >= 2 * kBlockColumns) column_chunks = std::min(wanted, w / kBlockColumns);
    row_chunks = std::clamp<int64_t>(rows / 8, 1, std::max<int64_t>(wanted / column_chunks, 1));
  }

  int64_t chunks() const { return row_chunks * column_chunks; }

  struct Chunk { int64_t row, rows, column, columns, index; };

  Chunk chunk(int64_t i) const {
    const int64_t r = i / column_chunks, q = i % column_chunks;
    const auto cut = [](int64_t size, int64_t i, int64_t of, int64_t step) {
      return i == of ? size : size * i / of / step * step;
    };
    const int64_t row = cut(rows, r, row_chunks, 8), column = cut(w, q, column_chunks, kVector);
    return {row, cut(rows, r + 1, row_chunks, 8) - row, column, cut(w, q + 1, column_chunks, kVector) - column, r};
  }

  // Helpers that are worth asking: until one is awake, the caller has done as much itself.
  int helpers(int threads) const {
    const int64_t worth = n * c / TF1BN_THREAD_ELEMENTS - 1;
    return static_cast<int>(std::min<int64_t>({worth, threads - 1, chunks() - 1}));
  }
};

// Small arrays of one call, in one piece that a thread keeps if it is not large.
class Arena {
 public:
  explicit Arena(int64_t bytes) {
    static thread_local std::unique_ptr<char[]> kept;
    static thread_local int64_t size = 0;
    bytes += kAlignment;
    if (bytes > kMostKept) {
      own_.reset(new char[bytes]);
    } else if (size < bytes) {
      kept.reset();
      kept.reset(new char[bytes]);
      size = bytes;
    }
    next_ = own_ ? own_.get() : kept.get();
    next_ += (kAlignment - reinterpret_cast<uintptr_t>(next_) % kAlignment) % kAlignment;
  }

  template <class F>
  F* take(int64_t size) {
    char* const found = next_;
    next_ += bytes<F>(size);
    return reinterpret_cast<F*>(found);
  }

  template <class F>
  static int64_t bytes(int64_t size) {
    return (size * static_cast<int64_t>(sizeof(F)) + kAlignment - 1) / kAlignment * kAlignment;
  }

 private:
  static constexpr int64_t kAlignment = 64, kMostKept = 1 << 21;
  std::unique_ptr<char[]> own_;
  char* next_;
};

struct Setting {
  const Level* level;
  int threads;
};

// The passes over one input, by chunks; E is the type of its values.
template <class E>
class Passes {
 public:
  typedef ComputedIn<E> F;

  Passes(const Setting& setting, const Geometry& geometry)
      : level_(*setting.level), loops_(level_.loops(F())), g_(geometry), crew_(g_.chunks(), g_.helpers(setting.threads)),
        arena_(2 * Arena::bytes<double>(g_.w * g_.row_chunks) + 4 * Arena::bytes<double>(g_.w) +
               kColumns * Arena::bytes<F>(g_.w)) {
    ones_ = arena_.take<double>(g_.w * g_.row_chunks), twos_ = arena_.take<double>(g_.w * g_.row_chunks);
    one_ = arena_.take<double>(g_.w), two_ = arena_.take<double>(g_.w);
    first_ = arena_.take<double>(g_.w), second_ = arena_.take<double>(g_.w);
    for (F*& column : columns_) column = arena_.take<F>(g_.w);
  }

  enum Name { kShift, kA, kB, kD, kE, kF, kColumns };
  F* column(Name name) { return columns_[name]; }
  const double* one() const { return first_; }
  const double* two() const { return second_; }
  double* one() { return first_; }
  double* two() { return second_; }
  const Loops<F>& loops() const { return loops_; }
  const Level& level() const { return level_; }

  // Repeats the c values of a column k times.
  void tile(std::initializer_list<Name> names) {
    for (Name name : names)
      for (int64_t i = 1; i < g_.k; ++i) std::copy_n(columns_[name], g_.c, columns_[name] + i * g_.c);
  }

  // Leaves the sums per channel in one() and two().
  void sum(Pass pass, const E* x, const E* dy) {
    const Columns<F> of = columns();
    crew_.run([&](int64_t i) {
      const auto chunk = g_.chunk(i);
      double *one = ones_ + chunk.index * g_.w + chunk.column, *two = twos_ + chunk.index * g_.w + chunk.column;
      std::fill_n(one, chunk.columns, 0.0), std::fill_n(two, chunk.columns, 0.0);
      const int64_t at = chunk.row * g_.w + chunk.column;
      sum_rows(pass, x + at, dy + at, g_.w, chunk.rows, chunk.columns, of.behind(chunk.column), one, two);
    });
    const int64_t at = g_.rows * g_.w;
    sum_rows(pass, x + at, dy + at, g_.c, g_.rest, g_.c, of, ones_, twos_);
    level_.fold(one_, ones_, g_.w, g_.row_chunks), level_.fold(two_, twos_, g_.w, g_.row_chunks);
    level_.fold(first_, one_, g_.c, g_.k), level_.fold(second_, two_, g_.c, g_.k);
  }

  // Begins with the chunks that sum() read last, which the caches may still hold. y may be x or dy.
  void write(Apply what, const E* x, const E* dy, E* y) {
    const Columns<F> of = columns();
    // In place, the caches hold already what is written over.
    const bool streamed = y != x && y != dy && g_.n * g_.c * int64_t{sizeof(E)} >= TF1BN_STREAMED_BYTES;
    crew_.run([&](int64_t i) {
      const auto chunk = g_.chunk(g_.chunks() - 1 - i);
      const int64_t at = chunk.row * g_.w + chunk.column;
      write_rows(what, x + at, dy + at, y + at, g_.w, chunk.rows, chunk.columns, of.behind(chunk.column), streamed);
    });
    const int64_t at = g_.rows * g_.w;
    write_rows(what, x + at, dy + at, y + at, g_.c, g_.rest, g_.c, of, false);
  }

  // The mean of a few rows, which stand at no regular distance: the first pixel of every image would be a border.
  void sample(const E* x) {
    constexpr int64_t kSamples = 8;
    const int64_t samples = std::min(g_.n, kSamples);
    F *shift = columns_[kShift], *row = columns_[kA];
    std::fill_n(shift, g_.c, F(0));
    for (int64_t i = 0; i < samples; ++i) {
      const double part = 0.6180339887498949 * static_cast<double>(i + 1);
      const int64_t at = g_.n <= kSamples ? i : static_cast<int64_t>((part - std::floor(part)) * static_cast<double>(g_.n));
      const F* values = read(x + at * g_.c, row);
      for (int64_t j = 0; j < g_.c; ++j) shift[j] += values[j] / static_cast<F>(samples);
    }
    for (int64_t j = 0; j < g_.c; ++j)
      if (!(std::abs(shift[j]) <= std::numeric_limits<F>::max())) shift[j] = 0;  // one bad row is not all rows
    tile({kShift});
  }

 private:
  static constexpr bool kDirect = std::is_same<E, F>::value;
  static constexpr int64_t kTile = 8192;

  Columns<F> columns() const {
    return {columns_[kShift], columns_[kA], columns_[kB], columns_[kD], columns_[kE], columns_[kF]};
  }

  const F* read(const E* row, F* scratch) const {
    if constexpr (kDirect) {
      return row;
    } else {
      widen(level_, row, scratch, g_.c);
      return scratch;
    }
  }

  // Calls of(row, rows, column, columns) for tiles that fit the scratch memory of a thread.
  template <class Of>
  static void tiles(int64_t rows, int64_t w, const Of& of) {
    for (int64_t j = 0; j < w; j += kBlockColumns) {
      const int64_t columns = std::min(kBlockColumns, w - j), high = std::min(kTile / columns, kBlockRows);
      for (int64_t i = 0; i < rows; i += high) of(i, std::min(high, rows - i), j, columns);
    }
  }

  void widen_tile(const E* from, int64_t stride, int64_t rows, int64_t columns, F* to) const {
    if (stride == columns) return widen(level_, from, to, rows * columns);
    for (int64_t i = 0; i < rows; ++i) widen(level_, from + i * stride, to + i * columns, columns);
  }

  void sum_rows(Pass pass, const E* x, const E* dy, int64_t stride, int64_t rows, int64_t w, const Columns<F>& of,
                double* one, double* two) const {
    alignas(64) F scratch[2 * kBlockColumns];
    if constexpr (kDirect) {
      for (int64_t i = 0; i < rows; i += kBlockRows)
        loops_.sums(pass, x + i * stride, dy + i * stride, stride, std::min(kBlockRows, rows - i), w, of, scratch, one,
                    two);
    } else {
      alignas(64) F wide[kTile], wide_dy[kTile];
      tiles(w == 0 ? 0 : rows, w, [&](int64_t i, int64_t high, int64_t j, int64_t columns) {
        widen_tile(x + i * stride + j, stride, high, columns, wide);
        if (pass != Pass::kForward) widen_tile(dy + i * stride + j, stride, high, columns, wide_dy);
        loops_.sums(pass, wide, wide_dy, columns, high, columns, of.behind(j), scratch, one + j, two + j);
      });
    }
  }

  void write_rows(Apply what, const E* x, const E* dy, E* y, int64_t stride, int64_t rows, int64_t w,
                  const Columns<F>& of, bool streamed) const {
    if constexpr (kDirect) {
      loops_.apply(what, x, dy, y, stride, rows, w, of, streamed);
    } else {
      alignas(64) F wide[kTile], wide_dy[kTile];
      const bool forward = what == Apply::kForward || what == Apply::kForwardRelu;
      tiles(rows, w, [&](int64_t i, int64_t high, int64_t j, int64_t columns) {
        const int64_t at = i * stride + j;
        widen_tile(x + at, stride, high, columns, wide);
        if (!forward) widen_tile(dy + at, stride, high, columns, wide_dy);
        loops_.apply(what, wide, wide_dy, wide, columns, high, columns, of.behind(j), false);
        for (int64_t r = 0; r < high; ++r) narrow(level_, wide + r * columns, y + at + r * stride, columns);
      });
    }
  }

  const Level& level_;
  const Loops<F>& loops_;
  const Geometry g_;
  Crew crew_;
  Arena arena_;
  double *ones_, *twos_, *one_, *two_, *first_, *second_;
  F* columns_[kColumns];
};

// What the backward pass needs, four rows of c values: mean = shift + residual, the inverse deviation, and the share of
// one value in the moments: 1 / n, or 0 where the moments were given.
template <class F>
struct Saved {
  F *shift, *residual, *inverse, *share;
  Saved(F* at, int64_t c) : shift(at), residual(at + c), inverse(at + 2 * c), share(at + 3 * c) {}
};

template <class E>
struct Forward {
  typedef ComputedIn<E> F;
  int64_t n, c;
  const E* x;
  const F *gamma, *beta, *given_mean, *given_variance;  // the given ones only where not training
  double epsilon;
  bool relu, training;
  E* y;  // may be x
  F *mean, *variance, *saved;
};

template <class E>
void run(const Forward<E>& call, const Setting& setting) {
  typedef ComputedIn<E> F;
  typedef Passes<E> P;
  const int64_t n = call.n, c = call.c;
  if (c == 0) return;
  Saved<F> saved(call.saved, c);
  std::fill_n(saved.share, c, call.training && n ? static_cast<F>(1.0 / static_cast<double>(n)) : F(0));
  P passes(setting, Geometry(n, c, sizeof(E)));
  F* shift = passes.column(P::kShift);
  double *mean = passes.one(), *variance = passes.two();
  if (call.training && n) {
    const double share = 1.0 / static_cast<double>(n);
    passes.sample(call.x);
    passes.sum(Pass::kForward, call.x, call.x);
    passes.level().moments(mean, variance, c, share);
    if (passes.loops().far(mean, variance, shift, c, call.epsilon)) {
      for (int64_t j = 0; j < c; ++j)
        if (std::isfinite(mean[j])) shift[j] = static_cast<F>(shift[j] + mean[j]);
      passes.tile({P::kShift});
      passes.sum(Pass::kForward, call.x, call.x);
      passes.level().moments(mean, variance, c, share);
    }
  } else {
    std::fill_n(mean, c, 0.0), std::fill_n(variance, c, 0.0);
    std::fill_n(shift, c, F(0));
    if (!call.training) {
      std::copy_n(call.given_mean, c, shift);
      for (int64_t j = 0; j < c; ++j) variance[j] = call.given_variance[j];
    }
  }
  for (int64_t j = 0; j < c; ++j) {
    call.mean[j] = static_cast<F>(shift[j] + mean[j]);
    call.variance[j] = static_cast<F>(variance[j]);
  }
  passes.loops().affine(mean, variance, call.gamma, call.beta, c, call.epsilon, shift, saved.residual, saved.inverse,
                        passes.column(P::kA), passes.column(P::kB));
  std::copy_n(shift, c, saved.shift);
  if (n == 0) {
    std::fill_n(saved.inverse, c, F(0));  // the gradient of nothing is zero also where epsilon is
    return;
  }
  passes.tile({P::kShift, P::kA, P::kB});
  passes.write(call.relu ? Apply::kForwardRelu : Apply::kForward, call.x, call.x, call.y);
}

template <class E>
struct Backward {
  typedef ComputedIn<E> F;
  int64_t n, c;
  const E *dy, *x;
  const F *gamma, *beta, *saved;
  bool relu;
  E* dx;  // may be dy
  F *dgamma, *dbeta;
};

template <class E>
void run(const Backward<E>& call, const Setting& setting) {
  typedef ComputedIn<E> F;
  typedef Passes<E> P;
  const int64_t n = call.n, c = call.c;
  if (c == 0) return;
  if (n == 0) {
    std::fill_n(call.dgamma, c, F(0)), std::fill_n(call.dbeta, c, F(0));
    return;
  }
  const Saved<const F> saved(call.saved, c);
  P passes(setting, Geometry(n, c, sizeof(E)));
  F *a = passes.column(P::kA), *b = passes.column(P::kB);
  std::copy_n(saved.shift, c, passes.column(P::kShift));
  for (int64_t j = 0; j < c; ++j) {
    a[j] = call.gamma[j] * saved.inverse[j];
    b[j] = call.beta[j] - saved.residual[j] * a[j];
  }
  passes.tile({P::kShift, P::kA, P::kB});
  passes.sum(call.relu ? Pass::kBackwardRelu : Pass::kBackward, call.x, call.dy);
  const bool given = saved.share[0] == F(0);
  const double share = given ? 0.0 : 1.0 / static_cast<double>(n);
  passes.loops().combine(passes.one(), passes.two(), saved.residual, saved.inverse, a, c, share, call.dgamma, call.dbeta,
                         passes.column(P::kD), passes.column(P::kE), passes.column(P::kF));
  passes.tile({P::kD, P::kE, P::kF});
  const Apply through = call.relu ? Apply::kBackwardRelu : Apply::kBackward;
  passes.write(given ? (call.relu ? Apply::kGivenRelu : Apply::kGiven) : through, call.x, call.dy, call.dx);
}

// What moves two averages: average <- average * kept + share, one multiplication and one addition. Nothing moves outside
// of training, for an empty batch, and, guarded, for moments that are not finite, a variance below zero or a decay
// outside of [0, 1]: then kept is 1 and the shares are -0, which leave every bit of an average as it is.
template <class F>
struct Shares {
  int64_t n, c;
  const F *average_mean, *average_variance;  // null where not needed
  const F *mean, *variance;
  const F* weights;  // kept, the weight of the batch, and what is taken from the average for the rounding of kept
  bool training, bessel, guarded;
  F *mean_share, *variance_share, *kept;
};

template <class F>
void run(const Shares<F>& call) {
  const F kept = call.weights[0], rate = call.weights[1], rest = call.weights[2];
  bool moves = call.training && call.n > 0;
  if (moves && call.guarded) {
    moves = kept >= F(0) && kept <= F(1);
    for (int64_t j = 0; j < call.c && moves; ++j)
      moves = std::isfinite(call.mean[j]) && std::isfinite(call.variance[j]) && call.variance[j] >= F(0);
  }
  *call.kept = moves ? kept : F(1);
  if (!moves) {
    std::fill_n(call.mean_share, call.c, -F(0)), std::fill_n(call.variance_share, call.c, -F(0));
    return;
  }
  const double n = static_cast<double>(call.n);
  const F factor = static_cast<F>(call.bessel ? n / std::max(n - 1.0, 1.0) : 1.0);
  for (int64_t j = 0; j < call.c; ++j) {
    call.mean_share[j] = call.mean[j] * rate;
    call.variance_share[j] = call.variance[j] * factor * rate;
  }
  if (rest == F(0) || call.average_mean == nullptr) return;
  for (int64_t j = 0; j < call.c; ++j) {
    call.mean_share[j] -= call.average_mean[j] * rest;
    call.variance_share[j] -= call.average_variance[j] * rest;
  }
}

}  // namespace tf1bn
