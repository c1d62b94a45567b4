// What libraries call when they believe that ThreadSanitizer is there, to explain synchronisation
// that it could not see. Heddle sees the atomics themselves; only the happens-before annotations
// add something.
#include "exec/happens_before.hpp"
#include "exec/thread_sanitizer.hpp"
#include "intercept/hook.hpp"

using heddle::u32;
using heddle::uptr;
using heddle::exec::ObjectOperation;
using heddle::exec::Order;
using heddle::exec::Thread;
using heddle::intercept::current_thread;
using heddle::intercept::engine;

namespace {

// Learns what was released at the address, or adds to it. The order among these is the scheduler's.
void synchronise(void* address, Order order, uptr pc) {
  if (Thread* thread = current_thread) {
    engine().annotate(*thread, reinterpret_cast<uptr>(address), order, pc);
  }
}

}  // namespace

HEDDLE_TSAN_HOOK(void, __tsan_acquire)(void* address) {
  HEDDLE_LEAVE_TO_TSAN(__tsan_acquire, address)
  synchronise(address, Order::kAcquire, HEDDLE_PC);
}
HEDDLE_TSAN_HOOK(void, __tsan_release)(void* address) {
  HEDDLE_LEAVE_TO_TSAN(__tsan_release, address)
  synchronise(address, Order::kRelease, HEDDLE_PC);
}
HEDDLE_TSAN_HOOK(void, AnnotateHappensBefore)(const char*, int, const volatile void* address) {
  synchronise(const_cast<void*>(address), Order::kRelease, HEDDLE_PC);
}
HEDDLE_TSAN_HOOK(void, AnnotateHappensAfter)(const char*, int, const volatile void* address) {
  synchronise(const_cast<void*>(address), Order::kAcquire, HEDDLE_PC);
}

// A library's own lock, built on atomics or futexes that Heddle schedules and orders by itself.
HEDDLE_TSAN_HOOK(void, __tsan_mutex_create)(void*, unsigned) {}
HEDDLE_TSAN_HOOK(void, __tsan_mutex_destroy)(void*, unsigned) {}
HEDDLE_TSAN_HOOK(void, __tsan_mutex_pre_lock)(void*, unsigned) {}
HEDDLE_TSAN_HOOK(void, __tsan_mutex_post_lock)(void*, unsigned, int) {}
HEDDLE_TSAN_HOOK(int, __tsan_mutex_pre_unlock)(void*, unsigned) { return 0; }
HEDDLE_TSAN_HOOK(void, __tsan_mutex_post_unlock)(void*, unsigned) {}
HEDDLE_TSAN_HOOK(void, __tsan_mutex_pre_signal)(void*, unsigned) {}
HEDDLE_TSAN_HOOK(void, __tsan_mutex_post_signal)(void*, unsigned) {}
HEDDLE_TSAN_HOOK(void, __tsan_mutex_pre_divert)(void*, unsigned) {}
HEDDLE_TSAN_HOOK(void, __tsan_mutex_post_divert)(void*, unsigned) {}
HEDDLE_TSAN_HOOK(void, __tsan_ignore_thread_begin)() {}
HEDDLE_TSAN_HOOK(void, __tsan_ignore_thread_end)() {}
HEDDLE_TSAN_HOOK(void, __tsan_flush_memory)() {}
HEDDLE_TSAN_HOOK(void*, __tsan_get_current_fiber)() { return current_thread; }
HEDDLE_TSAN_HOOK(void*, __tsan_create_fiber)(unsigned) { return nullptr; }
HEDDLE_TSAN_HOOK(void, __tsan_destroy_fiber)(void*) {}
HEDDLE_TSAN_HOOK(void, __tsan_switch_to_fiber)(void*, unsigned) {}
HEDDLE_TSAN_HOOK(void, __tsan_set_fiber_name)(void*, const char*) {}
HEDDLE_TSAN_HOOK(void*, __tsan_external_register_tag)(const char*) { return nullptr; }
HEDDLE_TSAN_HOOK(void, __tsan_external_register_header)(void*, const char*) {}
HEDDLE_TSAN_HOOK(void, __tsan_external_assign_tag)(void*, void*) {}
HEDDLE_TSAN_HOOK(void, __tsan_external_read)(void*, void*, void*) {}
HEDDLE_TSAN_HOOK(void, __tsan_external_write)(void*, void*, void*) {}

