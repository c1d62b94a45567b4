// The passing of time, and those who wait for it without blocking.

#include <algorithm>

#include "exec/execution.hpp"

namespace heddle::exec {

void Execution::yield(Thread& thread, uptr pc) {
  give_way(thread, EventKind::kYield, pc);
  record(thread, EventKind::kYield, 0, 0, 0, Order::kRelaxed, pc);
}

void Execution::sleep(Thread& thread, u64 until_ns, uptr pc) {
  give_way(thread, EventKind::kSleep, pc);
  advance_clock(until_ns);
  record(thread, EventKind::kSleep, 0, 0, virtual_now_, Order::kRelaxed, pc);
}

void Execution::give_way(Thread& thread, EventKind kind, uptr pc) {
  thread.yielding = true;
  if (++thread.same_reads > kSameReadsMax) {
    park(thread);
  }
  point(thread, kind, 0, pc);
  thread.yielding = false;
}

// Who asks what time it is, or how long something took, finds that no time has passed. Who looks
// again may wait for a deadline, and some time may have passed; the longer it waits, the more.
void Execution::let_time_pass(Thread& thread) {
  const bool may_pass = ++thread.looks > kLooksAtOnce && thread.leaps < kLeapsMax &&
                        (!options_.exhaustive || options_.model->waits_for_time(thread));
  if (may_pass && (turns_ != 0 || decide(DecisionKind::kClock, 2) == 1)) {
    u64 passed = kFirstLeapNs;
    for (u32 i = 0; i < thread.leaps && i < kGrowingLeaps; ++i) {
      passed *= 100;
    }
    ++thread.leaps;
    advance_clock(std::min(virtual_now_ + passed, kLastNs));
  }
}

// A program that only looks at the clock must get to its deadline whatever is decided, be it
// nanoseconds or days away: after some looks, each one sees twice as much time gone as the one
// before.
u64 Execution::read_clock(Thread& thread, uptr pc) {
  constexpr u32 kLooksFree = 64;
  constexpr u32 kDoublingsMax = 50;
  point(thread, EventKind::kClock, 0, pc);
  let_time_pass(thread);
  if (++clock_reads_ > kLooksFree) {
    const u32 doublings = clock_reads_ - kLooksFree;
    virtual_now_ =
        std::max(virtual_now_,
                 std::min(virtual_now_ + (u64{1} << std::min(doublings, kDoublingsMax)), kLastNs));
  }
  record(thread, EventKind::kClock, 0, 0, virtual_now_, Order::kRelaxed, pc);
  return virtual_now_;
}

}  // namespace heddle::exec
