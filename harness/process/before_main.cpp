#include "process/before_main.hpp"

#include <algorithm>

#include "base/rng.hpp"
#include "exec/naming.hpp"

#ifdef HEDDLE_WITH_ASAN
#include <sanitizer/asan_interface.h>
#endif

namespace heddle::process {
namespace {

constinit BeforeMain the_time_before_main;

}  // namespace

BeforeMain& before_main() { return the_time_before_main; }

void BeforeMain::note_block(const void* memory, uptr size, memory::AllocKind kind) {
  lock();
  blocks_.push_back(EarlyBlock{reinterpret_cast<uptr>(memory), size, blocks_.size(), kind, false});
  unlock();
}

void BeforeMain::note_free(const void* memory) {
  lock();
  blocks_.push_back(EarlyBlock{reinterpret_cast<uptr>(memory), 0, blocks_.size(),
                               memory::AllocKind::kMalloc, true});
  unlock();
}

void BeforeMain::note_unmap(uptr begin, uptr end) {
  lock();
  for (u32 i = blocks_.size(); i > 0; --i) {
    EarlyBlock block = blocks_[i - 1];
    if (block.kind == memory::AllocKind::kMap && block.address < end &&
        begin < block.address + block.size) {
      block.turn = blocks_.size();
      block.freed = true;
      blocks_.push_back(block);
    }
  }
  unlock();
}

void BeforeMain::note_exit(void (*function)(void*), void* argument) {
  lock();
  exits_.push_back(EarlyExit{function, argument});
  unlock();
}

void BeforeMain::close() {
  std::sort(blocks_.begin(), blocks_.end(), [](const EarlyBlock& a, const EarlyBlock& b) {
    return a.address != b.address ? a.address < b.address : a.turn < b.turn;
  });
  u32 kept = 0;
  for (u32 i = 0; i < blocks_.size(); ++i) {
    const bool latest = i + 1 == blocks_.size() || blocks_[i + 1].address != blocks_[i].address;
    if (latest && !blocks_[i].freed) {
      blocks_[kept++] = blocks_[i];
    }
  }
  blocks_.resize(kept);
  exec::early_place = [](uptr address) {
    const EarlyBlock* block = the_time_before_main.block_of(address);
    return block == nullptr ? 0 : mix64(block->turn + 1) ^ (address - block->address);
  };
}

const EarlyBlock* BeforeMain::block_of(uptr address) const {
  u32 low = 0;
  u32 high = blocks_.size();
  while (low < high) {
    const u32 middle = (low + high) / 2;
    if (blocks_[middle].address <= address) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  // An empty block has an address of its own, too.
  const EarlyBlock* block = low == 0 ? nullptr : &blocks_[low - 1];
  return block != nullptr && (address < block->address + block->size || address == block->address)
             ? block
             : nullptr;
}

void BeforeMain::forbid(const EarlyBlock& block) {
#ifdef HEDDLE_WITH_ASAN
  __asan_poison_memory_region(reinterpret_cast<void*>(block.address), block.size);
#endif
  forbidden_.push_back(block);
}

void BeforeMain::end_execution() {
  for (const EarlyBlock& block : forbidden_) {
#ifdef HEDDLE_WITH_ASAN
    __asan_unpoison_memory_region(reinterpret_cast<void*>(block.address), block.size);
#else
    static_cast<void>(block);
#endif
  }
  forbidden_.clear();
}

}  // namespace heddle::process
