// How long an execution may be, and what happens at the end of that; other looks from time to time.

#include <algorithm>

#include "exec/execution.hpp"

namespace heddle::exec {
namespace {

// So many scheduling points without any operation's return, and those whom the frozen ones have
// left alone are taken to be stuck.
constexpr u64 kAloneStepsMax = 5'000;

}  // namespace

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
  if (options_.exhaustive && !prolonged_) {  // others may have taken the steps, and be done
    prolonged_ = true;
    steps_max_ = steps_ + limit / 2;
    set_alarm();
    return;
  }
  if (blocked_) {
    abandon();  // they may wait for what only that thread would do
  }
  for (u32 i = 0; i < oracle_count_; ++i) {
    oracles_[i]->on_step_limit(*this, thread);
  }
  abandon();
}

}  // namespace heddle::exec
