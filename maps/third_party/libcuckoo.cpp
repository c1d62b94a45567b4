// libcuckoo's map under Heddle.
#include <memory>

#include "declare.hpp"
#include "heddle/heddle.hpp"
#include "libcuckoo_map.hpp"

namespace {

using namespace maps::third_party;

HEDDLE_TARGET(libcuckoo_map, t) {
  // Buckets of one slot, so that it grows early.
  using Map = libcuckoo_map<key_itself, 1>;
  auto s = declare<Map>(
      t, "libcuckoo::cuckoohash_map; a real race: lock_two reads the list of locks unlocked", 6,
      [] { return std::make_unique<Map>(1); });
  declare_iterate(s, heddle::contracts::snapshot());
  t.expects("race");
}

}  // namespace
