// Who runs next, and whatever else is decided.

#include <cstring>
#include <utility>

#include "base/rng.hpp"
#include "exec/execution.hpp"
#include "exec/thread_sanitizer.hpp"

namespace heddle::exec {

// Somebody must run: those that spin, then thread 0 if it waits for that.
void Execution::find_runnable() {
  if (!parked_.empty()) {
    unpark_all();
  } else if (!frozen_.empty()) {
    leave_frozen();
  } else if (threads_[0].wait == WaitKind::kEnd ||
             (threads_[0].wait == WaitKind::kAllOthers && live_threads_ == 1)) {
    wake(threads_[0]);
  } else {
    stuck();
  }
}

ThreadId Execution::pick(ThreadId current, bool waits) {
  while (runnable_.empty()) {
    find_runnable();
  }
  const bool can_stay = current != ThreadId::kNone && runnable_.contains(current);
  const ThreadId fallback = can_stay && !waits ? current : runnable_.first();
  if (runnable_.count() == 1) {
    return fallback;
  }
  const bool yielding = waits || (can_stay && threads_[to_index(current)].yielding);
  return ask(
      SchedulePoint{runnable_, can_stay ? current : ThreadId::kNone, fallback, yielding, steps_});
}

ThreadId Execution::ask(const SchedulePoint& point) {
  const ThreadId choice = options_.strategy->pick_thread(point);
  if (choice != point.fallback) {
    HEDDLE_INVARIANT(runnable_.contains(choice));
    deviations_.push_back(Deviation{decisions_, DecisionKind::kThread, to_index(choice)});
  }
  ++decisions_;
  return choice;
}

u32 Execution::decide(DecisionKind kind, u32 arity) {
  HEDDLE_INVARIANT(arity > 0);
  if (arity == 1) {
    return 0;
  }
  const u32 choice = options_.strategy->pick(kind, arity);
  HEDDLE_INVARIANT(choice < arity);
  if (choice != 0) {
    deviations_.push_back(Deviation{decisions_, kind, choice});
  }
  ++decisions_;
  return choice;
}

u32 Execution::choose(Thread& thread, u32 arity, uptr pc) {
  const u32 choice = decide(DecisionKind::kValue, arity);
  record(thread, EventKind::kChoice, 0, 0, choice, Order::kRelaxed, pc);
  return choice;
}

u64 Execution::random_bits(Thread& thread, uptr pc) {
  if (!entropy_seeded_) {
    entropy_seeded_ = true;
    entropy_.reseed(decide(DecisionKind::kValue, 1u << 16));
  }
  const u64 bits = entropy_.next();
  record(thread, EventKind::kChoice, 0, 0, bits, Order::kRelaxed, pc);
  return bits;
}

void Execution::reschedule(Thread& thread) {
  if (thread.persists != 0) {
    return;
  }
  const ThreadId next =
      thread.parked ? pick(thread.id)
                    : ask(SchedulePoint{runnable_, thread.id, thread.id, thread.yielding, steps_});
  if (next != thread.id) {
    resume(thread, threads_[to_index(next)], false);
  }
}

void Execution::resume(Thread& from, Thread& to, bool leaving) {
  std::memcpy(from.exception_state, library_.exceptions, sizeof from.exception_state);
  from.error_number = *library_.error_number;
  if (surroundings_ != nullptr) {
    surroundings_->switch_thread(from.id, to.id);
  }
  if (__builtin_expect(options_.exhaustive, 0)) {
    settle_plain_writes(from);
    from.now = std::exchange(virtual_now_, to.now);
    from.clock_reads = std::exchange(clock_reads_, to.clock_reads);
  }
  running_thread_ = &to;
  current_thread = &to;
  std::memcpy(library_.exceptions, to.exception_state, sizeof to.exception_state);
  *library_.error_number = to.error_number;
  tsan::switch_to(to.id);
  fiber::switch_to(from.context, to.context, leaving);
}

void Execution::leave(Thread& thread) {
  current_thread = nullptr;
  tsan::switch_outside();
  fiber::switch_to(thread.context, outside_, true);
  internal_bug("an ended execution was resumed", __FILE__, __LINE__);
}

void Execution::abandon() {
  HEDDLE_INVARIANT(running_);
  leave(*running_thread_);
}

void Execution::block_for_good(Thread& thread) {
  blocked_ = true;
  block_until_scheduled(thread, WaitKind::kForGood);
  internal_bug("a thread that was blocked for good was resumed", __FILE__, __LINE__);
}

void Execution::stuck() {
  for (u32 i = 0; i < thread_count_; ++i) {
    blocked_ = blocked_ || threads_[i].patient;
  }
  if (options_.model != nullptr) {
    options_.model->on_stuck();
  }
  if (blocked_) {
    abandon();
  }
  for (u32 i = 0; i < oracle_count_; ++i) {
    oracles_[i]->on_stuck(*this);
  }
  abandon();
}

}  // namespace heddle::exec
