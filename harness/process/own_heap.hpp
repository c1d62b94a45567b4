// In-target world. Memory for the command, in a process whose C library belongs to the program.
#pragma once

#include "base/vec.hpp"

namespace heddle::process {

/// A plain allocator with a free list for each power of two. The C library's own is part of what
/// executions find as new, so nothing that outlives one may come from it.
class OwnHeap {
 public:
  void* allocate(uptr size, uptr alignment);
  void release(void* memory);
  bool owns(const void* memory) const { return reinterpret_cast<uptr>(memory) - base_ < used_; }
  uptr size_of(const void* memory) const;

 private:
  static constexpr uptr kBytes = uptr{64} << 30;  // of address space
  static constexpr u32 kClasses = 40;

  struct Header {
    u32 size_class;
    u32 lead;  // bytes from the start of the chunk to the block
    uptr size;
  };
  struct Free {
    Free* next;
  };

  static Header& header_of(void* memory) { return static_cast<Header*>(memory)[-1]; }
  void lock();
  void unlock() { __atomic_clear(&locked_, __ATOMIC_RELEASE); }

  uptr base_ = 0;
  uptr used_ = 0;
  Free* free_[kClasses] = {};
  bool locked_ = false;
};

OwnHeap& own_heap();

}  // namespace heddle::process
