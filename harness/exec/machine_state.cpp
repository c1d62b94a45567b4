#include "exec/machine_state.hpp"

#include <unwind.h>

#include "base/rng.hpp"
#include "exec/thread.hpp"
#include "memory/space.hpp"

namespace heddle::exec {
namespace {

#if defined(__x86_64__)
constexpr int kPreserved[] = {3, 6, 12, 13, 14, 15};  // rbx, rbp, r12 to r15, as DWARF has them
#elif defined(__aarch64__)
constexpr int kPreserved[] = {19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29};
#endif

struct Search {
  uptr pc;
  uptr stack;  // where the frame found begins; 0: not found
  u64 hash;
};

_Unwind_Reason_Code look(_Unwind_Context* context, void* argument) {
  auto& search = *static_cast<Search*>(argument);
  if (_Unwind_GetIP(context) != search.pc) {
    return _URC_NO_REASON;
  }
  for (const int number : kPreserved) {
    search.hash = mix64(search.hash ^ _Unwind_GetGR(context, number));
  }
  search.stack = _Unwind_GetCFA(context);
  return _URC_NORMAL_STOP;
}

}  // namespace

u64 machine_state(const Thread& thread, uptr pc) {
  Search search = {pc, 0, pc};
  _Unwind_Backtrace(look, &search);
  const uptr top = memory::stack_slot(to_index(thread.id) + 1);
  for (uptr at = search.stack; at != 0 && at < top; at += sizeof(u64)) {
    search.hash = mix64(search.hash ^ *reinterpret_cast<const u64*>(at));
  }
  return search.hash;
}

}  // namespace heddle::exec
