// In-target world. Atomic accesses, for the hooks: one copy for each width.
#pragma once

#include "exec/execution.hpp"
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
  if ((flags & memory::kWrite) != 0) {
    rollback_.before_write(address, cell);
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
T Execution::atomic_load(Thread& thread, T* address, Order order, uptr pc) {
  const uptr at = reinterpret_cast<uptr>(address);
  point(thread, EventKind::kLoad, at, pc);
  SyncVar& variable = touch_atomic(thread, at, sizeof(T), memory::kAtomic, pc);
  const T value = static_cast<T>(options_.model->load(thread, variable, order, bytes_at(address)));
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
  options_.model->store(thread, variable, order, value);
  set_bytes_at(address, value);
  tsan::store(thread, variable, sizeof(T), value, order, pc);
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
  const T old_value = bytes_at(address);
  const T new_value = modify(old_value, argument);
  options_.model->update(thread, variable, order, new_value);
  set_bytes_at(address, new_value);
  tsan::update(thread, variable, sizeof(T), new_value, order, pc);
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
  const T present = bytes_at(address);
  const bool fails = present != *expected || (weak && fails_by_decision(DecisionKind::kWeakCas));
  const u8 flags = fails ? u8{memory::kAtomic} : static_cast<u8>(memory::kAtomic | memory::kWrite);
  SyncVar& variable = touch_atomic(thread, at, sizeof(T), flags, pc);
  if (fails) {
    *expected = static_cast<T>(options_.model->load(thread, variable, failure, present));
    tsan::load(thread, variable, sizeof(T), failure, pc);
    note_read(thread, at, static_cast<u64>(*expected), pc);
    record(thread, EventKind::kFailedCas, at, sizeof(T), static_cast<u64>(*expected), failure, pc);
    return false;
  }
  options_.model->update(thread, variable, success, desired);
  set_bytes_at(address, desired);
  tsan::update(thread, variable, sizeof(T), desired, success, pc);
  note_write();
  note_progress(thread);
  record(thread, EventKind::kUpdate, at, sizeof(T), static_cast<u64>(desired), success, pc);
  return true;
}

}  // namespace heddle::exec
