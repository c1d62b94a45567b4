// For targets: iterations of a map that stay open across operations.
#pragma once

#include <optional>
#include <utility>

#include "heddle/heddle.hpp"

namespace maps {

template <class Iterator>
std::optional<std::pair<int, int>> next(Iterator& iterator) {
  if (!iterator.next()) {
    return std::nullopt;
  }
  return std::pair(iterator.key(), iterator.mapped());
}

/// Declares them for a map that has begin_range().
template <class Map>
void declare_iterations(heddle::Subject<Map>& s) {
  using Iterator = typename Map::iterator;
  auto range =
      s.template cursor<Iterator>("open", "close", [](Map& map) { return map.begin_range(); });
  range.op("next", next<Iterator>).means(heddle::Role::kNext).weight(8);
}

}  // namespace maps
