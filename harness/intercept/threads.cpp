// pthread_*: threads and what is known of them, once.
#include <cerrno>
#include <csignal>
#include <cstring>
#include <pthread.h>
#include <sched.h>

#include "intercept/origin.hpp"
#include "intercept/thread_library.hpp"
#include "intercept/time.hpp"
#include "memory/space.hpp"

using heddle::ThreadId;
using heddle::to_index;
using heddle::u32;
using heddle::u64;
using heddle::uptr;
using heddle::exec::DecisionKind;
using heddle::exec::FindingKind;
using heddle::exec::kAtOnce;
using heddle::exec::kNever;
using heddle::exec::Thread;
using heddle::exec::ThreadState;
using heddle::exec::Uncontrolled;
using heddle::intercept::current_thread;
using heddle::intercept::engine;
using heddle::intercept::join_thread;
using heddle::intercept::place_in_program;

namespace {

// On a fiber pthread_t is the thread's number plus one; 0 means "no thread" to std::thread::id.
pthread_t handle_of(const Thread& thread) { return to_index(thread.id) + 1; }

Thread* thread_of(pthread_t handle) {
  return handle >= 1 && handle <= engine().thread_count()
             ? &engine().thread(heddle::to_thread_id(static_cast<u32>(handle - 1)))
             : nullptr;
}

// Without a time it waits for as long as it takes.
int join_until(Thread& thread, pthread_t handle, void** result, const timespec* until, uptr pc) {
  return until == nullptr ? join_thread(thread, handle, result, kNever, pc)
                          : join_thread(thread, handle, result, *until, pc);
}

int refuse(Thread& thread, const char* rule, const char* message, uptr pc) {
  engine().report(thread, FindingKind::kUnsupported, rule, pc, message);
  return ENOTSUP;
}

}  // namespace

namespace heddle::intercept {

int create_thread(Thread& thread, pthread_t* handle, const pthread_attr_t* attributes,
                  void* (*entry)(void*), void* argument, uptr pc) {
  if (engine().fails_by_decision(DecisionKind::kThreadCreation)) {
    return EAGAIN;
  }
  Thread& created = engine().create_thread(thread, entry, argument, pc);
  int detach_state = PTHREAD_CREATE_JOINABLE;
  if (attributes != nullptr) {
    ::pthread_attr_getdetachstate(attributes, &detach_state);
  }
  created.detached = detach_state == PTHREAD_CREATE_DETACHED;
  *handle = handle_of(created);
  return 0;
}

int join_thread(Thread& thread, pthread_t handle, void** result, u64 deadline_ns, uptr pc) {
  Thread* target = thread_of(handle);
  if (target == nullptr) {
    return ESRCH;
  }
  if (target == &thread) {
    return EDEADLK;
  }
  if (target->joined || target->detached) {
    engine().report(
        thread, FindingKind::kMisuse, "bad-join", pc,
        target->joined ? "join of a thread that was joined already" : "join of a detached thread");
  }
  if (!engine().join(thread, *target, deadline_ns, pc)) {
    return deadline_ns == kAtOnce ? EBUSY : ETIMEDOUT;
  }
  if (result != nullptr) {
    *result = target->result;
  }
  return 0;
}

int join_thread(Thread& thread, pthread_t handle, void** result, const timespec& until, uptr pc) {
  return wait_until(
      until, [&](u64 deadline) { return join_thread(thread, handle, result, deadline, pc); });
}

void run_once(Thread& thread, void* once, void (*initialise)(), uptr pc) {
  if (!engine().guard_acquire(thread, once, pc)) {
    return;
  }
  // An exception leaves it undone.
  struct Release {
    Thread& thread;
    void* once;
    uptr pc;
    bool done = false;
    ~Release() { engine().guard_release(thread, once, done, pc); }
  } release{thread, once, pc};
  initialise();
  release.done = true;
}

}  // namespace heddle::intercept

