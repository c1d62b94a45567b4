// Replaces the global operator new by one that counts what a thread has allocated and freed.
#include "counted_memory.hpp"

#include <malloc.h>

#include <cstdlib>
#include <new>

namespace {

thread_local std::int64_t live_bytes = 0;

void* counted(void* block) {
  if (block == nullptr) {
    throw std::bad_alloc();
  }
  live_bytes += static_cast<std::int64_t>(::malloc_usable_size(block));
  return block;
}

void uncount(void* block) noexcept {
  live_bytes -= static_cast<std::int64_t>(::malloc_usable_size(block));
  std::free(block);
}

}  // namespace

std::int64_t bench::bytes_of_this_thread() { return live_bytes; }

void* operator new(std::size_t size) { return counted(std::malloc(size)); }
void* operator new(std::size_t size, std::align_val_t alignment) {
  const auto align = static_cast<std::size_t>(alignment);
  return counted(std::aligned_alloc(align, (size + align - 1) / align * align));
}
void operator delete(void* block) noexcept { uncount(block); }
void operator delete(void* block, std::size_t) noexcept { uncount(block); }
void operator delete(void* block, std::align_val_t) noexcept { uncount(block); }
void operator delete(void* block, std::size_t, std::align_val_t) noexcept { uncount(block); }
