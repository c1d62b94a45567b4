#include "process/own_heap.hpp"

namespace heddle::process {
namespace {

constexpr uptr kLeast = 32;

constinit OwnHeap the_heap;

}  // namespace

OwnHeap& own_heap() { return the_heap; }

// Threads of the operating system may allocate beside the one that runs the executions.
void OwnHeap::lock() {
  while (__atomic_test_and_set(&locked_, __ATOMIC_ACQUIRE)) {
  }
}

void* OwnHeap::allocate(uptr size, uptr alignment) {
  alignment = alignment < 16 ? 16 : alignment;
  const uptr bytes = size + sizeof(Header) + (alignment > 16 ? alignment : 0);
  u32 size_class = 0;
  while (size_class < kClasses && kLeast << size_class < bytes) {
    ++size_class;
  }
  if (size_class == kClasses || bytes < size) {
    return nullptr;
  }
  lock();
  if (base_ == 0) {
    base_ = reinterpret_cast<uptr>(os_reserve(kBytes));
  }
  uptr chunk = reinterpret_cast<uptr>(free_[size_class]);
  if (chunk != 0) {
    free_[size_class] = free_[size_class]->next;
  } else if (used_ + (kLeast << size_class) <= kBytes) {
    chunk = base_ + used_;
    used_ += kLeast << size_class;
  }
  unlock();
  if (chunk == 0) {
    return nullptr;
  }
  const uptr block = (chunk + sizeof(Header) + alignment - 1) & ~(alignment - 1);
  auto* memory = reinterpret_cast<void*>(block);
  header_of(memory) = Header{size_class, static_cast<u32>(block - chunk), size};
  return memory;
}

void OwnHeap::release(void* memory) {
  const Header header = header_of(memory);
  auto* chunk = reinterpret_cast<Free*>(reinterpret_cast<uptr>(memory) - header.lead);
  lock();
  chunk->next = free_[header.size_class];
  free_[header.size_class] = chunk;
  unlock();
}

uptr OwnHeap::size_of(const void* memory) const {
  return header_of(const_cast<void*>(memory)).size;
}

}  // namespace heddle::process
