// In-target world. What the harness knows of an object that threads synchronise with.
#pragma once

#include "exec/clock.hpp"

namespace heddle::exec {

/// Of a robust mutex: what became of the last owner.
enum class Robustness : u8 { kNone, kConsistent, kOwnerDied, kNotRecoverable };

/// The shared ownerships that one thread has of a reader-writer lock.
struct SharedHold {
  ThreadId thread;
  u32 count;
  u32 next;
};

/// An atomic location, mutex, condition variable, lock, guard or futex word, by its address.
/// Made at first use, so that statically initialised objects need no call.
struct SyncVar {
  uptr address;
  u32 next;       // further variables within the same granule; 0 if none
  u32 size;       // of the widest atomic access so far; 1 for locks
  u32 ordinal;    // n-th variable first touched on its owner's stack
  u32 location;   // the memory model's name for it; 0: none yet
  u32 lifetimes;  // objects that were there before, as plain writes over them tell

  VectorClock released;    // what an acquiring access learns
  EpochMap atomic_reads;   // last atomic read of each thread, for the race oracle
  EpochMap atomic_writes;  // last atomic write of each thread

  // Locks.
  ThreadId owner;  // exclusive owner; kNone if free
  Robustness robustness;
  u32 depth;    // of a recursive owner
  u32 readers;  // shared ownerships
  u32 holds;    // who has them, a list of SharedHold; 0 if nobody
  VectorClock readers_released;

  u32 arrived;  // barrier: threads of this round that are there
  uptr mutex;   // condition variable: what its waiters gave back

  // Threads blocked on it, longest first.
  ThreadId waiters_head;
  ThreadId waiters_tail;
};

}  // namespace heddle::exec
