#include "graph/objects.hpp"

namespace heddle::graph {

using exec::ObjectOperation;
using exec::Thread;

namespace {

constexpr u128 kExclusive = u128{1} << 64;
constexpr u128 kInitialisedForGood = u128{1} << 65;

bool is_possible(ObjectOperation operation, u128 state) {
  switch (operation) {
    case ObjectOperation::kLock: return state == 0;
    case ObjectOperation::kLockShared: return state < kExclusive;
    case ObjectOperation::kTake: return state != 0;
    case ObjectOperation::kGuard: return state != kExclusive;
    default: return true;
  }
}

bool succeeds(ObjectOperation operation, u128 state) {
  switch (operation) {
    case ObjectOperation::kTryLock: return state == 0;
    case ObjectOperation::kTryLockShared: return state < kExclusive;
    case ObjectOperation::kTryTake: return state != 0;
    default: return true;
  }
}

/// The state of an object: how many share it or may take from it, or one of the above.
u128 state_after(ObjectOperation operation, u128 state) {
  switch (operation) {
    case ObjectOperation::kLock:
    case ObjectOperation::kTryLock: return kExclusive;
    case ObjectOperation::kUnlock: return 0;
    case ObjectOperation::kLockShared:
    case ObjectOperation::kTryLockShared:
    case ObjectOperation::kGive: return state + 1;
    case ObjectOperation::kUnlockShared:
    case ObjectOperation::kTake:
    case ObjectOperation::kTryTake: return state - 1;
    case ObjectOperation::kGuard: return state == 0 ? kExclusive : state;
    case ObjectOperation::kInitialise: return kInitialisedForGood;
    default: return state;
  }
}

void evaluate_object(Event& event, u128 state) {
  const ObjectOperation operation = operation_of(event);
  const bool possible = is_possible(operation, state);
  const bool done = possible && succeeds(operation, state);
  event.kind = possible ? Kind::kUpdate : Kind::kRead;
  event.order = done ? event.success : Order::kRelaxed;
  event.value = done ? state_after(operation, state) : state;
}

}  // namespace

Occupancy occupancy_of(u128 state) {
  return state == 0           ? Occupancy::kFree
         : state < kExclusive ? Occupancy::kShared
                              : Occupancy::kTaken;
}

ObjectOperation awaited_by(const Thread& thread) {
  switch (thread.wait) {
    case exec::WaitKind::kMutex:
    case exec::WaitKind::kExclusive: return ObjectOperation::kLock;
    case exec::WaitKind::kGuard: return ObjectOperation::kGuard;
    case exec::WaitKind::kShared: return ObjectOperation::kLockShared;
    case exec::WaitKind::kSemaphore: return ObjectOperation::kTake;
    default: return ObjectOperation::kOther;
  }
}

void evaluate(const Graph& graph, Event& event) {
  const u128 old = graph.value_of(event.location, event.store);
  if (event.is_object) {
    evaluate_object(event, old);
    return;
  }
  const exec::Modification& modification = event.modification;
  const bool writes =
      modification.apply != nullptr && (!modification.compares || old == modification.expected);
  event.kind = writes ? Kind::kUpdate : Kind::kRead;
  event.order = writes || !modification.compares ? event.success : modification.failure;
  event.value = writes ? modification.apply(modification, old) : old;
}

}  // namespace heddle::graph
