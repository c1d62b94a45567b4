// For targets: maps with the operations of Go's sync.Map.
#pragma once

#include "heddle/heddle.hpp"
#include "iterations.hpp"
#include "structure.hpp"

namespace maps {

template <class Map>
bool iterate(Map& map) {
  return map.for_each([&map](int key, auto value) {
    heddle::yielded(key, value);
    map.contains(-1);  // bodies may use the map
    return true;
  });
}

template <class Map>
heddle::Subject<Map> declare_sync_map(heddle::Target& t, const char* description, int keys = 4,
                                      int values = 3) {
  using heddle::Role;
  t.describe(description);
  auto s = t.subject<Map>();
  const auto key = t.ints(0, keys - 1);
  const auto value = t.ints(0, values - 1);
  s.op("assign", &Map::insert_or_assign, key, value).means(Role::kAssign);
  s.op("insert", &Map::insert, key, value).means(Role::kInsert).weight(2);
  s.op("exchange", &Map::exchange, key, value).means(Role::kExchange).weight(2);
  s.op("find_or_insert", &Map::find_or_insert, key, value).means(Role::kFindOrInsert).weight(2);
  s.op("erase", &Map::erase, key).means(Role::kErase);
  s.op("take", &Map::take, key).means(Role::kTake).weight(2);
  s.op("compare_exchange", &Map::compare_exchange, key, value, value).means(Role::kCompareExchange);
  s.op("compare_erase", &Map::compare_erase, key, value).means(Role::kCompareErase).weight(2);
  s.op("find", &Map::find, key).means(Role::kFind);
  s.op("contains", &Map::contains, key).means(Role::kContains).weight(2);
  s.op("clear", &Map::clear).means(Role::kClear).weight(1);
  s.op("iterate", iterate<Map>).means(Role::kIterate);
  declare_iterations(s);
  declare_sound(s);
  s.linearizable();
  s.follows(heddle::contracts::weakly_consistent(heddle::contracts::kSyncMapRange));
  t.threads(2, 3);
  t.operations_per_thread(6);
  t.setup_operations(4);
  return s;
}

}  // namespace maps
