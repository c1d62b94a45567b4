// In-target world. Accesses to many bytes, by functions that the target calls. Nobody outside of
// this room includes it.
#pragma once

#include "exec/thread_sanitizer.hpp"
#include "intercept/hook.hpp"

namespace heddle::intercept {

/// What the code at `pc` does next. O(size).
inline void announce_range(const void* bytes, uptr size, bool write, uptr pc) {
  namespace tsan = exec::tsan;
  Thread* thread = current_thread;
  const uptr address = reinterpret_cast<uptr>(bytes);
  if (thread == nullptr && tsan::kPresent && process::is_native_program()) {
    tsan::plain(address, size, write, pc);
  }
  if (thread == nullptr || size == 0) {
    return;
  }
  engine().plain_range(*thread, address, size, write, pc);
  check_poison(bytes, size, write, pc);
  tsan::plain(address, size, write, pc);
  engine().record(*thread, write ? exec::EventKind::kWrite : exec::EventKind::kRead, address,
                  static_cast<u32>(size), 0, exec::Order::kRelaxed, pc);
}

}  // namespace heddle::intercept
