// A stack: last in, first out.
#pragma once

#include "models/sequence.hpp"

namespace models {

using stack = sequence<out::last_in>;

}  // namespace models
