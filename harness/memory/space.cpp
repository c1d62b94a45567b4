#include "memory/space.hpp"

#include <sys/mman.h>
#ifdef HEDDLE_WITH_TSAN
#include <sys/syscall.h>
#include <unistd.h>
#endif

#include "base/invariant.hpp"
#include "base/text.hpp"

namespace heddle::memory {
namespace {

void* map_at(void* wanted, uptr bytes) {
  constexpr int kProtection = PROT_READ | PROT_WRITE;
  constexpr int kFlags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE;
#ifdef HEDDLE_WITH_TSAN
  // ThreadSanitizer's mmap refuses addresses that have no shadow of its, and those it has closed.
  if (!has_sanitizer_shadow(reinterpret_cast<uptr>(wanted))) {
    ::syscall(SYS_munmap, wanted, bytes);
  }
  return reinterpret_cast<void*>(::syscall(SYS_mmap, wanted, bytes, kProtection, kFlags, -1, 0));
#else
  return ::mmap(wanted, bytes, kProtection, kFlags, -1, 0);
#endif
}

}  // namespace

void reserve_at(uptr address, uptr bytes, const char* what) {
  void* wanted = reinterpret_cast<void*>(address);
  void* got = map_at(wanted, bytes);
  if (got != wanted) {
    Text<200> message;
    message.add(
        "cannot reserve %zu GiB of address space for %s; is 'ulimit -v' set, or "
        "vm.overcommit_memory = 2?",
        static_cast<std::size_t>(bytes >> 30), what);
    environment_failure(message.data);
  }
  // Core dumps of a crashed harness would otherwise carry terabytes of holes.
  ::madvise(got, bytes, MADV_DONTDUMP);
}

void reserve_space() { reserve_at(kHeapBase, kSpaceBytes, "heaps and stacks"); }

void release_pages(uptr from, uptr to) {
  constexpr uptr kPage = 4096;
  from = (from + kPage - 1) & ~(kPage - 1);
  to &= ~(kPage - 1);
  if (from < to) {
    ::madvise(reinterpret_cast<void*>(from), to - from, MADV_DONTNEED);
  }
}

}  // namespace heddle::memory
