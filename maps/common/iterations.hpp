// For targets: iterations of a map that stay open across operations.
#pragma once

#include <optional>
#include <utility>

#include "heddle/heddle.hpp"

namespace maps {

template <class Map>
class open_range {
 public:
  explicit open_range(Map& map) : map_(&map), iterator_(map.begin_range()) {}

  std::optional<std::pair<int, int>> next() {
    if (!iterator_.next()) {
      return std::nullopt;
    }
    return yielded_.emplace(iterator_.key(), iterator_.mapped());
  }

  /// Erases what was yielded last, unless its value has changed.
  bool erase_current() {
    return yielded_.has_value() && map_->compare_erase(yielded_->first, yielded_->second);
  }

 private:
  Map* map_;
  typename Map::iterator iterator_;
  std::optional<std::pair<int, int>> yielded_;
};

/// Declares them for a map that has begin_range() and compare_erase().
template <class Map>
void declare_iterations(heddle::Subject<Map>& s) {
  using heddle::Role;
  using Range = open_range<Map>;
  auto range = s.template cursor<Range>("open", "close", [](Map& map) { return Range(map); });
  range.op("next", &Range::next).means(Role::kNext).weight(8);
  range.op("erase_current", &Range::erase_current).means(Role::kEraseCurrent).weight(2);
}

}  // namespace maps
