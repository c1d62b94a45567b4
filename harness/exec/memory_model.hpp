// In-target world. Which store a load may read where that need not be the newest one.
#pragma once

#include "base/vec.hpp"
#include "exec/event.hpp"

namespace heddle::exec {

struct Thread;
struct SyncVar;

/// What an update makes of the value that it reads.
struct Modification {
  u128 (*apply)(const Modification& self, u128 old);
  void (*modify)();  // for `apply`: a function of its own type
  u128 argument;     // for `apply`: the operand, or what a compare-exchange writes
  u128 expected;     // of a compare-exchange
  bool compares;     // it takes place only if the value read is the one expected
  Order failure;     // the order of a compare-exchange that does not
};

/// What became of an update.
struct Updated {
  u128 old;     // the value read
  u128 value;   // the value written
  bool done;    // false for a compare-exchange that only read
  bool newest;  // what was written is the last store in coherence order: what memory holds
};

/// The rule of the finding that an atomic object is too large for a model, which keeps all values.
constexpr const char* kLargeAtomicRule = "atomic-size";

/// What threads do with objects whose operations are totally ordered. Some are not possible in all
/// states: then the thread waits. Those that try take what they find.
enum class ObjectOperation : u8 {
  kLock,  // if nobody has it in any way
  kTryLock,
  kUnlock,
  kLockShared,  // if nobody has it exclusively
  kTryLockShared,
  kUnlockShared,
  kTake,  // one from a semaphore, if it has one
  kTryTake,
  kLook,        // how many it has
  kGive,        // one to a semaphore
  kGuard,       // a static object's: locks it unless it is initialised; if nobody has locked it
  kInitialise,  // unlocks such a guard for good
  kEnqueue,     // to wait for a notification
  kNotify,      // those who wait
  kLeave,       // stops waiting by itself
  kOther,       // an annotation
};

/// Asked at each event that synchronises, after the scheduling point. Takes care of the clocks of
/// happens-before, too. Values travel as their bytes, zero-extended. Memory holds the newest store.
/// Without a model (a null pointer) loads read the newest store.
class MemoryModel {
 public:
  virtual ~MemoryModel() = default;
  virtual void begin_execution() = 0;
  /// The value that the load returns.
  virtual u128 load(Thread& thread, SyncVar& variable, u32 size, Order order) = 0;
  /// True if the store is the newest now.
  virtual bool store(Thread& thread, SyncVar& variable, u32 size, Order order, u128 value) = 0;
  virtual Updated update(Thread& thread, SyncVar& variable, u32 size, Order order,
                         const Modification& modification) = 0;
  virtual void fence(Thread& thread, Order order) = 0;
  /// The thread is about to take an object, or to find that it cannot: to be told before anything
  /// is done about it. Does not return if the thread only goes round.
  virtual void look(Thread& thread) = 0;
  /// The thread looks at the clock. True if it waits, by looking again and again, for a value or
  /// until some time has passed; so that this may be the case now. Asked by exhaustive searches
  /// only.
  virtual bool waits_for_time(Thread& thread) = 0;
  /// The thread does something with an object whose operations are totally ordered: with
  /// kAcquire it learns what was released there, with kRelease it releases.
  virtual void synchronize(Thread& thread, SyncVar& object, ObjectOperation operation,
                           Order order) = 0;
  /// The thread calls an operation of a history, an event that no other thread can see. Returns the
  /// event's number.
  virtual u32 call(Thread& thread) = 0;
  /// The number of the thread's last event.
  virtual u32 last_event(const Thread& thread) const = 0;
  /// True if executions are interleavings: their events take place one after another.
  virtual bool interleaves() const = 0;
  /// Says of each event, by its number, whether it comes before `event` or is it: in all
  /// interleavings that are this execution, or else by happens-before.
  virtual void find_past(u32 event, Vec<bool>& past) const = 0;
  /// The thread arrives at a barrier, in its n-th round. Returns the event's number.
  virtual u32 arrive(Thread& thread, SyncVar& barrier, u32 round) = 0;
  /// It does so behind all who were in the round before.
  virtual void follow_round(Thread& thread, u32 arrival) = 0;
  /// It goes on, and learns what was known to all others who arrived in its round.
  virtual void leave(Thread& thread, u32 arrival) = 0;
  virtual void create(Thread& thread, Thread& created) = 0;
  virtual void join(Thread& thread, Thread& finished) = 0;
  /// What the running thread did last lets `woken` go on.
  virtual void wake(Thread& woken) = 0;
  /// The thread goes on; with kAcquire it learns what was known where it was woken.
  virtual void wake_up(Thread& thread, Order order) = 0;
  /// What a futex's look at `variable` finds: in one order with all others, but nothing is learned
  /// of whoever stored it. Nobody waits because of `expected` if it has been replaced.
  virtual u32 look_at_futex(Thread& thread, SyncVar& variable, u32 expected) = 0;
  /// The thread, which began to wait for a notification because of what it read last, from
  /// `variable`, would read the same now. If not, this is no execution.
  virtual bool still_reads(Thread& thread, SyncVar& variable) = 0;
  /// The thread ends the program: what the others have done comes before.
  virtual void end(Thread& thread) = 0;
  /// No thread can go on.
  virtual void on_stuck() = 0;
  /// A thread was cut short, and not because it would only repeat itself.
  virtual void note_bound() = 0;
  /// Scheduling points up to where the execution has only done what another one did before.
  virtual u64 steps_repeated() const = 0;
  /// Which thread it is that comes into being as the n-th made by `creator`, whatever else happens
  /// in the execution.
  virtual u32 slot_of(const Thread& creator, u32 nth) = 0;
};

}  // namespace heddle::exec
