// The rest of the C and C++ runtime that an execution must own: static locals and crashes.
#include <cstdlib>

#include "exec/atomics_inl.hpp"
#include "exec/faults.hpp"
#include "intercept/hook.hpp"

using heddle::u64;
using heddle::u8;
using heddle::exec::FindingKind;
using heddle::exec::Order;
using heddle::exec::RuntimeScope;
using heddle::exec::Thread;
using heddle::intercept::current_thread;
using heddle::intercept::engine;

// ---- static locals ----

namespace {

// Compiled code looks at the first byte itself, by an acquiring load, before it calls these: that
// byte is an atomic variable like others. The one behind it stands for the lock.
u8* done_byte(u64* guard) { return reinterpret_cast<u8*>(guard); }
u8* lock_byte(u64* guard) { return done_byte(guard) + 1; }

}  // namespace

HEDDLE_TSAN_HOOK(int, __cxa_guard_acquire)(u64* guard) {
  HEDDLE_LEAVE_TO_TSAN(__cxa_guard_acquire, guard)
  Thread* thread = current_thread;
  if (thread == nullptr) {
    return HEDDLE_ORIGINAL(__cxa_guard_acquire)(guard);
  }
  return engine().guard_acquire(*thread, lock_byte(guard), HEDDLE_PC) ? 1 : 0;
}

HEDDLE_TSAN_HOOK(void, __cxa_guard_release)(u64* guard) {
  HEDDLE_LEAVE_TO_TSAN(__cxa_guard_release, guard)
  Thread* thread = current_thread;
  if (thread == nullptr) {
    return HEDDLE_ORIGINAL(__cxa_guard_release)(guard);
  }
  engine().atomic_store(*thread, done_byte(guard), u8{1}, Order::kRelease, HEDDLE_PC);
  engine().guard_release(*thread, lock_byte(guard), true, HEDDLE_PC);
}

HEDDLE_TSAN_HOOK(void, __cxa_guard_abort)(u64* guard) {
  HEDDLE_LEAVE_TO_TSAN(__cxa_guard_abort, guard)
  Thread* thread = current_thread;
  if (thread == nullptr) {
    return HEDDLE_ORIGINAL(__cxa_guard_abort)(guard);
  }
  engine().guard_release(*thread, lock_byte(guard), false, HEDDLE_PC);
}

// ---- crashes ----

HEDDLE_HOOK void abort() noexcept { heddle::exec::on_abort(HEDDLE_PC); }

HEDDLE_HOOK void __assert_fail(const char* assertion, const char* file, unsigned line,
                               const char* function) noexcept {
  Thread* thread = current_thread;
  if (thread == nullptr) {
    HEDDLE_ORIGINAL(__assert_fail)(assertion, file, line, function);
    __builtin_unreachable();
  }
  const RuntimeScope runtime;
  heddle::Text<600> message;
  message.add("assertion '%s' failed in T%u (%s)", assertion, heddle::to_index(thread->id),
              function);
  engine().report(*thread, FindingKind::kCrash, "assertion", HEDDLE_PC, message.data);
  __builtin_unreachable();
}
