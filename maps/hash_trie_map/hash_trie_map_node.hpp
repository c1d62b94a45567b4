// What hash_trie_map is built of: entries, which hold a key and a value, and indirect nodes above
// them.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <utility>

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

template <class Key, class T>
struct entry;
template <class Key, class T>
struct indirect;

/// Leads to an inner node or to an entry, or to nothing. Which of them it is, it knows itself, so
/// that the way down touches one cache line of each inner node.
template <class Key, class T>
class child {
 public:
  child() = default;
  child(entry<Key, T>* e) noexcept : bits_(reinterpret_cast<std::uintptr_t>(e)) {}
  child(indirect<Key, T>* in) noexcept
      : bits_(reinterpret_cast<std::uintptr_t>(in) | kIsIndirect) {}

  bool operator==(const child&) const = default;

  /// Null unless it leads to an entry.
  entry<Key, T>* to_entry() const noexcept {
    return is_indirect() ? nullptr : reinterpret_cast<entry<Key, T>*>(bits_);
  }

  /// Null unless it leads to an inner node.
  indirect<Key, T>* to_indirect() const noexcept {
    return is_indirect() ? reinterpret_cast<indirect<Key, T>*>(bits_ - kIsIndirect) : nullptr;
  }

 private:
  static constexpr std::uintptr_t kIsIndirect = 1;

  bool is_indirect() const noexcept { return (bits_ & kIsIndirect) != 0; }

  std::uintptr_t bits_ = 0;
};

template <class Key, class T>
using link = std::atomic<child<Key, T>>;

/// A key and its value, never written again. `overflow` leads to entries of the same hash.
template <class Key, class T>
struct entry : retirable {
  entry(std::uint64_t key_hash, const Key& k, const T& v) : hash(key_hash), key(k), value(v) {}

  const std::uint64_t hash;
  const Key key;
  const T value;
  link<Key, T> overflow{};
};

/// Sixteen slots for four bits of the hash. Owns what it points to.
/// Threads: `children` are read by all, and written under the mutex.
template <class Key, class T>
struct indirect : retirable {
  static constexpr unsigned kBits = 4;
  static constexpr std::size_t kSlots = std::size_t{1} << kBits;

  using link_type = link<Key, T>;

  explicit indirect(indirect* above) noexcept : parent(above) {}

  indirect(const indirect&) = delete;
  indirect& operator=(const indirect&) = delete;

  ~indirect() override {
    for (const link_type& slot : children) {
      delete_all(slot.load(std::memory_order_relaxed));
    }
  }

  link_type& slot(std::uint64_t hash, unsigned shift) noexcept {
    return children[(hash >> shift) % kSlots];
  }

  bool is_empty() const noexcept {
    return std::all_of(children.begin(), children.end(), [](const link_type& slot) {
      return slot.load(std::memory_order_relaxed) == child<Key, T>();
    });
  }

  std::mutex mutex;
  indirect* const parent;  // null: the root
  bool dead = false;       // no longer in the tree; guarded by the mutex
  std::array<link_type, kSlots> children = {};

 private:
  static void delete_all(child<Key, T> first) noexcept {
    delete first.to_indirect();
    for (entry<Key, T>* e = first.to_entry(); e != nullptr;) {
      delete std::exchange(e, e->overflow.load(std::memory_order_relaxed).to_entry());
    }
  }
};

}  // namespace hash_trie_map_parts
}  // namespace maps
