#include "base/vec.hpp"

#include <sys/mman.h>

#include "base/invariant.hpp"

namespace heddle {

namespace {

void* map(std::size_t bytes, int flags) {
  void* memory = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_ANONYMOUS | flags, -1, 0);
  if (memory == MAP_FAILED) {
    environment_failure("out of memory");
  }
  return memory;
}

}  // namespace

void* os_map(std::size_t bytes) { return map(bytes, MAP_PRIVATE); }

void* os_reserve(std::size_t bytes) { return map(bytes, MAP_PRIVATE | MAP_NORESERVE); }

void* os_share(std::size_t bytes) { return map(bytes, MAP_SHARED | MAP_NORESERVE); }

void os_unmap(void* memory, std::size_t bytes) { ::munmap(memory, bytes); }

void* os_remap(void* old_memory, std::size_t old_bytes, std::size_t new_bytes) {
  void* memory = ::mremap(old_memory, old_bytes, new_bytes, MREMAP_MAYMOVE);
  if (memory == MAP_FAILED) {
    environment_failure("out of memory");
  }
  return memory;
}

}  // namespace heddle
