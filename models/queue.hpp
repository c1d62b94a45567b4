// A queue: first in, first out.
#pragma once

#include "models/sequence.hpp"

namespace models {

using queue = sequence<out::first_in>;

}  // namespace models
