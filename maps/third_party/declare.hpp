// For targets: the operations of a map of others, by what it has.
#pragma once

#include <cstddef>
#include <cstdint>

#include "heddle/heddle.hpp"

namespace maps::third_party {

/// Neighbouring keys meet in small tables.
struct key_itself {
  std::size_t operator()(int key) const { return static_cast<std::size_t>(key); }
};

template <class Map>
void yield_all(Map& map) {
  map.for_each([](int key, int value) { heddle::yielded(key, value); });
}

/// The point operations, which all of these maps promise to be linearizable, on so many keys.
template <class Map, class... Make>
heddle::Subject<Map> declare(heddle::Target& t, const char* description, int keys, Make... make) {
  using heddle::Role;
  t.describe(description);
  auto s = t.subject<Map>(make...);
  const auto key = t.ints(0, keys - 1);
  const auto value = t.ints(0, 3);
  s.op("insert", &Map::insert, key, value).means(Role::kInsert).weight(6);
  s.op("find", &Map::find, key).means(Role::kFind);
  s.op("contains", &Map::contains, key).means(Role::kContains).weight(2);
  if constexpr (requires { &Map::insert_or_assign; }) {
    s.op("assign", &Map::insert_or_assign, key, value).means(Role::kAssign);
  }
  if constexpr (requires { &Map::erase; }) {
    s.op("erase", &Map::erase, key).means(Role::kErase).weight(6);
  }
  if constexpr (requires { &Map::size; }) {
    s.op("size", &Map::size).means(Role::kSize).weight(2);
  }
  if constexpr (requires { &Map::clear; }) {
    s.op("clear", &Map::clear).means(Role::kClear).weight(2);
  }
  s.linearizable();
  t.threads(2, 3);
  t.operations_per_thread(4);
  t.setup_operations(4);
  return s;
}

/// Iterations that stay open across operations.
template <class Map>
void declare_range(heddle::Subject<Map>& s, const heddle::contracts::WeakConsistency& promise) {
  using Range = typename Map::iterator;
  auto range = s.template cursor<Range>("open", "close", [](Map& m) { return m.begin_range(); });
  range.op("next", &Range::next).means(heddle::Role::kNext).weight(8);
  s.follows(heddle::contracts::weakly_consistent(promise));
}

/// Iterations that hold a lock from their begin to their end.
template <class Map>
void declare_iterate(heddle::Subject<Map>& s, const heddle::Contract& promise) {
  s.op("iterate", yield_all<Map>).means(heddle::Role::kIterate).not_in_setup().weight(2);
  s.follows(promise);
}

}  // namespace maps::third_party
