// oneTBB's hash maps under Heddle.
#include <memory>

#include "declare.hpp"
#include "heddle/heddle.hpp"
#include "tbb_maps.hpp"

namespace {

using namespace maps::third_party;

HEDDLE_TARGET(tbb_hash_map, t) {
  declare<tbb_hash_map<key_itself>>(t, "tbb::concurrent_hash_map", 6);
}

HEDDLE_TARGET(tbb_unordered_map, t) {
  using Map = tbb_unordered_map<key_itself>;
  auto s = declare<Map>(t, "tbb::concurrent_unordered_map, never erased from", 6,
                        [] { return std::make_unique<Map>(1); });
  declare_range(s, heddle::contracts::kSyncMapRange);
}

}  // namespace
