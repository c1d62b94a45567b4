// Part of split_ordered_map: the one sorted lock-free list (Michael, SPAA 2002) that holds all
// entries, and a sentinel for each bucket.
#pragma once

#include <atomic>
#include <cstdint>
#include <utility>

namespace maps {

/// The seeded bugs, one mistake each. README.md names the oracle that finds each of them.
enum class split_ordered_map_bug {
  none,
  skips_hazard_recheck,
  retires_without_unlinking,
  follows_link_of_removed,
  removes_without_comparing,
  publishes_relaxed,
  replaces_in_two_steps,
  loses_race_for_sentinel,
  shows_sentinel_early,
  waits_for_sentinel,
  counts_in_two_steps,
};

namespace split_ordered_map_parts {

/// A sorted list of nodes: by their order numbers, then by their keys. Entries have odd numbers,
/// sentinels even ones.
///
/// An entry never changes. What changes is the link out of it, whose mark says that the entry is
/// not in the map any more; a link with a mark stays as it is. A new value is a new node: one
/// compare-exchange marks the old node's link and points it to the new node, which removes the one
/// and inserts the other at once (as liburcu's rculfhash does).
///
/// Numbered notes say which atomic operations synchronize with which.
template <class Key, class T, class Less, class Reclaimer, split_ordered_map_bug Bug>
class split_ordered_list {
  using bug = split_ordered_map_bug;

 public:
  struct node;
  struct entry;

  struct node : Reclaimer::template enable_concurrent_ptr<node, 1> {
    using link = typename Reclaimer::template concurrent_ptr<node, 1>;

    explicit node(std::uint64_t number) : order(number) {}

    virtual ~node() = default;

    bool is_entry() const noexcept { return (order & 1) != 0; }

    const std::uint64_t order;
    link next;
  };

  struct entry : node {
    entry(std::uint64_t number, const Key& its_key, const T& its_value)
        : node(number), key(its_key), value(its_value) {}

    const Key key;
    const T value;
  };

  using link = typename node::link;
  using marked = typename link::marked_ptr;
  using guard = typename link::guard_ptr;

  /// Where a search ended: `current` is the first node that it accepts, or null. At a moment during
  /// the search `previous` led to it, and its own link was `next`, without a mark.
  struct position {
    link* previous = nullptr;
    guard owner;  // keeps the node alive that `previous` is in
    guard current;
    marked next;

    const entry& current_entry() const { return static_cast<const entry&>(*current); }
  };

  explicit split_ordered_list(Less less) : less_(std::move(less)) {}

  bool precedes(const entry& a, const entry& b) const {
    return a.order != b.order ? a.order < b.order : less_(a.key, b.key);
  }

  /// Looks from `start`, a sentinel before it, for the sentinel with this number.
  bool find_sentinel(node& start, std::uint64_t order, position& at) const {
    search(start, [order](const node& n) { return n.order >= order; }, at);
    return at.current.get() != nullptr && at.current->order == order;
  }

  /// Looks from `start`, a sentinel before it, for the entry of this key.
  bool find_entry(node& start, std::uint64_t order, const Key& key, position& at) const {
    search(
        start,
        [&](const node& n) {
          return n.order != order ? n.order > order : !less_(static_cast<const entry&>(n).key, key);
        },
        at);
    return at.current.get() != nullptr && at.current->order == order &&
           !less_(key, at.current_entry().key);
  }

  /// The first node after `start`, a sentinel, that `accepts` takes; all after it must be taken,
  /// too. Lock-free: it starts again only if somebody else has changed the list.
  template <class Accepts>
  void search(node& start, const Accepts& accepts, position& at) const {
    while (!try_search(start.next, guard(), accepts, at)) {
    }
  }

  /// The same, from a link that is in what `owner` keeps alive. False: the list has changed.
  template <class Accepts>
  bool try_search(link& start, guard owner, const Accepts& accepts, position& at) const {
    at.previous = &start;
    at.owner = std::move(owner);
    // (1) - this acquire-load synchronizes-with the release-CAS (4, 5, 6, 7)
    marked expected = start.load(std::memory_order_acquire);
    if (expected.mark() != 0 && Bug != bug::follows_link_of_removed) {
      return false;  // what follows a removed node may be removed, too, and reclaimed
    }
    while (hold(expected, at)) {
      if (at.current.get() == nullptr) {
        return true;
      }
      // (2) - this acquire-load synchronizes-with the release-CAS (4, 5, 6, 7)
      at.next = at.current->next.load(std::memory_order_acquire);
      if (at.next.mark() != 0) {
        expected = at.next.get();
        if (!unlink(at)) {
          return false;
        }
      } else if (accepts(*at.current)) {
        return true;
      } else {
        at.previous = &at.current->next;
        expected = at.next;
        at.owner = std::move(at.current);
      }
    }
    return false;
  }

  /// Inserts `fresh` before `at.current`, unless somebody else has changed that place.
  bool insert(node* fresh, const position& at) const {
    marked expected = at.current.get();
    fresh->next.store(expected, std::memory_order_relaxed);
    // (4) - this release-CAS synchronizes-with the acquire-load (1, 2, 3)
    return at.previous->compare_exchange_weak(expected, fresh, kPublish, std::memory_order_relaxed);
  }

  /// Puts `fresh` in the place of `at.current`, an entry with the same key, unless that is removed
  /// or followed by another node now.
  bool replace(node* fresh, position& at) const {
    fresh->next.store(at.next, std::memory_order_relaxed);
    marked expected = at.next;
    // (5) - this release-CAS synchronizes-with the acquire-load (1, 2, 3)
    if (!at.current->next.compare_exchange_weak(expected, marked(fresh, 1), kPublish,
                                                std::memory_order_relaxed)) {
      return false;
    }
    at.next = fresh;
    return true;
  }

  /// Removes `at.current`, an entry, unless it is removed or followed by another node now.
  bool remove(position& at) const {
    marked expected = at.next;
    if constexpr (Bug == bug::removes_without_comparing) {
      at.current->next.store(marked(at.next.get(), 1), std::memory_order_release);
      return true;
    }
    // (6) - this release-CAS synchronizes-with the acquire-load (1, 2, 3)
    return at.current->next.compare_exchange_weak(
        expected, marked(at.next.get(), 1), std::memory_order_release, std::memory_order_relaxed);
  }

  /// Takes the removed node `at.current` out of the list and retires it, unless its place has
  /// changed: then the next search does.
  bool unlink(position& at) const {
    marked expected = at.current.get();
    // (7) - this release-CAS synchronizes-with the acquire-load (1, 2, 3)
    const bool unlinked = at.previous->compare_exchange_weak(
        expected, at.next.get(), std::memory_order_release, std::memory_order_relaxed);
    if (unlinked || Bug == bug::retires_without_unlinking) {
      at.current.reclaim();
    }
    return unlinked;
  }

 private:
  static constexpr std::memory_order kPublish =
      Bug == bug::publishes_relaxed ? std::memory_order_relaxed : std::memory_order_release;

  /// Guards the node that `at.previous` leads to, if that is still `expected`.
  static bool hold(marked expected, position& at) {
    if constexpr (Bug == bug::skips_hazard_recheck) {
      at.current = guard(expected);
      return true;
    }
    // (3) - this acquire-load synchronizes-with the release-CAS (4, 5, 6, 7)
    return at.current.acquire_if_equal(*at.previous, expected, std::memory_order_acquire);
  }

  Less less_;
};

}  // namespace split_ordered_map_parts
}  // namespace maps
