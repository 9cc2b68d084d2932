// Fuzzes the arithmetic of the native ops without TensorFlow: shapes, values, alignment, levels and numbers of threads.
// Every buffer ends where its values end, so that a sanitizer sees what is read or written behind.
//
//   fuzz SEED CASES CALLERS [ELEMENTS]    prints the levels that ran; exit code 0, or 1 and what is wrong
//
// ELEMENTS bounds the size of an input.
#include <cstdio>
#include <limits>
#include <random>
#include <vector>

#include "batch.h"

using namespace tf1bn;

namespace {

enum class Kind { kNormal, kFar, kConstant, kDenormal, kHuge, kNotFinite, kOutlier, kKinds };

int fail(const char* what, const char* level, int64_t n, int64_t c, int kind, double found, double wanted) {
  std::fprintf(stderr, "%s, level %s, n %lld, c %lld, values %d: %.9g, expected %.9g\n", what, level,
               static_cast<long long>(n), static_cast<long long>(c), kind, found, wanted);
  return 1;
}

// Values that begin one element behind the start of their memory, and end with it; or, aligned, where a vector may stand.
template <class E>
class Buffer {
 public:
  explicit Buffer(int64_t size, bool aligned = false)
      : memory_(static_cast<size_t>(size) + (aligned ? kVector : 1)), size_(size), aligned_(aligned) {}
  E* at() {
    if (!aligned_) return memory_.data() + 1;
    const uintptr_t start = reinterpret_cast<uintptr_t>(memory_.data());
    return reinterpret_cast<E*>((start + 63) / 64 * 64);
  }
  int64_t size() const { return size_; }
  bool same(Buffer& other) { return size_ == 0 || std::memcmp(at(), other.at(), sizeof(E) * size_) == 0; }

