// Blocking and waking.

#include "exec/execution.hpp"
#include "exec/thread_sanitizer.hpp"

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
  if (options_.model != nullptr) {
    options_.model->wake(thread);
  }
  thread.state = ThreadState::kRunnable;
  thread.wait = WaitKind::kNone;
  if (!frozen_.contains(thread.id)) {
    runnable_.insert(thread.id);
  }
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

u32 Execution::count_waiters(const SyncVar& variable) const {
  u32 count = 0;
  for (ThreadId at = variable.waiters_head; at != ThreadId::kNone;
       at = threads_[to_index(at)].wait_next) {
    ++count;
  }
  return count;
}

// Takes one waiter out of the queue; which one is a decision. Where a model has others' events come
// before that, they only append to the queue: who would take from it has to wait.
ThreadId Execution::take_waiter(SyncVar& variable) {
  const u32 count = count_waiters(variable);
  if (count == 0) {
    return ThreadId::kNone;
  }
  const u32 choice = decide(DecisionKind::kWaiter, count);
  ThreadId chosen = variable.waiters_head;
  for (u32 skip = choice; skip > 0; --skip) {
    chosen = threads_[to_index(chosen)].wait_next;
  }
  dequeue(threads_[to_index(chosen)], variable);
  return chosen;
}

void Execution::begin_wait(Thread& thread, SyncVar& variable, WaitKind wait) {
  thread.wait = wait;
  thread.waits_at = &variable;
  note_operation(thread, variable, ObjectOperation::kEnqueue, Order::kAcqRel);
  enqueue(thread, variable);
}

// True if it was not woken yet.
bool Execution::stop_waiting(Thread& thread) {
  thread.expires = false;
  const bool waits = thread.wait != WaitKind::kNone;
  if (waits) {
    dequeue(thread, *thread.waits_at);
    thread.wait = WaitKind::kNone;
  }
  return waits;
}

// Between the two the thread may have been woken already, where a model has events in between.
bool Execution::end_wait(Thread& thread, u64 deadline_ns) {
  const WaitKind wait = thread.wait;
  if (thread.expires) {
    note_operation(thread, *thread.waits_at, ObjectOperation::kLeave, Order::kAcqRel);
    if (stop_waiting(thread)) {
      advance_clock(deadline_ns);
      return false;
    }
    return true;
  }
  if (wait != WaitKind::kNone &&
      !block_until_scheduled(thread, wait, thread.waits_at, deadline_ns)) {
    note_operation(thread, *thread.waits_at, ObjectOperation::kLeave, Order::kAcqRel);
    advance_clock(deadline_ns);
    dequeue(thread, *thread.waits_at);  // it may have been moved to another queue meanwhile
    return false;
  }
  if (options_.model != nullptr) {
    options_.model->wake_up(thread, Order::kRelaxed);
  }
  return true;
}

// A search that tries everything does not let time-outs strike whenever a thread may be chosen: it
// decides beforehand whether the thread has the patience to wait.
u64 Execution::patience(Thread& thread, u64 deadline_ns) {
  thread.tries = deadline_ns == kAtOnce;
  if (!options_.exhaustive || deadline_ns == kNever || deadline_ns == kAtOnce) {
    return deadline_ns;
  }
  thread.expires = decide(DecisionKind::kTimeOut, 2) == 1;
  thread.tries = thread.expires;
  return thread.expires ? deadline_ns : kInAnother;
}

bool Execution::is_open(const SyncVar& object, WaitKind wait) {
  switch (wait) {
    case WaitKind::kMutex:
    case WaitKind::kShared:
    case WaitKind::kGuard: return object.owner == ThreadId::kNone;
    case WaitKind::kExclusive: return object.owner == ThreadId::kNone && object.readers == 0;
    case WaitKind::kSemaphore: return *reinterpret_cast<const volatile u32*>(object.address) != 0;
    default: return false;
  }
}

LockWaiters& Execution::waiters_of(SyncVar& variable) {
  if (variable.lock_waiters == nullptr) {
    variable.lock_waiters = &lock_waiters_[lock_waiters_.take()];
    variable.lock_waiters->exclusive.clear();
    variable.lock_waiters->shared.clear();
    variable.lock_waiters->timed.clear();
  }
  return *variable.lock_waiters;
}

