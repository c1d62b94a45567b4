// new and delete in all their forms.
#include <new>

#include "intercept/heap.hpp"

using heddle::uptr;
using heddle::intercept::allocate_or_null;
using heddle::intercept::current_thread;
using heddle::intercept::release;
using heddle::memory::AllocKind;

// What a program has in their places, by the names that instrumentation/replaced_operators.cpp
// gives.
#define REPLACEMENT(symbol) __attribute__((weak)) __asm__("heddle_program" #symbol)
void* program_new(std::size_t) REPLACEMENT(_Znwm);
void* program_new_array(std::size_t) REPLACEMENT(_Znam);
void* program_new(std::size_t, const std::nothrow_t&) REPLACEMENT(_ZnwmRKSt9nothrow_t);
void* program_new_array(std::size_t, const std::nothrow_t&) REPLACEMENT(_ZnamRKSt9nothrow_t);
void* program_new(std::size_t, std::align_val_t) REPLACEMENT(_ZnwmSt11align_val_t);
void* program_new_array(std::size_t, std::align_val_t) REPLACEMENT(_ZnamSt11align_val_t);
void* program_new(std::size_t, std::align_val_t, const std::nothrow_t&)
    REPLACEMENT(_ZnwmSt11align_val_tRKSt9nothrow_t);
void* program_new_array(std::size_t, std::align_val_t, const std::nothrow_t&)
    REPLACEMENT(_ZnamSt11align_val_tRKSt9nothrow_t);
void program_delete(void*) REPLACEMENT(_ZdlPv);
void program_delete_array(void*) REPLACEMENT(_ZdaPv);
void program_delete(void*, std::size_t) REPLACEMENT(_ZdlPvm);
void program_delete_array(void*, std::size_t) REPLACEMENT(_ZdaPvm);
void program_delete(void*, const std::nothrow_t&) REPLACEMENT(_ZdlPvRKSt9nothrow_t);
void program_delete_array(void*, const std::nothrow_t&) REPLACEMENT(_ZdaPvRKSt9nothrow_t);
void program_delete(void*, std::align_val_t) REPLACEMENT(_ZdlPvSt11align_val_t);
void program_delete_array(void*, std::align_val_t) REPLACEMENT(_ZdaPvSt11align_val_t);
void program_delete(void*, std::size_t, std::align_val_t) REPLACEMENT(_ZdlPvmSt11align_val_t);
void program_delete_array(void*, std::size_t, std::align_val_t) REPLACEMENT(_ZdaPvmSt11align_val_t);
void program_delete(void*, std::align_val_t, const std::nothrow_t&)
    REPLACEMENT(_ZdlPvSt11align_val_tRKSt9nothrow_t);
void program_delete_array(void*, std::align_val_t, const std::nothrow_t&)
    REPLACEMENT(_ZdaPvSt11align_val_tRKSt9nothrow_t);

namespace {

using New = void*(std::size_t);
using NewAligned = void*(std::size_t, std::align_val_t);
using NewNothrow = void*(std::size_t, const std::nothrow_t&);
using NewAlignedNothrow = void*(std::size_t, std::align_val_t, const std::nothrow_t&);
using Delete = void(void*);
using DeleteSized = void(void*, std::size_t);
using DeleteNothrow = void(void*, const std::nothrow_t&);
using DeleteAligned = void(void*, std::align_val_t);
using DeleteSizedAligned = void(void*, std::size_t, std::align_val_t);
using DeleteAlignedNothrow = void(void*, std::align_val_t, const std::nothrow_t&);

/// Whether it is the program that asks, or a library for it; else the command does.
bool is_for_program() {
  return current_thread != nullptr ||
         (!heddle_makes_own_objects &&
          (heddle::process::makes_early_blocks() || heddle::process::is_native_program()));
}

/// The program's function to call instead; null if there is none. What the standard says of the
/// functions that the program leaves out, the callers do: they end at those that it has.
template <class Function>
Function* replaced(Function* function, Function* otherwise = nullptr) {
  Function* const found = function != nullptr ? function : otherwise;
  return found != nullptr && is_for_program() ? found : nullptr;
}

New* replaced_new(AllocKind kind) {
  return kind == AllocKind::kNew ? replaced<New>(program_new)
                                 : replaced<New>(program_new_array, program_new);
}

NewAligned* replaced_new_aligned(AllocKind kind) {
  return kind == AllocKind::kNew ? replaced<NewAligned>(program_new)
                                 : replaced<NewAligned>(program_new_array, program_new);
}

void* or_throw(void* memory) {
  if (memory == nullptr) {
    throw std::bad_alloc();
  }
  return memory;
}

void* allocate(std::size_t size, AllocKind kind, uptr pc) {
  New* const own = replaced_new(kind);
  return own != nullptr ? own(size) : or_throw(allocate_or_null(size, 16, kind, pc));
}

void* allocate(std::size_t size, std::align_val_t alignment, AllocKind kind, uptr pc) {
  NewAligned* const own = replaced_new_aligned(kind);
  return own != nullptr
             ? own(size, alignment)
             : or_throw(allocate_or_null(size, static_cast<std::size_t>(alignment), kind, pc));
}

template <class... Arguments>
void* null_if_it_throws(void* (*function)(Arguments...), Arguments... arguments) noexcept {
  try {
    return function(arguments...);
  } catch (...) {
    return nullptr;
  }
}

void* allocate_nothrow(std::size_t size, AllocKind kind, uptr pc) noexcept {
  New* const own = replaced_new(kind);
  return own != nullptr ? null_if_it_throws(own, size) : allocate_or_null(size, 16, kind, pc);
}

void* allocate_nothrow(std::size_t size, std::align_val_t alignment, AllocKind kind,
                       uptr pc) noexcept {
  NewAligned* const own = replaced_new_aligned(kind);
  return own != nullptr ? null_if_it_throws(own, size, alignment)
                        : allocate_or_null(size, static_cast<std::size_t>(alignment), kind, pc);
}

void deallocate(void* memory, AllocKind kind, uptr pc) {
  Delete* const own = kind == AllocKind::kNew
                          ? replaced<Delete>(program_delete)
                          : replaced<Delete>(program_delete_array, program_delete);
  own != nullptr ? own(memory) : release(memory, kind, pc);
}

void deallocate(void* memory, std::align_val_t alignment, AllocKind kind, uptr pc) {
  DeleteAligned* const own = kind == AllocKind::kNew
                                 ? replaced<DeleteAligned>(program_delete)
                                 : replaced<DeleteAligned>(program_delete_array, program_delete);
  own != nullptr ? own(memory, alignment) : release(memory, kind, pc);
}

}  // namespace

