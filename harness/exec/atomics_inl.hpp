// In-target world. Atomic accesses, for the hooks: one copy for each width.
#pragma once

#include <utility>

#include "exec/execution.hpp"
#include "exec/happens_before.hpp"
#include "exec/thread_sanitizer.hpp"

namespace heddle::exec {

__attribute__((always_inline)) inline SyncVar& Execution::touch_granule(Thread& thread,
                                                                        uptr address, u32 size,
                                                                        u8 flags, uptr pc) {
  const u8 mask = byte_mask(static_cast<u32>(address & 7), size);
  memory::Cell& cell = shadow_.cell(address);
  if (__builtin_expect((mask & ~cell.valid) != 0, 0)) {
    unaddressable(thread, address, size, flags, pc);
  }
  if (is_ended_stack(thread, address)) {
    ended_stack(thread, address, size, flags, pc);
  }
  if ((flags & memory::kWrite) != 0) {
    rollback_.before_write(address, cell);
  }
  if (__builtin_expect(cell.sync == 0 && cell.count == 0 && cell.block != 0, 0)) {
    judge_block(thread, cell.block, address & ~uptr{7}, {thread.epoch, thread.id, mask, flags}, pc);
  }
  SyncVar& variable = variable_at(address, cell);
  variable.size = size > variable.size ? size : variable.size;
  access_oracle_->on_atomic(thread, variable, cell, mask, flags, pc);
  return variable;
}

__attribute__((always_inline)) inline SyncVar& Execution::touch_atomic(Thread& thread, uptr address,
                                                                       u32 size, u8 flags,
                                                                       uptr pc) {
  return __builtin_expect((address & 7) + size <= 8, 1)
             ? touch_granule(thread, address, size, flags, pc)
             : touch_atomic_apart(thread, address, size, flags, pc);
}

// An alignment less than that of T is the program's affair.
template <class T>
T bytes_at(const T* address) {
  T value;
  __builtin_memcpy(&value, address, sizeof value);
  return value;
}

template <class T>
void set_bytes_at(T* address, T value) {
  __builtin_memcpy(address, &value, sizeof value);
}

template <class T>
u128 apply_modify(const Modification& self, u128 old) {
  const auto modify = reinterpret_cast<T (*)(T, T)>(self.modify);
  return modify(static_cast<T>(old), static_cast<T>(self.argument));
}

template <class T>
T Execution::atomic_load(Thread& thread, T* address, Order order, uptr pc) {
  const uptr at = reinterpret_cast<uptr>(address);
  point(thread, EventKind::kLoad, at, pc);
  SyncVar& variable = touch_atomic(thread, at, sizeof(T), memory::kAtomic, pc);
  T value = bytes_at(address);
  if (__builtin_expect(options_.model == nullptr, 1)) {
    note_load(thread, variable.released, order);
  } else {
    value = static_cast<T>(options_.model->load(thread, variable, sizeof(T), order));
  }
  tsan::load(thread, variable, sizeof(T), order, pc);
  note_read(thread, at, static_cast<u64>(value), pc);
  record(thread, EventKind::kLoad, at, sizeof(T), static_cast<u64>(value), order, pc);
  return value;
}

template <class T>
void Execution::atomic_store(Thread& thread, T* address, T value, Order order, uptr pc) {
  const uptr at = reinterpret_cast<uptr>(address);
  point(thread, EventKind::kStore, at, pc);
  SyncVar& variable = touch_atomic(thread, at, sizeof(T), memory::kAtomic | memory::kWrite, pc);
  T newest = value;
  if (__builtin_expect(options_.model == nullptr, 1)) {
    note_store(thread, variable.released, order);
  } else if (!options_.model->store(thread, variable, sizeof(T), order, value)) {
    newest = bytes_at(address);
  }
  tsan::store(thread, variable, sizeof(T), value, order, pc);  // which writes, too
  set_bytes_at(address, newest);
  note_write();
  note_progress(thread);
  record(thread, EventKind::kStore, at, sizeof(T), static_cast<u64>(value), order, pc);
}

template <class T>
T Execution::atomic_update(Thread& thread, T* address, T (*modify)(T, T), T argument, Order order,
                           uptr pc) {
  const uptr at = reinterpret_cast<uptr>(address);
  point(thread, EventKind::kUpdate, at, pc);
  SyncVar& variable = touch_atomic(thread, at, sizeof(T), memory::kAtomic | memory::kWrite, pc);
  T old_value = bytes_at(address);
  T new_value = modify(old_value, argument);
  T newest = new_value;
  if (__builtin_expect(options_.model == nullptr, 1)) {
    note_update(thread, variable.released, order);
  } else {
    const Modification modification = {
        apply_modify<T>, reinterpret_cast<void (*)()>(modify), argument, 0, false, Order::kRelaxed};
    const Updated updated =
        options_.model->update(thread, variable, sizeof(T), order, modification);
    old_value = static_cast<T>(updated.old);
    new_value = static_cast<T>(updated.value);
    newest = updated.newest ? new_value : bytes_at(address);
  }
  tsan::update(thread, variable, sizeof(T), new_value, order, pc);
  set_bytes_at(address, newest);
  if (new_value == old_value) {
    note_read(thread, at, static_cast<u64>(old_value), pc);  // test-and-set spins by updates
  } else {
    note_write();
    note_progress(thread);
  }
  record(thread, EventKind::kUpdate, at, sizeof(T), static_cast<u64>(new_value), order, pc);
  return old_value;
}

template <class T>
bool Execution::atomic_cas(Thread& thread, T* address, T* expected, T desired, bool weak,
                           Order success, Order failure, uptr pc) {
  const uptr at = reinterpret_cast<uptr>(address);
  point(thread, EventKind::kUpdate, at, pc);
  if (__builtin_expect(options_.model != nullptr, 0)) {
    return modelled_cas(thread, address, expected, desired, weak, success, failure, pc);
  }
  const T present = bytes_at(address);
  const bool fails = present != *expected || (weak && fails_by_decision(DecisionKind::kWeakCas));
  const u8 flags = fails ? u8{memory::kAtomic} : static_cast<u8>(memory::kAtomic | memory::kWrite);
  SyncVar& variable = touch_atomic(thread, at, sizeof(T), flags, pc);
  if (fails) {
    note_load(thread, variable.released, failure);
    *expected = present;
    tsan::load(thread, variable, sizeof(T), failure, pc);
    note_read(thread, at, static_cast<u64>(*expected), pc);
    record(thread, EventKind::kFailedCas, at, sizeof(T), static_cast<u64>(*expected), failure, pc);
    return false;
  }
  note_update(thread, variable.released, success);
  set_bytes_at(address, desired);
  tsan::update(thread, variable, sizeof(T), desired, success, pc);
  note_write();
  note_progress(thread);
  record(thread, EventKind::kUpdate, at, sizeof(T), static_cast<u64>(desired), success, pc);
  return true;
}

// The value read decides whether it is a write at all, and that is for the model to say.
template <class T>
bool Execution::modelled_cas(Thread& thread, T* address, T* expected, T desired, bool weak,
                             Order success, Order failure, uptr pc) {
  const uptr at = reinterpret_cast<uptr>(address);
  SyncVar& variable = touch_atomic(thread, at, sizeof(T), memory::kAtomic, pc);
  const u32 epoch = thread.epoch;
  Updated updated = {0, 0, false, false};
  if (weak && fails_by_decision(DecisionKind::kWeakCas)) {
    updated.old = options_.model->load(thread, variable, sizeof(T), failure);
  } else {
    const Modification modification = {[](const Modification& self, u128) { return self.argument; },
                                       nullptr,
                                       desired,
                                       *expected,
                                       true,
                                       failure};
    updated = options_.model->update(thread, variable, sizeof(T), success, modification);
  }
  if (!updated.done) {
    *expected = static_cast<T>(updated.old);
    tsan::load(thread, variable, sizeof(T), failure, pc);
    note_read(thread, at, static_cast<u64>(*expected), pc);
    record(thread, EventKind::kFailedCas, at, sizeof(T), static_cast<u64>(*expected), failure, pc);
    return false;
  }
  // The write is of the epoch that its own release has ended: who acquires it knows of it.
  const u32 next_epoch = std::exchange(thread.epoch, epoch);
  touch_atomic(thread, at, sizeof(T), memory::kAtomic | memory::kWrite, pc);
  thread.epoch = next_epoch;
  const T newest = updated.newest ? desired : bytes_at(address);
  tsan::update(thread, variable, sizeof(T), desired, success, pc);
  set_bytes_at(address, newest);
  note_write();
  note_progress(thread);
  record(thread, EventKind::kUpdate, at, sizeof(T), static_cast<u64>(desired), success, pc);
  return true;
}

}  // namespace heddle::exec
