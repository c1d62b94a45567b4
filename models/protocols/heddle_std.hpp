// Protocols as the ordinary C++ that they are, under Heddle.
#pragma once

#include "heddle/heddle.hpp"

#define PROTOCOL_CHECK HEDDLE_CHECK

namespace protocols {

template <class T>
using plain = T;

}  // namespace protocols
