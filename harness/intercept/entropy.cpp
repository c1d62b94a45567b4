// Sources of randomness. Inside of an execution they follow from its decisions.
#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <random>
#include <sys/random.h>

#include "base/text.hpp"
#include "exec/uncontrolled.hpp"
#include "intercept/hook.hpp"

using heddle::is_same;
using heddle::Rng;
using heddle::u32;
using heddle::u64;
using heddle::uptr;
using heddle::exec::Thread;
using heddle::intercept::current_thread;
using heddle::intercept::engine;

namespace {

void fill(Thread& thread, void* buffer, uptr size, uptr pc) {
  heddle::intercept::check_poison(buffer, size, true, pc);
  engine().plain_range(thread, reinterpret_cast<uptr>(buffer), size, true, pc);
  auto* bytes = static_cast<unsigned char*>(buffer);
  for (uptr done = 0; done < size; done += sizeof(u64)) {
    const u64 bits = engine().random_bits(thread, pc);
    std::memcpy(bytes + done, &bits, size - done < sizeof bits ? size - done : sizeof bits);
  }
}

void note_entropy(const char* path) {
  if (current_thread != nullptr && path != nullptr &&
      (is_same(path, "/dev/urandom") || is_same(path, "/dev/random"))) {
    heddle::exec::note_escape(heddle::exec::Uncontrolled::kEntropy, path, 0);
  }
}

/// The state behind rand() and its relatives: seeded with 1 at the start of each execution, as the
/// standard has it for each program.
Rng& sequence() {
  static Rng rng;
  static u64 execution = ~u64{0};
  if (execution != engine().executions()) {
    execution = engine().executions();
    rng.reseed(1);
  }
  return rng;
}

long next_31_bits() { return static_cast<long>(sequence().next() >> 33); }

double next_unit() { return static_cast<double>(sequence().next() >> 11) * 0x1p-53; }

}  // namespace

HEDDLE_HOOK ssize_t getrandom(void* buffer, size_t size, unsigned flags) {
  Thread* thread = current_thread;
  if (thread == nullptr) {
    return HEDDLE_ORIGINAL(getrandom)(buffer, size, flags);
  }
  fill(*thread, buffer, size, HEDDLE_PC);
  return static_cast<ssize_t>(size);
}

HEDDLE_HOOK int getentropy(void* buffer, size_t size) {
  Thread* thread = current_thread;
  if (thread == nullptr) {
    return HEDDLE_ORIGINAL(getentropy)(buffer, size);
  }
  if (size > 256) {
    errno = EIO;
    return -1;
  }
  fill(*thread, buffer, size, HEDDLE_PC);
  return 0;
}

HEDDLE_HOOK u32 arc4random() noexcept {
  Thread* thread = current_thread;
  return thread == nullptr ? HEDDLE_ORIGINAL(arc4random)()
                           : static_cast<u32>(engine().random_bits(*thread, HEDDLE_PC) >> 32);
}

HEDDLE_HOOK u32 arc4random_uniform(u32 bound) noexcept {
  Thread* thread = current_thread;
  if (thread == nullptr) {
    return HEDDLE_ORIGINAL(arc4random_uniform)(bound);
  }
  return static_cast<u32>((engine().random_bits(*thread, HEDDLE_PC) >> 32) * bound >> 32);
}

HEDDLE_HOOK void arc4random_buf(void* buffer, size_t size) noexcept {
  Thread* thread = current_thread;
  if (thread == nullptr) {
    HEDDLE_ORIGINAL(arc4random_buf)(buffer, size);
    return;
  }
  fill(*thread, buffer, size, HEDDLE_PC);
}

// std::random_device asks the processor, from inside of the C++ library.
HEDDLE_HOOK void
heddle_random_device_init(std::random_device* device, const std::string& token) __asm__(
    "_ZNSt13random_device7_M_initERKNSt7__cxx1112basic_stringIcSt11char_traitsIcESaIcEEE");
