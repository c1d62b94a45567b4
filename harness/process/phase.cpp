#include "process/phase.hpp"

#include <unistd.h>

extern "C" void* __libc_stack_end;  // where the kernel put the arguments: their number comes first

namespace heddle::process {
namespace {

char** environment() {
  if (::environ != nullptr) {
    return ::environ;
  }
  auto* const arguments = static_cast<char**>(__libc_stack_end) + 1;
  return arguments + reinterpret_cast<const uptr*>(arguments)[-1] + 1;
}

}  // namespace

constinit Phase the_phase = Phase::kUnknown;

// By hand: this is asked by a sanitizer's start and the first malloc() of the process, before
// libraries are ready.
Phase phase_slow() {
  Phase found = Phase::kNative;
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
