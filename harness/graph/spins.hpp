// In-target world. Threads that wait by looking again and again.
#pragma once

#include "base/vec.hpp"
#include "exec/thread.hpp"

namespace heddle::graph {

/// Tells when a thread comes back to a read in the state in which it was there before, having
/// changed nothing meanwhile: until another store is read in between it can only do the same again,
/// and the execution in which it has not been round is there, too. The state is expensive to know,
/// so it is looked at only where code is known to loop; where it turns out to, the execution must
/// begin once more.
class Spins {
 public:
  enum class Verdict : u8 { kGoesOn, kSpins, kBeginAgain };

  void begin_execution();
  /// The thread is about to read at `pc`. O(reads since its last effect), at most kVisitsMax.
  Verdict visit(const exec::Thread& thread, uptr pc);
  /// Some thread was cut short by the number of its rounds alone, with its state changing.
  bool is_bounded() const { return bounded_; }

 private:
  // More rounds of a loop that has an effect on nothing but the thread's own state, a counter say.
  static constexpr u32 kRoundsMax = 64;
  static constexpr u32 kVisitsMax = 1024;

  struct Visit {
    uptr pc;
    u64 state;  // 0: not looked at
  };

  struct Line {
    u64 effects;
    Vec<Visit> visits;
  };

  bool is_loop(uptr pc) const;

  Line* lines_ = nullptr;
  u32 lines_used_ = 0;
  Vec<uptr> loops_;
  bool bounded_ = false;
};

}  // namespace heddle::graph
