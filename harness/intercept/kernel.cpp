// What a program asks the kernel about threads: futexes and other system calls made by number, its
// own thread's number, processors.
#include <cerrno>
#include <cstdarg>
#include <cstring>
#include <ctime>
#include <linux/futex.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include "intercept/hook.hpp"
#include "intercept/mappings.hpp"
#include "intercept/time.hpp"

using heddle::u32;
using heddle::u64;
using heddle::uptr;
using heddle::exec::FindingKind;
using heddle::exec::kNever;
using heddle::exec::Thread;
using heddle::intercept::current_thread;
using heddle::intercept::engine;
using heddle::intercept::Mapping;
using heddle::intercept::to_nanoseconds;

namespace {

// The same wherever an execution runs: programs cut their work by these.
constexpr int kProcessors = 4;
constexpr pid_t kFirstThreadNumber = 1'000'000;

pid_t number_of(const Thread& thread) {
  return kFirstThreadNumber + static_cast<pid_t>(heddle::to_index(thread.id));
}

u64 deadline_of(int operation, const timespec* timeout) {
  if (timeout == nullptr) {
    return kNever;
  }
  // FUTEX_WAIT takes a duration, FUTEX_WAIT_BITSET a point in time.
  return to_nanoseconds(*timeout) + (operation == FUTEX_WAIT ? engine().virtual_now_ns() : 0);
}

long futex(Thread& thread, const long (&arguments)[6], uptr pc) {
  void* word = reinterpret_cast<void*>(arguments[0]);
  const int operation = static_cast<int>(arguments[1]) & FUTEX_CMD_MASK;
  const u32 value = static_cast<u32>(arguments[2]);
  switch (operation) {
    case FUTEX_WAIT:
    case FUTEX_WAIT_BITSET: {
      const u64 deadline = deadline_of(operation, reinterpret_cast<const timespec*>(arguments[3]));
      errno = engine().futex_wait(thread, word, value, deadline, pc);
      return errno == 0 ? 0 : -1;
    }
    case FUTEX_WAKE:
    case FUTEX_WAKE_BITSET: return engine().futex_wake(thread, word, value, pc);
    case FUTEX_CMP_REQUEUE:
      if (*static_cast<volatile u32*>(word) != static_cast<u32>(arguments[5])) {
        errno = EAGAIN;
        return -1;
      }
      [[fallthrough]];
    case FUTEX_REQUEUE:
      return engine().futex_requeue(thread, word, value, reinterpret_cast<void*>(arguments[4]),
                                    static_cast<u32>(arguments[3]), pc);
    default: break;
  }
  heddle::Text<100> message;
  message.add("futex operation %d is not supported", operation);
  engine().report(thread, FindingKind::kUnsupported, "futex", pc, message.data);
  errno = ENOSYS;
  return -1;
}

template <class T>
T* pointer(long argument) {
  return reinterpret_cast<T*>(argument);
}

/// mmap() and its relatives, by number.
long memory_call(Thread* thread, long number, const long (&arguments)[6], uptr pc) {
  void* memory = pointer<void>(arguments[0]);
  const auto bytes = static_cast<std::size_t>(arguments[1]);
  const auto third = static_cast<std::size_t>(arguments[2]);
  const int protection = static_cast<int>(arguments[2]);
  const int flags = static_cast<int>(arguments[3]);
  switch (number) {
    case SYS_mmap: {
      const int file = static_cast<int>(arguments[4]);
      const Mapping mapping = {memory, bytes, protection, flags, file, arguments[5]};
      return reinterpret_cast<long>(
          thread != nullptr ? heddle::intercept::map(*thread, mapping, pc)
                            : ::mmap(memory, bytes, protection, flags, file, arguments[5]));
    }
    case SYS_munmap:
      return thread != nullptr ? heddle::intercept::unmap(*thread, memory, bytes, pc)
                               : ::munmap(memory, bytes);
    case SYS_mprotect:
      return thread != nullptr ? heddle::intercept::protect(*thread, memory, bytes, protection)
                               : ::mprotect(memory, bytes, protection);
    default:
      return reinterpret_cast<long>(
          thread != nullptr ? heddle::intercept::remap(*thread, memory, bytes, third, flags,
                                                       pointer<void>(arguments[4]), pc)
                            : ::mremap(memory, bytes, third, flags, pointer<void>(arguments[4])));
  }
}

}  // namespace

