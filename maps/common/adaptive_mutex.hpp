// A mutex for short critical sections: who finds it taken tries again for a while before it sleeps.
#pragma once

#include <atomic>

namespace maps {

/// 504 pauses, about as long as it takes to fall asleep and be woken: some microseconds.
inline constexpr int kSpinRounds = 6;

inline void pause(int times) noexcept {
  for (int i = 0; i < times; ++i) {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    asm volatile("yield");
#endif
  }
}

/// Asks until `done` returns true, ever more seldom, since each look takes the cache line away from
/// who works; `rounds` times and once more. Returns whether it did.
template <class Done>
bool spin_until(Done done, int rounds) {
  for (int i = 0; i < rounds; ++i) {
    if (done()) {
      return true;
    }
    pause(8 << i);
  }
  return done();
}

/// A mutex of four bytes.
/// Source: Drepper, "Futexes Are Tricky", 2011, the third mutex; why to spin, and for how long:
///         Karlin et al., "Empirical Studies of Competitive Spinning", SOSP 1991.
///
/// Note on orders. All of them are seq_cst: libstdc++'s notify_one() reads how many sleep and must
/// not overlook one who has seen kContended, and is_locked() is for those who order it with stores
/// of their own.
template <int Rounds = kSpinRounds>
class adaptive_mutex {
 public:
  void lock() noexcept {
    if (spin_until([this] { return try_lock(); }, Rounds)) {
      return;
    }
    // Whoever has slept does not know whether others sleep, too.
    while (state_.exchange(kContended) != kFree) {
      state_.wait(kContended);
    }
  }

  bool try_lock() noexcept {
    int state = kFree;
    return !is_locked() && state_.compare_exchange_strong(state, kTaken);
  }

  void unlock() noexcept {
    if (state_.exchange(kFree) == kContended) {
      state_.notify_one();
    }
  }

  bool is_locked() const noexcept { return state_ != kFree; }

 private:
  static constexpr int kFree = 0;
  static constexpr int kTaken = 1;
  static constexpr int kContended = 2;  // taken, and somebody may sleep

  std::atomic<int> state_ = kFree;
};

}  // namespace maps
