// In-target world. What the harness knows about each 8 bytes of the target's memory.
#pragma once

#include "base/types.hpp"
#include "memory/space.hpp"

namespace heddle::memory {

/// One remembered access, as the race oracle keeps it. `clock` is the thread's own component of
/// its vector clock at the access; `mask` has a bit for each byte of the granule.
struct AccessEntry {
  u32 clock;
  ThreadId thread;
  u8 mask;
  u8 flags;  // kWrite | kAtomic | kFree
};
static_assert(sizeof(AccessEntry) == 8);

enum AccessFlags : u8 { kRead = 0, kWrite = 1, kAtomic = 2, kFree = 4 };

enum CellFlags : u8 {
  kSpilled = 1,    // entries are in a list whose head is entries[0].clock
  kLogged = 2,     // old value is in the roll-back log
  kBlockHead = 4,  // red zone directly before a heap block; `block` names it
  kOptional = 8,   // outside the arena: nobody declared what is addressable
};

/// The shadow of one granule (8 bytes). A cell whose stamp is not the execution's is stale: it
/// means "nothing known", so starting an execution costs nothing however much the last one wrote.
struct Cell {
  u32 stamp;
  u32 block;  // heap block the granule belongs to; 0 if none
  u32 sync;   // first synchronisation variable within the granule; 0 if none
  u8 valid;   // bytes that may be accessed
  u8 count;   // entries in use, unless spilled
  u8 flags;
  u8 unused;
  AccessEntry entries[2];
};
static_assert(sizeof(Cell) == 32);

constexpr uptr kShadowBase = 0x3000'0000'0000;
constexpr u32 kPageShift = 16;

/// The shadow of the whole address space: a flat array for the space of the execution, another
/// for the image's globals, and pages made on demand for everything else.
class Shadow {
 public:
  /// Reserves the flat arrays and finds the image's writable segments.
  void initialize();

  /// The cell of the granule that holds `address`; made fresh if it is stale. O(1).
  Cell& cell(uptr address) {
    const uptr offset = address - kHeapBase;
    if (__builtin_expect(offset < kSpaceBytes, 1)) {
      Cell& cell = reinterpret_cast<Cell*>(kShadowBase)[offset >> 3];
      if (__builtin_expect(cell.stamp != stamp_, 0)) {
        // Arena memory is addressable only once a block says so; stacks always are.
        refresh(cell, offset < kHeapBytes ? 0 : 0xff, 0);
      }
      return cell;
    }
    return cell_elsewhere(address);
  }

  bool in_globals(uptr address) const { return address - globals_begin_ < globals_bytes_; }
  uptr globals_begin() const { return globals_begin_; }
  uptr globals_end() const { return globals_begin_ + globals_bytes_; }

  /// Declares [address, address + size) the body of heap block `block`: addressable, no accesses yet.
  void mark_block(uptr address, uptr size, u32 block);

  u32 stamp() const { return stamp_; }
  /// Forgets everything. O(1), but for one clearing every 2^32 executions.
  void next_execution();

  void refresh(Cell& cell, u8 valid, u8 flags) {
    cell.stamp = stamp_;
    cell.block = 0;
    cell.sync = 0;
    cell.valid = valid;
    cell.count = 0;
    cell.flags = flags;
  }

 private:
  Cell& cell_elsewhere(uptr address);

  u32 stamp_ = 1;
  uptr globals_begin_ = 0;
  uptr globals_bytes_ = 0;
  Cell* globals_ = nullptr;
  Cell*** pages_ = nullptr;  // two levels over address bits 46..16
};

}  // namespace heddle::memory
