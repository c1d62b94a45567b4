// Atomic objects of any size, spin detection, fences.
#include <cstring>

#include "exec/atomics_inl.hpp"
#include "exec/thread_sanitizer.hpp"

namespace heddle::exec {

SyncVar& Execution::new_variable(uptr address, memory::Cell& cell) {
  const u32 index = variables_.take();
  SyncVar& variable = variables_[index];
  variable.address = address;
  variable.next = cell.sync;
  variable.size = 1;
  variable.ordinal = 0;
  variable.location = 0;
  variable.queue = 0;
  variable.lifetimes = 0;
  variable.released.clear();
  variable.atomic_reads.clear();
  variable.atomic_writes.clear();
  variable.owner = ThreadId::kNone;
  variable.depth = 0;
  variable.robustness = Robustness::kNone;
  variable.readers = 0;
  variable.holds = 0;
  variable.round = 0;
  variable.arrived = 0;
  variable.elects = false;
  variable.mutex = 0;
  variable.readers_released.clear();
  variable.lock_waiters = nullptr;
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

// Not inlined: for futexes, and for what goes over the end of a granule.
SyncVar& Execution::touch_atomic_apart(Thread& thread, uptr address, u32 size, u8 flags, uptr pc) {
  const uptr end = address + size;
  const uptr boundary = (address & ~uptr{7}) + 8;
  uptr upto = end < boundary ? end : boundary;
  SyncVar& variable = touch_granule(thread, address, static_cast<u32>(upto - address), flags, pc);
  for (uptr at = upto; at < end; at = upto) {
    upto = end < at + 8 ? end : at + 8;
    touch_granule(thread, at, static_cast<u32>(upto - at), flags, pc);
  }
  return variable;
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

// A model keeps the values of all stores.
void Execution::refuse_large(Thread& thread, uptr size, uptr pc) {
  if (options_.model != nullptr) {
    Text<200> message;
    message.add("an atomic object of %llu bytes: only random schedules under sc know such",
                static_cast<unsigned long long>(size));
    report(thread, FindingKind::kUnsupported, kLargeAtomicRule, pc, message.data);
  }
}

void Execution::large_load(Thread& thread, void* object, uptr size, void* result, Order order,
                           uptr pc) {
  const uptr at = reinterpret_cast<uptr>(object);
  point(thread, EventKind::kLoad, at, pc);
  refuse_large(thread, size, pc);
  SyncVar& variable = touch_atomic_apart(thread, at, static_cast<u32>(size), memory::kAtomic, pc);
  note_load(thread, variable.released, order);
  tsan::load(thread, variable, 1, order, pc);  // its first byte stands for the object
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
  refuse_large(thread, size, pc);
  SyncVar& variable =
      touch_atomic_apart(thread, at, static_cast<u32>(size), memory::kAtomic | memory::kWrite, pc);
  if (result == nullptr) {
    note_store(thread, variable.released, order);
  } else {
    note_update(thread, variable.released, order);
    std::memcpy(result, object, size);
  }
  std::memcpy(object, value, size);
  if (result == nullptr) {
    tsan::store(thread, variable, 1, *static_cast<const u8*>(value), order, pc);
  } else {
    tsan::update(thread, variable, 1, *static_cast<const u8*>(value), order, pc);
  }
  note_write();
  note_progress(thread);
  record(thread, kind, at, static_cast<u32>(size), fingerprint_of(object, size), order, pc);
}

bool Execution::large_cas(Thread& thread, void* object, uptr size, void* expected,
                          const void* desired, Order success, Order failure, uptr pc) {
  const uptr at = reinterpret_cast<uptr>(object);
  point(thread, EventKind::kUpdate, at, pc);
  refuse_large(thread, size, pc);
  const bool equal = std::memcmp(object, expected, size) == 0;
  const u8 flags = equal ? static_cast<u8>(memory::kAtomic | memory::kWrite) : u8{memory::kAtomic};
  SyncVar& variable = touch_atomic_apart(thread, at, static_cast<u32>(size), flags, pc);
  if (equal) {
    note_update(thread, variable.released, success);
    std::memcpy(object, desired, size);
    tsan::update(thread, variable, 1, *static_cast<const u8*>(desired), success, pc);
    note_write();
    note_progress(thread);
  } else {
    note_load(thread, variable.released, failure);
    tsan::load(thread, variable, 1, failure, pc);
    std::memcpy(expected, object, size);
    note_read(thread, at, fingerprint_of(object, size), pc);
  }
  record(thread, equal ? EventKind::kUpdate : EventKind::kFailedCas, at, static_cast<u32>(size),
         fingerprint_of(object, size), equal ? success : failure, pc);
  return equal;
}

void Execution::fence(Thread& thread, Order order, uptr pc) {
  point(thread, EventKind::kFence, 0, pc);
  if (options_.model == nullptr) {
    note_fence(thread, order);
  } else {
    options_.model->fence(thread, order);
  }
  tsan::fence(thread, order);
  record(thread, EventKind::kFence, 0, 0, 0, order, pc);
}

}  // namespace heddle::exec
