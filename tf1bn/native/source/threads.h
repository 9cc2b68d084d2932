// How many threads a session wants for one op, as TensorFlow itself would understand its configuration.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <thread>

#if defined(__linux__)
#include <sched.h>
#endif

namespace tf1bn {

// Field 2 of a serialized ConfigProto, intra_op_parallelism_threads; 0 where it is not set or cannot be read.
inline int64_t intra_op_threads(const unsigned char* at, size_t size) {
  const unsigned char* const end = at + size;
  int64_t found = 0;
  const auto number = [&](uint64_t* value) {
    *value = 0;
    for (int shift = 0; at < end && shift < 64; shift += 7) {
      const unsigned char byte = *at++;
      *value |= static_cast<uint64_t>(byte & 0x7f) << shift;
      if (byte < 0x80) return true;
    }
    return false;
  };
  for (uint64_t tag, value; at < end;) {
    if (!number(&tag)) return found;
    uint64_t skipped = 0;
    switch (tag & 7) {
      case 0:
        if (!number(&value)) return found;
        if (tag >> 3 == 2) found = static_cast<int64_t>(value);
        break;
      case 1: skipped = 8; break;
      case 2:
        if (!number(&skipped)) return found;
        break;
      case 5: skipped = 4; break;
      default: return found;
    }
    if (skipped > static_cast<uint64_t>(end - at)) return found;
    at += skipped;
  }
  return found;
}

inline int64_t positive_number(const char* name) {
  const char* const text = std::getenv(name);
  return text ? std::atoll(text) : 0;
}

// The processors that this process may run on, or what TensorFlow's own variable says in their place.
inline int default_threads() {
  const int64_t asked = positive_number("TF_NUM_INTRAOP_THREADS");
  if (asked > 0) return static_cast<int>(asked < 1024 ? asked : 1024);
#if defined(__linux__)
  cpu_set_t mine;
  if (sched_getaffinity(0, sizeof mine, &mine) == 0 && CPU_COUNT(&mine) > 0) return CPU_COUNT(&mine);
#endif
  const unsigned found = std::thread::hardware_concurrency();
  return found ? static_cast<int>(found) : 1;
}

}  // namespace tf1bn
