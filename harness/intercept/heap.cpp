// malloc and free in all their forms; what new and delete rest on.
#include "intercept/heap.hpp"

#include <cerrno>
#include <cstring>
#include <malloc.h>

#include "intercept/hook.hpp"
#include "intercept/origin.hpp"
#include "process/before_main.hpp"
#include "process/own_heap.hpp"
#include "process/phase.hpp"

using heddle::uptr;
using heddle::exec::DecisionKind;
using heddle::exec::Thread;
using heddle::intercept::accountable;
using heddle::intercept::allocate;
using heddle::intercept::allocate_or_null;
using heddle::intercept::current_thread;
using heddle::intercept::early_block;
using heddle::intercept::engine;
using heddle::intercept::place_in_program;
using heddle::intercept::release;
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

namespace heddle::intercept {

Thread* accountable(uptr pc) {
  Thread* thread = current_thread;
  if (thread == nullptr) {
    return nullptr;
  }
  const bool counts = process::is_driven() ? !is_loader(pc) : is_program_or_cxx_library(pc);
  return counts ? thread : nullptr;
}

void* allocate(Thread& thread, std::size_t size, std::size_t alignment, AllocKind kind, uptr pc) {
  const bool by_program = is_program(pc);
  // Not inside of the C++ library: what it allocates there is for throwing exceptions, mostly.
  if (by_program && engine().fails_by_decision(DecisionKind::kAllocation)) {
    errno = ENOMEM;
    return nullptr;
  }
#ifdef HEDDLE_WITH_ASAN
  void* memory = alignment <= 16 ? BELOW(malloc)(size) : BELOW(memalign)(alignment, size);
  if (memory != nullptr) {
    engine().adopt(thread, memory, size, kind, place_in_program(pc));
  }
#else
  void* memory = engine().allocate(thread, size, alignment, kind, place_in_program(pc));
#endif
  if (memory == nullptr) {
    errno = ENOMEM;
  } else {
    engine().arena().block(engine().arena().last_block()).by_library = !by_program;
  }
  return memory;
}

const process::EarlyBlock* early_block(void* memory) {
  if (process::makes_early_blocks() || memory::in_heap(reinterpret_cast<uptr>(memory))) {
    return nullptr;
  }
  const uptr address = reinterpret_cast<uptr>(memory);
  const auto* block = process::before_main().block_of(address);
  return block != nullptr && block->address == address ? block : nullptr;
}

}  // namespace heddle::intercept

