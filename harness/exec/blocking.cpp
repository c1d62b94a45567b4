// Everything a thread can wait for.
#include <cerrno>

#include "exec/execution.hpp"

namespace heddle::exec {

void Execution::enqueue(Thread& thread, SyncVar& variable) {
  thread.wait_next = ThreadId::kNone;
  if (variable.waiters_tail == ThreadId::kNone) {
    variable.waiters_head = thread.id;
  } else {
    threads_[to_index(variable.waiters_tail)].wait_next = thread.id;
  }
  variable.waiters_tail = thread.id;
}

bool Execution::dequeue(Thread& thread, SyncVar& variable) {
  ThreadId before = ThreadId::kNone;
  for (ThreadId at = variable.waiters_head; at != ThreadId::kNone;
       at = threads_[to_index(at)].wait_next) {
    if (at == thread.id) {
      (before == ThreadId::kNone ? variable.waiters_head : threads_[to_index(before)].wait_next) =
          thread.wait_next;
      variable.waiters_tail = variable.waiters_tail == at ? before : variable.waiters_tail;
      return true;
    }
    before = at;
  }
  return false;
}

void Execution::wake(Thread& thread) {
  thread.state = ThreadState::kRunnable;
  thread.wait = WaitKind::kNone;
  runnable_.insert(thread.id);
}

void Execution::wake_all(SyncVar& variable) {
  for (ThreadId at = variable.waiters_head; at != ThreadId::kNone;) {
    Thread& waiter = threads_[to_index(at)];
    at = waiter.wait_next;
    wake(waiter);
  }
  variable.waiters_head = ThreadId::kNone;
  variable.waiters_tail = ThreadId::kNone;
}

// Takes one waiter out of the queue; which one is a decision.
ThreadId Execution::take_waiter(SyncVar& variable) {
  u32 count = 0;
  for (ThreadId at = variable.waiters_head; at != ThreadId::kNone;
       at = threads_[to_index(at)].wait_next) {
    ++count;
  }
  if (count == 0) {
    return ThreadId::kNone;
  }
  ThreadId chosen = variable.waiters_head;
  for (u32 skip = decide(DecisionKind::kWaiter, count); skip > 0; --skip) {
    chosen = threads_[to_index(chosen)].wait_next;
  }
  dequeue(threads_[to_index(chosen)], variable);
  return chosen;
}

void Execution::block(Thread& thread, SyncVar& variable, WaitKind wait, u64 deadline_ns) {
  thread.wait = wait;
  thread.wait_address = variable.address;
  enqueue(thread, variable);
  thread.timed = deadline_ns != kNever;
  block_until_scheduled(thread);
  if (thread.timed_out) {
    advance_clock(deadline_ns);
    dequeue(thread, variable);
  }
}

// Gives the turn away. With thread.timed the thread stays choosable: chosen without having been
// woken means that its time is up.
void Execution::block_until_scheduled(Thread& thread) {
  thread.state = ThreadState::kBlocked;
  thread.timed_out = false;
  if (!thread.timed) {
    runnable_.erase(thread.id);
  }
  if (thread.parked) {
    thread.parked = false;
    parked_.erase(thread.id);
  }
  const ThreadId next = pick(ThreadId::kNone);
  if (next != thread.id) {
    resume(thread, threads_[to_index(next)], false);
  }
  if (thread.state == ThreadState::kBlocked) {
    thread.timed_out = true;
    thread.state = ThreadState::kRunnable;
    thread.wait = WaitKind::kNone;
  }
  thread.timed = false;
}

SyncVar& Execution::touch_sync(Thread& thread, void* object, uptr pc) {
  const uptr address = reinterpret_cast<uptr>(object);
  memory::Cell& cell = shadow_.cell(address & ~uptr{7});
  const u8 mask = static_cast<u8>(1u << (address & 7));
  if (__builtin_expect((mask & ~cell.valid) != 0, 0)) {
    access_oracle_->on_unaddressable(thread, address, 1, memory::kAtomic, pc);
  }
  SyncVar& variable = variable_at(address, cell);
  access_oracle_->on_atomic(thread, variable, cell, mask, memory::kAtomic, pc);
  return variable;
}

void Execution::acquire_lock(Thread& thread, SyncVar& variable, EventKind kind, uptr pc) {
  variable.owner = thread.id;
  variable.depth = 1;
  thread.clock.join(variable.released);
  note_progress(thread);
  record(thread, kind, variable.address, 0, 1, Order::kAcquire, pc);
}

void Execution::mutex_lock(Thread& thread, void* mutex, bool recursive, uptr pc) {
  point(thread, EventKind::kLock, reinterpret_cast<uptr>(mutex), pc);
  SyncVar& variable = touch_sync(thread, mutex, pc);
  if (variable.owner == thread.id && recursive) {
    ++variable.depth;
    record(thread, EventKind::kLock, variable.address, 0, variable.depth, Order::kRelaxed, pc);
    return;
  }
  while (variable.owner != ThreadId::kNone) {
    block(thread, variable, WaitKind::kMutex);
  }
  acquire_lock(thread, variable, EventKind::kLock, pc);
}

bool Execution::mutex_try_lock(Thread& thread, void* mutex, bool recursive, uptr pc) {
  point(thread, EventKind::kTryLock, reinterpret_cast<uptr>(mutex), pc);
  SyncVar& variable = touch_sync(thread, mutex, pc);
  if (variable.owner == thread.id && recursive) {
    ++variable.depth;
  } else if (variable.owner != ThreadId::kNone) {
    note_read(thread, variable.address, to_index(variable.owner), pc);
    record(thread, EventKind::kTryLock, variable.address, 0, 0, Order::kRelaxed, pc);
    return false;
  } else {
    acquire_lock(thread, variable, EventKind::kTryLock, pc);
    return true;
  }
  record(thread, EventKind::kTryLock, variable.address, 0, variable.depth, Order::kAcquire, pc);
  return true;
}

bool Execution::mutex_unlock(Thread& thread, void* mutex, uptr pc) {
  SyncVar& variable = touch_sync(thread, mutex, pc);
  if (variable.owner != thread.id) {
    return false;
  }
  if (--variable.depth == 0) {
    variable.owner = ThreadId::kNone;
    variable.released.assign(thread.clock);
    thread.tick();
    wake_all(variable);
    note_write();
  }
  note_progress(thread);
  record(thread, EventKind::kUnlock, variable.address, 0, variable.depth, Order::kRelease, pc);
  return true;
}

void Execution::lock_shared(Thread& thread, void* lock, uptr pc) {
  point(thread, EventKind::kLockShared, reinterpret_cast<uptr>(lock), pc);
  SyncVar& variable = touch_sync(thread, lock, pc);
  while (variable.owner != ThreadId::kNone) {
    block(thread, variable, WaitKind::kShared);
  }
  ++variable.readers;
  thread.clock.join(variable.released);
  note_progress(thread);
  record(thread, EventKind::kLockShared, variable.address, 0, variable.readers, Order::kAcquire,
         pc);
}

bool Execution::try_lock_shared(Thread& thread, void* lock, uptr pc) {
  point(thread, EventKind::kLockShared, reinterpret_cast<uptr>(lock), pc);
  SyncVar& variable = touch_sync(thread, lock, pc);
  if (variable.owner != ThreadId::kNone) {
    note_read(thread, variable.address, to_index(variable.owner), pc);
    record(thread, EventKind::kTryLock, variable.address, 0, 0, Order::kRelaxed, pc);
    return false;
  }
  ++variable.readers;
  thread.clock.join(variable.released);
  note_progress(thread);
  record(thread, EventKind::kLockShared, variable.address, 0, variable.readers, Order::kAcquire,
         pc);
  return true;
}

void Execution::lock_exclusive(Thread& thread, void* lock, uptr pc) {
  point(thread, EventKind::kLock, reinterpret_cast<uptr>(lock), pc);
  SyncVar& variable = touch_sync(thread, lock, pc);
  while (variable.owner != ThreadId::kNone || variable.readers != 0) {
    block(thread, variable, WaitKind::kExclusive);
  }
  thread.clock.join(variable.readers_released);
  acquire_lock(thread, variable, EventKind::kLock, pc);
}

bool Execution::try_lock_exclusive(Thread& thread, void* lock, uptr pc) {
  point(thread, EventKind::kTryLock, reinterpret_cast<uptr>(lock), pc);
  SyncVar& variable = touch_sync(thread, lock, pc);
  if (variable.owner != ThreadId::kNone || variable.readers != 0) {
    note_read(thread, variable.address, variable.readers, pc);
    record(thread, EventKind::kTryLock, variable.address, 0, 0, Order::kRelaxed, pc);
    return false;
  }
  thread.clock.join(variable.readers_released);
  acquire_lock(thread, variable, EventKind::kTryLock, pc);
  return true;
}

bool Execution::rwlock_unlock(Thread& thread, void* lock, uptr pc) {
  SyncVar& variable = touch_sync(thread, lock, pc);
  if (variable.owner == thread.id) {
    return mutex_unlock(thread, lock, pc);
  }
  if (variable.readers == 0) {
    return false;
  }
  --variable.readers;
  variable.readers_released.join(thread.clock);
  thread.tick();
  if (variable.readers == 0) {
    wake_all(variable);
    note_write();
  }
  note_progress(thread);
  record(thread, EventKind::kUnlockShared, variable.address, 0, variable.readers, Order::kRelease,
         pc);
  return true;
}

void Execution::destroy_sync(Thread& thread, void* object, const char* what, uptr pc) {
  SyncVar& variable = touch_sync(thread, object, pc);
  if (variable.owner != ThreadId::kNone || variable.readers != 0 ||
      variable.waiters_head != ThreadId::kNone) {
    Text<200> message;
    message.add("%s destroyed while it is %s", what,
                variable.waiters_head != ThreadId::kNone ? "waited for" : "held");
    report(thread, FindingKind::kMisuse, "destroy-in-use", pc, message.data);
  }
  // The same bytes may hold another object next.
  variable.released.clear();
  variable.readers_released.clear();
}

bool Execution::condition_wait(Thread& thread, void* condition, void* mutex, u64 deadline_ns,
                               uptr pc) {
  point(thread, EventKind::kWait, reinterpret_cast<uptr>(condition), pc);
  SyncVar& variable = touch_sync(thread, condition, pc);
  SyncVar& lock = touch_sync(thread, mutex, pc);
  if (lock.owner != thread.id) {
    report(thread, FindingKind::kMisuse, "wait-without-lock", pc,
           "wait on a condition variable without holding its mutex");
  }
  record(thread, EventKind::kWait, variable.address, 0, 0, Order::kRelease, pc);
  const u32 depth = lock.depth;
  lock.depth = 1;
  mutex_unlock(thread, mutex, pc);
  block(thread, variable, WaitKind::kCondition, deadline_ns);
  const bool woken = !thread.timed_out;
  record(thread, EventKind::kWake, variable.address, 0, woken ? 1 : 0, Order::kAcquire, pc);
  while (lock.owner != ThreadId::kNone) {
    block(thread, lock, WaitKind::kMutex);
  }
  acquire_lock(thread, lock, EventKind::kLock, pc);
  lock.depth = depth;
  return woken;
}

void Execution::condition_notify(Thread& thread, void* condition, bool all, uptr pc) {
  point(thread, EventKind::kNotify, reinterpret_cast<uptr>(condition), pc);
  SyncVar& variable = touch_sync(thread, condition, pc);
  if (all) {
    wake_all(variable);
  } else {
    const ThreadId waiter = take_waiter(variable);
    if (waiter != ThreadId::kNone) {
      wake(threads_[to_index(waiter)]);
    }
  }
  note_write();
  note_progress(thread);
  record(thread, EventKind::kNotify, variable.address, 0, all ? 1 : 0, Order::kRelaxed, pc);
}

int Execution::futex_wait(Thread& thread, void* word, u32 expected, u64 deadline_ns, uptr pc) {
  point(thread, EventKind::kWait, reinterpret_cast<uptr>(word), pc);
  SyncVar& variable =
      touch_atomic_apart(thread, reinterpret_cast<uptr>(word), 4, memory::kAtomic, pc);
  const u32 present = *static_cast<volatile u32*>(word);
  if (present != expected) {
    note_read(thread, variable.address, present, pc);
    record(thread, EventKind::kWait, variable.address, 4, present, Order::kRelaxed, pc);
    return EAGAIN;
  }
  record(thread, EventKind::kWait, variable.address, 4, present, Order::kRelaxed, pc);
  block(thread, variable, WaitKind::kFutex, deadline_ns);
  const bool timed_out = thread.timed_out;
  record(thread, EventKind::kWake, variable.address, 4, timed_out ? 0 : 1, Order::kRelaxed, pc);
  return timed_out ? ETIMEDOUT : 0;
}

u32 Execution::futex_wake(Thread& thread, void* word, u32 count, uptr pc) {
  point(thread, EventKind::kNotify, reinterpret_cast<uptr>(word), pc);
  // A futex word may be gone already when its last waker gets here; that is how futexes are used.
  const uptr address = reinterpret_cast<uptr>(word);
  SyncVar& variable = variable_at(address, shadow_.cell(address & ~uptr{7}));
  u32 woken = 0;
  while (woken < count) {
    const ThreadId waiter = take_waiter(variable);
    if (waiter == ThreadId::kNone) {
      break;
    }
    wake(threads_[to_index(waiter)]);
    ++woken;
  }
  note_progress(thread);
  record(thread, EventKind::kNotify, address, 4, woken, Order::kRelaxed, pc);
  return woken;
}

bool Execution::guard_acquire(Thread& thread, void* guard, uptr pc) {
  point(thread, EventKind::kGuard, reinterpret_cast<uptr>(guard), pc);
  SyncVar& variable = touch_sync(thread, guard, pc);
  auto* done = static_cast<volatile u8*>(guard);
  while (*done == 0 && variable.owner != ThreadId::kNone) {
    if (variable.owner == thread.id) {
      report(thread, FindingKind::kMisuse, "recursive-initialisation", pc,
             "initialisation of a static object enters itself");
    }
    block(thread, variable, WaitKind::kGuard);
  }
  thread.clock.join(variable.released);
  record(thread, EventKind::kGuard, variable.address, 1, *done, Order::kAcquire, pc);
  if (*done != 0) {
    return false;
  }
  variable.owner = thread.id;
  return true;
}

void Execution::guard_release(Thread& thread, void* guard, bool done, uptr pc) {
  SyncVar& variable = touch_sync(thread, guard, pc);
  const uptr address = reinterpret_cast<uptr>(guard);
  rollback_.before_write(address & ~uptr{7}, shadow_.cell(address & ~uptr{7}));
  *static_cast<volatile u8*>(guard) = done ? 1 : 0;
  variable.owner = ThreadId::kNone;
  variable.released.assign(thread.clock);
  thread.tick();
  wake_all(variable);
  note_write();
  note_progress(thread);
  record(thread, EventKind::kGuard, variable.address, 1, done ? 1 : 0, Order::kRelease, pc);
}

}  // namespace heddle::exec
