#include "process/phase.hpp"

#include <unistd.h>

#include "process/before_main.hpp"

extern "C" void* __libc_stack_end;  // where the kernel put the arguments: their number comes first

bool heddle_makes_own_objects = false;

namespace heddle::process {
namespace {

char** environment() {
  if (::environ != nullptr) {
    return ::environ;
  }
  auto* const arguments = static_cast<char**>(__libc_stack_end) + 1;
  return arguments + reinterpret_cast<const uptr*>(arguments)[-1] + 1;
}

// The last of all static constructors, as the runtime comes last on the link line.
[[gnu::constructor]] void end_start() {
  if (phase() == Phase::kStarting) {
    before_main().close();
    the_phase = Phase::kNative;
  }
}

}  // namespace

constinit Phase the_phase = Phase::kUnknown;

// By hand: this is asked by a sanitizer's start and the first malloc() of the process, before
// libraries are ready.
Phase phase_slow() {
  Phase found = is_program_linked() ? Phase::kNative : Phase::kStarting;
  for (char** entry = environment(); is_program_linked() && *entry != nullptr; ++entry) {
    const char* text = *entry;
    u32 i = 0;
    while (kDriveVariable[i] != '\0' && text[i] == kDriveVariable[i]) {
      ++i;
    }
    if (kDriveVariable[i] == '\0' && text[i] == '=') {
      found = Phase::kBeforeMain;
    }
  }
  __atomic_store(&the_phase, &found, __ATOMIC_RELAXED);
  return found;
}

}  // namespace heddle::process
