// Empty in builds without ThreadSanitizer.
#include "exec/thread_sanitizer.hpp"

#ifdef HEDDLE_WITH_TSAN

#include <cstring>
#include <sys/mman.h>
#include <unistd.h>

#include "base/descriptor.hpp"
#include "exec/execution.hpp"

// The plain names are those of Heddle's hooks.
#define DECLARE_ATOMIC(bits)                                                \
  u##bits __real___tsan_atomic##bits##_load(const volatile u##bits*, int);  \
  void __real___tsan_atomic##bits##_store(volatile u##bits*, u##bits, int); \
  u##bits __real___tsan_atomic##bits##_exchange(volatile u##bits*, u##bits, int);
#define DECLARE_PLAIN(size)                            \
  void __real___tsan_read##size##_pc(void*, void* pc); \
  void __real___tsan_write##size##_pc(void*, void* pc);

extern "C" {
using heddle::u128;
using heddle::u16;
using heddle::u32;
using heddle::u64;
using heddle::u8;
DECLARE_ATOMIC(8)
DECLARE_ATOMIC(16)
DECLARE_ATOMIC(32)
DECLARE_ATOMIC(64)
DECLARE_ATOMIC(128)
DECLARE_PLAIN(1)
DECLARE_PLAIN(2)
DECLARE_PLAIN(4)
DECLARE_PLAIN(8)
u8 __real___tsan_atomic8_fetch_or(volatile u8*, u8, int);
void __real___tsan_read_range_pc(void*, unsigned long size, void* pc);
void __real___tsan_write_range_pc(void*, unsigned long size, void* pc);
void __real___tsan_func_entry(void* caller);
void __real___tsan_func_exit();
void __real___tsan_acquire(void*);
void __real___tsan_release(void*);
void* __real___tsan_get_current_fiber();
void* __real___tsan_create_fiber(unsigned flags);
void __real___tsan_switch_to_fiber(void*, unsigned flags);
void __real___tsan_flush_memory();
void __real___tsan_set_fiber_name(void*, const char* name);
unsigned long __tsan_testonly_shadow_stack_current_size();
void __sanitizer_set_report_fd(void*);
void __sanitizer_set_death_callback(void (*)());
}

