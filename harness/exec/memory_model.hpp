// In-target world. Which store a load may read, and what that makes visible.
#pragma once

#include "exec/event.hpp"

namespace heddle::exec {

struct Thread;
struct SyncVar;

/// A memory model is asked at each atomic access, after the scheduling point, before the access
/// itself. Values travel as their bytes, zero-extended.
class __attribute__((visibility("hidden"))) MemoryModel {
 public:
  virtual ~MemoryModel() = default;
  virtual const char* name() const = 0;
  /// The value the load returns. `newest` is what memory holds: the last store in coherence
  /// order. A model in which older stores can be read asks the execution for a kReadsFrom
  /// decision with one option a store and returns that one's value.
  virtual u128 load(Thread& thread, SyncVar& variable, Order order, u128 newest) = 0;
  virtual void store(Thread& thread, SyncVar& variable, Order order, u128 value) = 0;
  /// A read-modify-write: reads the newest store and directly follows it in coherence order.
  virtual void update(Thread& thread, SyncVar& variable, Order order, u128 value) = 0;
  virtual void fence(Thread& thread, Order order) = 0;
};

/// Sequential consistency for values; happens-before is C++20's, by the memory orders given, so
/// that a race oracle on top is exact about what the program may rely on.
MemoryModel& sequential_consistency();

}  // namespace heddle::exec
