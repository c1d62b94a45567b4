// Strategies whose answers are given: by bytes, or by a recorded schedule.
#include "explore/strategies.hpp"

namespace heddle::exploration {

using exec::DecisionKind;
using exec::Deviation;

namespace {

/// A runnable thread other than the current one: the next in turn, or one `skip` further on.
ThreadId another(const exec::SchedulePoint& point, u32 skip) {
  const u32 count = point.runnable.count();
  if (point.current == ThreadId::kNone) {
    return point.runnable.nth(skip % count);
  }
  u32 up_to_current = 0;
  point.runnable.each([&](ThreadId id) { up_to_current += id <= point.current; });
  return point.runnable.nth((up_to_current + skip % (count - 1)) % count);
}

constexpr u32 kPersistsFrom = 240;

}  // namespace

ThreadId BytesStrategy::pick_thread(const exec::SchedulePoint& point) {
  // Most byte values let the running thread go on, so that random bytes make long runs.
  constexpr u32 kSwitchFrom = 192;
  const u32 byte = next();
  const bool gives_way = point.yielding || patience_.is_over();
  const bool goes_on = point.current != ThreadId::kNone && !gives_way && byte < kSwitchFrom;
  const ThreadId choice = goes_on ? point.current : another(point, byte);
  patience_.note(point, choice);
  return choice;
}

u32 BytesStrategy::pick(DecisionKind kind, u32 arity) {
  u32 value = next();
  if (kind == DecisionKind::kSpin) {
    return value >= kPersistsFrom;
  }
  if (arity > 256) {
    value = value << 8 | next();
  }
  return value % arity;
}

void ReplayStrategy::begin_execution(u64) {
  next_ = 0;
  decision_ = 0;
  impossible_ = false;
}

const Deviation* ReplayStrategy::expected(DecisionKind kind) {
  const u64 decision = decision_++;
  if (impossible_ || next_ == count_ || deviations_[next_].decision != decision) {
    return nullptr;
  }
  const Deviation& deviation = deviations_[next_++];
  if (deviation.kind != kind) {
    impossible_ = true;
    impossible_at_ = decision;
    return nullptr;
  }
  return &deviation;
}

ThreadId ReplayStrategy::pick_thread(const exec::SchedulePoint& point) {
  const Deviation* deviation = expected(DecisionKind::kThread);
  if (deviation == nullptr) {
    return point.fallback;
  }
  const ThreadId choice = to_thread_id(deviation->choice);
  if (deviation->choice >= kThreadCountMax || !point.runnable.contains(choice)) {
    impossible_ = true;
    impossible_at_ = decision_ - 1;
    return point.fallback;
  }
  return choice;
}

u32 ReplayStrategy::pick(DecisionKind kind, u32 arity) {
  const Deviation* deviation = expected(kind);
  if (deviation == nullptr) {
    return 0;
  }
  if (deviation->choice >= arity) {
    impossible_ = true;
    impossible_at_ = decision_ - 1;
    return 0;
  }
  return deviation->choice;
}

}  // namespace heddle::exploration