bool Execution::wait_until_open(Thread& thread, SyncVar& variable, WaitKind wait, u64 deadline_ns) {
  if (is_open(variable, wait)) {
    thread.expires = false;
    return true;
  }
  if (deadline_ns == kAtOnce || thread.expires) {
    thread.expires = false;
    advance_clock(deadline_ns);
    return false;
  }
  LockWaiters& waiters = waiters_of(variable);
  ThreadSet& mine = deadline_ns < kInAnother    ? waiters.timed
                    : wait == WaitKind::kShared ? waiters.shared
                                                : waiters.exclusive;
  mine.insert(thread.id);
  block_until_scheduled(thread, wait, &variable, deadline_ns);
  mine.erase(thread.id);
  if (is_open(variable, wait)) {
    return true;
  }
  advance_clock(deadline_ns);
  return false;
}

void Execution::admit(const SyncVar& variable, const ThreadSet& waiters) {
  if (waiters.empty()) {
    return;
  }
  if (is_open(variable, threads_[to_index(waiters.first())].wait)) {
    runnable_.insert(waiters, frozen_);
  } else {
    runnable_.erase(waiters);
  }
}

// Gives the turn away. With a deadline the thread stays choosable: chosen without having been woken
// means that its time is up.
bool Execution::block_until_scheduled(Thread& thread, WaitKind wait, SyncVar* at, u64 deadline_ns) {
  thread.state = ThreadState::kBlocked;
  thread.persists = 0;
  thread.wait = wait;
  thread.waits_at = at;
  thread.timed = deadline_ns < kInAnother;
  thread.patient = deadline_ns == kInAnother;
  unpark(thread);
  if (!thread.timed) {
    runnable_.erase(thread.id);
  }
  const ThreadId next = pick(thread.id, true);
  if (next != thread.id) {
    resume(thread, threads_[to_index(next)], false);
  }
  const bool woken = thread.state == ThreadState::kRunnable;
  thread.state = ThreadState::kRunnable;
  thread.wait = WaitKind::kNone;
  thread.timed = false;
  thread.patient = false;
  return woken;
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
  tsan::touch(address, pc);
  return variable;
}

void Execution::note_operation(Thread& thread, SyncVar& object, ObjectOperation operation,
                               Order order) {
  if (__builtin_expect(options_.model != nullptr, 0)) {
    options_.model->synchronize(thread, object, operation, order);
  }
}

void Execution::look(Thread& thread) {
  if (__builtin_expect(options_.model != nullptr, 0)) {
    options_.model->look(thread);
  }
}

void Execution::acquire(Thread& thread, SyncVar& variable, ObjectOperation operation) {
  note_operation(thread, variable, operation, Order::kAcquire);
  thread.clock.learn(variable.released);
  tsan::acquire(thread, variable.address);
}

void Execution::release(Thread& thread, SyncVar& variable, ObjectOperation operation) {
  note_operation(thread, variable, operation, Order::kRelease);
  variable.released.assign(thread.clock);
  thread.tick();
  tsan::release(variable.address);
}

void Execution::release_too(Thread& thread, SyncVar& variable, ObjectOperation operation) {
  note_operation(thread, variable, operation, Order::kRelease);
  variable.released.join(thread.clock);
  thread.tick();
  tsan::release(variable.address);
}

void Execution::annotate(Thread& thread, uptr address, Order order, uptr pc) {
  point(thread, EventKind::kUpdate, address, pc);
  SyncVar& variable = variable_at(address, shadow_.cell(address & ~uptr{7}));
  if (acquires(order)) {
    acquire(thread, variable, ObjectOperation::kOther);
  } else {
    release_too(thread, variable, ObjectOperation::kOther);
  }
}

void Execution::acquire_readers(Thread& thread, SyncVar& variable) {
  thread.clock.learn(variable.readers_released);
  tsan::acquire(thread, reinterpret_cast<uptr>(&variable.readers_released));
}

void Execution::release_reader(Thread& thread, SyncVar& variable) {
  note_operation(thread, variable, ObjectOperation::kUnlockShared, Order::kRelease);
  variable.readers_released.join(thread.clock);
  thread.tick();
  tsan::release(reinterpret_cast<uptr>(&variable.readers_released));
}

}  // namespace heddle::exec
