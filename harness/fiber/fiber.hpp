// In-target world. Stacks and switches.
#pragma once

#include "base/types.hpp"

namespace heddle::fiber {

/// A suspended flow of control: a fiber's, or the OS thread's own (the "outside").
struct Context {
  void* handle = nullptr;      // of Boost.Context
  void* fake_stack = nullptr;  // of AddressSanitizer, for detect_stack_use_after_return
  const void* stack_bottom = nullptr;
  uptr stack_bytes = 0;
};

/// Runs on the new stack; must never return: it leaves by switch_to(..., leaving = true).
using Entry = void (*)();

/// Makes `context` a fiber that will run `entry` on stack slot `slot` when first switched to.
/// Slots are guarded below; an overflow faults inside guard_of(slot). O(1).
void prepare(Context& context, u32 slot, Entry entry);

/// Suspends `from` and resumes `to`. With `leaving`, `from` will never be resumed.
/// Saves nothing but registers: errno and the exception state are the caller's business.
void switch_to(Context& from, Context& to, bool leaving);

/// Forgets what a fiber that will not go on left on its stack (sanitizer red zones).
void abandon(const Context& context);

/// True if `address` lies in the guard of some stack slot.
bool in_guard(uptr address);

}  // namespace heddle::fiber
