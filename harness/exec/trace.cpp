// The trace of an execution, its digest, and the words for what it holds.
#include <utility>

#include "base/rng.hpp"
#include "exec/execution.hpp"
#include "exec/naming.hpp"

namespace heddle::exec {
namespace {

constexpr u32 kEventsMax = 2'000'000;  // beyond, the digest goes on but events are not kept
constexpr u32 kFramesMax = 24;

// Values that name threads or sizes are no pointers; everything else might be one.
bool value_may_be_pointer(EventKind kind) {
  return kind == EventKind::kLoad || kind == EventKind::kStore || kind == EventKind::kUpdate ||
         kind == EventKind::kFailedCas;
}

}  // namespace

const char* name_of(EventKind kind) {
  switch (kind) {
    case EventKind::kStart: return "start";
    case EventKind::kFinish: return "finish";
    case EventKind::kCreate: return "create";
    case EventKind::kJoin: return "join";
    case EventKind::kLoad: return "load";
    case EventKind::kStore: return "store";
    case EventKind::kUpdate: return "update";
    case EventKind::kFailedCas: return "failed cas";
    case EventKind::kFence: return "fence";
    case EventKind::kLock: return "lock";
    case EventKind::kTryLock: return "try lock";
    case EventKind::kUnlock: return "unlock";
    case EventKind::kLockShared: return "lock shared";
    case EventKind::kUnlockShared: return "unlock shared";
    case EventKind::kWait: return "wait";
    case EventKind::kWake: return "wake";
    case EventKind::kNotify: return "notify";
    case EventKind::kGuard: return "guard";
    case EventKind::kYield: return "yield";
    case EventKind::kSleep: return "sleep";
    case EventKind::kAllocate: return "allocate";
    case EventKind::kFree: return "free";
    case EventKind::kCall: return "call";
    case EventKind::kCommit: return "commit";
    case EventKind::kReturn: return "return";
    case EventKind::kChoice: return "choose";
    case EventKind::kRead: return "read";
    case EventKind::kWrite: return "write";
    case EventKind::kAcquire: return "acquire";
    case EventKind::kPost: return "post";
    case EventKind::kArrive: return "arrive";
    case EventKind::kClock: return "clock";
    case EventKind::kFreeze: return "stands still";
    case EventKind::kTamper: return "changed by fault";
    case EventKind::kProbe: return "probe";
    case EventKind::kYielded: return "yields";
    case EventKind::kFinding: return "finding";
    case EventKind::kDetected: return "detector fired";
    case EventKind::kExit: return "exit";
  }
  return "?";
}

const char* name_of(FindingKind kind) {
  switch (kind) {
    case FindingKind::kNone: return "none";
    case FindingKind::kRace: return "race";
    case FindingKind::kHeap: return "heap";
    case FindingKind::kDeadlock: return "deadlock";
    case FindingKind::kLivelock: return "livelock";
    case FindingKind::kCrash: return "crash";
    case FindingKind::kCheck: return "check";
    case FindingKind::kIteration: return "iteration";
    case FindingKind::kLinearizability: return "linearizability";
    case FindingKind::kProgress: return "progress";
    case FindingKind::kContract: return "contract";
    case FindingKind::kMisuse: return "misuse";
    case FindingKind::kUnsupported: return "unsupported";
  }
  return "?";
}

FindingKind finding_kind_of(const char* name) {
  for (u32 i = 0; i <= static_cast<u32>(FindingKind::kUnsupported); ++i) {
    const auto kind = static_cast<FindingKind>(i);
    if (__builtin_strcmp(name_of(kind), name) == 0) {
      return kind;
    }
  }
  return FindingKind::kNone;
}

const char* name_of(DecisionKind kind) {
  switch (kind) {
    case DecisionKind::kThread: return "thread";
    case DecisionKind::kReadsFrom: return "reads-from";
    case DecisionKind::kCoherence: return "coherence";
    case DecisionKind::kWeakCas: return "weak-cas";
    case DecisionKind::kWaiter: return "waiter";
    case DecisionKind::kValue: return "value";
    case DecisionKind::kTimeOut: return "time-out";
    case DecisionKind::kClock: return "clock";
    case DecisionKind::kSpin: return "spin";
    case DecisionKind::kSpuriousWakeup: return "spurious-wakeup";
    case DecisionKind::kAllocation: return "bad-alloc";
    case DecisionKind::kThreadCreation: return "thread-creation";
    case DecisionKind::kFreeze: return "freeze";
    case DecisionKind::kIteratorState: return "iterator-state";
  }
  return "?";
}

void Execution::record_event(Thread& thread, EventKind kind, uptr address, u32 size, u64 value,
                             Order order, uptr pc) {
  if (stop_requested_) {
    abandon();  // nothing happens after a sanitizer's report, so that all builds see the same
                // events
  }
  u64 name = 0;
  u64 shown = value;
  if (is_visible(kind)) {
    name = address == 0                ? 0
           : kind == EventKind::kProbe ? name_of_text(reinterpret_cast<const char*>(address))
                                       : stable_name(*this, address);
    shown = value_may_be_pointer(kind) ? stable_value(*this, value) : value;
    digest_ = mix64(digest_ ^ mix64((u64{to_index(thread.id)} << 8) | static_cast<u8>(kind)));
    digest_ = mix64(digest_ ^ name);
    digest_ = mix64(digest_ ^ shown);
    ++visible_events_;
  }
  if (events_.size() >= kEventsMax) {
    return;
  }
  const u32 first = event_frames_.size();
  const u32 depth = thread.frames.size();
  for (u32 i = 0; i < depth && i < kFramesMax; ++i) {
    event_frames_.push_back(thread.frames[depth - 1 - i]);
  }
  events_.push_back(Event{.kind = kind,
                          .order = order,
                          .thread = thread.id,
                          .operation = thread.operation,
                          .size = size,
                          .address = address,
                          .name = name,
                          .value = value,
                          .shown = shown,
                          .pc = pc,
                          .stack = first,
                          .stack_depth = event_frames_.size() - first,
                          .step = steps_,
                          .overlooked = std::exchange(overlooked_, Overlooked{})});
}

}  // namespace heddle::exec
