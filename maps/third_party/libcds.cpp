// libcds' hash maps under Heddle.
#include <cds/intrusive/striped_set/striping_policy.h>

#include <memory>
#include <mutex>

#include "declare.hpp"
#include "heddle/heddle.hpp"
#include "libcds_maps.hpp"
#include "libcds_reclaimed_maps.hpp"
#include "libcds_reclamation.hpp"

namespace {

using namespace maps::third_party;
namespace striped = cds::container::striped_set;

/// All keys in one bucket, as long as the table is small: the second one there makes it grow.
struct SixteenFold {
  std::size_t operator()(int key) const { return static_cast<std::size_t>(key) * 16; }
};

using Eager = striped::single_bucket_size_threshold<1>;

HEDDLE_TARGET(libcds_striped_map, t) {
  declare<libcds_striped_map<SixteenFold, striped::striping<std::mutex>, Eager>>(
      t, "cds::container::StripedMap with as many locks for ever", 6);
}

HEDDLE_TARGET(libcds_refinable_map, t) {
  declare<libcds_striped_map<SixteenFold, striped::refinable<>, Eager>>(
      t, "the same whose array of locks grows; a real race: it is compared outside of its lock", 6);
  t.expects("race");
}

using Michael = libcds_michael_map<key_itself>;

heddle::Subject<Michael> declare_michael(heddle::Target& t, const char* description) {
  return declare<Michael>(t, description, 6, [] { return std::make_unique<Michael>(2, 1); });
}

HEDDLE_TARGET(libcds_michael_map, t) {
  declare_michael(t, "cds::container::MichaelHashMap, never erased from");
}

HEDDLE_TARGET(libcds_michael_map_range, t) {
  auto s = declare_michael(
      t, "the same, iterated; a real race: an iterator loads the head of a list relaxed");
  declare_range(s, heddle::contracts::kSyncMapRange);
  t.expects("race");
}

HEDDLE_TARGET(libcds_split_list_map, t) {
  using Map = libcds_split_list_map<key_itself>;
  auto s = declare<Map>(t, "cds::container::SplitListMap, never erased from", 6,
                        [] { return std::make_unique<Map>(8, 1); });
  declare_range(s, heddle::contracts::kSyncMapRange);
}

// ---- with erasures ----

HEDDLE_TARGET(libcds_feldman_map, t) {
  using Map = libcds_feldman_map<libcds_hazard_pointers, SixteenFold>;
  declare<Map>(t, "cds::container::FeldmanHashMap, a trie, under hazard pointers", 6,
               [] { return std::make_unique<Map>(4, 2); });
}

HEDDLE_TARGET(libcds_michael_map_erased, t) {
  declare<libcds_reclaimed_michael_map<libcds_hazard_pointers, key_itself, 2>>(
      t, "cds::container::MichaelHashMap under hazard pointers", 6);
}

HEDDLE_TARGET(libcds_split_list_map_erased, t) {
  declare<libcds_reclaimed_split_list_map<libcds_hazard_pointers, key_itself, 4>>(
      t, "the same of SplitListMap; a real race: its free list goes on from a failed exchange", 6);
  t.threads(3, 3);
  t.expects("race");
}

}  // namespace
