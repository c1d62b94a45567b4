// Boost's hash maps, under locks, under Heddle.
#include "boost_map.hpp"
#include "declare.hpp"
#include "heddle/heddle.hpp"

namespace {

using namespace maps::third_party;

HEDDLE_TARGET(boost_flat_map, t) {
  auto s = declare<boost_flat_map<key_itself>>(t, "boost::unordered_flat_map under a lock", 6);
  declare_iterate(s, heddle::contracts::snapshot());
}

HEDDLE_TARGET(boost_shared_map, t) {
  auto s = declare<boost_shared_map<key_itself>>(
      t, "boost::unordered_map under a reader-writer lock", 6);
  declare_iterate(s, heddle::contracts::snapshot());
}

}  // namespace
