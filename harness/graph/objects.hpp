// In-target world. What operations make of objects: locks, semaphores, guards, and plain variables
// that are updated.
#pragma once

#include "exec/memory_model.hpp"
#include "exec/thread.hpp"
#include "graph/graph.hpp"

namespace heddle::graph {

/// An object as one finds it who would have it.
enum class Occupancy : u8 { kFree, kShared, kTaken };

/// `state`: the value of an event on the object.
Occupancy occupancy_of(u128 state);

constexpr bool locks(exec::ObjectOperation operation) {
  using exec::ObjectOperation;
  return operation == ObjectOperation::kLock || operation == ObjectOperation::kTryLock ||
         operation == ObjectOperation::kLockShared || operation == ObjectOperation::kTryLockShared;
}

constexpr bool unlocks(exec::ObjectOperation operation) {
  using exec::ObjectOperation;
  return operation == ObjectOperation::kUnlock || operation == ObjectOperation::kUnlockShared;
}

/// What a blocked thread waits for, if that is an operation on an object; else kOther.
exec::ObjectOperation awaited_by(const exec::Thread& thread);

/// What a read, update or compare-exchange does if it reads `event.store`: sets kind, order, value.
/// An operation on an object that is not possible there is a read.
void evaluate(const Graph& graph, Event& event);

}  // namespace heddle::graph
