#pragma once

#include <cstdint>

namespace bench {

/// What operator new has given the calling thread, less what that thread has given back.
std::int64_t bytes_of_this_thread();

}  // namespace bench
