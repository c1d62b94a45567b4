// Mutexes and reader-writer locks.
#include "exec/execution.hpp"

namespace heddle::exec {
namespace {

bool is_in_use(const SyncVar& object) {
  return object.owner != ThreadId::kNone || object.readers != 0 || object.is_waited_for();
}

}  // namespace

void Execution::acquire_lock(Thread& thread, SyncVar& variable, EventKind kind, uptr pc) {
  look(thread);
  variable.owner = thread.id;
  variable.depth = 1;
  admit_waiters(variable);
  acquire(thread, variable, thread.tries ? ObjectOperation::kTryLock : ObjectOperation::kLock);
  note_progress(thread);
  record(thread, kind, variable.address, 0, 1, Order::kAcquire, pc);
}

bool Execution::wait_for_lock(Thread& thread, SyncVar& variable, WaitKind wait, u64 deadline_ns,
                              uptr pc) {
  if (wait_until_open(thread, variable, wait, deadline_ns)) {
    return true;
  }
  look(thread);
  note_operation(
      thread, variable,
      wait == WaitKind::kShared ? ObjectOperation::kTryLockShared : ObjectOperation::kTryLock,
      Order::kAcquire);
  note_read(thread, variable.address, to_index(variable.owner), pc);
  record(thread, EventKind::kTryLock, variable.address, 0, 0, Order::kRelaxed, pc);
  return false;
}

LockResult Execution::take_mutex(Thread& thread, SyncVar& variable, EventKind kind, uptr pc) {
  if (variable.robustness == Robustness::kNotRecoverable) {
    record(thread, kind, variable.address, 0, 0, Order::kRelaxed, pc);
    return LockResult::kNotRecoverable;
  }
  acquire_lock(thread, variable, kind, pc);
  thread.robust_locks += variable.robustness != Robustness::kNone;
  return variable.robustness == Robustness::kOwnerDied ? LockResult::kOwnerDied
                                                       : LockResult::kAcquired;
}

LockResult Execution::mutex_lock(Thread& thread, void* mutex, MutexType type, u64 deadline_ns,
                                 uptr pc) {
  const EventKind kind = deadline_ns == kAtOnce ? EventKind::kTryLock : EventKind::kLock;
  point(thread, kind, reinterpret_cast<uptr>(mutex), pc);
  deadline_ns = patience(thread, deadline_ns);
  SyncVar& variable = touch_sync(thread, mutex, pc);
  if (variable.owner == thread.id && type.recursive) {
    ++variable.depth;
    record(thread, kind, variable.address, 0, variable.depth, Order::kRelaxed, pc);
    return LockResult::kAcquired;
  }
  if (!wait_for_lock(thread, variable, WaitKind::kMutex, deadline_ns, pc)) {
    return LockResult::kRefused;
  }
  if (type.robust && variable.robustness == Robustness::kNone) {
    variable.robustness = Robustness::kConsistent;
  }
  return take_mutex(thread, variable, kind, pc);
}

bool Execution::mutex_unlock(Thread& thread, void* mutex, uptr pc) {
  // Attempts of others may fail until here.
  point(thread, EventKind::kUnlock, reinterpret_cast<uptr>(mutex), pc);
  SyncVar& variable = touch_sync(thread, mutex, pc);
  if (variable.owner != thread.id) {
    return false;
  }
  release_mutex(thread, variable, pc);
  return true;
}

void Execution::release_mutex(Thread& thread, SyncVar& variable, uptr pc) {
  if (variable.depth == 1) {
    // First: a search may let others go on before this, and until then the mutex is the thread's.
    release(thread, variable, ObjectOperation::kUnlock);
    variable.owner = ThreadId::kNone;
    variable.depth = 0;
    if (variable.robustness != Robustness::kNone) {
      --thread.robust_locks;
      if (variable.robustness == Robustness::kOwnerDied) {
        variable.robustness = Robustness::kNotRecoverable;
      }
    }
    admit_waiters(variable);
    note_write();
  } else {
    --variable.depth;
  }
  note_progress(thread);
  record(thread, EventKind::kUnlock, variable.address, 0, variable.depth, Order::kRelease, pc);
}

bool Execution::mutex_make_consistent(Thread& thread, void* mutex, uptr pc) {
  SyncVar& variable = touch_sync(thread, mutex, pc);
  if (variable.owner != thread.id || variable.robustness != Robustness::kOwnerDied) {
    return false;
  }
  variable.robustness = Robustness::kConsistent;
  return true;
}

// The thread ends with robust mutexes held: their next owners are told.
void Execution::leave_robust_mutexes(Thread& thread) {
  for (u32 index = 1; thread.robust_locks != 0 && index <= variables_.count(); ++index) {
    SyncVar& variable = variables_[index];
    if (variable.owner == thread.id && variable.robustness != Robustness::kNone) {
      --thread.robust_locks;
      release(thread, variable, ObjectOperation::kUnlock);
      variable.owner = ThreadId::kNone;
      variable.robustness = Robustness::kOwnerDied;
      admit_waiters(variable);
    }
  }
}

u32* Execution::hold_of(SyncVar& variable, ThreadId id) {
  u32* link = &variable.holds;
  while (*link != 0 && holds_[*link].thread != id) {
    link = &holds_[*link].next;
  }
  return *link == 0 ? nullptr : link;
}

void Execution::add_hold(SyncVar& variable, ThreadId id) {
  ++variable.readers;
  if (u32* link = hold_of(variable, id)) {
    ++holds_[*link].count;
    return;
  }
  const u32 index = holds_.take();
  holds_[index] = SharedHold{id, 1, variable.holds};
  variable.holds = index;
}

void Execution::drop_hold(SyncVar& variable, ThreadId id) {
  u32* link = hold_of(variable, id);
  --variable.readers;
  if (--holds_[*link].count == 0) {
    *link = holds_[*link].next;
  }
}

bool Execution::lock_shared(Thread& thread, void* lock, u64 deadline_ns, uptr pc) {
  point(thread, EventKind::kLockShared, reinterpret_cast<uptr>(lock), pc);
  deadline_ns = patience(thread, deadline_ns);
  SyncVar& variable = touch_sync(thread, lock, pc);
  if (!wait_for_lock(thread, variable, WaitKind::kShared, deadline_ns, pc)) {
    return false;
  }
  look(thread);
  add_hold(variable, thread.id);
  admit_waiters(variable);
  acquire(thread, variable,
          thread.tries ? ObjectOperation::kTryLockShared : ObjectOperation::kLockShared);
  note_progress(thread);
  record(thread, EventKind::kLockShared, variable.address, 0, variable.readers, Order::kAcquire,
         pc);
  return true;
}

bool Execution::lock_exclusive(Thread& thread, void* lock, u64 deadline_ns, uptr pc) {
  const EventKind kind = deadline_ns == kAtOnce ? EventKind::kTryLock : EventKind::kLock;
  point(thread, kind, reinterpret_cast<uptr>(lock), pc);
  deadline_ns = patience(thread, deadline_ns);
  SyncVar& variable = touch_sync(thread, lock, pc);
  if (!wait_for_lock(thread, variable, WaitKind::kExclusive, deadline_ns, pc)) {
    return false;
  }
  acquire_readers(thread, variable);
  acquire_lock(thread, variable, kind, pc);
  return true;
}

bool Execution::rwlock_unlock(Thread& thread, void* lock, uptr pc) {
  point(thread, EventKind::kUnlock, reinterpret_cast<uptr>(lock), pc);
  SyncVar& variable = touch_sync(thread, lock, pc);
  if (variable.owner == thread.id) {
    release_mutex(thread, variable, pc);
    return true;
  }
  if (hold_of(variable, thread.id) == nullptr) {
    return false;
  }
  release_reader(thread, variable);
  drop_hold(variable, thread.id);
  if (variable.readers == 0) {
    admit_waiters(variable);
    note_write();
  }
  note_progress(thread);
  record(thread, EventKind::kUnlockShared, variable.address, 0, variable.readers, Order::kRelease,
         pc);
  return true;
}

bool Execution::owns(const Thread& thread, void* lock) {
  const uptr address = reinterpret_cast<uptr>(lock);
  return variable_at(address, shadow_.cell(address & ~uptr{7})).owner == thread.id;
}

void Execution::forget_lock(SyncVar& variable) {
  variable.owner = ThreadId::kNone;
  variable.robustness = Robustness::kNone;
  variable.depth = 0;
  variable.readers = 0;
  variable.holds = 0;
  variable.arrived = 0;
  variable.elects = false;
  variable.released.clear();
  variable.readers_released.clear();
}

void Execution::init_sync(Thread& thread, void* object, uptr size, const char* what, uptr pc) {
  SyncVar& variable = touch_sync(thread, object, pc);
  if (variable.is_waited_for()) {
    Text<200> message;
    message.add("%s initialised while it is waited for", what);
    report(thread, FindingKind::kMisuse, "init-in-use", pc, message.data);
  }
  forget_lock(variable);
  // An initialisation that is not ordered before the first use is a race.
  plain_range(thread, reinterpret_cast<uptr>(object), size, true, pc);
}

void Execution::destroy_sync(Thread& thread, void* object, const char* what, uptr pc) {
  SyncVar& variable = touch_sync(thread, object, pc);
  if (is_in_use(variable)) {
    Text<200> message;
    message.add("%s destroyed while it is %s", what,
                variable.is_waited_for() ? "waited for" : "held");
    report(thread, FindingKind::kMisuse, "destroy-in-use", pc, message.data);
  }
  // The same bytes may hold another object next.
  forget_lock(variable);
}

// A plain write into a lock that nobody waits for: a constructor's, mostly. A frame gave the bytes
// to another object; std::mutex goes without a call.
void Execution::overwrite_locks(memory::Cell& cell, uptr granule, u8 mask) {
  for (u32 index = cell.sync; index != 0; index = variables_[index].next) {
    SyncVar& variable = variables_[index];
    if ((mask >> (variable.address - granule) & 1) != 0 && is_in_use(variable) &&
        !variable.is_waited_for()) {
      forget_lock(variable);
    }
    const u32 shift = static_cast<u32>(variable.address - granule);
    const u32 here = variable.size < 8 - shift ? variable.size : 8 - shift;
    if ((mask & byte_mask(shift, here)) != 0) {
      variable.location = 0;
      variable.queue = 0;
      ++variable.lifetimes;
    }
  }
}

// std::mutex has no destructor to call; what frees its memory destroys it.
void Execution::judge_freed_locks(Thread& thread, const memory::Cell& cell, uptr pc) {
  for (u32 index = cell.sync; index != 0; index = variables_[index].next) {
    SyncVar& variable = variables_[index];
    const bool waits_by_futex = variable.waiters_head != ThreadId::kNone &&
                                threads_[to_index(variable.waiters_head)].wait == WaitKind::kFutex;
    if (is_in_use(variable) && !waits_by_futex) {
      Text<200> message;
      message.add("memory freed while a lock in it is %s",
                  variable.is_waited_for() ? "waited for" : "held");
      report(thread, FindingKind::kMisuse, "destroy-in-use", pc, message.data);
    }
  }
}

}  // namespace heddle::exec
