// In-target world. The symbols of the executable, for names that outlast a build.
#pragma once

#include "base/types.hpp"

namespace heddle::exec {

struct Symbol {
  const char* name = nullptr;  // mangled; null if unknown
  uptr offset = 0;             // of the address within it
};

/// The symbol that `address` lies in. The table is read at the first call. O(log symbols).
Symbol symbol_at(uptr address);

/// True if `address` lies in the executable's own segments.
bool in_image(uptr address);

/// Where the executable was loaded is left out of an address in it; other numbers stay themselves.
u64 without_bias(u64 number);

}  // namespace heddle::exec
