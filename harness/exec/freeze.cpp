// Threads that stand still for good, wherever they are: what lock-free code promises to survive.

#include "exec/execution.hpp"

namespace heddle::exec {
namespace {

// More threads than that stand still all together or not at all.
constexpr u32 kChosenApartMax = 8;

}  // namespace

// An exhaustive search would try each point of each execution twice, and learn little: whoever is
// frozen has only come so far.
void Execution::may_freeze(Freeze freeze) {
  const bool wanted = (options_.faults & fault(DecisionKind::kFreeze)) != 0;
  freeze_ = wanted && !options_.exhaustive ? freeze : Freeze::kNever;
  set_alarm();
}

void Execution::limit_own_steps(u32 most) {
  own_steps_max_ = most;
  set_alarm();
}

// Thread 0 only waits for the others: it is none of the container's users.
void Execution::freeze_others(Thread& thread) {
  ThreadId others[kThreadCountMax];
  u32 count = 0;
  for (u32 i = 1; i < thread_count_; ++i) {
    if (i != to_index(thread.id) && threads_[i].state != ThreadState::kFinished) {
      others[count++] = to_thread_id(i);
    }
  }
  if (count == 0) {
    return;
  }
  const u32 all = count <= kChosenApartMax ? (1u << count) - 1 : 1;
  // The ordinary choice, 0, is all of them.
  const u32 spared = freeze_ == Freeze::kSome ? decide(DecisionKind::kValue, all) : 0;
  for (u32 i = 0; i < count; ++i) {
    if (count > kChosenApartMax || (spared >> i & 1) == 0) {
      freeze_thread(threads_[to_index(others[i])]);
    }
  }
  freeze_ = Freeze::kNever;  // once an execution
  last_return_ = steps_;
  set_alarm();
}

void Execution::freeze_thread(Thread& thread) {
  frozen_.insert(thread.id);
  unpark(thread);
  runnable_.erase(thread.id);
  record(thread, EventKind::kFreeze, 0, 0, 0, Order::kRelaxed, thread.pending_pc);
}

void Execution::thaw() {
  frozen_.each([this](ThreadId id) {
    const Thread& thread = threads_[to_index(id)];
    const bool could_have_lock =
        thread.waits_at != nullptr && is_open(*thread.waits_at, thread.wait);
    if (thread.state == ThreadState::kRunnable || thread.timed || could_have_lock) {
      runnable_.insert(id);
    }
  });
  frozen_.clear();
  set_alarm();
}

// Nobody can run: the others are done, or they wait for those that stand still.
void Execution::leave_frozen() {
  for (u32 i = 1; i < thread_count_; ++i) {
    if (threads_[i].state == ThreadState::kBlocked && !frozen_.contains(to_thread_id(i))) {
      no_progress(threads_[i]);
    }
  }
  thaw();
}

void Execution::no_progress(Thread& thread) {
  if (blocked_) {
    abandon();
  }
  for (u32 i = 0; i < oracle_count_; ++i) {
    oracles_[i]->on_no_progress(*this, thread);
  }
  abandon();
}

}  // namespace heddle::exec
