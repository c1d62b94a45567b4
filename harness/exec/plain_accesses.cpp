// Plain memory accesses that are more than a look at the shadow.

#include <cstring>

#include "exec/execution.hpp"
#include "exec/naming.hpp"

namespace heddle::exec {

void Execution::plain_point(Thread& thread, bool write, uptr address, uptr pc) {
  const bool spins = thread.plain_in_row > kPlainInRowMax;
  if (!spins && is_private(thread, address)) {
    return;
  }
  if (spins) {  // perhaps: thousands of plain accesses in a row
    thread.yielding = true;
    steps_ += kPlainInRowSteps;
    park(thread);
  }
  point(thread, write ? EventKind::kWrite : EventKind::kRead, address, pc);
  thread.yielding = false;
}

bool Execution::is_raced(uptr address) {
  const u64 name = options_.raced_count == 0 ? 0 : plain_name(*this, address);
  for (u32 i = 0; i < options_.raced_count; ++i) {
    if (options_.raced[i] == name) {
      return true;
    }
  }
  return false;
}

// Optimisers keep more or less in frames from build to build; what only its owner has touched there
// is nobody else's business, and a switch before it would make seeds depend on the build.
bool Execution::is_private(const Thread& thread, uptr address) {
  if (stop_requested_ || !is_own_stack(thread, address)) {
    return false;
  }
  const memory::Cell& cell = shadow_.cell(address & ~uptr{7});
  if ((cell.flags & memory::kSpilled) != 0 || cell.sync != 0) {
    return false;
  }
  for (u32 i = 0; i < cell.count; ++i) {
    if (cell.entries[i].thread() != thread.id) {
      return false;
    }
  }
  return true;
}

void Execution::plain_access_slow(Thread& thread, uptr address, u32 size, bool write, uptr pc) {
  const bool is_point = options_.preempt_all || is_raced(address);
  if (is_point || ++thread.plain_in_row > kPlainInRowMax) {
    plain_point(thread, write, address, pc);
  }
  const u32 shift = static_cast<u32>(address & 7);
  if (shift + size <= 8) {
    plain_granule(thread, address - shift, byte_mask(shift, size), write, pc);
    if (write) {
      note_plain_write(thread, address - shift);
    }
  } else {
    plain_range(thread, address, size, write, pc);
  }
  if (is_point && write) {
    note_write();
    note_progress(thread);
  } else if (is_point && size <= sizeof(u64)) {
    u64 value = 0;
    std::memcpy(&value, reinterpret_cast<const void*>(address), size);
    note_read(thread, address, value, pc);
  }
  record(thread, write ? EventKind::kWrite : EventKind::kRead, address, size, 0, Order::kRelaxed,
         pc);
}

// What it writes may be what is there; its own stack is part of its state anyway. Nobody else has
// the turn before settle_plain_writes().
void Execution::note_plain_write(Thread& thread, uptr granule) {
  constexpr u32 kWritesMax = 64;
  if (!options_.exhaustive || is_own_stack(thread, granule)) {
    return;
  }
  for (const PlainWrite& write : thread.plain_writes) {
    if (write.granule == granule) {
      return;
    }
  }
  if (thread.plain_writes.size() == kWritesMax) {
    ++thread.effects;
    return;
  }
  thread.plain_writes.push_back(PlainWrite{granule, load_granule(granule)});
}

void Execution::settle_plain_writes(Thread& thread) {
  bool changed = false;
  for (const PlainWrite& write : thread.plain_writes) {
    changed = changed || load_granule(write.granule) != write.before;
  }
  thread.plain_writes.clear();
  thread.effects += changed;
}

void Execution::unaddressable(Thread& thread, uptr address, u32 size, u8 flags, uptr pc) {
  access_oracle_->on_unaddressable(thread, address, size, flags, pc);
}

void Execution::ended_stack(Thread& thread, uptr address, u32 size, u8 flags, uptr pc) {
  access_oracle_->on_ended_stack(thread, address, size, flags, pc);
}

void Execution::plain_range(Thread& thread, uptr address, uptr size, bool write, uptr pc) {
  uptr at = address;
  const uptr end = address + size;
  while (at < end) {
    const uptr granule = at & ~uptr{7};
    const uptr upto = end < granule + 8 ? end : granule + 8;
    const u32 shift = static_cast<u32>(at - granule);
    const u32 bytes = static_cast<u32>(upto - at);
    plain_granule(thread, granule, byte_mask(shift, bytes), write, pc);
    if (write) {
      note_plain_write(thread, granule);
    }
    at = upto;
  }
}

}  // namespace heddle::exec
