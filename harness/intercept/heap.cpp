// malloc, free, new and delete in all their forms.
#include <cerrno>
#include <cstring>
#include <malloc.h>
#include <new>

#include "intercept/hook.hpp"
#include "intercept/origin.hpp"

using heddle::uptr;
using heddle::exec::DecisionKind;
using heddle::exec::Thread;
using heddle::intercept::current_thread;
using heddle::intercept::engine;
using heddle::intercept::place_in_program;
using heddle::memory::AllocKind;

// The allocator below: the C library's own, or a sanitizer's.
#if defined(HEDDLE_WITH_ASAN) || defined(HEDDLE_WITH_TSAN)
#define BELOW(name) __interceptor_##name
#else
#define BELOW(name) __libc_##name
#endif
extern "C" {
void* BELOW(malloc)(std::size_t);
void BELOW(free)(void*);
void* BELOW(calloc)(std::size_t, std::size_t);
void* BELOW(realloc)(void*, std::size_t);
void* BELOW(memalign)(std::size_t, std::size_t);
}

namespace {

/// The logical thread on whose account `pc` allocates; null if it is no part of an execution.
Thread* accountable(uptr pc) {
  Thread* thread = current_thread;
  return thread != nullptr && heddle::intercept::is_program_or_cxx_library(pc) ? thread : nullptr;
}

void* allocate(Thread& thread, std::size_t size, std::size_t alignment, AllocKind kind, uptr pc) {
  // Not inside of the C++ library: what it allocates there is for throwing exceptions, mostly.
  if (heddle::intercept::is_program(pc) && engine().fails_by_decision(DecisionKind::kAllocation)) {
    errno = ENOMEM;
    return nullptr;
  }
#ifdef HEDDLE_WITH_ASAN
  void* memory = alignment <= 16 ? BELOW(malloc)(size) : BELOW(memalign)(alignment, size);
  if (memory != nullptr) {
    engine().adopt(thread, memory, size, kind, place_in_program(pc));
  }
  return memory;
#else
  void* memory = engine().allocate(thread, size, alignment, kind, place_in_program(pc));
  if (memory == nullptr) {
    errno = ENOMEM;
  }
  return memory;
#endif
}

/// True if `memory` came from an execution's heap (this one's or, dangling, an earlier one's).
bool is_execution_block(void* memory) {
#ifdef HEDDLE_WITH_ASAN
  return engine().arena().block_at(reinterpret_cast<uptr>(memory)) != 0;
#else
  return heddle::memory::in_heap(reinterpret_cast<uptr>(memory));
#endif
}

/// True if the engine must hear of the free, be it right or wrong.
bool concerns_execution(uptr address) {
#ifdef HEDDLE_WITH_ASAN
  return engine().arena().block_near(address) != 0 || heddle::memory::in_stacks(address);
#else
  return heddle::memory::in_heap(address) || heddle::memory::in_stacks(address);
#endif
}

void release(void* memory, AllocKind kind, uptr pc) {
  if (memory == nullptr) {
    return;
  }
  Thread* thread = current_thread;
  if (thread != nullptr && concerns_execution(reinterpret_cast<uptr>(memory)) &&
      !engine().deallocate(*thread, memory, kind, place_in_program(pc))) {
    return;
  }
#ifdef HEDDLE_WITH_ASAN
  BELOW(free)(memory);
#else
  // The arena takes its blocks back by itself, also what is freed after the execution.
  if (!heddle::memory::in_heap(reinterpret_cast<uptr>(memory))) {
    BELOW(free)(memory);
  }
#endif
}

void* allocate_or_throw(std::size_t size, std::size_t alignment, AllocKind kind, uptr pc) {
  Thread* thread = accountable(pc);
  void* memory = thread != nullptr ? allocate(*thread, size, alignment, kind, pc)
                 : alignment <= 16 ? BELOW(malloc)(size)
                                   : BELOW(memalign)(alignment, size);
  if (memory == nullptr) {
    throw std::bad_alloc();
  }
  return memory;
}

void* allocate_or_null(std::size_t size, std::size_t alignment, AllocKind kind, uptr pc) {
  Thread* thread = accountable(pc);
  return thread != nullptr ? allocate(*thread, size, alignment, kind, pc)
         : alignment <= 16 ? BELOW(malloc)(size)
                           : BELOW(memalign)(alignment, size);
}

}  // namespace

HEDDLE_HOOK void* malloc(std::size_t size) {
  return allocate_or_null(size, 16, AllocKind::kMalloc, HEDDLE_PC);
}

HEDDLE_HOOK void free(void* memory) { release(memory, AllocKind::kMalloc, HEDDLE_PC); }

HEDDLE_HOOK void* calloc(std::size_t count, std::size_t size) {
  Thread* thread = accountable(HEDDLE_PC);
  if (thread == nullptr) {
    return BELOW(calloc)(count, size);
  }
  std::size_t bytes = 0;
  if (__builtin_mul_overflow(count, size, &bytes)) {
    errno = ENOMEM;
    return nullptr;
  }
  void* memory = allocate(*thread, bytes, 16, AllocKind::kMalloc, HEDDLE_PC);
  if (memory != nullptr) {
    std::memset(memory, 0, bytes);
  }
  return memory;
}

