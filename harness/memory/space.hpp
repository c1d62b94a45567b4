// In-target world. Where the memory of an execution lies in the address space.
#pragma once

#include "base/types.hpp"

namespace heddle::memory {

// Fixed addresses make an object's address a function of its thread and its turn, with ASLR on.
#ifdef HEDDLE_WITH_TSAN
// ThreadSanitizer has a shadow for parts of the address space only; the target's memory must lie in
// one of them. The lowest (below 0x100'0000'0000) is empty but for images that are not
// position-independent. Two small numbers side by side shall not look like an address.
constexpr uptr kHeapBase = 0x5a'8000'0000;
constexpr uptr kHeapRegionBytes = uptr{512} << 20;  // virtual; touched pages only cost memory
#else
// The bases avoid AddressSanitizer's shadow (below 0x1000'8000'0000), its allocator
// (from 0x5000'0000'0000), and the kernel's choices for images, libraries and stacks.
constexpr uptr kHeapBase = 0x2000'0000'0000;
constexpr uptr kHeapRegionBytes = uptr{2} << 30;  // virtual; touched pages only cost memory
#endif
constexpr uptr kHeapBytes = kHeapRegionBytes * kThreadCountMax;
constexpr uptr kStackBase = kHeapBase + kHeapBytes;
constexpr uptr kStackSlotBytes = uptr{8} << 20;    // what a thread has by default on Linux
constexpr uptr kStackGuardBytes = uptr{64} << 10;  // also catches one large frame stepping over
constexpr uptr kStackBytes = kStackSlotBytes * kThreadCountMax;
constexpr uptr kSpaceBytes = kHeapBytes + kStackBytes;

constexpr bool in_heap(uptr address) { return address - kHeapBase < kHeapBytes; }

constexpr bool in_stacks(uptr address) { return address - kStackBase < kStackBytes; }

constexpr bool in_space(uptr address) { return address - kHeapBase < kSpaceBytes; }

constexpr u32 heap_region_of(uptr address) {
  return static_cast<u32>((address - kHeapBase) / kHeapRegionBytes);
}

constexpr u32 stack_slot_of(uptr address) {
  return static_cast<u32>((address - kStackBase) / kStackSlotBytes);
}

constexpr uptr stack_slot(u32 index) { return kStackBase + index * kStackSlotBytes; }

/// Reserves the whole space (no memory is committed). Call once, before any other use of the room.
void reserve_space();

/// Reserves `bytes` at `address` exactly; leaves with exit code 5 if something else is there.
void reserve_at(uptr address, uptr bytes, const char* what);

#ifdef HEDDLE_WITH_TSAN
// ThreadSanitizer's shadow and, directly behind, what it knows of blocks and mutexes.
constexpr uptr kSanitizerBase = 0x1000'0000'0000;
constexpr uptr kSanitizerBytes = 0x2400'0000'0000;

/// True for what ThreadSanitizer calls application memory: only there may it be told of accesses.
constexpr bool has_sanitizer_shadow(uptr address) {
  return address < 0x100'0000'0000 || address - 0x5500'0000'0000 < 0x500'0000'0000 ||
         address - 0x7200'0000'0000 < 0x100'0000'0000 ||
         address - 0x7a00'0000'0000 < 0x600'0000'0000;
}
#endif

/// Gives the memory of [from, to) back to the kernel; it reads as zero afterwards.
void release_pages(uptr from, uptr to);

}  // namespace heddle::memory
