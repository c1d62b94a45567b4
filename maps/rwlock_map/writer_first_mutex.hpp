// A reader-writer lock that lets nobody in to read while somebody waits to write.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <mutex>

namespace maps {

/// The seeded bugs, one mistake each. README.md names the oracle that finds each of them.
enum class writer_first_mutex_bug {
  none,
  wakes_one_reader,
};

/// A SharedMutex whose writers never starve, whatever readers do; std::shared_mutex leaves open who
/// goes first, and the one of glibc prefers readers.
/// Threads: not recursive. A second shared lock of one thread deadlocks if a writer has come
/// between.
template <writer_first_mutex_bug Bug = writer_first_mutex_bug::none>
class writer_first_mutex {
  using bug = writer_first_mutex_bug;

 public:
  void lock() {
    std::unique_lock state(state_);
    ++waiting_writers_;
    writers_.wait(state, [this] { return !writing_ && readers_inside_ == 0; });
    --waiting_writers_;
    writing_ = true;
  }

  void unlock() {
    const std::lock_guard state(state_);
    writing_ = false;
    if (waiting_writers_ != 0) {
      writers_.notify_one();
    } else if constexpr (Bug == bug::wakes_one_reader) {
      readers_.notify_one();
    } else {
      readers_.notify_all();
    }
  }

  void lock_shared() {
    std::unique_lock state(state_);
    readers_.wait(state, [this] { return !writing_ && waiting_writers_ == 0; });
    ++readers_inside_;
  }

  void unlock_shared() {
    const std::lock_guard state(state_);
    if (--readers_inside_ == 0) {
      writers_.notify_one();
    }
  }

 private:
  std::mutex state_;
  std::condition_variable readers_;
  std::condition_variable writers_;
  std::size_t readers_inside_ = 0;
  std::size_t waiting_writers_ = 0;
  bool writing_ = false;
};

}  // namespace maps