HEDDLE_HOOK int pthread_create(pthread_t* handle, const pthread_attr_t* attributes,
                               void* (*entry)(void*), void* argument) {
  Thread* thread = current_thread;
  if (thread == nullptr) {
    return HEDDLE_ORIGINAL(pthread_create)(handle, attributes, entry, argument);
  }
  heddle::intercept::note_library(Uncontrolled::kThreadOfLibrary, "pthread_create", HEDDLE_PC);
  return heddle::intercept::create_thread(*thread, handle, attributes, entry, argument,
                                          place_in_program(HEDDLE_PC));
}

HEDDLE_HOOK int pthread_join(pthread_t handle, void** result) {
  Thread* thread = current_thread;
  return thread == nullptr
             ? HEDDLE_ORIGINAL(pthread_join)(handle, result)
             : join_thread(*thread, handle, result, kNever, place_in_program(HEDDLE_PC));
}

HEDDLE_HOOK int pthread_tryjoin_np(pthread_t handle, void** result) noexcept {
  Thread* thread = current_thread;
  return thread == nullptr ? HEDDLE_ORIGINAL(pthread_tryjoin_np)(handle, result)
                           : join_thread(*thread, handle, result, kAtOnce, HEDDLE_PC);
}

HEDDLE_HOOK int pthread_timedjoin_np(pthread_t handle, void** result, const timespec* until) {
  Thread* thread = current_thread;
  return thread == nullptr ? HEDDLE_ORIGINAL(pthread_timedjoin_np)(handle, result, until)
                           : join_until(*thread, handle, result, until, HEDDLE_PC);
}

HEDDLE_HOOK int pthread_clockjoin_np(pthread_t handle, void** result, clockid_t clock,
                                     const timespec* until) {
  Thread* thread = current_thread;
  return thread == nullptr ? HEDDLE_ORIGINAL(pthread_clockjoin_np)(handle, result, clock, until)
         : heddle::intercept::can_wait_by(clock)
             ? join_until(*thread, handle, result, until, HEDDLE_PC)
             : EINVAL;
}

HEDDLE_HOOK int pthread_detach(pthread_t handle) {
  Thread* thread = current_thread;
  if (thread == nullptr) {
    return HEDDLE_ORIGINAL(pthread_detach)(handle);
  }
  Thread* target = thread_of(handle);
  if (target == nullptr) {
    return ESRCH;
  }
  if (target->joined || target->detached) {
    engine().report(*thread, FindingKind::kMisuse, "bad-detach", HEDDLE_PC,
                    target->joined ? "detach of a thread that was joined already"
                                   : "detach of a detached thread");
  }
  target->detached = true;
  return 0;
}

HEDDLE_HOOK pthread_t pthread_self() noexcept {
  Thread* thread = current_thread;
  return thread == nullptr ? HEDDLE_ORIGINAL(pthread_self)() : handle_of(*thread);
}

HEDDLE_HOOK int pthread_once(pthread_once_t* once, void (*initialise)()) {
  Thread* thread = current_thread;
  if (thread == nullptr) {
    return HEDDLE_ORIGINAL(pthread_once)(once, initialise);
  }
  if (!heddle::intercept::is_program(HEDDLE_PC)) {
    // A system library initialises itself (libgcc's unwinder does): for the process, and in one go.
    const heddle::exec::RuntimeScope runtime;
    return HEDDLE_ORIGINAL(pthread_once)(once, initialise);
  }
  heddle::intercept::run_once(*thread, once, initialise, HEDDLE_PC);
  return 0;
}

HEDDLE_HOOK int sched_yield() noexcept {
  Thread* thread = current_thread;
  if (thread == nullptr) {
    return HEDDLE_ORIGINAL(sched_yield)();
  }
  engine().yield(*thread, HEDDLE_PC);
  return 0;
}

// ---- what the C library would look up behind a handle, which on a fiber is no pointer ----

HEDDLE_HOOK int pthread_setname_np(pthread_t handle, const char* name) noexcept {
  return current_thread == nullptr ? HEDDLE_ORIGINAL(pthread_setname_np)(handle, name) : 0;
}

HEDDLE_HOOK int pthread_getname_np(pthread_t handle, char* name, size_t size) noexcept {
  if (current_thread == nullptr) {
    return HEDDLE_ORIGINAL(pthread_getname_np)(handle, name, size);
  }
  return std::snprintf(name, size, "T%lu", static_cast<unsigned long>(handle - 1)) <
                 static_cast<int>(size)
             ? 0
             : ERANGE;
}

