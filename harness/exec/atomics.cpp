// Atomic accesses and spin detection.
#include <cstring>

#include "exec/execution.hpp"

namespace heddle::exec {
namespace {

// Loops that look at several locations, or count, have no such fingerprint; they read a lot.
constexpr u32 kReadsInRowMax = 256;

u128 read_bytes(const void* address, u32 size) {
  u128 value = 0;
  switch (size) {
    case 1: return *static_cast<const volatile u8*>(address);
    case 2: return *static_cast<const volatile u16*>(address);
    case 4: return *static_cast<const volatile u32*>(address);
    case 8: return *static_cast<const volatile u64*>(address);
    default: std::memcpy(&value, address, size); return value;
  }
}

void write_bytes(void* address, u32 size, u128 value) {
  switch (size) {
    case 1: *static_cast<volatile u8*>(address) = static_cast<u8>(value); break;
    case 2: *static_cast<volatile u16*>(address) = static_cast<u16>(value); break;
    case 4: *static_cast<volatile u32*>(address) = static_cast<u32>(value); break;
    case 8: *static_cast<volatile u64*>(address) = static_cast<u64>(value); break;
    default: std::memcpy(address, &value, size);
  }
}

u128 truncated(u128 value, u32 size) {
  return size == 16 ? value : value & ((u128{1} << (size * 8)) - 1);
}

}  // namespace

SyncVar& Execution::new_variable(uptr address, memory::Cell& cell) {
  const u32 index = variables_.take();
  SyncVar& variable = variables_[index];
  variable.address = address;
  variable.next = cell.sync;
  variable.size = 1;
  variable.ordinal = 0;
  variable.released.reset();
  variable.atomic_reads.reset();
  variable.atomic_writes.reset();
  variable.owner = ThreadId::kNone;
  variable.depth = 0;
  variable.robustness = Robustness::kNone;
  variable.readers = 0;
  variable.holds = 0;
  variable.arrived = 0;
  variable.mutex = 0;
  variable.readers_released.reset();
  variable.waiters_head = ThreadId::kNone;
  variable.waiters_tail = ThreadId::kNone;
  cell.sync = index;
  // Frames differ from build to build, and thread-local variables have no symbol of their own here;
  // the order of first touches is stable.
  if (memory::in_stacks(address)) {
    variable.ordinal = threads_[memory::stack_slot_of(address)].stack_objects++;
  } else if (cell.block == 0 && memory::in_heap(address)) {
    variable.ordinal = threads_[memory::heap_region_of(address)].stack_objects++;
  }
  return variable;
}

__attribute__((always_inline)) inline SyncVar& Execution::touch_atomic(Thread& thread, uptr address,
                                                                       u32 size, u8 flags,
                                                                       uptr pc) {
  const uptr granule = address & ~uptr{7};
  const u32 shift = static_cast<u32>(address & 7);
  const u32 here = shift + size <= 8 ? size : 8 - shift;
  const u8 mask = static_cast<u8>(((1u << here) - 1) << shift);
  memory::Cell& cell = shadow_.cell(granule);
  if (__builtin_expect((mask & ~cell.valid) != 0, 0)) {
    access_oracle_->on_unaddressable(thread, address, size, flags, pc);
  }
  if ((flags & memory::kWrite) != 0) {
    rollback_.before_write(granule, cell);
  }
  SyncVar& variable = variable_at(address, cell);
  variable.size = size > variable.size ? size : variable.size;
  access_oracle_->on_atomic(thread, variable, cell, mask, flags, pc);
  if (__builtin_expect(here < size, 0)) {
    touch_atomic_apart(thread, address + here, size - here, flags, pc);
  }
  return variable;
}

// Not inlined: for futexes, and for what goes over the end of a granule.
SyncVar& Execution::touch_atomic_apart(Thread& thread, uptr address, u32 size, u8 flags, uptr pc) {
  return touch_atomic(thread, address, size, flags, pc);
}

void Execution::park(Thread& thread) {
  if (!thread.parked && runnable_.count() > 1) {
    thread.parked = true;
    runnable_.erase(thread.id);
    parked_.insert(thread.id);
  }
  thread.same_reads = 0;
  thread.reads_in_row = 0;
}

void Execution::unpark_all() {
  parked_.each([this](ThreadId id) {
    threads_[to_index(id)].parked = false;
    runnable_.insert(id);
  });
  parked_.clear();
}

void Execution::note_read(Thread& thread, uptr address, u64 value, uptr pc) {
  const u64 fingerprint = (pc ^ value * 0x9e3779b97f4a7c15ULL) + address * 3;
  thread.same_reads = fingerprint == thread.last_read ? thread.same_reads + 1 : 0;
  thread.last_read = fingerprint;
  if (__builtin_expect(thread.same_reads > kSameReadsMax || ++thread.reads_in_row > kReadsInRowMax,
                       0)) {
    park(thread);
  }
}

u128 Execution::atomic_load(Thread& thread, void* address, u32 size, Order order, uptr pc) {
  const uptr at = reinterpret_cast<uptr>(address);
  point(thread, EventKind::kLoad, at, pc);
  SyncVar& variable = touch_atomic(thread, at, size, memory::kAtomic, pc);
  const u128 value = options_.model->load(thread, variable, order, read_bytes(address, size));
  note_read(thread, at, static_cast<u64>(value), pc);
  record(thread, EventKind::kLoad, at, size, static_cast<u64>(value), order, pc);
  return value;
}

void Execution::atomic_store(Thread& thread, void* address, u32 size, u128 value, Order order,
                             uptr pc) {
  const uptr at = reinterpret_cast<uptr>(address);
  point(thread, EventKind::kStore, at, pc);
  SyncVar& variable = touch_atomic(thread, at, size, memory::kAtomic | memory::kWrite, pc);
  options_.model->store(thread, variable, order, value);
  write_bytes(address, size, value);
  note_write();
  note_progress(thread);
  record(thread, EventKind::kStore, at, size, static_cast<u64>(value), order, pc);
}

u128 Execution::atomic_update(Thread& thread, void* address, u32 size, Modify modify, u128 argument,
                              Order order, uptr pc) {
  const uptr at = reinterpret_cast<uptr>(address);
  point(thread, EventKind::kUpdate, at, pc);
  SyncVar& variable = touch_atomic(thread, at, size, memory::kAtomic | memory::kWrite, pc);
  const u128 old_value = read_bytes(address, size);
  const u128 new_value = truncated(modify(old_value, argument), size);
  options_.model->update(thread, variable, order, new_value);
  write_bytes(address, size, new_value);
  if (new_value == old_value) {
    note_read(thread, at, static_cast<u64>(old_value), pc);  // test-and-set spins by updates
  } else {
    note_write();
    note_progress(thread);
  }
  record(thread, EventKind::kUpdate, at, size, static_cast<u64>(new_value), order, pc);
  return old_value;
}

bool Execution::atomic_cas(Thread& thread, void* address, u32 size, u128* expected, u128 desired,
                           bool weak, Order success, Order failure, uptr pc) {
  const uptr at = reinterpret_cast<uptr>(address);
  point(thread, EventKind::kUpdate, at, pc);
  const u128 present = read_bytes(address, size);
  const bool fails =
      present != truncated(*expected, size) || (weak && fails_by_decision(DecisionKind::kWeakCas));
  const u8 flags = fails ? u8{memory::kAtomic} : static_cast<u8>(memory::kAtomic | memory::kWrite);
  SyncVar& variable = touch_atomic(thread, at, size, flags, pc);
  if (fails) {
    *expected = options_.model->load(thread, variable, failure, present);
    note_read(thread, at, static_cast<u64>(*expected), pc);
    record(thread, EventKind::kFailedCas, at, size, static_cast<u64>(*expected), failure, pc);
    return false;
  }
  options_.model->update(thread, variable, success, desired);
  write_bytes(address, size, desired);
  note_write();
  note_progress(thread);
  record(thread, EventKind::kUpdate, at, size, static_cast<u64>(truncated(desired, size)), success,
         pc);
  return true;
}

// Objects of any size, which real machines guard with a lock. The value that is recorded, and by
// which spinning is noticed, is a mix of all bytes.
namespace {

u64 fingerprint_of(const void* bytes, uptr size) {
  u64 print = size;
  for (uptr at = 0; at < size; at += sizeof(u64)) {
    u64 word = 0;
    std::memcpy(&word, static_cast<const char*>(bytes) + at,
                size - at < sizeof word ? size - at : sizeof word);
    print = size <= sizeof word ? word : mix64(print ^ word);
  }
  return print;
}

}  // namespace

void Execution::large_load(Thread& thread, void* object, uptr size, void* result, Order order,
                           uptr pc) {
  const uptr at = reinterpret_cast<uptr>(object);
  point(thread, EventKind::kLoad, at, pc);
  SyncVar& variable = touch_atomic_apart(thread, at, static_cast<u32>(size), memory::kAtomic, pc);
  options_.model->load(thread, variable, order, 0);
  std::memcpy(result, object, size);
  const u64 print = fingerprint_of(object, size);
  note_read(thread, at, print, pc);
  record(thread, EventKind::kLoad, at, static_cast<u32>(size), print, order, pc);
}

void Execution::large_exchange(Thread& thread, void* object, uptr size, const void* value,
                               void* result, Order order, uptr pc) {
  const uptr at = reinterpret_cast<uptr>(object);
  const EventKind kind = result == nullptr ? EventKind::kStore : EventKind::kUpdate;
  point(thread, kind, at, pc);
  SyncVar& variable =
      touch_atomic_apart(thread, at, static_cast<u32>(size), memory::kAtomic | memory::kWrite, pc);
  if (result == nullptr) {
    options_.model->store(thread, variable, order, 0);
  } else {
    options_.model->update(thread, variable, order, 0);
    std::memcpy(result, object, size);
  }
  std::memcpy(object, value, size);
  note_write();
  note_progress(thread);
  record(thread, kind, at, static_cast<u32>(size), fingerprint_of(object, size), order, pc);
}

bool Execution::large_cas(Thread& thread, void* object, uptr size, void* expected,
                          const void* desired, Order success, Order failure, uptr pc) {
  const uptr at = reinterpret_cast<uptr>(object);
  point(thread, EventKind::kUpdate, at, pc);
  const bool equal = std::memcmp(object, expected, size) == 0;
  const u8 flags = equal ? static_cast<u8>(memory::kAtomic | memory::kWrite) : u8{memory::kAtomic};
  SyncVar& variable = touch_atomic_apart(thread, at, static_cast<u32>(size), flags, pc);
  if (equal) {
    options_.model->update(thread, variable, success, 0);
    std::memcpy(object, desired, size);
    note_write();
    note_progress(thread);
  } else {
    options_.model->load(thread, variable, failure, 0);
    std::memcpy(expected, object, size);
    note_read(thread, at, fingerprint_of(object, size), pc);
  }
  record(thread, equal ? EventKind::kUpdate : EventKind::kFailedCas, at, static_cast<u32>(size),
         fingerprint_of(object, size), equal ? success : failure, pc);
  return equal;
}

void Execution::fence(Thread& thread, Order order, uptr pc) {
  point(thread, EventKind::kFence, 0, pc);
  options_.model->fence(thread, order);
  record(thread, EventKind::kFence, 0, 0, 0, order, pc);
}

}  // namespace heddle::exec
