// Memory that the program asks for and gives back.

#include "exec/execution.hpp"
#include "exec/thread_sanitizer.hpp"

namespace heddle::exec {

void* Execution::allocate(Thread& thread, uptr size, uptr alignment, memory::AllocKind kind,
                          uptr pc) {
  ++thread.effects;
  void* memory = arena_.allocate(thread.id, size, alignment);
  if (memory != nullptr) {
    note_allocation(thread, size, kind, pc);
  }
  return memory;
}

void Execution::adopt(Thread& thread, void* memory, uptr size, memory::AllocKind kind, uptr pc) {
  ++thread.effects;
  arena_.adopt(thread.id, memory, size);
  note_allocation(thread, size, kind, pc);
}

void Execution::note_allocation(Thread& thread, uptr size, memory::AllocKind kind, uptr pc) {
  memory::Block& block = arena_.block(arena_.last_block());
  block.kind = kind;
  block.epoch = thread.epoch;
  block.alloc_pc = pc;
  block.alloc_operation = thread.operation;
  block.alloc_event = events_.size();
  record(thread, EventKind::kAllocate, block.address, 0, size, Order::kRelaxed, pc);
}

void Execution::adopt_early(Thread& thread, void* memory, uptr size, memory::AllocKind kind) {
  arena_.adopt_known(thread.id, memory, size);
  arena_.block(arena_.last_block()).kind = kind;
}

bool Execution::deallocate(Thread& thread, void* memory, memory::AllocKind kind, uptr pc) {
  ++thread.effects;
  const uptr address = reinterpret_cast<uptr>(memory);
  const u32 index = arena_.block_at(address);
  if (index == 0 || arena_.block(index).state == memory::BlockState::kFreed) {
    access_oracle_->on_bad_free(thread, address, index, pc);
    return false;
  }
  memory::Block& block = arena_.block(index);
  if (block.kind != kind) {
    access_oracle_->on_mismatched_free(thread, index, pc);
  }
  if (options_.preempt_all) {
    point(thread, EventKind::kFree, address, pc);
  }
  block.freed_by = thread.id;
  block.free_pc = pc;
  block.free_operation = thread.operation;
  block.free_event = events_.size();
  record(thread, EventKind::kFree, address, 0, block.size, Order::kRelaxed, pc);
  // To the race oracle a free is a write of every byte.
  judge_block(thread, index, address,
              {thread.epoch, thread.id, 0xff, memory::kWrite | memory::kFree}, pc);
  arena_.retire(index, [&](uptr at, memory::Cell& cell) {
    access_oracle_->on_free(thread, at, cell, pc);
    if (cell.sync != 0) {
      judge_freed_locks(thread, cell, pc);
    }
  });
  tsan::plain(address, block.size, true, pc);
  return true;
}

uptr Execution::size_of_block(void* address) {
  const u32 index = arena_.block_at(reinterpret_cast<uptr>(address));
  return index == 0 ? 0 : arena_.block(index).size;
}

}  // namespace heddle::exec