HEDDLE_HOOK int pthread_getattr_np(pthread_t handle, pthread_attr_t* attributes) noexcept {
  if (current_thread == nullptr) {
    return HEDDLE_ORIGINAL(pthread_getattr_np)(handle, attributes);
  }
  const Thread* target = thread_of(handle);
  if (target == nullptr) {
    return ESRCH;
  }
  ::pthread_attr_init(attributes);
  ::pthread_attr_setdetachstate(
      attributes, target->detached ? PTHREAD_CREATE_DETACHED : PTHREAD_CREATE_JOINABLE);
  ::pthread_attr_setguardsize(attributes, heddle::memory::kStackGuardBytes);
  return ::pthread_attr_setstack(attributes, const_cast<void*>(target->context.stack_bottom),
                                 target->context.stack_bytes);
}

HEDDLE_HOOK int pthread_setaffinity_np(pthread_t handle, size_t size,
                                       const cpu_set_t* set) noexcept {
  return current_thread == nullptr ? HEDDLE_ORIGINAL(pthread_setaffinity_np)(handle, size, set) : 0;
}

HEDDLE_HOOK int pthread_getaffinity_np(pthread_t handle, size_t size, cpu_set_t* set) noexcept {
  if (current_thread == nullptr) {
    return HEDDLE_ORIGINAL(pthread_getaffinity_np)(handle, size, set);
  }
  return ::sched_getaffinity(0, size, set) < 0 ? EINVAL : 0;
}

// What a thread has used of a processor's time is virtual, too.
HEDDLE_HOOK int pthread_getcpuclockid(pthread_t handle, clockid_t* clock) noexcept {
  if (current_thread == nullptr) {
    return HEDDLE_ORIGINAL(pthread_getcpuclockid)(handle, clock);
  }
  *clock = CLOCK_THREAD_CPUTIME_ID;
  return thread_of(handle) == nullptr ? ESRCH : 0;
}

HEDDLE_HOOK int pthread_setschedparam(pthread_t handle, int policy,
                                      const sched_param* parameters) noexcept {
  return current_thread == nullptr
             ? HEDDLE_ORIGINAL(pthread_setschedparam)(handle, policy, parameters)
             : 0;
}

HEDDLE_HOOK int pthread_getschedparam(pthread_t handle, int* policy,
                                      sched_param* parameters) noexcept {
  if (current_thread == nullptr) {
    return HEDDLE_ORIGINAL(pthread_getschedparam)(handle, policy, parameters);
  }
  *policy = SCHED_OTHER;
  parameters->sched_priority = 0;
  return 0;
}

HEDDLE_HOOK int pthread_setschedprio(pthread_t handle, int priority) noexcept {
  return current_thread == nullptr ? HEDDLE_ORIGINAL(pthread_setschedprio)(handle, priority) : 0;
}

// ---- refusals: a thread that dies or is interrupted at any instruction is out of reach ----

HEDDLE_HOOK int pthread_cancel(pthread_t handle) {
  Thread* thread = current_thread;
  return thread == nullptr ? HEDDLE_ORIGINAL(pthread_cancel)(handle)
                           : refuse(*thread, "pthread_cancel",
                                    "pthread_cancel is not supported: threads end by returning or "
                                    "by pthread_exit",
                                    HEDDLE_PC);
}

HEDDLE_HOOK int pthread_kill(pthread_t handle, int signal) noexcept {
  Thread* thread = current_thread;
  if (thread == nullptr) {
    return HEDDLE_ORIGINAL(pthread_kill)(handle, signal);
  }
  const Thread* target = thread_of(handle);
  if (target == nullptr || target->state == ThreadState::kFinished) {
    return ESRCH;
  }
  if (signal == 0) {
    return 0;
  }
  if (target == thread) {
    return ::raise(signal);
  }
  return refuse(*thread, "pthread_kill",
                "pthread_kill is not supported: signals to other threads cannot be scheduled",
                HEDDLE_PC);
}
