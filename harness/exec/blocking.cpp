// Blocking and waking, and the passing of time.

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
  thread.state = ThreadState::kRunnable;
  thread.wait = WaitKind::kNone;
  if (!frozen_.contains(thread.id)) {
    run_again(thread.id);
  }
}

void Execution::run_again(ThreadId id) {
  runnable_.insert(id);
  options_.strategy->on_runnable(id);
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
    // It may have been moved to another queue meanwhile.
    const uptr address = thread.wait_address;
    dequeue(thread, variable_at(address, shadow_.cell(address & ~uptr{7})));
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
  const ThreadId next = pick(thread.id, true);
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
  tsan::touch(address, pc);
  return variable;
}

void Execution::note_operation(Thread& thread, SyncVar& object, ObjectOperation operation,
                               Order order) {
  if (__builtin_expect(options_.model != nullptr, 0)) {
    options_.model->synchronize(thread, object, operation, order);
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

void Execution::yield(Thread& thread, uptr pc) {
  give_way(thread, EventKind::kYield, pc);
  record(thread, EventKind::kYield, 0, 0, 0, Order::kRelaxed, pc);
}

void Execution::sleep(Thread& thread, u64 until_ns, uptr pc) {
  give_way(thread, EventKind::kSleep, pc);
  advance_clock(until_ns);
  record(thread, EventKind::kSleep, 0, 0, virtual_now_, Order::kRelaxed, pc);
}

void Execution::give_way(Thread& thread, EventKind kind, uptr pc) {
  thread.yielding = true;
  if (++thread.same_reads > kSameReadsMax) {
    park(thread);
  }
  point(thread, kind, 0, pc);
  thread.yielding = false;
}

// Time stands still but for waits that run out. A program that only looks at the clock must get to
// its deadline all the same, be it nanoseconds or days away: after some looks, each one sees twice
// as much time gone as the one before.
u64 Execution::read_clock(Thread& thread, uptr pc) {
  constexpr u32 kLooksFree = 64;
  constexpr u32 kDoublingsMax = 50;
  point(thread, EventKind::kClock, 0, pc);
  if (++clock_reads_ > kLooksFree) {
    const u32 doublings = clock_reads_ - kLooksFree;
    virtual_now_ += u64{1} << (doublings < kDoublingsMax ? doublings : kDoublingsMax);
  }
  record(thread, EventKind::kClock, 0, 0, virtual_now_, Order::kRelaxed, pc);
  return virtual_now_;
}

u64 Execution::random_bits(Thread& thread, uptr pc) {
  if (!entropy_seeded_) {
    entropy_seeded_ = true;
    entropy_.reseed(decide(DecisionKind::kValue, 1u << 16));
  }
  const u64 bits = entropy_.next();
  record(thread, EventKind::kChoice, 0, 0, bits, Order::kRelaxed, pc);
  return bits;
}

}  // namespace heddle::exec
