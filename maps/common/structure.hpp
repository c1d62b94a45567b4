// For targets: looks at the structure of a map that has validate(), and to_text() perhaps.
#pragma once

#include "heddle/heddle.hpp"

namespace maps {

/// The map is sound whenever no operation is under way; if not, the finding has it as text.
template <class S>
void declare_sound(heddle::Subject<S> s) {
  s.invariant([](const S& map) { return map.validate(); });
  if constexpr (requires(const S& map) { map.to_text(); }) {
    s.prints([](const S& map) { return map.to_text(); });
  }
}

}  // namespace maps
