#include "exec/uncontrolled.hpp"

#include <unwind.h>

#include "exec/execution.hpp"

namespace heddle::exec {
namespace {

constexpr u32 kEscapesMax = 32;

struct Escapes {
  u32 count;
  Escape all[kEscapesMax];
};

Escapes* escapes = nullptr;

_Unwind_Reason_Code take_frame(_Unwind_Context* frame, void* argument) {
  Escape& escape = *static_cast<Escape*>(argument);
  if (escape.depth == Escape::kFramesMax) {
    return _URC_END_OF_STACK;
  }
  escape.frames[escape.depth++] = static_cast<uptr>(_Unwind_GetIP(frame));
  return _URC_NO_REASON;
}

}  // namespace

void prepare_escapes() { escapes = static_cast<Escapes*>(os_share(sizeof(Escapes))); }

void begin_escapes() {
  for (u32 i = 0; i < escapes->count; ++i) {
    // A thread that nobody schedules runs on.
    Escape& escape = escapes->all[i];
    escape.in_execution = escape.kind == Uncontrolled::kOsThread;
  }
}

void note_escape(Uncontrolled kind, const char* what, uptr image) {
  for (u32 i = 0; i < escapes->count; ++i) {
    Escape& escape = escapes->all[i];
    if (escape.kind == kind && escape.image == image) {
      escape.in_execution = true;
      return;
    }
  }
  if (escapes->count == kEscapesMax) {
    return;
  }
  const RuntimeScope runtime;
  Escape& escape = escapes->all[escapes->count++];
  escape.kind = kind;
  escape.in_execution = true;
  escape.what.clear();
  escape.what.add("%s", what);
  escape.image = image;
  escape.depth = 0;
  ::_Unwind_Backtrace(take_frame, &escape);
}

u32 escape_count() { return escapes == nullptr ? 0 : escapes->count; }

const Escape& escape(u32 index) { return escapes->all[index]; }

}  // namespace heddle::exec