HEDDLE_HOOK void* realloc(void* memory, std::size_t size) {
  Thread* thread = accountable(HEDDLE_PC);
  if (thread == nullptr || (memory != nullptr && !is_execution_block(memory))) {
    return BELOW(realloc)(memory, size);
  }
  if (memory == nullptr) {
    return allocate(*thread, size, 16, AllocKind::kMalloc, HEDDLE_PC);
  }
  const uptr old_size = engine().size_of_block(memory);
  if (size == 0) {
    release(memory, AllocKind::kMalloc, HEDDLE_PC);
    return nullptr;
  }
  void* moved = allocate(*thread, size, 16, AllocKind::kMalloc, HEDDLE_PC);
  if (moved != nullptr) {
    std::memcpy(moved, memory, old_size < size ? old_size : size);
    release(memory, AllocKind::kMalloc, HEDDLE_PC);
  }
  return moved;
}

HEDDLE_HOOK void* memalign(std::size_t alignment, std::size_t size) {
  return allocate_or_null(size, alignment, AllocKind::kMalloc, HEDDLE_PC);
}

HEDDLE_HOOK void* aligned_alloc(std::size_t alignment, std::size_t size) {
  return allocate_or_null(size, alignment, AllocKind::kMalloc, HEDDLE_PC);
}

HEDDLE_HOOK int posix_memalign(void** out, std::size_t alignment, std::size_t size) {
  if (alignment < sizeof(void*) || (alignment & (alignment - 1)) != 0) {
    return EINVAL;
  }
  void* memory = allocate_or_null(size, alignment, AllocKind::kMalloc, HEDDLE_PC);
  if (memory == nullptr) {
    return ENOMEM;
  }
  *out = memory;
  return 0;
}

HEDDLE_HOOK void* valloc(std::size_t size) {
  return allocate_or_null(size, 4096, AllocKind::kMalloc, HEDDLE_PC);
}

HEDDLE_HOOK void* pvalloc(std::size_t size) {
  return allocate_or_null((size + 4095) & ~std::size_t{4095}, 4096, AllocKind::kMalloc, HEDDLE_PC);
}

HEDDLE_HOOK void cfree(void* memory) { release(memory, AllocKind::kMalloc, HEDDLE_PC); }

HEDDLE_HOOK std::size_t malloc_usable_size(void* memory) {
  if (memory != nullptr && current_thread != nullptr && is_execution_block(memory)) {
    return engine().size_of_block(memory);
  }
  return HEDDLE_ORIGINAL(malloc_usable_size)(memory);
}

void* operator new(std::size_t size) {
  return allocate_or_throw(size, 16, AllocKind::kNew, HEDDLE_PC);
}
void* operator new[](std::size_t size) {
  return allocate_or_throw(size, 16, AllocKind::kNewArray, HEDDLE_PC);
}
void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  return allocate_or_null(size, 16, AllocKind::kNew, HEDDLE_PC);
}
void* operator new[](std::size_t size, const std::nothrow_t&) noexcept {
  return allocate_or_null(size, 16, AllocKind::kNewArray, HEDDLE_PC);
}
void* operator new(std::size_t size, std::align_val_t alignment) {
  return allocate_or_throw(size, static_cast<std::size_t>(alignment), AllocKind::kNew, HEDDLE_PC);
}
void* operator new[](std::size_t size, std::align_val_t alignment) {
  return allocate_or_throw(size, static_cast<std::size_t>(alignment), AllocKind::kNewArray,
                           HEDDLE_PC);
}
void* operator new(std::size_t size, std::align_val_t alignment, const std::nothrow_t&) noexcept {
  return allocate_or_null(size, static_cast<std::size_t>(alignment), AllocKind::kNew, HEDDLE_PC);
}
void* operator new[](std::size_t size, std::align_val_t alignment, const std::nothrow_t&) noexcept {
  return allocate_or_null(size, static_cast<std::size_t>(alignment), AllocKind::kNewArray,
                          HEDDLE_PC);
}
void operator delete(void* memory) noexcept { release(memory, AllocKind::kNew, HEDDLE_PC); }
void operator delete[](void* memory) noexcept { release(memory, AllocKind::kNewArray, HEDDLE_PC); }
void operator delete(void* memory, std::size_t) noexcept {
  release(memory, AllocKind::kNew, HEDDLE_PC);
}
void operator delete[](void* memory, std::size_t) noexcept {
  release(memory, AllocKind::kNewArray, HEDDLE_PC);
}
void operator delete(void* memory, const std::nothrow_t&) noexcept {
  release(memory, AllocKind::kNew, HEDDLE_PC);
}
void operator delete[](void* memory, const std::nothrow_t&) noexcept {
  release(memory, AllocKind::kNewArray, HEDDLE_PC);
}
void operator delete(void* memory, std::align_val_t) noexcept {
  release(memory, AllocKind::kNew, HEDDLE_PC);
}
void operator delete[](void* memory, std::align_val_t) noexcept {
  release(memory, AllocKind::kNewArray, HEDDLE_PC);
}
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept {
  release(memory, AllocKind::kNew, HEDDLE_PC);
}
void operator delete[](void* memory, std::size_t, std::align_val_t) noexcept {
  release(memory, AllocKind::kNewArray, HEDDLE_PC);
}
void operator delete(void* memory, std::align_val_t, const std::nothrow_t&) noexcept {
  release(memory, AllocKind::kNew, HEDDLE_PC);
}
void operator delete[](void* memory, std::align_val_t, const std::nothrow_t&) noexcept {
  release(memory, AllocKind::kNewArray, HEDDLE_PC);
}