 private:
  static constexpr size_t kVector = 64 / sizeof(E);
  std::vector<E> memory_;
  int64_t size_;
  bool aligned_;
};

float get(float v) { return v; }
double get(double v) { return v; }
double get(Half v) { return float_of_half(v.bits); }
double get(Bfloat16 v) { return float_of_bits(static_cast<uint32_t>(v.bits) << 16); }
void put(float& to, double v) { to = static_cast<float>(v); }
void put(double& to, double v) { to = v; }
void put(Half& to, double v) { to.bits = half_of(static_cast<float>(v)); }
void put(Bfloat16& to, double v) { to.bits = bfloat16_of(static_cast<float>(v)); }

template <class E> constexpr double kEpsilonOf = 0x1p-23;
template <> constexpr double kEpsilonOf<double> = 0x1p-46;
template <> constexpr double kEpsilonOf<Half> = 0x1p-10;
template <> constexpr double kEpsilonOf<Bfloat16> = 0x1p-7;

int64_t pick(std::mt19937& random, int64_t most) {
  const int64_t some[] = {0, 1, 2, 3, 4, 7, 8, 9, 15, 16, 17, 31, 64, 100, 127, 128, 129, 255, 256, 257};
  if (random() % 3) return std::min<int64_t>(some[random() % 20], most);
  return random() % (most + 1);
}

int64_t most_elements = 200000;

template <class E>
int one(std::mt19937& random) {
  typedef ComputedIn<E> F;
  const bool wide = random() % 8 == 0;
  const int64_t c = wide ? random() % (most_elements / 10) : pick(random, 600);
  const int64_t most = c ? std::min<int64_t>(most_elements / c, most_elements / 40) : 5;
  const int64_t n = pick(random, most);
  const int kind = static_cast<int>(random() % static_cast<int>(Kind::kKinds));
  const bool relu = random() % 2, training = random() % 3, in_place = random() % 2, aligned = random() % 2;
  const int threads = 2 + static_cast<int>(random() % 7);
  const double epsilon = 1e-3;
  std::normal_distribution<double> normal;
  Buffer<E> x(n * c), dy(n * c);
  for (int64_t i = 0; i < n * c; ++i) {
    double v = normal(random);
    switch (static_cast<Kind>(kind)) {
      case Kind::kFar: v += std::is_same<E, Half>::value || std::is_same<E, Bfloat16>::value ? 8 : 1e4; break;
      case Kind::kConstant: v = 3.7; break;
      case Kind::kDenormal: v *= 1e-40; break;
      case Kind::kHuge: v *= 1e30; break;
      case Kind::kNotFinite:
        if (random() % 50 == 0) v = random() % 2 ? std::numeric_limits<double>::infinity() : std::nan("");
        break;
      case Kind::kOutlier:  // sampled rows may be all alike and far from the rest
        if (i / c % 2 == 0) v += 100;
        break;
      default: break;
    }
    put(x.at()[i], v), put(dy.at()[i], normal(random));
  }
  Buffer<F> gamma(c), beta(c), given_mean(c), given_variance(c);
  for (int64_t j = 0; j < c; ++j) {
    put(gamma.at()[j], 1 + 0.3 * normal(random)), put(beta.at()[j], normal(random));
    put(given_mean.at()[j], normal(random)), put(given_variance.at()[j], std::abs(normal(random)) + 0.5);
  }
  for (int l = 0; const Level* level = level_at(l); ++l) {
    const auto made = [&] { return Buffer<E>(n * c, aligned); };
    Buffer<E> y[2] = {made(), made()}, dx[2] = {made(), made()};
    Buffer<F> mean[2] = {Buffer<F>(c), Buffer<F>(c)}, variance[2] = {Buffer<F>(c), Buffer<F>(c)};
    Buffer<F> saved[2] = {Buffer<F>(4 * c), Buffer<F>(4 * c)};
    Buffer<F> dgamma[2] = {Buffer<F>(c), Buffer<F>(c)}, dbeta[2] = {Buffer<F>(c), Buffer<F>(c)};
    for (int t = 0; t < 2; ++t) {
      const Setting setting{level, t ? threads : 1};
      const E* from = x.at();
      if (in_place && n) std::memcpy(y[t].at(), x.at(), sizeof(E) * n * c), from = y[t].at();
      run(Forward<E>{n, c, from, gamma.at(), beta.at(), given_mean.at(), given_variance.at(), epsilon, relu, training,
                     y[t].at(), mean[t].at(), variance[t].at(), saved[t].at()},
          setting);
      const E* by = dy.at();
      if (in_place && n) std::memcpy(dx[t].at(), dy.at(), sizeof(E) * n * c), by = dx[t].at();
      run(Backward<E>{n, c, by, x.at(), gamma.at(), beta.at(), saved[t].at(), relu, dx[t].at(), dgamma[t].at(),
                      dbeta[t].at()},
          setting);
      Buffer<F> mean_share(c), variance_share(c), kept(1);
      const F weights[3] = {F(0.75), F(0.25), F(1e-9)};
      run(Shares<F>{n, c, given_mean.at(), given_variance.at(), mean[t].at(), variance[t].at(), weights, training, true,
                    true, mean_share.at(), variance_share.at(), kept.at()});
      for (int64_t j = 0; j < c; ++j) {
        if (!std::isfinite(mean_share.at()[j]))
          return fail("a guarded share", level->name, n, c, kind, mean_share.at()[j], 0);
        if (n == 0 && (mean_share.at()[j] != 0 || kept.at()[0] != 1))
          return fail("a share of nothing", level->name, n, c, kind, 1, 0);
      }
    }
    if (!(y[0].same(y[1]) && dx[0].same(dx[1]) && mean[0].same(mean[1]) && variance[0].same(variance[1]) &&
          saved[0].same(saved[1]) && dgamma[0].same(dgamma[1]) && dbeta[0].same(dbeta[1])))
      return fail("bits differ with the number of threads", level->name, n, c, kind, 1, 0);
    if (static_cast<Kind>(kind) == Kind::kNotFinite || static_cast<Kind>(kind) == Kind::kHuge) continue;
    for (int64_t j = 0; j < c && n; ++j) {
      long double m = 0, v = 0;
      for (int64_t i = 0; i < n; ++i) m += get(x.at()[i * c + j]);
      m /= n;
      for (int64_t i = 0; i < n; ++i) v += (get(x.at()[i * c + j]) - m) * (get(x.at()[i * c + j]) - m);
      v /= n;
      if (!training) m = get(given_mean.at()[j]), v = get(given_variance.at()[j]);
      double by_beta = 0, by_gamma = 0, size = 0;
      const double s = static_cast<double>(1 / std::sqrt(v + epsilon)), a = gamma.at()[j] * s;
      const double loose = static_cast<Kind>(kind) == Kind::kFar ? 20 : 4, e = kEpsilonOf<E> * loose;
      if (!(std::abs(variance[0].at()[j] - v) <= 2e-6 * (v + epsilon)))
        return fail("variance", level->name, n, c, kind, variance[0].at()[j], static_cast<double>(v));
      for (int64_t i = 0; i < n; ++i) {
        const double z = static_cast<double>(get(x.at()[i * c + j]) - m) * s, wanted = z * gamma.at()[j] + beta.at()[j];
        const double found = get(y[0].at()[i * c + j]), most = std::abs(z) * 2 + 10;
        if (!(std::abs(found - (relu ? std::max(wanted, 0.0) : wanted)) <= e * most))
          return fail("y", level->name, n, c, kind, found, wanted);
        const double g = !relu || wanted > 0 ? get(dy.at()[i * c + j]) : 0;
        by_beta += g, by_gamma += g * z, size += std::abs(g) * (1 + std::abs(z));
        // Where the sign of the ReLU's input hangs on rounding, its gradient may be either.
        if (relu && std::abs(wanted) < e * most) size = std::numeric_limits<double>::infinity();
      }
      if (!(std::abs(dbeta[0].at()[j] - by_beta) <= 1e-5 * (size + 1)))
        return fail("dbeta", level->name, n, c, kind, dbeta[0].at()[j], by_beta);
      if (!(std::abs(dgamma[0].at()[j] - by_gamma) <= 1e-5 * (size + 1)))
        return fail("dgamma", level->name, n, c, kind, dgamma[0].at()[j], by_gamma);
      if (!(size < std::numeric_limits<double>::infinity())) continue;
      const double share = training ? 1.0 / static_cast<double>(n) : 0.0;
      for (int64_t i = 0; i < n; ++i) {
        const double z = static_cast<double>(get(x.at()[i * c + j]) - m) * s;
        const double g = !relu || z * gamma.at()[j] + beta.at()[j] > 0 ? get(dy.at()[i * c + j]) : 0;
        const double wanted = a * (g - share * (by_beta + z * by_gamma)), found = get(dx[0].at()[i * c + j]);
        if (!(std::abs(found - wanted) <= std::max(e, 4e-6) * std::abs(a) * (size * share + 10) * (1 + std::abs(z))))
          return fail("dx", level->name, n, c, kind, found, wanted);
      }
    }
  }
  return 0;
}

int many(unsigned seed, int cases) {
  std::mt19937 random(seed);
  for (int i = 0; i < cases; ++i) {
    const int failed = i % 4 == 0   ? one<float>(random)
                       : i % 4 == 1 ? one<double>(random)
                       : i % 4 == 2 ? one<Half>(random)
                                    : one<Bfloat16>(random);
    if (failed) return std::fprintf(stderr, "seed %u, case %d\n", seed, i), 1;
  }
  return 0;
}

// Every half, to float and back; every float that is close to one, to the nearest.
int halves() {
  for (int l = 0; const Level* level = level_at(l); ++l) {
    for (uint32_t bits = 0; bits < 0x10000; ++bits) {
      const uint16_t half[8] = {static_cast<uint16_t>(bits)};
      float wide[8], slow = float_of_half(half[0]);
      uint16_t back[8];
      level->widen_half(half, wide, 8), level->narrow_half(wide, back, 8);
      const bool not_a_number = (bits & 0x7c00) == 0x7c00 && (bits & 0x3ff);
      if (not_a_number ? !std::isnan(wide[0]) || !std::isnan(slow) || !std::isnan(float_of_half(back[0]))
                       : bits_of(wide[0]) != bits_of(slow) || back[0] != half[0] || half_of(slow) != half[0])
        return fail("half", level->name, 0, 0, static_cast<int>(bits), wide[0], slow);
    }
    for (uint32_t i = 0; i < 0x1000000; i += 1) {
      const float value = float_of_bits(i * 0x100u + (i & 0xff));
      const float all[8] = {value};
      uint16_t half[8];
      if (std::isnan(value)) continue;
      level->narrow_half(all, half, 8);
      if (half[0] != half_of(value)) return fail("to half", level->name, 0, 0, 0, float_of_half(half[0]), value);
    }
  }
  return 0;
}

}  // namespace

int main(int count, char** texts) {
  if (count < 4 || count > 5) return 2;
  const unsigned seed = static_cast<unsigned>(std::atoi(texts[1]));
  const int cases = std::atoi(texts[2]), callers = std::atoi(texts[3]);
  if (count == 5) most_elements = std::atoll(texts[4]);
  for (int l = 0; const Level* level = level_at(l); ++l) std::printf("%s%s", l ? " " : "", level->name);
  std::printf("\n");
  std::atomic<int> failed{callers == 1 ? halves() : 0};
  std::vector<std::thread> threads;
  for (int i = 0; i < callers; ++i)
    threads.emplace_back([&, i] { failed += many(seed + static_cast<unsigned>(i), cases); });
  for (std::thread& thread : threads) thread.join();
  return failed ? 1 : 0;
}
