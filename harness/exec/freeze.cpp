// Threads that stand still for good, wherever they are: what lock-free code promises to survive.

#include <algorithm>

#include "exec/execution.hpp"

namespace heddle::exec {
namespace {

// So many scheduling points without any operation's return, and the others are taken to be stuck.
constexpr u64 kAloneStepsMax = 5'000;
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

void Execution::set_alarm() {
  const bool watches =
      freeze_ != Freeze::kNever || !frozen_.empty() || own_steps_max_ != 0 || look_ != nullptr;
  alarm_at_ = watches || stop_requested_ || interrupted_ ? 0 : std::min(steps_max_, turn_ends_);
}

// A strategy may be unfair: it lets two threads spin that wait for a third one. That is no
// livelock. So in the second half of the steps that an execution may have threads take turns, and
// time passes whenever they look: who then gets nowhere will never.
void Execution::end_turn(Thread& thread) {
  constexpr u64 kTurnSteps = 256;
  turn_ends_ = steps_ + kTurnSteps + ++turns_;  // not for ever in the same place of a loop
  set_alarm();
  thread.persists = 0;
  park(thread);
}

void Execution::alarm(Thread& thread) {
  if (stop_requested_ || interrupted_) {
    abandon();
  }
  if (steps_ > steps_max_) {
    judge_length(thread);
  }
  if (steps_ > turn_ends_ && !options_.exhaustive) {
    end_turn(thread);
  }
  if (look_ != nullptr) {
    look_(thread);
  }
  if (own_steps_max_ != 0 && ++thread.own_steps > own_steps_max_ &&
      thread.operation != memory::kNoOperation) {
    no_progress(thread);
  }
  if (!frozen_.empty() && steps_ - last_return_ > kAloneStepsMax) {
    no_progress(thread);
  }
  if (freeze_ != Freeze::kNever && thread.operation != memory::kNoOperation &&
      decide(DecisionKind::kFreeze, 2) == 1) {
    freeze_others(thread);
  }
}

// Explorers let the others wait, without whom a loop may have no end. So a thread that takes half
// of the limit beyond what is known stops, and the others go on with the rest of it.
void Execution::judge_length(Thread& thread) {
  const u64 limit = options_.step_limit;
  if (steps_ <= limit) {
    const u64 may_come_to = options_.model->steps_repeated() + limit / 2;
    const bool stops = steps_ > may_come_to && runnable_.count() > 1;
    if (stops || steps_ <= may_come_to) {
      steps_max_ = std::min(limit, stops ? steps_ + limit / 2 : may_come_to);
      set_alarm();
    }
    if (stops) {
      options_.model->note_bound();
      block_for_good(thread);
    }
    return;
  }
  if (options_.exhaustive && runnable_.count() > 1) {
    options_.model->note_bound();
    blocked_ = true;
    abandon();
  }
  if (blocked_) {
    abandon();  // they may wait for what only that thread would do
  }
  for (u32 i = 0; i < oracle_count_; ++i) {
    oracles_[i]->on_step_limit(*this, thread);
  }
  abandon();
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
