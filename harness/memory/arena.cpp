#include "memory/arena.hpp"

#include <cstring>
#include <initializer_list>

namespace heddle::memory {
namespace {

constexpr uptr kRedZoneBytes = 16;
// Regions that once grew beyond this give their pages back, or one large execution would stay
// resident for ever.
constexpr uptr kKeepBytes = uptr{1} << 20;

constexpr uptr round_up(uptr value, uptr to) { return (value + to - 1) & ~(to - 1); }

}  // namespace

uptr Arena::bump(ThreadId thread, uptr size, uptr alignment) {
  Region& region = regions_[to_index(thread)];
  if (region.stamp != shadow_.stamp()) {
    if (region.high > kKeepBytes) {
      const uptr base = kHeapBase + to_index(thread) * kHeapRegionBytes;
      release_pages(base + kKeepBytes, base + region.high);
      region.high = kKeepBytes;
    }
    region.stamp = shadow_.stamp();
    region.used = 0;
    region.ordinal = 0;
  }
  const uptr base = kHeapBase + to_index(thread) * kHeapRegionBytes;
  const uptr at = round_up(base + region.used + kRedZoneBytes, alignment);
  if (size > kHeapRegionBytes || at + size + kRedZoneBytes > base + kHeapRegionBytes) {
    return 0;
  }
  region.used = at + round_up(size, 8) - base;
  region.high = region.used > region.high ? region.used : region.high;
  return at;
}

Block& Arena::enter(ThreadId thread, uptr address, uptr size) {
  Region& region = regions_[to_index(thread)];
  if (region.stamp != shadow_.stamp()) {
    bump(thread, 0, 8);  // an adopted block may be the thread's first: start its region
  }
  Block& block = blocks_.push_back(Block{.address = address,
                                         .size = size,
                                         .thread = thread,
                                         .epoch = 0,
                                         .ordinal = region.ordinal++,
                                         .state = BlockState::kLive,
                                         .kind = AllocKind::kMalloc,
                                         .by_library = false,
                                         .freed_by = ThreadId::kNone,
                                         .alloc_operation = kNoOperation,
                                         .free_operation = kNoOperation,
                                         .alloc_pc = 0,
                                         .free_pc = 0,
                                         .alloc_event = kNoEvent,
                                         .free_event = kNoEvent});
  ++live_count_;
  // An adopted block may lie where another one was, earlier in this execution: the latest counts.
  Cell& head = shadow_.cell(address - 8);
  head.block = blocks_.size();
  head.flags |= kBlockHead;
  return block;
}

void* Arena::allocate(ThreadId thread, uptr size, uptr alignment) {
  const uptr at = bump(thread, size, alignment < 16 ? 16 : alignment);
  if (at == 0) {
    return nullptr;
  }
  enter(thread, at, size);
  shadow_.mark_block(at, size, blocks_.size());
  void* memory = reinterpret_cast<void*>(at);
  std::memset(memory, 0xbe, size);
  return memory;
}

void Arena::adopt(ThreadId thread, void* memory, uptr size) {
  const uptr address = reinterpret_cast<uptr>(memory);
  enter(thread, address, size);
  shadow_.mark_block(address, size, blocks_.size());
  // The least red zone of that allocator: accesses there are to be told by the block beside it.
  const uptr end = round_up(address + size, 8);
  for (const uptr at : {address - 16, address - 8, end, end + 8}) {
    Cell& cell = shadow_.cell(at);
    cell.valid = 0;
    if ((cell.flags & kBlockHead) == 0) {  // else it names this block, or the next one
      cell.block = blocks_.size();
    }
  }
}

void Arena::adopt_known(ThreadId thread, void* memory, uptr size) {
  enter(thread, reinterpret_cast<uptr>(memory), size);
  const uptr address = reinterpret_cast<uptr>(memory);
  for (uptr at = address; at < address + size; at += 8) {
    shadow_.cell(at).block = blocks_.size();
  }
}

void* Arena::allocate_internal(ThreadId thread, uptr size, uptr alignment) {
  const uptr at = bump(thread, size, alignment < 16 ? 16 : alignment);
  if (at == 0) {
    return nullptr;
  }
  shadow_.mark_block(at, size, 0);
  return reinterpret_cast<void*>(at);
}

u32 Arena::block_at(uptr address) {
  const Cell& head = shadow_.cell(address - 8);
  if ((head.flags & kBlockHead) != 0 && blocks_[head.block - 1].address == address) {
    return head.block;
  }
  return 0;
}

u32 Arena::block_near(uptr address) {
  const Cell& own = shadow_.cell(address);
  if (own.block != 0) {
    return own.block;
  }
  if (!in_heap(address)) {
    return 0;
  }
  // A red zone: the block before it is the likelier culprit (overflow), then the one behind.
  u32 best = 0;
  uptr best_distance = 4096;
  for (u32 index = blocks_.size(); index > 0; --index) {
    const Block& block = blocks_[index - 1];
    const uptr distance = address >= block.address ? address - (block.address + block.size)
                                                   : block.address - address + 64;
    if (distance < best_distance) {
      best = index;
      best_distance = distance;
    }
  }
  return best;
}

void Arena::next_execution() {
  blocks_.clear();
  live_count_ = 0;
}

}  // namespace heddle::memory
