#include "exec/uncontrolled.hpp"

#include <unwind.h>

#include "exec/execution.hpp"

namespace heddle::exec {
namespace {

constexpr u32 kEscapesMax = 32;

Escape escapes[kEscapesMax];
u32 count = 0;

_Unwind_Reason_Code take_frame(_Unwind_Context* frame, void* argument) {
  Escape& escape = *static_cast<Escape*>(argument);
  if (escape.depth == Escape::kFramesMax) {
    return _URC_END_OF_STACK;
  }
  escape.frames[escape.depth++] = static_cast<uptr>(_Unwind_GetIP(frame));
  return _URC_NO_REASON;
}

}  // namespace

void note_escape(Uncontrolled kind, const char* what, uptr image) {
  for (u32 i = 0; i < count; ++i) {
    if (escapes[i].kind == kind && escapes[i].image == image) {
      return;
    }
  }
  if (count == kEscapesMax) {
    return;
  }
  const RuntimeScope runtime;
  Escape& escape = escapes[count++];
  escape.kind = kind;
  escape.what.clear();
  escape.what.add("%s", what);
  escape.image = image;
  escape.depth = 0;
  ::_Unwind_Backtrace(take_frame, &escape);
}

u32 escape_count() { return count; }

const Escape& escape(u32 index) { return escapes[index]; }

}  // namespace heddle::exec
