// In-target world. What static constructors made before main: each execution finds it as it was.
#pragma once

#include "base/vec.hpp"
#include "memory/arena.hpp"

namespace heddle::process {

struct EarlyBlock {
  uptr address;
  uptr size;
  u32 turn;  // blocks follow each other at an address: the latest counts
  memory::AllocKind kind;
  bool freed;
};

struct EarlyExit {
  void (*function)(void*);
  void* argument;
};

class BeforeMain {
 public:
  void note_block(const void* memory, uptr size, memory::AllocKind kind);
  void note_free(const void* memory);
  /// The kernel takes back, or changes, memory in this range: what was mapped there is no block.
  void note_unmap(uptr begin, uptr end);
  void note_exit(void (*function)(void*), void* argument);
  /// main is next: nothing is added any more.
  void close();

  /// The block that `address` lies in, null if in none. O(log blocks); after close() only.
  const EarlyBlock* block_of(uptr address) const;
  /// An execution has freed the block: nobody may touch it until the execution ends.
  void forbid(const EarlyBlock& block);
  void end_execution();
  const Vec<EarlyBlock>& blocks() const { return blocks_; }
  const Vec<EarlyExit>& exits() const { return exits_; }

 private:
  void lock() {
    while (__atomic_test_and_set(&locked_, __ATOMIC_ACQUIRE)) {
    }
  }
  void unlock() { __atomic_clear(&locked_, __ATOMIC_RELEASE); }

  Vec<EarlyBlock> blocks_;
  Vec<EarlyExit> exits_;
  Vec<EarlyBlock> forbidden_;
  bool locked_ = false;
};

BeforeMain& before_main();

}  // namespace heddle::process
