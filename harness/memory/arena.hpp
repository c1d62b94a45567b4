// In-target world. The heap of an execution.
#pragma once

#include "base/vec.hpp"
#include "memory/shadow.hpp"

namespace heddle::memory {

enum class BlockState : u8 { kLive, kFreed, kLeaked };

/// How a block was obtained; freeing it in another way is a finding.
enum class AllocKind : u8 { kMalloc, kNew, kNewArray, kMap };

/// A heap block, from its allocation to the end of the execution (freed blocks are quarantined).
struct Block {
  uptr address;
  uptr size;
  ThreadId thread;  // who allocated it
  u32 epoch;        // of that thread then; 0 if all threads know of it
  u32 ordinal;      // it was the thread's n-th allocation, from 0: the stable name
  BlockState state;
  AllocKind kind;
  bool by_library;  // allocated by code that is no part of the program
  ThreadId freed_by;
  u32 alloc_operation;  // index into the history of operations; kNoOperation outside of any
  u32 free_operation;
  uptr alloc_pc;
  uptr free_pc;
  u32 alloc_event;  // index into the trace, where one is kept
  u32 free_event;
};

/// Bump allocation from one region a thread; nothing is reused before the execution ends.
/// With an external allocator (AddressSanitizer's), the arena only keeps the block table.
class Arena {
 public:
  constexpr explicit Arena(Shadow& shadow) : shadow_(shadow) {}

  /// A new block of `size` bytes, filled with 0xbe so that reading it uninitialised is the same in
  /// every run; nullptr when the thread's region is full.
  void* allocate(ThreadId thread, uptr size, uptr alignment);
  /// Enters a block that another allocator made.
  void adopt(ThreadId thread, void* memory, uptr size);
  /// The same for a block that was accessed already: what is known of it stays.
  void adopt_known(ThreadId thread, void* memory, uptr size);
  /// Memory for the harness's own per-thread use (thread-local variables): no block, no name.
  void* allocate_internal(ThreadId thread, uptr size, uptr alignment);

  /// True if `address` is, or is directly behind, memory handed out in this execution. Numbers that
  /// only look like addresses of the arena are not.
  bool has_handed_out(uptr address) const {
    if (!in_heap(address)) {
      return false;
    }
    const u32 thread = heap_region_of(address);
    const uptr offset = address - kHeapBase - thread * kHeapRegionBytes;
    return regions_[thread].stamp == shadow_.stamp() && offset <= regions_[thread].used;
  }

  /// The block that starts exactly at `address`; 0 if none ever did. O(1).
  u32 block_at(uptr address);
  /// The block that `address` lies in or directly behind; 0 if none. O(1) inside of a block.
  u32 block_near(uptr address);

  Block& block(u32 index) { return blocks_[index - 1]; }
  u32 last_block() const { return blocks_.size(); }
  u32 live_count() const { return live_count_; }
  /// Marks a live block freed; its bytes stay as they are, and may not be touched any more. Calls
  /// `visit(address, cell)` for each granule before that. O(size).
  template <class Visit>
  void retire(u32 index, Visit visit) {
    Block& retired = block(index);
    retired.state = BlockState::kFreed;
    --live_count_;
    for (uptr at = retired.address; at < retired.address + retired.size; at += 8) {
      Cell& cell = shadow_.cell(at);
      visit(at, cell);
      cell.valid = 0;
    }
  }

  void next_execution();

 private:
  uptr bump(ThreadId thread, uptr size, uptr alignment);
  Block& enter(ThreadId thread, uptr address, uptr size);

  struct Region {
    uptr used;  // bytes handed out in this execution
    uptr high;  // most bytes ever handed out since pages were released
    u32 stamp;
    u32 ordinal;
  };

  Shadow& shadow_;
  Region regions_[kThreadCountMax] = {};
  Vec<Block> blocks_;
  u32 live_count_ = 0;
};

constexpr u32 kNoOperation = ~u32{0};
constexpr u32 kNoEvent = ~u32{0};

}  // namespace heddle::memory
