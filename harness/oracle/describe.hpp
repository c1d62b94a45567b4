// In-target world. Words for places, for the messages of findings.
#pragma once

#include "base/text.hpp"
#include "exec/finding.hpp"

namespace heddle::oracle {

using Message = Text<600>;

/// Appends "global 'counter'", "heap block of 208 bytes (T1's allocation #5) at offset 16",
/// "the stack of T2": never an address.
void describe_location(Message& message, uptr address);

/// Appends "mutex 'm'" and the like, for a synchronisation object at `address`.
void describe_object(Message& message, const char* what, uptr address);

}  // namespace heddle::oracle
