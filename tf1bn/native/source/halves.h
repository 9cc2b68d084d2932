// Half precision to float and back, value by value, where the processor has no instruction for it. Nothing here relies
// on denormal floats, which TensorFlow's threads flush to zero.
#pragma once

#include <cstdint>
#include <cstring>

namespace tf1bn {

inline float float_of_bits(uint32_t bits) {
  float value;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

inline uint32_t bits_of(float value) {
  uint32_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  return bits;
}

inline float float_of_half(uint16_t half) {
  const uint32_t sign = static_cast<uint32_t>(half & 0x8000) << 16, rest = static_cast<uint32_t>(half & 0x7fff) << 13;
  const uint32_t exponent = rest & 0x0f800000;
  if (exponent == 0) {
    // Denormal: with the exponent of the least normal number the value is 2^-14 too large.
    const float shifted = float_of_bits(rest + (113u << 23)) - float_of_bits(113u << 23);
    return float_of_bits(bits_of(shifted) | sign);
  }
  const uint32_t bias = exponent == 0x0f800000 ? 224u << 23 : 112u << 23;  // infinity and NaN keep the largest exponent
  return float_of_bits((rest + bias) | sign);
}

// Rounds to the nearest half, ties to even.
inline uint16_t half_of(float value) {
  const uint32_t bits = bits_of(value), sign = bits >> 16 & 0x8000, size = bits & 0x7fffffff;
  uint32_t half;
  if (size > 0x7f800000) {
    half = 0x7e00 | (size >> 13 & 0x3ff);
  } else if (size >= 0x477ff000) {
    half = 0x7c00;  // from 65520 on
  } else if (size < 0x38800000) {
    // Adding 0.5 leaves the denormal in the lowest bits of the float, rounded by the addition.
    half = bits_of(float_of_bits(size) + 0.5f) - bits_of(0.5f);
  } else {
    half = (size - (112u << 23) + 0xfff + (size >> 13 & 1)) >> 13;
  }
  return static_cast<uint16_t>(half | sign);
}

inline uint16_t bfloat16_of(float value) {
  const uint32_t bits = bits_of(value);
  const uint32_t rounded = (bits + 0x7fff + (bits >> 16 & 1)) >> 16;
  return static_cast<uint16_t>((bits & 0x7fffffff) > 0x7f800000 ? bits >> 16 | 0x40 : rounded);
}

}  // namespace tf1bn
