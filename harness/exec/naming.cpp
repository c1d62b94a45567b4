#include "exec/naming.hpp"

#include "base/rng.hpp"
#include "exec/execution.hpp"
#include "exec/image.hpp"

namespace heddle::exec {
namespace {

enum Space : u64 {
  kHeapObject = 1,
  kStackObject,
  kGlobalObject,
  kStackPointer,
  kForeign,
  kForeignObject,
  kEarlyObject
};

constexpr u64 kAddressBits = (u64{1} << 48) - 1;  // lock-free code keeps marks above them

u64 combine(u64 a, u64 b) { return mix64(a ^ mix64(b)); }

u64 block_name(memory::Block& block, uptr address) {
  return combine(kHeapObject, combine((u64{to_index(block.thread)} << 32) | block.ordinal,
                                      address - block.address));
}

// A block only counts if the address is inside it, or one past its end.
memory::Block* block_of(Execution& execution, uptr address) {
  const u32 index = execution.shadow().cell(address & ~uptr{7}).block;
  if (index == 0) {
    return nullptr;
  }
  memory::Block& block = execution.arena().block(index);
  return address >= block.address && address <= block.address + block.size ? &block : nullptr;
}

// libstdc++ counts who waits for an atomic in a slot that the atomic's address leads to, so which
// slot it is differs from build to build.
u64 offset_in(const Symbol& symbol) {
  constexpr const char* kWaiterPool = "_ZZNSt8__detail18__waiter_pool_base6_S_forEPKvE3__w";
  constexpr uptr kSlotBytes = 128;
  return __builtin_strcmp(symbol.name, kWaiterPool) == 0 ? symbol.offset % kSlotBytes
                                                         : symbol.offset;
}

u64 global_name(const Symbol& symbol) {
  return symbol.name == nullptr
             ? u64{kGlobalObject}
             : combine(kGlobalObject, combine(name_of_text(symbol.name), offset_in(symbol)));
}

bool looks_mapped(u64 value) {
  // Images, libraries, other allocators and OS stacks under x86-64 Linux: their addresses change
  // from run to run.
  return value >= 0x5000'0000'0000 && value < 0x8000'0000'0000;
}

u64 no_early_place(uptr) { return 0; }

}  // namespace

u64 (*early_place)(uptr address) = no_early_place;

u64 early_name(uptr address) {
  const u64 place = early_place(address);
  return place == 0 ? 0 : combine(kEarlyObject, place);
}

u64 name_of_text(const char* text) {
  u64 hash = 0xcbf29ce484222325ULL;
  for (; *text != '\0'; ++text) {
    hash = (hash ^ static_cast<u8>(*text)) * 0x100000001b3ULL;
  }
  return hash;
}

u64 stable_name(Execution& execution, uptr address) {
  if (memory::Block* block = block_of(execution, address)) {
    return block_name(*block, address);
  }
  if (memory::in_stacks(address) || memory::in_heap(address)) {
    const u32 owner = memory::in_stacks(address) ? memory::stack_slot_of(address)
                                                 : memory::heap_region_of(address);
    const SyncVar& variable =
        execution.variable_at(address, execution.shadow().cell(address & ~uptr{7}));
    return combine(kStackObject, (u64{owner} << 32) | variable.ordinal);
  }
  if (in_image(address)) {
    return global_name(symbol_at(address));
  }
  const u64 early = early_name(address);
  return early != 0 ? early : u64{kForeignObject};
}

u64 plain_name(Execution& execution, uptr address) {
  if (!memory::in_stacks(address)) {
    return stable_name(execution, address);
  }
  const u32 slot = memory::stack_slot_of(address);
  return combine(kStackPointer, (u64{slot} << 32) | (memory::stack_slot(slot + 1) - address));
}

u64 stable_value(Execution& execution, u64 value) {
  const u64 address = value & kAddressBits;
  if (memory::in_stacks(value) && memory::stack_slot_of(value) < execution.thread_count()) {
    return combine(kStackPointer, memory::stack_slot_of(value));
  }
  if (execution.arena().has_handed_out(address) || looks_mapped(address)) {
    if (memory::Block* block = block_of(execution, address)) {
      const u64 name = block_name(*block, address);
      return value == address ? name : combine(name, value ^ address);
    }
    if (in_image(address)) {
      const u64 name = stable_name(execution, address);
      return value == address ? name : combine(name, value ^ address);
    }
    if (const u64 name = early_name(address)) {
      return value == address ? name : combine(name, value ^ address);
    }
    return value == address ? kForeign : value;
  }
  return value;
}

}  // namespace heddle::exec
