// What hash_trie_map is built of: entries, which hold a key and a value, and indirect nodes above
// them.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>

#include "../reclamation/epochs.hpp"

namespace maps {

/// The seeded bugs, one mistake each. README.md names the oracle that finds each of them.
enum class hash_trie_map_bug {
  none,
  inserts_into_dead_node,
  retries_from_dead_node,
  skips_recheck_of_slot,
  prunes_without_recheck,
  locks_on_the_way_down,
  publishes_before_filling,
  publishes_relaxed,
  frees_replaced_entry,
  frees_pruned_node,
  frees_tree_at_clear,
  clears_slot_by_slot,
  exchanges_without_lock,
  stops_a_level_early,
  drops_chain_with_its_head,
  revisits_expanded_slot,
  opens_unpinned,
  leaks_replaced_entry,
};

namespace hash_trie_map_parts {

struct node : retirable {
  explicit node(bool entry) noexcept : is_entry(entry) {}

  const bool is_entry;
};

/// Points to an inner node or to an entry, or is null.
using link = std::atomic<node*>;

/// A key and its value, never written again. `overflow` leads to entries of the same hash.
template <class Key, class T>
struct entry : node {
  entry(std::uint64_t key_hash, const Key& k, const T& v)
      : node(true), hash(key_hash), key(k), value(v) {}

  const std::uint64_t hash;
  const Key key;
  const T value;
  link overflow = nullptr;
};

/// Sixteen slots for four bits of the hash. Owns what it points to.
/// Threads: `children` are read by all, and written under the mutex.
template <class Key, class T>
struct indirect : node {
  static constexpr unsigned kBits = 4;
  static constexpr std::size_t kSlots = std::size_t{1} << kBits;

  using entry_type = entry<Key, T>;

  explicit indirect(indirect* above) noexcept : node(false), parent(above) {}

  indirect(const indirect&) = delete;
  indirect& operator=(const indirect&) = delete;

  ~indirect() override {
    for (const link& child : children) {
      delete_all(child.load(std::memory_order_relaxed));
    }
  }

  /// Null unless `p` points to an entry.
  static entry_type* to_entry(node* p) noexcept {
    return p != nullptr && p->is_entry ? static_cast<entry_type*>(p) : nullptr;
  }

  /// Null unless `p` points to an inner node.
  static indirect* to_indirect(node* p) noexcept {
    return p != nullptr && !p->is_entry ? static_cast<indirect*>(p) : nullptr;
  }

  link& slot(std::uint64_t hash, unsigned shift) noexcept {
    return children[(hash >> shift) % kSlots];
  }

  bool is_empty() const noexcept {
    return std::all_of(children.begin(), children.end(), [](const link& child) {
      return child.load(std::memory_order_relaxed) == nullptr;
    });
  }

  std::mutex mutex;
  indirect* const parent;  // null: the root
  bool dead = false;       // no longer in the tree; guarded by the mutex
  std::array<link, kSlots> children = {};

 private:
  static void delete_all(node* first) noexcept {
    if (indirect* const below = to_indirect(first); below != nullptr) {
      delete below;
      return;
    }
    for (entry_type* e = to_entry(first); e != nullptr;) {
      entry_type* const next = to_entry(e->overflow.load(std::memory_order_relaxed));
      delete e;
      e = next;
    }
  }
};

}  // namespace hash_trie_map_parts
}  // namespace maps
