// In-target world. What a thread does that others can see.
#pragma once

#include "base/types.hpp"

namespace heddle::exec {

enum class EventKind : u8 {
  kStart,
  kFinish,
  kCreate,
  kJoin,
  kLoad,
  kStore,
  kUpdate,     // successful read-modify-write
  kFailedCas,  // a compare-exchange that only read
  kFence,
  kLock,
  kTryLock,
  kUnlock,
  kLockShared,
  kUnlockShared,
  kWait,  // gives the lock back and blocks
  kWake,  // leaves a wait
  kNotify,
  kGuard,  // static local initialisation, call_once
  kYield,
  kSleep,
  kAllocate,
  kFree,
  kCall,    // of an operation
  kCommit,  // its linearization point, where the target names one
  kReturn,
  kChoice,    // a value the target asked for
  kRead,      // plain
  kWrite,     // plain
  kAcquire,   // takes one from a semaphore
  kPost,      // gives one to a semaphore
  kArrive,    // at a barrier
  kClock,     // reads the clock
  kProbe,     // a place that the target named
  kYielded,   // an iteration hands out an entry
  kFreeze,    // stands still until others have finished
  kTamper,    // a word changes by itself
  kFinding,   // an oracle objects here
  kDetected,  // the target's own detector of misuse fired
  kExit,      // ends the program
};
constexpr EventKind kLastEventKind = EventKind::kExit;

/// Name for reports: "load", "unlock", ...
const char* name_of(EventKind kind);

/// What is no visible event is traced, for reports, but is no part of the digest: two builds of one
/// program may optimise plain accesses differently, and another build may have another judge.
constexpr bool is_visible(EventKind kind) {
  return kind != EventKind::kRead && kind != EventKind::kWrite && kind != EventKind::kFinding &&
         kind != EventKind::kDetected;
}

enum class Order : u8 { kRelaxed, kConsume, kAcquire, kRelease, kAcqRel, kSeqCst };

constexpr bool acquires(Order order) {
  return order != Order::kRelaxed && order != Order::kRelease;
}

constexpr bool releases(Order order) { return order >= Order::kRelease; }

/// Under a memory model: that an access acts on a store that is not the newest one of its location.
/// By index in the trace, whose end stands for none.
struct Overlooked {
  u32 newest = ~u32{0};  // the newest store; none: the access overlooks nothing
  u32 store = ~u32{0};   // the one that it reads, or follows in coherence; none: the initial value
  explicit operator bool() const { return newest != ~u32{0}; }
};

/// One line of a trace. Kept only when an execution is traced.
struct Event {
  EventKind kind;
  Order order;
  ThreadId thread;
  u32 operation;  // of the history; memory::kNoOperation outside of any
  u32 size;       // of the access, in bytes
  uptr address;   // what it acts on; 0 if nothing
  u64 name;       // stable name of the location; 0 if none
  u64 value;      // read, or written, or chosen
  u64 shown;      // the value with pointers replaced by stable names
  uptr pc;
  u32 stack;  // into the trace's frames
  u32 stack_depth;
  u64 step;  // scheduling points passed before it
  Overlooked overlooked;
};

}  // namespace heddle::exec