// The older family, still spelled out in many code bases.
HEDDLE_TSAN_HOOK(void, AnnotateRWLockCreate)(const char*, int, const volatile void*) {}
HEDDLE_TSAN_HOOK(void, AnnotateRWLockCreateStatic)(const char*, int, const volatile void*) {}
HEDDLE_TSAN_HOOK(void, AnnotateRWLockDestroy)(const char*, int, const volatile void*) {}
HEDDLE_TSAN_HOOK(void, AnnotateRWLockAcquired)(const char*, int, const volatile void*, long) {}
HEDDLE_TSAN_HOOK(void, AnnotateRWLockReleased)(const char*, int, const volatile void*, long) {}
HEDDLE_TSAN_HOOK(void, AnnotateCondVarSignal)(const char*, int, const volatile void*) {}
HEDDLE_TSAN_HOOK(void, AnnotateCondVarSignalAll)(const char*, int, const volatile void*) {}
HEDDLE_TSAN_HOOK(void, AnnotateCondVarWait)(const char*, int, const volatile void*,
                                            const volatile void*) {}
HEDDLE_TSAN_HOOK(void, AnnotateMutexIsNotPHB)(const char*, int, const volatile void*) {}
HEDDLE_TSAN_HOOK(void, AnnotateMutexIsUsedAsCondVar)(const char*, int, const volatile void*) {}
HEDDLE_TSAN_HOOK(void, AnnotatePCQCreate)(const char*, int, const volatile void*) {}
HEDDLE_TSAN_HOOK(void, AnnotatePCQDestroy)(const char*, int, const volatile void*) {}
HEDDLE_TSAN_HOOK(void, AnnotatePCQPut)(const char*, int, const volatile void*) {}
HEDDLE_TSAN_HOOK(void, AnnotatePCQGet)(const char*, int, const volatile void*) {}
HEDDLE_TSAN_HOOK(void, AnnotatePublishMemoryRange)(const char*, int, const volatile void*, long) {}
HEDDLE_TSAN_HOOK(void, AnnotateUnpublishMemoryRange)(const char*, int, const volatile void*, long) {
}
HEDDLE_TSAN_HOOK(void, AnnotateNewMemory)(const char*, int, const volatile void*, long) {}
HEDDLE_TSAN_HOOK(void, AnnotateTraceMemory)(const char*, int, const volatile void*) {}
HEDDLE_TSAN_HOOK(void, AnnotateExpectRace)(const char*, int, const volatile void*, const char*) {}
HEDDLE_TSAN_HOOK(void, AnnotateFlushExpectedRaces)(const char*, int) {}
HEDDLE_TSAN_HOOK(void, AnnotateBenignRace)(const char*, int, const volatile void*, const char*) {}
HEDDLE_TSAN_HOOK(void, AnnotateBenignRaceSized)(const char*, int, const volatile void*, long,
                                                const char*) {}
HEDDLE_TSAN_HOOK(void, AnnotateIgnoreReadsBegin)(const char*, int) {}
HEDDLE_TSAN_HOOK(void, AnnotateIgnoreReadsEnd)(const char*, int) {}
HEDDLE_TSAN_HOOK(void, AnnotateIgnoreWritesBegin)(const char*, int) {}
HEDDLE_TSAN_HOOK(void, AnnotateIgnoreWritesEnd)(const char*, int) {}
HEDDLE_TSAN_HOOK(void, AnnotateIgnoreSyncBegin)(const char*, int) {}
HEDDLE_TSAN_HOOK(void, AnnotateIgnoreSyncEnd)(const char*, int) {}
HEDDLE_TSAN_HOOK(void, AnnotateEnableRaceDetection)(const char*, int, int) {}
HEDDLE_TSAN_HOOK(void, AnnotateNoOp)(const char*, int, const volatile void*) {}
HEDDLE_TSAN_HOOK(void, AnnotateFlushState)(const char*, int) {}
HEDDLE_TSAN_HOOK(void, AnnotateThreadName)(const char*, int, const char*) {}
HEDDLE_TSAN_HOOK(void, AnnotateMemoryIsInitialized)(const char*, int, const volatile void*, long) {}
HEDDLE_TSAN_HOOK(void, AnnotateMemoryIsUninitialized)(const char*, int, const volatile void*,
                                                      long) {}
HEDDLE_TSAN_HOOK(void, WTFAnnotateHappensBefore)(const char*, int, const volatile void* address) {
  synchronise(const_cast<void*>(address), Order::kRelease, HEDDLE_PC);
}
HEDDLE_TSAN_HOOK(void, WTFAnnotateHappensAfter)(const char*, int, const volatile void* address) {
  synchronise(const_cast<void*>(address), Order::kAcquire, HEDDLE_PC);
}
HEDDLE_TSAN_HOOK(void, WTFAnnotateBenignRaceSized)(const char*, int, const volatile void*, long,
                                                   const char*) {}
HEDDLE_TSAN_HOOK(int, RunningOnValgrind)() { return 0; }
