// Between executions. Files of the harness, read whole.
#pragma once

#include <string>

namespace heddle {

/// What a file holds; false, with errno, if it cannot be read. A stream of the C++ library would
/// call read(), and a program may have a function of that name.
bool read_whole(const std::string& path, std::string& content);

}  // namespace heddle
