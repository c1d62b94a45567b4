#include "process/phase.hpp"

#include <unistd.h>

#include "process/program_data.hpp"

namespace heddle::process {

constinit Phase the_phase = Phase::kUnknown;

// By hand: this is asked by the first malloc() of the process, before libraries are ready.
Phase phase_slow() {
  if (::environ == nullptr && is_program_linked()) {
    return Phase::kUnknown;
  }
  Phase found = Phase::kNative;
  for (char** entry = ::environ; is_program_linked() && *entry != nullptr; ++entry) {
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
