#include "base/vec.hpp"

#include <sys/mman.h>

#include <sys/syscall.h>

#include "base/invariant.hpp"

namespace heddle {

namespace {

// The functions of these names are hooks, for the program's mappings.
long kernel(long number, uptr a, uptr b, uptr c, uptr d, long e, long f) {
  register uptr fourth __asm__("r10") = d;
  register long fifth __asm__("r8") = e;
  register long sixth __asm__("r9") = f;
  long result = 0;
  __asm__ volatile("syscall"
                   : "=a"(result)
                   : "0"(number), "D"(a), "S"(b), "d"(c), "r"(fourth), "r"(fifth), "r"(sixth)
                   : "rcx", "r11", "memory");
  return result;
}

void* memory_or_leave(long result) {
  if (result < 0) {
    environment_failure("out of memory");
  }
  return reinterpret_cast<void*>(result);
}

void* map(std::size_t bytes, uptr flags) {
  return memory_or_leave(
      kernel(SYS_mmap, 0, bytes, PROT_READ | PROT_WRITE, MAP_ANONYMOUS | flags, -1, 0));
}

}  // namespace

void* os_map(std::size_t bytes) { return map(bytes, MAP_PRIVATE); }

void* os_reserve(std::size_t bytes) { return map(bytes, MAP_PRIVATE | MAP_NORESERVE); }

void* os_reserve_at(void* wanted, std::size_t bytes) {
  const long result =
      kernel(SYS_mmap, reinterpret_cast<uptr>(wanted), bytes, PROT_READ | PROT_WRITE,
             MAP_ANONYMOUS | MAP_PRIVATE | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0);
  return result == reinterpret_cast<long>(wanted) ? wanted : nullptr;
}

const void* os_map_file(int file, std::size_t bytes) {
  return memory_or_leave(kernel(SYS_mmap, 0, bytes, PROT_READ, MAP_PRIVATE, file, 0));
}

void* os_share(std::size_t bytes) { return map(bytes, MAP_SHARED | MAP_NORESERVE); }

void os_unmap(void* memory, std::size_t bytes) {
  kernel(SYS_munmap, reinterpret_cast<uptr>(memory), bytes, 0, 0, 0, 0);
}

void* os_remap(void* old_memory, std::size_t old_bytes, std::size_t new_bytes) {
  return memory_or_leave(kernel(SYS_mremap, reinterpret_cast<uptr>(old_memory), old_bytes,
                                new_bytes, MREMAP_MAYMOVE, 0, 0));
}

}  // namespace heddle
