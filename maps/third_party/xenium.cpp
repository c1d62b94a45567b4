// xenium's hash maps under Heddle, with reclamation that happens as early as it may.
#include <array>  // for xenium, which forgets it
#include <memory>
#include <xenium/reclamation/generic_epoch_based.hpp>
#include <xenium/reclamation/hazard_eras.hpp>
#include <xenium/reclamation/hazard_pointer.hpp>
#include <xenium/reclamation/lock_free_ref_count.hpp>
#include <xenium/reclamation/quiescent_state_based.hpp>

#include "declare.hpp"
#include "heddle/heddle.hpp"
#include "xenium_maps.hpp"

namespace {

using namespace maps::third_party;
namespace reclamation = xenium::reclamation;
namespace policy = xenium::policy;

using HazardPointers = reclamation::hazard_pointer<>::with<
    policy::allocation_strategy<reclamation::hp_allocation::dynamic_strategy<6, 0, 0>>>;
using HazardEras = reclamation::hazard_eras<>::with<
    policy::allocation_strategy<reclamation::he_allocation::dynamic_strategy<6, 0, 0>>>;
// with<> of the schemes themselves: where epoch_based<...> has a default, it keeps that.
using Epochs = reclamation::epoch_based<>::with<policy::scan_frequency<1>>;
using QuiescentStates = reclamation::quiescent_state_based;
using References = reclamation::lock_free_ref_count<>;

/// Not a number to the map: it lies in a node.
struct Node {
  explicit Node(int v) : value(v) {}
  explicit operator int() const { return value; }

  int value;
};

template <class Map>
void declare_vyukov(heddle::Target& t, const char* description) {
  // One bucket of three, so that the fourth key makes it grow.
  auto s = declare<Map>(t, description, 6, [] { return std::make_unique<Map>(1); });
  declare_iterate(s, heddle::contracts::weakly_consistent(heddle::contracts::kElementLocked));
}

template <class Reclaimer>
void declare_harris_michael(heddle::Target& t, const char* description) {
  using Map = xenium_harris_michael_map<key_itself, Reclaimer, 1>;
  auto s = declare<Map>(t, description, 3);
  // "Iterators are not invalidated", and no word about elements that come twice. They do: where a
  // neighbour is inserted behind the one that ++ leaves, it stays there.
  declare_range(s, {.unique = heddle::contracts::Unique::kNone});
  s.promises(heddle::Progress::kLockFree);
}

HEDDLE_TARGET(xenium_vyukov_hazard_pointers, t) {
  declare_vyukov<xenium_vyukov_map<key_itself, HazardPointers>>(
      t, "xenium::vyukov_hash_map of numbers under hazard pointers");
}

HEDDLE_TARGET(xenium_vyukov_epochs, t) {
  declare_vyukov<xenium_vyukov_map<key_itself, Epochs>>(
      t, "xenium::vyukov_hash_map of numbers under epochs; a real race: it frees too early");
  t.expects("race");
}

HEDDLE_TARGET(xenium_vyukov_quiescent_states, t) {
  declare_vyukov<xenium_vyukov_map<key_itself, QuiescentStates>>(
      t, "xenium::vyukov_hash_map of numbers under quiescent states");
}

HEDDLE_TARGET(xenium_vyukov_nodes, t) {
  declare_vyukov<xenium_vyukov_map<key_itself, Epochs, Node>>(
      t, "xenium::vyukov_hash_map of nodes; a real crash: erase() of a key that is not there");
  t.expects("crash");
}

HEDDLE_TARGET(xenium_harris_michael_hazard_pointers, t) {
  declare_harris_michael<HazardPointers>(t,
                                         "xenium::harris_michael_hash_map under hazard pointers");
}

HEDDLE_TARGET(xenium_harris_michael_hazard_eras, t) {
  declare_harris_michael<HazardEras>(t, "xenium::harris_michael_hash_map under hazard eras");
}

HEDDLE_TARGET(xenium_harris_michael_epochs, t) {
  declare_harris_michael<Epochs>(
      t, "xenium::harris_michael_hash_map under epochs; a real race: it frees too early");
  t.expects("race");
}

HEDDLE_TARGET(xenium_harris_michael_quiescent_states, t) {
  declare_harris_michael<QuiescentStates>(t,
                                          "xenium::harris_michael_hash_map under quiescent states");
}

HEDDLE_TARGET(xenium_harris_michael_references, t) {
  declare_harris_michael<References>(t, "xenium::harris_michael_hash_map with counted references");
}

}  // namespace
