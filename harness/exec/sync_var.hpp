// In-target world. What the harness knows of an object that threads synchronise with.
#pragma once

#include "exec/clock.hpp"

namespace heddle::exec {

/// An atomic location, mutex, condition variable, lock, guard or futex word, by its address.
/// Made at first use, so that statically initialised objects need no call.
struct SyncVar {
  uptr address;
  u32 next;     // further variables within the same granule; 0 if none
  u32 size;     // of the widest atomic access so far; 1 for locks
  u32 ordinal;  // n-th variable first touched on its owner's stack

  VectorClock released;       // what an acquiring access learns
  VectorClock atomic_reads;   // last atomic read of each thread, for the race oracle
  VectorClock atomic_writes;  // last atomic write of each thread

  // Locks.
  ThreadId owner;  // exclusive owner; kNone if free
  u32 depth;       // of a recursive owner
  u32 readers;     // shared owners
  VectorClock readers_released;

  // Threads blocked on it, longest first.
  ThreadId waiters_head;
  ThreadId waiters_tail;
};

}  // namespace heddle::exec
