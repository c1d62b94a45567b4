#include "fiber/fiber.hpp"

#include <boost/context/detail/fcontext.hpp>
#include <pthread.h>
#include <sys/mman.h>

#include "base/invariant.hpp"
#include "memory/space.hpp"

#ifdef HEDDLE_WITH_ASAN
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif

namespace heddle::fiber {
namespace {

namespace context = boost::context::detail;
using memory::kStackGuardBytes;
using memory::kStackSlotBytes;
using memory::stack_slot;

u32 guarded_slots = 0;  // slots below this have their guard
Entry entries[kThreadCountMax];
Context* switching_from = nullptr;

// On the resumed side: store where the other side stopped, and tell AddressSanitizer.
void arrive(context::transfer_t transfer, Context& self) {
  switching_from->handle = transfer.fctx;
#ifdef HEDDLE_WITH_ASAN
  const void* bottom = nullptr;
  std::size_t bytes = 0;
  __sanitizer_finish_switch_fiber(self.fake_stack, &bottom, &bytes);
  if (switching_from->stack_bottom == nullptr) {
    switching_from->stack_bottom = bottom;  // the outside: its stack is the OS thread's
    switching_from->stack_bytes = bytes;
  }
#else
  static_cast<void>(self);
#endif
}

void start(context::transfer_t transfer) {
  auto& self = *static_cast<Context*>(transfer.data);
  arrive(transfer, self);
  const uptr here = reinterpret_cast<uptr>(__builtin_frame_address(0));
  entries[memory::stack_slot_of(here)]();
  internal_bug("a fiber's entry returned", __FILE__, __LINE__);
}

}  // namespace

void prepare(Context& context, u32 slot, Entry entry) {
  const uptr base = stack_slot(slot);
  if (slot >= guarded_slots) {
    HEDDLE_INVARIANT(slot == guarded_slots);
    ::mprotect(reinterpret_cast<void*>(base), kStackGuardBytes, PROT_NONE);
    ++guarded_slots;
  }
  entries[slot] = entry;
  context.stack_bottom = reinterpret_cast<void*>(base + kStackGuardBytes);
  context.stack_bytes = kStackSlotBytes - kStackGuardBytes;
  context.fake_stack = nullptr;
  context.handle = context::make_fcontext(reinterpret_cast<void*>(base + kStackSlotBytes),
                                          context.stack_bytes, start);
}

void switch_to(Context& from, Context& to, bool leaving) {
  switching_from = &from;
#ifdef HEDDLE_WITH_ASAN
  __sanitizer_start_switch_fiber(leaving ? nullptr : &from.fake_stack, to.stack_bottom,
                                 to.stack_bytes);
#else
  static_cast<void>(leaving);
#endif
  const context::transfer_t transfer = context::jump_fcontext(to.handle, &to);
  arrive(transfer, from);
}

void abandon(const Context& context) {
#ifdef HEDDLE_WITH_ASAN
  const uptr bottom = reinterpret_cast<uptr>(context.stack_bottom);
  const uptr top = bottom + context.stack_bytes;
  const uptr left_at = reinterpret_cast<uptr>(context.handle);  // or on a signal handler's stack
  const uptr from = left_at >= bottom && left_at < top ? left_at : bottom;
  __asan_unpoison_memory_region(reinterpret_cast<void*>(from), top - from);
#else
  static_cast<void>(context);
#endif
}

bool in_guard(uptr address) {
  return memory::in_stacks(address) &&
         (address - memory::kStackBase) % kStackSlotBytes < kStackGuardBytes;
}

}  // namespace heddle::fiber
