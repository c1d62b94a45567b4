// In-target world. Memory from the kernel.
#pragma once

#include <sys/types.h>

#include "exec/thread.hpp"

namespace heddle::intercept {

/// The arguments of mmap().
struct Mapping {
  void* wanted;
  std::size_t bytes;
  int protection;
  int flags;
  int file;
  off_t offset;
};

// As the functions of these names, for a thread of an execution.
void* map(exec::Thread& thread, const Mapping& mapping, uptr pc);
int unmap(exec::Thread& thread, void* memory, std::size_t bytes, uptr pc);
void* remap(exec::Thread& thread, void* memory, std::size_t old_bytes, std::size_t new_bytes,
            int flags, void* wanted, uptr pc);
int protect(exec::Thread& thread, void* memory, std::size_t bytes, int protection);

}  // namespace heddle::intercept