namespace {

// Whether the C library's heap belongs to the program's executions, so that nothing else may use
// it.
bool has_own_heap() {
#ifdef HEDDLE_WITH_ASAN
  return false;
#else
  return heddle::process::is_driven();
#endif
}

void* allocate_outside(std::size_t size, std::size_t alignment, AllocKind kind) {
  if (has_own_heap()) {
    return heddle::process::own_heap().allocate(size, alignment);
  }
  void* memory = alignment <= 16 ? BELOW(malloc)(size) : BELOW(memalign)(alignment, size);
  if (heddle::process::makes_early_blocks() && memory != nullptr) {
    heddle::process::before_main().note_block(memory, size, kind);
  }
  return memory;
}

void release_outside(void* memory) {
  if (heddle::process::own_heap().owns(memory)) {
    heddle::process::own_heap().release(memory);
    return;
  }
  if (early_block(memory) != nullptr || has_own_heap()) {
    return;  // the next execution finds it
  }
  if (heddle::process::makes_early_blocks()) {
    heddle::process::before_main().note_free(memory);
  }
  BELOW(free)(memory);
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

// It stays allocated, for the next execution; in this one it is freed.
void release_early(Thread& thread, const heddle::process::EarlyBlock& block, AllocKind kind,
                   uptr pc) {
  auto* memory = reinterpret_cast<void*>(block.address);
  if (engine().arena().block_at(block.address) == 0) {
    engine().adopt_early(thread, memory, block.size, block.kind);
  }
  if (engine().deallocate(thread, memory, kind, pc)) {
    heddle::process::before_main().forbid(block);
  }
}

}  // namespace

namespace heddle::intercept {

void release(void* memory, AllocKind kind, uptr pc) {
  if (memory == nullptr) {
    return;
  }
  Thread* thread = current_thread;
  const uptr address = reinterpret_cast<uptr>(memory);
  if (thread != nullptr) {
    if (const auto* block = early_block(memory)) {
      release_early(*thread, *block, kind, place_in_program(pc));
      return;
    }
    if (concerns_execution(address) &&
        !engine().deallocate(*thread, memory, kind, place_in_program(pc))) {
      return;
    }
  }
#ifdef HEDDLE_WITH_ASAN
  release_outside(memory);
#else
  // The arena takes its blocks back by itself, also what is freed after the execution.
  if (!heddle::memory::in_heap(address)) {
    release_outside(memory);
  }
#endif
}

void* allocate_or_null(std::size_t size, std::size_t alignment, AllocKind kind, uptr pc) {
  Thread* thread = accountable(pc);
  return thread != nullptr ? allocate(*thread, size, alignment, kind, pc)
                           : allocate_outside(size, alignment, kind);
}

}  // namespace heddle::intercept

namespace {

// Blocks that realloc() must move by itself: all but the C library's own.
bool has_known_size(void* memory) {
  return is_execution_block(memory) || early_block(memory) != nullptr ||
         heddle::process::own_heap().owns(memory);
}

std::size_t size_of(void* memory) {
  if (is_execution_block(memory)) {
    return engine().size_of_block(memory);
  }
  const auto* early = early_block(memory);
  return early != nullptr ? early->size : heddle::process::own_heap().size_of(memory);
}

}  // namespace

HEDDLE_HOOK void* malloc(std::size_t size) {
  return allocate_or_null(size, 16, AllocKind::kMalloc, HEDDLE_PC);
}

HEDDLE_HOOK void free(void* memory) { release(memory, AllocKind::kMalloc, HEDDLE_PC); }

HEDDLE_HOOK void* calloc(std::size_t count, std::size_t size) {
  std::size_t bytes = 0;
  if (__builtin_mul_overflow(count, size, &bytes)) {
    errno = ENOMEM;
    return nullptr;
  }
  if (current_thread == nullptr && heddle::process::phase() == heddle::process::Phase::kNative) {
    return BELOW(calloc)(count, size);
  }
  void* memory = allocate_or_null(bytes, 16, AllocKind::kMalloc, HEDDLE_PC);
  if (memory != nullptr) {
    std::memset(memory, 0, bytes);
  }
  return memory;
}

HEDDLE_HOOK void* realloc(void* memory, std::size_t size) {
  if (current_thread == nullptr && heddle::process::phase() == heddle::process::Phase::kNative &&
      early_block(memory) == nullptr) {
    return BELOW(realloc)(memory, size);
  }
  if (memory == nullptr) {
    return allocate_or_null(size, 16, AllocKind::kMalloc, HEDDLE_PC);
  }
  if (heddle::process::makes_early_blocks() || !has_known_size(memory)) {
    if (heddle::process::makes_early_blocks()) {
      heddle::process::before_main().note_free(memory);
    }
    void* moved = BELOW(realloc)(memory, size);
    if (heddle::process::makes_early_blocks() && moved != nullptr) {
      heddle::process::before_main().note_block(moved, size, AllocKind::kMalloc);
    }
    return moved;
  }
  const uptr old_size = size_of(memory);
  if (size == 0) {
    release(memory, AllocKind::kMalloc, HEDDLE_PC);
    return nullptr;
  }
  void* moved = allocate_or_null(size, 16, AllocKind::kMalloc, HEDDLE_PC);
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
  if (memory != nullptr &&
      (heddle::process::is_driven() ? has_known_size(memory)
                                    : current_thread != nullptr && is_execution_block(memory))) {
    return size_of(memory);
  }
  return HEDDLE_ORIGINAL(malloc_usable_size)(memory);
}
