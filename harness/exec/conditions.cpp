// Condition variables, semaphores, barriers, futexes, initialisation guards.
#include <cerrno>
#include <climits>

#include "exec/execution.hpp"
#include "exec/thread_sanitizer.hpp"

namespace heddle::exec {

int Execution::condition_wait(Thread& thread, void* condition, void* mutex, u64 deadline_ns,
                              uptr pc) {
  point(thread, EventKind::kWait, reinterpret_cast<uptr>(condition), pc);
  deadline_ns = patience(thread, deadline_ns);
  SyncVar& variable = touch_sync(thread, condition, pc);
  SyncVar& lock = touch_sync(thread, mutex, pc);
  if (lock.owner != thread.id) {
    report(thread, FindingKind::kMisuse, "wait-without-lock", pc,
           "wait on a condition variable without holding its mutex");
  }
  if (variable.waiters_head != ThreadId::kNone && variable.mutex != lock.address) {
    report(thread, FindingKind::kMisuse, "two-mutexes", pc,
           "threads wait on one condition variable with different mutexes");
  }
  variable.mutex = lock.address;
  record(thread, EventKind::kWait, variable.address, 0, 0, Order::kRelease, pc);
  const u32 depth = lock.depth;
  lock.depth = 1;
  const bool spurious = fails_by_decision(DecisionKind::kSpuriousWakeup);
  if (!spurious) {
    begin_wait(thread, variable, WaitKind::kCondition);
  }
  release_mutex(thread, lock, pc);
  bool timed_out = false;
  if (spurious) {
    thread.expires = false;
    point(thread, EventKind::kWake, variable.address, pc);
  } else {
    timed_out = !end_wait(thread, deadline_ns);
  }
  record(thread, EventKind::kWake, variable.address, 0, timed_out ? 0 : 1, Order::kAcquire, pc);
  thread.tries = false;
  point(thread, EventKind::kLock, lock.address, pc);  // others may have the mutex first
  wait_until_open(thread, lock, WaitKind::kMutex);
  const LockResult result = take_mutex(thread, lock, EventKind::kLock, pc);
  if (result == LockResult::kNotRecoverable) {
    return ENOTRECOVERABLE;
  }
  lock.depth = depth;
  return result == LockResult::kOwnerDied ? EOWNERDEAD : timed_out ? ETIMEDOUT : 0;
}

void Execution::condition_notify(Thread& thread, void* condition, bool all, uptr pc) {
  point(thread, EventKind::kNotify, reinterpret_cast<uptr>(condition), pc);
  SyncVar& variable = touch_sync(thread, condition, pc);
  note_operation(thread, variable, ObjectOperation::kNotify, Order::kAcqRel);
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

bool Execution::semaphore_wait(Thread& thread, void* semaphore, u64 deadline_ns, uptr pc) {
  point(thread, EventKind::kAcquire, reinterpret_cast<uptr>(semaphore), pc);
  deadline_ns = patience(thread, deadline_ns);
  SyncVar& variable = touch_sync(thread, semaphore, pc);
  auto* value = static_cast<volatile u32*>(semaphore);
  const bool open = wait_until_open(thread, variable, WaitKind::kSemaphore, deadline_ns);
  if (thread.tries) {
    look(thread);
  }
  if (!open) {
    note_operation(thread, variable, ObjectOperation::kTryTake, Order::kAcquire);
    note_read(thread, variable.address, 0, pc);
    record(thread, EventKind::kAcquire, variable.address, 0, 0, Order::kRelaxed, pc);
    return false;
  }
  acquire(thread, variable, thread.tries ? ObjectOperation::kTryTake : ObjectOperation::kTake);
  log_word(semaphore);
  *value = *value - 1;
  admit_waiters(variable);
  note_progress(thread);
  record(thread, EventKind::kAcquire, variable.address, 0, 1, Order::kAcquire, pc);
  return true;
}

u32 Execution::semaphore_value(Thread& thread, void* semaphore, uptr pc) {
  point(thread, EventKind::kAcquire, reinterpret_cast<uptr>(semaphore), pc);
  SyncVar& variable = touch_sync(thread, semaphore, pc);
  thread.tries = true;
  look(thread);
  note_operation(thread, variable, ObjectOperation::kLook, Order::kRelaxed);
  const u32 value = *static_cast<volatile u32*>(semaphore);
  note_read(thread, variable.address, value, pc);
  record(thread, EventKind::kLoad, variable.address, 4, value, Order::kRelaxed, pc);
  return value;
}

bool Execution::semaphore_post(Thread& thread, void* semaphore, uptr pc) {
  point(thread, EventKind::kPost, reinterpret_cast<uptr>(semaphore), pc);
  SyncVar& variable = touch_sync(thread, semaphore, pc);
  auto* value = static_cast<volatile u32*>(semaphore);
  if (*value == INT_MAX) {
    return false;
  }
  release_too(thread, variable, ObjectOperation::kGive);
  log_word(semaphore);
  *value = *value + 1;
  admit_waiters(variable);
  note_write();
  note_progress(thread);
  record(thread, EventKind::kPost, variable.address, 0, *value, Order::kRelease, pc);
  return true;
}

bool Execution::barrier_wait(Thread& thread, void* barrier, u32 parties, bool asks, uptr pc) {
  point(thread, EventKind::kArrive, reinterpret_cast<uptr>(barrier), pc);
  SyncVar& variable = touch_sync(thread, barrier, pc);
  MemoryModel* model = options_.model;
  const u32 arrival = model == nullptr ? 0 : model->arrive(thread, variable, variable.round);
  variable.released.join(thread.clock);
  thread.tick();
  tsan::release(variable.address);
  note_progress(thread);
  ++variable.arrived;
  record(thread, EventKind::kArrive, variable.address, 0, variable.arrived, Order::kAcqRel, pc);
  thread.round = variable.round;
  thread.wait = WaitKind::kBarrier;
  thread.waits_at = &variable;
  enqueue(thread, variable);
  variable.elects = variable.elects || asks;
  if (variable.arrived == parties) {
    complete_round(variable);
  }
  if (model != nullptr) {
    model->follow_round(thread, arrival);
  }
  if (thread.wait != WaitKind::kNone) {
    block_until_scheduled(thread, WaitKind::kBarrier, &variable);
  }
  if (thread.elector != ThreadId::kNone && thread.elector != thread.id) {
    if (model != nullptr) {
      model->wake_up(thread, Order::kAcquire);
    }
    return thread.is_serial;
  }
  if (model != nullptr) {
    model->leave(thread, arrival);
  }
  if (thread.elector == thread.id) {
    elect(thread, variable, parties);
  }
  return thread.is_serial;
}

template <class Visit>
void Execution::each_of_round(const SyncVar& barrier, u32 round, Visit visit) {
  for (ThreadId at = barrier.waiters_head; at != ThreadId::kNone;) {
    Thread& member = threads_[to_index(at)];
    at = member.wait_next;
    if (member.round == round) {
      visit(member);
    }
  }
}

// All learn what each of this round knew; who is fast may be in the next round by then. If they
// want to know which is the serial thread, one says so before the others go on.
void Execution::complete_round(SyncVar& barrier) {
  const u32 round = barrier.round++;
  ThreadId elector = ThreadId::kNone;
  each_of_round(barrier, round, [&](Thread& member) {
    member.clock.learn(barrier.released);
    tsan::acquire(member, barrier.address);
    elector = barrier.elects && member.id < elector ? member.id : elector;
  });
  each_of_round(barrier, round, [&](Thread& member) {
    member.elector = elector;
    if (elector == ThreadId::kNone || elector == member.id) {
      dequeue(member, barrier);
      wake(member);
    }
  });
  barrier.released.clear();
  barrier.arrived = 0;
  barrier.elects = false;
  note_write();
}

void Execution::elect(Thread& elector, SyncVar& barrier, u32 parties) {
  const u32 chosen = decide(DecisionKind::kWaiter, parties);
  elector.is_serial = chosen == 0;
  each_of_round(barrier, elector.round, [&](Thread& member) {
    u32 rank = 1;
    each_of_round(barrier, elector.round, [&](Thread& other) { rank += other.id < member.id; });
    member.is_serial = rank == chosen;
  });
  each_of_round(barrier, elector.round, [&](Thread& member) {
    dequeue(member, barrier);
    wake(member);
  });
  note_write();
}

int Execution::futex_wait(Thread& thread, void* word, u32 expected, u64 deadline_ns, uptr pc) {
  point(thread, EventKind::kWait, reinterpret_cast<uptr>(word), pc);
  deadline_ns = patience(thread, deadline_ns);
  SyncVar& variable =
      touch_atomic_apart(thread, reinterpret_cast<uptr>(word), 4, memory::kAtomic, pc);
  tsan::load(thread, variable, 4, Order::kRelaxed, pc);
  const u32 present = options_.model != nullptr
                          ? options_.model->look_at_futex(thread, variable, expected)
                          : *static_cast<const volatile u32*>(word);
  if (present != expected) {
    thread.expires = false;
    note_read(thread, variable.address, present, pc);
    record(thread, EventKind::kWait, variable.address, 4, present, Order::kRelaxed, pc);
    return EAGAIN;
  }
  record(thread, EventKind::kWait, variable.address, 4, present, Order::kRelaxed, pc);
  begin_wait(thread, variable, WaitKind::kFutex);
  // To look and to begin to wait is one step: who stores and then wakes finds the thread waiting.
  if (options_.model != nullptr && !options_.model->still_reads(thread, variable)) {
    stop_waiting(thread);
    block_for_good(thread);
  }
  const bool timed_out = !end_wait(thread, deadline_ns);
  record(thread, EventKind::kWake, variable.address, 4, timed_out ? 0 : 1, Order::kRelaxed, pc);
  return timed_out ? ETIMEDOUT : 0;
}

u32 Execution::futex_wake(Thread& thread, void* word, u32 count, uptr pc) {
  point(thread, EventKind::kNotify, reinterpret_cast<uptr>(word), pc);
  // A futex word may be gone already when its last waker gets here; that is how futexes are used.
  const uptr address = reinterpret_cast<uptr>(word);
  SyncVar& variable = variable_at(address, shadow_.cell(address & ~uptr{7}));
  note_operation(thread, variable, ObjectOperation::kNotify, Order::kAcqRel);
  u32 woken = 0;
  if (const u32 waiting = count_waiters(variable); waiting <= count) {
    wake_all(variable);
    woken = waiting;
  }
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

u32 Execution::futex_requeue(Thread& thread, void* word, u32 wake, void* other, u32 move, uptr pc) {
  const u32 woken = futex_wake(thread, word, wake, pc);
  const uptr from = reinterpret_cast<uptr>(word);
  const uptr to = reinterpret_cast<uptr>(other);
  SyncVar& source = variable_at(from, shadow_.cell(from & ~uptr{7}));
  SyncVar& destination = variable_at(to, shadow_.cell(to & ~uptr{7}));
  u32 moved = 0;
  while (moved < move && source.waiters_head != ThreadId::kNone) {
    Thread& waiter = threads_[to_index(source.waiters_head)];
    dequeue(waiter, source);
    enqueue(waiter, destination);
    waiter.waits_at = &destination;
    ++moved;
  }
  return woken + moved;
}

bool Execution::guard_acquire(Thread& thread, void* guard, uptr pc) {
  point(thread, EventKind::kGuard, reinterpret_cast<uptr>(guard), pc);
  SyncVar& variable = touch_sync(thread, guard, pc);
  auto* done = static_cast<volatile u8*>(guard);
  if (variable.owner == thread.id) {
    report(thread, FindingKind::kMisuse, "recursive-initialisation", pc,
           "initialisation of a static object enters itself");
  }
  wait_until_open(thread, variable, WaitKind::kGuard);
  acquire(thread, variable, ObjectOperation::kGuard);
  record(thread, EventKind::kGuard, variable.address, 1, *done, Order::kAcquire, pc);
  if (*done != 0) {
    return false;
  }
  variable.owner = thread.id;
  admit_waiters(variable);
  return true;
}

void Execution::guard_release(Thread& thread, void* guard, bool done, uptr pc) {
  SyncVar& variable = touch_sync(thread, guard, pc);
  // First, as an unlock: a search may let others go on before this.
  release(thread, variable, done ? ObjectOperation::kInitialise : ObjectOperation::kUnlock);
  log_word(guard);
  *static_cast<volatile u8*>(guard) = done ? 1 : 0;
  variable.owner = ThreadId::kNone;
  admit_waiters(variable);
  note_write();
  note_progress(thread);
  record(thread, EventKind::kGuard, variable.address, 1, done ? 1 : 0, Order::kRelease, pc);
}

}  // namespace heddle::exec