HEDDLE_HOOK void heddle_random_device_init(std::random_device* device, const std::string& token) {
  if (current_thread == nullptr) {
    static auto* function = reinterpret_cast<void (*)(std::random_device*, const std::string&)>(
        heddle::intercept::find_in_libraries(
            "_ZNSt13random_device7_M_initERKNSt7__cxx1112basic_stringIcSt11char_traitsIcESaIcEEE"));
    function(device, token);
  }
}

HEDDLE_HOOK void heddle_random_device_fini(std::random_device* device) __asm__(
    "_ZNSt13random_device7_M_finiEv");
HEDDLE_HOOK void heddle_random_device_fini(std::random_device* device) {
  if (current_thread == nullptr) {
    static auto* function = reinterpret_cast<void (*)(std::random_device*)>(
        heddle::intercept::find_in_libraries("_ZNSt13random_device7_M_finiEv"));
    function(device);
  }
}

HEDDLE_HOOK unsigned heddle_random_device_value(std::random_device* device) __asm__(
    "_ZNSt13random_device9_M_getvalEv");
HEDDLE_HOOK unsigned heddle_random_device_value(std::random_device* device) {
  Thread* thread = current_thread;
  if (thread == nullptr) {
    static auto* function = reinterpret_cast<unsigned (*)(std::random_device*)>(
        heddle::intercept::find_in_libraries("_ZNSt13random_device9_M_getvalEv"));
    return function(device);
  }
  return static_cast<unsigned>(engine().random_bits(*thread, HEDDLE_PC) >> 32);
}

// ---- files of entropy: their bytes are real ----

HEDDLE_HOOK int open(const char* path, int flags, ...) {
  va_list list;
  va_start(list, flags);
  const mode_t mode = va_arg(list, mode_t);
  va_end(list);
  note_entropy(path);
  return HEDDLE_ORIGINAL(open)(path, flags, mode);
}

HEDDLE_HOOK int open64(const char* path, int flags, ...) {
  va_list list;
  va_start(list, flags);
  const mode_t mode = va_arg(list, mode_t);
  va_end(list);
  note_entropy(path);
  return HEDDLE_ORIGINAL(open64)(path, flags, mode);
}

HEDDLE_HOOK FILE* fopen(const char* path, const char* mode) {
  note_entropy(path);
  return HEDDLE_ORIGINAL(fopen)(path, mode);
}

HEDDLE_HOOK FILE* fopen64(const char* path, const char* mode) {
  note_entropy(path);
  return HEDDLE_ORIGINAL(fopen64)(path, mode);
}

// ---- pseudo-random sequences of the C library: no entropy, but state that must start anew ----

HEDDLE_HOOK int rand() noexcept {
  return current_thread == nullptr ? HEDDLE_ORIGINAL(rand)() : static_cast<int>(next_31_bits());
}

HEDDLE_HOOK void srand(unsigned seed) noexcept {
  if (current_thread == nullptr) {
    HEDDLE_ORIGINAL(srand)(seed);
    return;
  }
  sequence().reseed(seed);
}

HEDDLE_HOOK long random() noexcept {
  return current_thread == nullptr ? HEDDLE_ORIGINAL(random)() : next_31_bits();
}

HEDDLE_HOOK void srandom(unsigned seed) noexcept {
  if (current_thread == nullptr) {
    HEDDLE_ORIGINAL(srandom)(seed);
    return;
  }
  sequence().reseed(seed);
}

HEDDLE_HOOK double drand48() noexcept {
  return current_thread == nullptr ? HEDDLE_ORIGINAL(drand48)() : next_unit();
}

HEDDLE_HOOK long lrand48() noexcept {
  return current_thread == nullptr ? HEDDLE_ORIGINAL(lrand48)() : next_31_bits();
}

HEDDLE_HOOK long mrand48() noexcept {
  return current_thread == nullptr ? HEDDLE_ORIGINAL(mrand48)()
                                   : static_cast<int>(sequence().next() >> 32);
}

HEDDLE_HOOK void srand48(long seed) noexcept {
  if (current_thread == nullptr) {
    HEDDLE_ORIGINAL(srand48)(seed);
    return;
  }
  sequence().reseed(static_cast<u64>(seed));
}