void* operator new(std::size_t size) { return allocate(size, AllocKind::kNew, HEDDLE_PC); }
void* operator new[](std::size_t size) { return allocate(size, AllocKind::kNewArray, HEDDLE_PC); }
void* operator new(std::size_t size, std::align_val_t alignment) {
  return allocate(size, alignment, AllocKind::kNew, HEDDLE_PC);
}
void* operator new[](std::size_t size, std::align_val_t alignment) {
  return allocate(size, alignment, AllocKind::kNewArray, HEDDLE_PC);
}
void* operator new(std::size_t size, const std::nothrow_t& tag) noexcept {
  auto* const own = replaced<NewNothrow>(program_new);
  return own != nullptr ? own(size, tag) : allocate_nothrow(size, AllocKind::kNew, HEDDLE_PC);
}
void* operator new(std::size_t size, std::align_val_t alignment,
                   const std::nothrow_t& tag) noexcept {
  auto* const own = replaced<NewAlignedNothrow>(program_new);
  return own != nullptr ? own(size, alignment, tag)
                        : allocate_nothrow(size, alignment, AllocKind::kNew, HEDDLE_PC);
}
void* operator new[](std::size_t size, const std::nothrow_t& tag) noexcept {
  auto* const own = replaced<NewNothrow>(program_new_array);
  return own != nullptr ? own(size, tag) : allocate_nothrow(size, AllocKind::kNewArray, HEDDLE_PC);
}
void* operator new[](std::size_t size, std::align_val_t alignment,
                     const std::nothrow_t& tag) noexcept {
  auto* const own = replaced<NewAlignedNothrow>(program_new_array);
  return own != nullptr ? own(size, alignment, tag)
                        : allocate_nothrow(size, alignment, AllocKind::kNewArray, HEDDLE_PC);
}

void operator delete(void* memory) noexcept { deallocate(memory, AllocKind::kNew, HEDDLE_PC); }
void operator delete(void* memory, std::size_t size) noexcept {
  auto* const own = replaced<DeleteSized>(program_delete);
  own != nullptr ? own(memory, size) : deallocate(memory, AllocKind::kNew, HEDDLE_PC);
}
void operator delete(void* memory, const std::nothrow_t& tag) noexcept {
  auto* const own = replaced<DeleteNothrow>(program_delete);
  own != nullptr ? own(memory, tag) : deallocate(memory, AllocKind::kNew, HEDDLE_PC);
}
void operator delete(void* memory, std::align_val_t alignment) noexcept {
  deallocate(memory, alignment, AllocKind::kNew, HEDDLE_PC);
}
void operator delete(void* memory, std::size_t size, std::align_val_t alignment) noexcept {
  auto* const own = replaced<DeleteSizedAligned>(program_delete);
  own != nullptr ? own(memory, size, alignment)
                 : deallocate(memory, alignment, AllocKind::kNew, HEDDLE_PC);
}
void operator delete(void* memory, std::align_val_t alignment, const std::nothrow_t& tag) noexcept {
  auto* const own = replaced<DeleteAlignedNothrow>(program_delete);
  own != nullptr ? own(memory, alignment, tag)
                 : deallocate(memory, alignment, AllocKind::kNew, HEDDLE_PC);
}

void operator delete[](void* memory) noexcept {
  deallocate(memory, AllocKind::kNewArray, HEDDLE_PC);
}
void operator delete[](void* memory, std::size_t size) noexcept {
  auto* const own = replaced<DeleteSized>(program_delete_array);
  own != nullptr ? own(memory, size) : deallocate(memory, AllocKind::kNewArray, HEDDLE_PC);
}
void operator delete[](void* memory, const std::nothrow_t& tag) noexcept {
  auto* const own = replaced<DeleteNothrow>(program_delete_array);
  own != nullptr ? own(memory, tag) : deallocate(memory, AllocKind::kNewArray, HEDDLE_PC);
}
void operator delete[](void* memory, std::align_val_t alignment) noexcept {
  deallocate(memory, alignment, AllocKind::kNewArray, HEDDLE_PC);
}
void operator delete[](void* memory, std::size_t size, std::align_val_t alignment) noexcept {
  auto* const own = replaced<DeleteSizedAligned>(program_delete_array);
  own != nullptr ? own(memory, size, alignment)
                 : deallocate(memory, alignment, AllocKind::kNewArray, HEDDLE_PC);
}
void operator delete[](void* memory, std::align_val_t alignment,
                       const std::nothrow_t& tag) noexcept {
  auto* const own = replaced<DeleteAlignedNothrow>(program_delete_array);
  own != nullptr ? own(memory, alignment, tag)
                 : deallocate(memory, alignment, AllocKind::kNewArray, HEDDLE_PC);
}
