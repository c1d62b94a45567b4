// In-target world. A logical thread.
#pragma once

#include "exec/clock.hpp"
#include "exec/event.hpp"
#include "fiber/fiber.hpp"

namespace heddle::exec {

struct SyncVar;

enum class ThreadState : u8 { kRunnable, kBlocked, kFinished };

/// Why a thread is blocked; for knowing when it can run again, and for telling the cycle of a
/// deadlock.
enum class WaitKind : u8 {
  kNone,
  kMutex,
  kShared,
  kExclusive,
  kCondition,
  kJoin,
  kFutex,
  kGuard,
  kSemaphore,
  kBarrier,
  kEnd,        // thread 0, whose body has returned: until nobody else can go on
  kAllOthers,  // thread 0, which has ended itself: until all others have finished
  kForGood
};

struct ThreadExit {
  void (*function)(void*);
  void* object;
};

/// A granule that a plain access was about to write to.
struct PlainWrite {
  uptr granule;
  u64 before;
};

struct Thread {
  ThreadId id;
  ThreadState state;
  bool detached;
  bool joined;
  bool timed;    // blocked with a time-out: choosing it means that the time-out strikes
  bool patient;  // blocked, with a time-out that strikes in another execution; if exhaustive
  bool tries;    // an operation that does not wait; where there is a memory model
  bool expires;  // its wait will time out, if nothing ends it before; if exhaustive
  bool yielding;
  bool parked;  // spins without progress; runs only when others wrote or can not run
  bool has_persisted;
  u32 persists;  // spins on for so many times as often as threads may before they are parked
  WaitKind wait;
  SyncVar* waits_at;   // null if that is none
  ThreadId wait_next;  // next waiter in the queue
  u32 round;           // of the barrier at which it is
  ThreadId elector;    // who says which thread is the serial one there; kNone: nobody
  bool is_serial;
  bool asks;  // it will look at that
  ThreadId join_target;
  ThreadId joiner;  // blocked in a join of this one

  fiber::Context context;
  void* (*entry)(void*);
  void* argument;
  void* result;

  VectorClock clock;
  VectorClock acquire_pending;  // seen by relaxed loads; an acquire fence takes it in
  VectorClock release_fence;    // the clock at the last release fence; relaxed stores publish it

  /// Its own component of `clock`; grows at each release, so that what it does next is told apart
  /// from what others may have learned of.
  u32 epoch;

  void start_clock() {
    epoch = 1;
    clock.start(id, epoch);
  }

  void tick() { clock.advance(++epoch); }

  // What the C++ and C libraries keep once for each OS thread.
  void* exception_state[2];
  int error_number;

  // The event it is about to make, for strategies and reports.
  EventKind pending;
  uptr pending_address;
  uptr pending_pc;

  // Spin detection.
  u64 last_read;  // fingerprint of (pc, address, value)
  u32 same_reads;
  u32 reads_in_row;
  u32 plain_in_row;  // plain accesses since its last scheduling point
  u64 effects;       // what it did that others, or its own later reads, may see; if exhaustive
  Vec<PlainWrite> plain_writes;  // that it is not known of whether they changed anything; likewise

  u32 robust_locks;    // robust mutexes it holds
  u32 joins_given_up;  // since one came to its end; see Execution::may_give_up()
  u32 own_steps;       // scheduling points in its operation; counted where they are limited
  u32 operation;       // it is in; memory::kNoOperation outside of any
  u64 now;             // its own clock, if exhaustive: others' waits are none of its business
  u32 clock_reads;
  u32 looks;          // at the clock
  u32 leaps;          // looks that found that time has passed
  u32 children;       // threads it has made
  u32 stack_objects;  // synchronisation variables first touched in its stack or TLS, for names

  Vec<uptr> frames;  // of the shadow call stack; kept only in traced executions
  Vec<void*> tls;    // by index of the emulated-TLS variable
  Vec<ThreadExit> exits;
  Vec<ThreadExit> specifics;     // pthread_setspecific: destructor and value by key
  alignas(16) u64 unwinding[4];  // the exception object of pthread_exit, which outlives all frames
  Vec<void*> cleanups;           // pthread_cleanup_push in C: jump buffers, innermost last
};

}  // namespace heddle::exec