namespace heddle::exec::tsan {
namespace {

constexpr unsigned kNoSynchronisation = 1;

/// A logical thread to ThreadSanitizer, which knows no fences. What a fence would have to remember,
/// the clocks of two more fibers do: they never run. Fibers serve execution after execution,
/// because ThreadSanitizer never forgets one that was destroyed.
struct Fibers {
  void* own;
  void* seen;  // has seen what relaxed loads have; an acquire fence takes it in
  void*
      fenced;  // has seen what the thread had at its last release fence; relaxed stores publish it
};

Fibers fibers[kThreadCountMax];
void* outside = nullptr;
void* running = nullptr;
uptr place = 0;  // in the target, of what is told at present
int report_file = -1;
bool asked = false;  // its report is an opinion on a race that has been found already
Text<32768> report;

// An atomic function takes its caller, which is here, for the place: the target's is one frame up.
class Frame {
 public:
  explicit Frame(uptr pc) {
    place = pc;
    __real___tsan_func_entry(reinterpret_cast<void*>(pc));
  }
  ~Frame() { __real___tsan_func_exit(); }
  Frame(const Frame&) = delete;
  Frame& operator=(const Frame&) = delete;
};

template <class T>
volatile T* at(uptr address) {
  return reinterpret_cast<volatile T*>(address);
}

void real_load(uptr address, u32 size, Order order, uptr pc) {
  const Frame frame(pc);
  const int memory_order = static_cast<int>(order);
  switch (size) {
    case 1: __real___tsan_atomic8_load(at<u8>(address), memory_order); break;
    case 2: __real___tsan_atomic16_load(at<u16>(address), memory_order); break;
    case 4: __real___tsan_atomic32_load(at<u32>(address), memory_order); break;
    case 8: __real___tsan_atomic64_load(at<u64>(address), memory_order); break;
    default: __real___tsan_atomic128_load(at<u128>(address), memory_order);
  }
}

void real_store(uptr address, u32 size, u128 value, Order order, uptr pc) {
  const Frame frame(pc);
  const int memory_order = static_cast<int>(order);
  switch (size) {
    case 1:
      __real___tsan_atomic8_store(at<u8>(address), static_cast<u8>(value), memory_order);
      break;
    case 2:
      __real___tsan_atomic16_store(at<u16>(address), static_cast<u16>(value), memory_order);
      break;
    case 4:
      __real___tsan_atomic32_store(at<u32>(address), static_cast<u32>(value), memory_order);
      break;
    case 8:
      __real___tsan_atomic64_store(at<u64>(address), static_cast<u64>(value), memory_order);
      break;
    default: __real___tsan_atomic128_store(at<u128>(address), value, memory_order);
  }
}

void real_exchange(uptr address, u32 size, u128 value, Order order, uptr pc) {
  const Frame frame(pc);
  const int memory_order = static_cast<int>(order);
  switch (size) {
    case 1:
      __real___tsan_atomic8_exchange(at<u8>(address), static_cast<u8>(value), memory_order);
      break;
    case 2:
      __real___tsan_atomic16_exchange(at<u16>(address), static_cast<u16>(value), memory_order);
      break;
    case 4:
      __real___tsan_atomic32_exchange(at<u32>(address), static_cast<u32>(value), memory_order);
      break;
    case 8:
      __real___tsan_atomic64_exchange(at<u64>(address), static_cast<u64>(value), memory_order);
      break;
    default: __real___tsan_atomic128_exchange(at<u128>(address), value, memory_order);
  }
}

void ensure(void*& fiber, ThreadId thread) {
  if (fiber == nullptr) {
    Text<24> name;
    name.add("heddle T%u", to_index(thread));
    fiber = __real___tsan_create_fiber(0);
    __real___tsan_set_fiber_name(fiber, name.data);
  }
}

void acquire_as(void* fiber, uptr key) {
  __real___tsan_switch_to_fiber(fiber, kNoSynchronisation);
  __real___tsan_acquire(reinterpret_cast<void*>(key));
  __real___tsan_switch_to_fiber(running, kNoSynchronisation);
}

void release_as(void* fiber, uptr key) {
  __real___tsan_switch_to_fiber(fiber, kNoSynchronisation);
  __real___tsan_release(reinterpret_cast<void*>(key));
  __real___tsan_switch_to_fiber(running, kNoSynchronisation);
}

void note_seen(const Thread& thread, const SyncVar& variable) {
  if (thread.clock.has_all_of(variable.released)) {
    return;
  }
  Fibers& self = fibers[to_index(thread.id)];
  ensure(self.seen, thread.id);
  acquire_as(self.seen, variable.address);
}

void publish_fenced(const Thread& thread, const SyncVar& variable) {
  const Fibers& self = fibers[to_index(thread.id)];
  if (self.fenced != nullptr) {
    release_as(self.fenced, variable.address);
  }
}

/// A thread that was cut short is still in some function.
void leave_all_functions(void* fiber) {
  __real___tsan_switch_to_fiber(fiber, kNoSynchronisation);
  while (__tsan_testonly_shadow_stack_current_size() != 0) {
    __real___tsan_func_exit();
  }
}

/// Moves what was printed since the last call into `report`.
void collect() {
  const ssize_t bytes = ::pread(report_file, report.data, sizeof report.data - 1, 0);
  report.length = bytes > 0 ? static_cast<u32>(bytes) : 0;
  report.data[report.length] = '\0';
  static_cast<void>(!::ftruncate(report_file, 0));
  ::lseek(report_file, 0, SEEK_SET);
}

/// The accesses that `report` tells of, the later one first. Its first line has the number of the
/// process; its threads have numbers of their own, and the harness made them all.
const char* accesses() {
  const char* first = std::strstr(report.data, "\n  ");
  first = first == nullptr ? report.data : first + 1;
  if (char* threads = std::strstr(report.data, "\n\n  Thread ")) {
    threads[1] = '\0';
  }
  for (char* by = report.data; (by = std::strstr(by, " by thread T")) != nullptr;) {
    const char* rest = by + std::strcspn(by, ":\n");
    std::memmove(by, rest, std::strlen(rest) + 1);
  }
  return first;
}

void print() { static_cast<void>(!::write(STDERR_FILENO, report.data, report.length)); }

void on_death() {
  collect();
  print();
}

}  // namespace

void initialize() {
  // The text goes into the finding; printing it too would drown a hunt.
  report_file = out_of_the_way(::memfd_create("heddle-tsan-report", MFD_CLOEXEC));
  enter_process();
}

void enter_process() {
  if (report_file >= 0) {
    __sanitizer_set_report_fd(reinterpret_cast<void*>(static_cast<std::intptr_t>(report_file)));
    __sanitizer_set_death_callback(on_death);
  }
}

void start_thread(ThreadId created) { ensure(fibers[to_index(created)].own, created); }

void switch_to(ThreadId thread) {
  if (outside == nullptr) {
    outside = __real___tsan_get_current_fiber();
  }
  running = fibers[to_index(thread)].own;
  __real___tsan_switch_to_fiber(running, kNoSynchronisation);
}

void switch_outside() { __real___tsan_switch_to_fiber(outside, kNoSynchronisation); }

void end_execution(u32 threads) {
  for (u32 i = 0; i < threads; ++i) {
    leave_all_functions(fibers[i].own);
  }
  switch_outside();
  __real___tsan_flush_memory();
}

void enter_function(void* caller) { __real___tsan_func_entry(caller); }

void leave_function() { __real___tsan_func_exit(); }

void plain(uptr address, uptr size, bool write, uptr pc) {
  if (!memory::has_sanitizer_shadow(address) || is_errno(address & ~uptr{7})) {
    return;
  }
  place = pc;
  void* const memory = reinterpret_cast<void*>(address);
  void* const caller = reinterpret_cast<void*>(pc);
  const bool in_granule = (address & 7) + size <= 8;
  switch (in_granule ? size : 0) {
    case 1: (write ? __real___tsan_write1_pc : __real___tsan_read1_pc)(memory, caller); break;
    case 2: (write ? __real___tsan_write2_pc : __real___tsan_read2_pc)(memory, caller); break;
    case 4: (write ? __real___tsan_write4_pc : __real___tsan_read4_pc)(memory, caller); break;
    case 8: (write ? __real___tsan_write8_pc : __real___tsan_read8_pc)(memory, caller); break;
    default:
      (write ? __real___tsan_write_range_pc : __real___tsan_read_range_pc)(memory, size, caller);
  }
}

void load(const Thread& thread, const SyncVar& variable, u32 size, Order order, uptr pc) {
  if (!memory::has_sanitizer_shadow(variable.address)) {
    return;
  }
  real_load(variable.address, size, order, pc);
  if (!acquires(order)) {
    note_seen(thread, variable);
  }
}

void store(const Thread& thread, const SyncVar& variable, u32 size, u128 value, Order order,
           uptr pc) {
  if (!memory::has_sanitizer_shadow(variable.address)) {
    return;
  }
  real_store(variable.address, size, value, order, pc);
  if (!releases(order)) {
    publish_fenced(thread, variable);
  }
}

void update(const Thread& thread, const SyncVar& variable, u32 size, u128 value, Order order,
            uptr pc) {
  if (!memory::has_sanitizer_shadow(variable.address)) {
    return;
  }
  if (!acquires(order)) {
    note_seen(thread, variable);
  }
  real_exchange(variable.address, size, value, order, pc);
  if (!releases(order)) {
    publish_fenced(thread, variable);
  }
}

void fence(const Thread& thread, Order order) {
  Fibers& self = fibers[to_index(thread.id)];
  if (acquires(order) && self.seen != nullptr) {
    const uptr key = reinterpret_cast<uptr>(&self.seen);
    release_as(self.seen, key);
    acquire(thread, key);
  }
  if (!releases(order)) {
    return;
  }
  ensure(self.fenced, thread.id);
  const uptr key = reinterpret_cast<uptr>(&self.fenced);
  release(key);
  acquire_as(self.fenced, key);
}

void touch(uptr address, uptr pc) {
  if (memory::has_sanitizer_shadow(address)) {
    real_load(address, 1, Order::kRelaxed, pc);
  }
}

void acquire(const Thread& thread, uptr key) {
  void* const fiber = fibers[to_index(thread.id)].own;
  if (!memory::has_sanitizer_shadow(key)) {
    return;
  }
  if (fiber == running) {
    __real___tsan_acquire(reinterpret_cast<void*>(key));
  } else {
    acquire_as(fiber, key);
  }
}

void release(uptr key) {
  if (memory::has_sanitizer_shadow(key)) {
    __real___tsan_release(reinterpret_cast<void*>(key));
  }
}

const char* opinion_on(uptr granule, const memory::AccessEntry& access, uptr pc) {
  report.clear();
  asked = true;
  const bool write = (access.flags() & memory::kWrite) != 0;
  for (u32 byte = 0; byte < 8 && report.length == 0; ++byte) {
    if ((access.mask() >> byte & 1) == 0) {
      continue;
    }
    if ((access.flags() & memory::kAtomic) == 0) {
      plain(granule + byte, 1, write, pc);
    } else if (write) {
      const Frame frame(pc);
      __real___tsan_atomic8_fetch_or(at<u8>(granule + byte), 0, 0);
    } else {
      touch(granule + byte, pc);
    }
  }
  asked = false;
  return report.length != 0 ? accesses() : nullptr;
}

}  // namespace heddle::exec::tsan

// ThreadSanitizer calls this when a report is printed. It holds locks, and must be left to return.
extern "C" __attribute__((visibility("default"), used)) void __tsan_on_report(void*) {
  using namespace heddle::exec;  // NOLINT(google-build-using-namespace)
  tsan::collect();
  if (!engine().running()) {
    tsan::print();  // outside of any execution, the harness's own perhaps
    return;
  }
  if (engine().surroundings() != nullptr) {
    engine().surroundings()->after_report();
  }
  if (tsan::asked) {
    return;
  }
  engine().sanitizer_race(tsan::accesses(), tsan::place);
}

#endif
