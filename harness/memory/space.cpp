#include "memory/space.hpp"

#include <sys/mman.h>

#include "base/invariant.hpp"
#include "base/text.hpp"
#include "base/vec.hpp"

namespace heddle::memory {
void reserve_at(uptr address, uptr bytes, const char* what) {
  void* wanted = reinterpret_cast<void*>(address);
#ifdef HEDDLE_WITH_TSAN
  // ThreadSanitizer has closed the addresses that have no shadow of its.
  if (!has_sanitizer_shadow(address)) {
    os_unmap(wanted, bytes);
  }
#endif
  if (os_reserve_at(wanted, bytes) == nullptr) {
    Text<200> message;
    message.add(
        "cannot reserve %zu GiB of address space for %s; is 'ulimit -v' set, or "
        "vm.overcommit_memory = 2?",
        static_cast<std::size_t>(bytes >> 30), what);
    environment_failure(message.data);
  }
  // Core dumps of a crashed harness would otherwise carry terabytes of holes.
  ::madvise(wanted, bytes, MADV_DONTDUMP);
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
