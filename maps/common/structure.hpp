// For targets: looks at the structure of a map that has validate(), and to_text() perhaps.
#pragma once

#include "heddle/heddle.hpp"

namespace maps {

/// The map is sound whenever no operation is under way, and in part at any step if its validate()
/// asks when it is; if not, the finding has it as text.
template <class S>
void declare_sound(heddle::Subject<S> s) {
  if constexpr (requires(const S& map) { map.validate(false); }) {
    s.invariant([](const S& map, heddle::Moment at) {
      return map.validate(at == heddle::Moment::kAtRest);
    });
  } else {
    s.invariant([](const S& map) { return map.validate(); });
  }
  if constexpr (requires(const S& map) { map.to_text(); }) {
    s.prints([](const S& map) { return map.to_text(); });
  }
}

}  // namespace maps
