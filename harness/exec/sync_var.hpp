// In-target world. What the harness knows of an object that threads synchronise with.
#pragma once

#include "exec/clock.hpp"
#include "exec/thread_set.hpp"

namespace heddle::exec {

/// Of a robust mutex: what became of the last owner.
enum class Robustness : u8 { kNone, kConsistent, kOwnerDied, kNotRecoverable };

/// The shared ownerships that one thread has of a reader-writer lock.
struct SharedHold {
  ThreadId thread;
  u32 count;
  u32 next;
};

/// Threads that wait for a lock, a semaphore or a guard. All of a set wait for the same: they can
/// run if and only if they could have it.
struct LockWaiters {
  ThreadSet exclusive;
  ThreadSet shared;
  ThreadSet timed;  // in either way, but they can be chosen anyway

  bool empty() const { return exclusive.empty() && shared.empty() && timed.empty(); }
};

/// An atomic location, mutex, condition variable, lock, guard or futex word, by its address.
/// Made at first use, so that statically initialised objects need no call.
struct SyncVar {
  uptr address;
  u32 next;       // further variables within the same granule; 0 if none
  u32 size;       // of the widest atomic access so far; 1 for locks
  u32 ordinal;    // n-th variable first touched on its owner's stack
  u32 location;   // the memory model's name for it; 0: none yet
  u32 queue;      // and for those who wait for a notification there
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
  LockWaiters* lock_waiters;  // null if there never were any

  // Barriers.
  u32 round;    // those that are complete
  u32 arrived;  // threads of the present one
  bool elects;  // one of them wants to know who is told that it is the serial thread

  uptr mutex;  // condition variable: what its waiters gave back

  // Threads that wait to be woken, longest first.
  ThreadId waiters_head;
  ThreadId waiters_tail;

  bool is_waited_for() const {
    return waiters_head != ThreadId::kNone || (lock_waiters != nullptr && !lock_waiters->empty());
  }
};

}  // namespace heddle::exec
