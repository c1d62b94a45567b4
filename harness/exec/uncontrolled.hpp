// In-target world. What got past the scheduler: noted once, told when a run ends.
#pragma once

#include "base/text.hpp"
#include "base/types.hpp"

namespace heddle::exec {

enum class Uncontrolled : u8 {
  kThreadOfLibrary,  // code without instrumentation starts a thread: it runs, its accesses are
                     // unseen
  kLockOfLibrary,    // code without instrumentation takes a lock: likewise
  kEntropy,          // read from a file
  kOsThread,         // a thread that nobody schedules: no replay can be relied on
};

struct Escape {
  static constexpr u32 kFramesMax = 24;

  Uncontrolled kind;
  bool in_execution;  // seen in the execution at hand, or the last one
  Text<80> what;      // the function called, the file read, the name of the thread
  uptr image;         // begin of the code of the library at fault; 0 if it is none
  u32 depth;
  uptr frames[kFramesMax];  // return addresses, innermost first
};

/// Before anything is noted, and before processes are forked whose notes this one shall have.
void prepare_escapes();
/// A new execution: nothing has been seen in it.
void begin_escapes();

/// Notes it, with the stack, unless one of that kind in that image is known. O(1) if so.
void note_escape(Uncontrolled kind, const char* what, uptr image);

u32 escape_count();
const Escape& escape(u32 index);

}  // namespace heddle::exec