HEDDLE_HOOK long syscall(long number, ...) noexcept {
  va_list list;
  va_start(list, number);
  long arguments[6];
  for (long& argument : arguments) {
    argument = va_arg(list, long);
  }
  va_end(list);
  if (Thread* thread = current_thread) {
    switch (number) {
      case SYS_futex: return futex(*thread, arguments, HEDDLE_PC);
      case SYS_gettid: return number_of(*thread);
      case SYS_exit_group: engine().end_program(*thread, static_cast<int>(arguments[0]), HEDDLE_PC);
      case SYS_sched_yield: return ::sched_yield();
      case SYS_clock_gettime:
        return ::clock_gettime(static_cast<clockid_t>(arguments[0]),
                               reinterpret_cast<timespec*>(arguments[1]));
      case SYS_nanosleep:
        return ::nanosleep(reinterpret_cast<const timespec*>(arguments[0]),
                           reinterpret_cast<timespec*>(arguments[1]));
      case SYS_getrandom:
        return ::getrandom(reinterpret_cast<void*>(arguments[0]), static_cast<size_t>(arguments[1]),
                           static_cast<unsigned>(arguments[2]));
      default: break;
    }
  }
  if (number == SYS_mmap || number == SYS_munmap || number == SYS_mremap ||
      number == SYS_mprotect) {
    return memory_call(current_thread, number, arguments, HEDDLE_PC);
  }
  return HEDDLE_ORIGINAL(syscall)(number, arguments[0], arguments[1], arguments[2], arguments[3],
                                  arguments[4], arguments[5]);
}

HEDDLE_HOOK pid_t gettid() noexcept {
  const Thread* thread = current_thread;
  return thread == nullptr ? HEDDLE_ORIGINAL(gettid)() : number_of(*thread);
}

HEDDLE_HOOK int sched_getcpu() noexcept {
  const Thread* thread = current_thread;
  return thread == nullptr ? HEDDLE_ORIGINAL(sched_getcpu)()
                           : static_cast<int>(heddle::to_index(thread->id)) % kProcessors;
}

HEDDLE_HOOK int get_nprocs() noexcept {
  return current_thread == nullptr ? HEDDLE_ORIGINAL(get_nprocs)() : kProcessors;
}

HEDDLE_HOOK int get_nprocs_conf() noexcept {
  return current_thread == nullptr ? HEDDLE_ORIGINAL(get_nprocs_conf)() : kProcessors;
}

HEDDLE_HOOK long sysconf(int name) noexcept {
  const bool asks_for_processors = name == _SC_NPROCESSORS_ONLN || name == _SC_NPROCESSORS_CONF;
  return current_thread != nullptr && asks_for_processors ? kProcessors
                                                          : HEDDLE_ORIGINAL(sysconf)(name);
}

HEDDLE_HOOK int sched_getaffinity(pid_t process, size_t size, cpu_set_t* set) noexcept {
  if (current_thread == nullptr) {
    return HEDDLE_ORIGINAL(sched_getaffinity)(process, size, set);
  }
  std::memset(set, 0, size);
  for (int processor = 0; processor < kProcessors; ++processor) {
    CPU_SET_S(static_cast<size_t>(processor), size, set);
  }
  return 0;
}

HEDDLE_HOOK int sched_setaffinity(pid_t process, size_t size, const cpu_set_t* set) noexcept {
  return current_thread == nullptr ? HEDDLE_ORIGINAL(sched_setaffinity)(process, size, set) : 0;
}
