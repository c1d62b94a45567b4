// Command-line world. From code addresses to source lines.
#pragma once

#include <string>
#include <vector>

#include "base/types.hpp"

namespace heddle::report {

struct Frame {
  std::string function;  // see function_name()
  std::string file;      // relative to the working directory where it lies below
  int line = 0;

  /// "file:line", or "" if unknown.
  std::string place() const;
};

/// The frames at a return address: inlined functions innermost first, then the function itself.
/// Empty if the code has no debug information. Cached; the first call reads the debug information.
const std::vector<Frame>& frames_at(uptr return_address);

/// True for code of the program under test: not of the C++ library, the system or the harness.
bool is_users(const Frame& frame);

/// The first frame of the program under test at or above a hook's return address; `callers` are
/// the return addresses of the enclosing functions, innermost first.
Frame users_frame(uptr return_address, const std::vector<uptr>& callers);

}  // namespace heddle::report
