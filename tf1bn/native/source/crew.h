// Work in phases, shared with helper threads that join if they get to run. The caller never waits for a helper that has
// not begun, so a busy processor costs what it costs to ask, and nothing depends on how many threads there are.
#pragma once

#include <pthread.h>

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>

namespace tf1bn {

inline void relax(int64_t turn) {
  if (turn % 1024 == 1023) std::this_thread::yield();
#if defined(__x86_64__)
  else __builtin_ia32_pause();
#endif
}

// One call's work. A phase and the next part of it stand in one number, so that whoever claims a part knows of which
// phase it is. A helper touches what the caller owns only between claiming a part and reporting it.
class Work {
 public:
  using Part = std::function<void(int64_t)>;

  explicit Work(int64_t parts) : parts_(parts) {}

  // Runs a phase to its end; for the caller.
  void run(const Part& part) {
    const uint64_t phase = (ticket_.load(std::memory_order_relaxed) >> kShift) + 1;
    part_ = &part;
    done_.store(0, std::memory_order_relaxed);
    ticket_.store(phase << kShift, std::memory_order_release);
    take();
    for (int64_t turn = 0; done_.load(std::memory_order_acquire) < parts_; ++turn) relax(turn);
  }

  void finish() { over_.store(true, std::memory_order_release); }

  // Takes part in phases until there is none for a while; for a helper.
  void help() {
    constexpr int64_t kPatience = 20000;  // some tenths of a millisecond
    for (int64_t turn = 0; turn < kPatience && !over_.load(std::memory_order_acquire); ++turn) {
      if (take()) turn = 0;
      relax(turn);
    }
  }

 private:
  static constexpr int kShift = 32;

  static int64_t part_of(uint64_t ticket) { return static_cast<int64_t>(ticket & ((uint64_t{1} << kShift) - 1)); }

  // Runs parts of the current phase while there are any, and tells whether there was one.
  bool take() {
    bool any = false;
    for (;;) {
      const uint64_t seen = ticket_.load(std::memory_order_acquire);
      if (seen == 0 || part_of(seen) >= parts_) return any;
      const int64_t mine = part_of(ticket_.fetch_add(1, std::memory_order_acq_rel));
      if (mine >= parts_) return any;
      (*part_)(mine);
      done_.fetch_add(1, std::memory_order_acq_rel);
      any = true;
    }
  }

  const int64_t parts_;
  std::atomic<uint64_t> ticket_{0};
  std::atomic<int64_t> done_{0};
  std::atomic<bool> over_{false};
  const Part* part_ = nullptr;
};

// Threads of this library: TensorFlow's C interface lends none of its own.
class Helpers {
 public:
  static Helpers& get() { return *place().load(std::memory_order_acquire); }

  // Asks for so many helpers.
  void ask(const std::shared_ptr<Work>& work, int helpers) {
    {
      std::lock_guard<std::mutex> lock(mutex_);
      for (; threads_ < helpers && threads_ < kMost; ++threads_) {
        try {
          std::thread([this] { serve(); }).detach();
        } catch (const std::system_error&) {
          break;  // the system gives no more threads; the caller does the work itself
        }
      }
      if (threads_ == 0) return;
      for (int i = 0; i < helpers; ++i) asked_.push_back(work);
    }
    if (helpers == 1) wake_.notify_one();
    else wake_.notify_all();
  }

 private:
  static constexpr int kMost = 64;

  Helpers() = default;

  // Never destroyed: threads outlive main. The child of a fork has no threads and starts anew.
  static std::atomic<Helpers*>& place() {
    static std::atomic<Helpers*> found{[] {
      pthread_atfork(nullptr, nullptr, [] { place().store(new Helpers, std::memory_order_release); });
      return new Helpers;
    }()};
    return found;
  }

  void serve() {
#if defined(__linux__)
    pthread_setname_np(pthread_self(), "tf1bn_native");
#endif
    for (;;) {
      std::unique_lock<std::mutex> lock(mutex_);
      wake_.wait(lock, [this] { return !asked_.empty(); });
      const std::shared_ptr<Work> work = std::move(asked_.front());
      asked_.pop_front();
      lock.unlock();
      work->help();
    }
  }

  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::shared_ptr<Work>> asked_;
  int threads_ = 0;
};

// The phases of one call: alone on the calling thread, or shared.
class Crew {
 public:
  Crew(int64_t parts, int helpers) : parts_(parts) {
    if (helpers <= 0 || parts < 2) return;
    work_ = std::make_shared<Work>(parts);
    Helpers::get().ask(work_, helpers);
  }
  ~Crew() {
    if (work_) work_->finish();
  }
  Crew(const Crew&) = delete;
  Crew& operator=(const Crew&) = delete;

  template <class Part>
  void run(const Part& part) {
    if (work_) return work_->run(Work::Part(std::cref(part)));
    for (int64_t i = 0; i < parts_; ++i) part(i);
  }

 private:
  const int64_t parts_;
  std::shared_ptr<Work> work_;
};

}  // namespace tf1bn
