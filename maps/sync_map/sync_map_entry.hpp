// What sync_map is built of: boxed values, entries that the read and the dirty part share, records.
#pragma once

#include <atomic>
#include <cstddef>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>
#include <xenium/marked_ptr.hpp>

#include "../reclamation/epochs.hpp"
#include "sync_map_table.hpp"

namespace maps {

/// The seeded bugs, one mistake each. README.md names the oracle that finds each of them.
enum class sync_map_bug {
  none,
  skips_reread_of_read,
  forgets_dirty_on_unexpunge,
  unexpunges_weakly,
  builds_dirty_without_expunging,
  keeps_misses_on_promotion,
  skips_recheck_of_amended,
  stores_into_expunged,
  erases_without_cas,
  holds_lock_while_iterating,
  forgets_entry_taken_from_dirty,
  frees_read_part_at_promotion,
  frees_replaced_value,
  copies_value_unpinned,
  publishes_value_relaxed,
  publishes_read_part_relaxed,
  keeps_expunged_after_failed_build,
};

namespace sync_map_parts {

/// A value as readers see it: never written again.
template <class T>
struct box : retirable {
  explicit box(const T& v) : value(v) {}

  const T value;
};

/// One word for a key, shared by the read and the dirty part: the value's box; null: deleted; null
/// with the mark: expunged, that is deleted and not in the dirty part.
/// Threads: whoever calls holds a pin. Only the map's lock holder expunges and unexpunges, so for
///          him "expunged" is stable.
///
/// Notes on orders. (1) acquires what (2) released: the constructor of the box. (2) acquires, too,
/// since the box that it replaces is read. (3) Under the lock; others only compare the word.
template <class T, class Reclaimer, sync_map_bug Bug>
class entry : public retirable {
  using box_type = box<T>;
  using state = xenium::marked_ptr<box_type, 1>;

 public:
  using owned_box = std::unique_ptr<box_type>;

  explicit entry(owned_box first) noexcept : word_(state(first.release())) {}

  entry(const entry&) = delete;
  entry& operator=(const entry&) = delete;

  ~entry() override { delete word_.load(std::memory_order_relaxed).get(); }

  /// The value, which lives as long as the caller's pin, or null.
  const T* load() const noexcept { return value_in(word_.load(std::memory_order_acquire)); }  // (1)

  bool is_expunged() const noexcept { return word_.load(std::memory_order_relaxed) == expunged(); }

  /// Replaces the value and returns the old one or null; returns nothing if expunged.
  std::optional<const T*> exchange(owned_box& fresh, Reclaimer& reclaimer) {
    if constexpr (Bug == sync_map_bug::stores_into_expunged) {
      return replace_if([](state) { return true; }, fresh, reclaimer).second;
    }
    return unless_expunged(
        replace_if([](state seen) { return seen != expunged(); }, fresh, reclaimer));
  }

  /// Stores the value if there is none; returns what was there or null; nothing if expunged.
  std::optional<const T*> find_or_insert(owned_box& fresh, Reclaimer& reclaimer) {
    const auto [stored, seen] = replace_if([](state s) { return s == state(); }, fresh, reclaimer);
    return unless_expunged({stored || seen != nullptr, seen});
  }

  bool compare_exchange(const T& expected, owned_box& fresh, Reclaimer& reclaimer) {
    return replace_if([&](state seen) { return holds(seen, expected); }, fresh, reclaimer).first;
  }

  bool compare_erase(const T& expected, Reclaimer& reclaimer) {
    owned_box nothing;
    return replace_if([&](state seen) { return holds(seen, expected); }, nothing, reclaimer).first;
  }

  /// Deletes the value and returns it, or null.
  const T* take(Reclaimer& reclaimer) {
    if constexpr (Bug == sync_map_bug::erases_without_cas) {
      const state seen = word_.load(std::memory_order_acquire);
      if (seen.get() != nullptr) {
        word_.store(state(), std::memory_order_release);
        reclaimer.retire(seen.get());
      }
      return value_in(seen);
    }
    owned_box nothing;
    return replace_if([](state seen) { return seen.get() != nullptr; }, nothing, reclaimer).second;
  }

  /// True if the entry is deleted, and expunged from now on.
  bool expunge_if_deleted() noexcept {
    state seen = word_.load(std::memory_order_relaxed);
    while (seen == state()) {
      if (word_.compare_exchange_weak(seen, expunged(), std::memory_order_relaxed)) {  // (3)
        return true;
      }
    }
    return false;
  }

  void unexpunge() noexcept { word_.store(state(), std::memory_order_relaxed); }  // (3)

  /// The seeded bug unexpunges_weakly: "I was not the one" is taken for "it was not expunged".
  bool try_unexpunge_once() noexcept {
    state seen = expunged();
    return word_.compare_exchange_weak(seen, state(), std::memory_order_relaxed);
  }

 private:
  static constexpr std::memory_order kPublish = Bug == sync_map_bug::publishes_value_relaxed
                                                    ? std::memory_order_relaxed
                                                    : std::memory_order_acq_rel;

  static state expunged() noexcept { return state(nullptr, 1); }

  static const T* value_in(state seen) noexcept {
    return seen.get() != nullptr ? &seen->value : nullptr;
  }

  static bool holds(state seen, const T& expected) {
    return seen.get() != nullptr && seen->value == expected;
  }

  std::optional<const T*> unless_expunged(std::pair<bool, const T*> done) const noexcept {
    return done.first ? std::optional(done.second) : std::nullopt;
  }

  // Puts `fresh` (none: deletes) in the place of a word that is `wanted`. Returns whether it did,
  // and the value seen last, which it retired if it did.
  template <class Wanted>
  std::pair<bool, const T*> replace_if(Wanted wanted, owned_box& fresh, Reclaimer& reclaimer) {
    state seen = word_.load(std::memory_order_acquire);  // (1)
    do {
      if (!wanted(seen)) {
        return {false, value_in(seen)};
      }
    } while (!word_.compare_exchange_weak(seen, state(fresh.get()), kPublish,
                                          std::memory_order_acquire));  // (2)
    static_cast<void>(fresh.release());
    dispose(seen.get(), reclaimer);
    return {true, value_in(seen)};
  }

  static void dispose(box_type* replaced, Reclaimer& reclaimer) noexcept {
    if (replaced == nullptr) {
      return;
    }
    if constexpr (Bug == sync_map_bug::frees_replaced_value) {
      delete replaced;
    } else {
      reclaimer.retire(replaced);
    }
  }

  std::atomic<state> word_;
};

/// The read part, which nobody changes any more, or the dirty part. Does not own the entries.
template <class Key, class Hash, class KeyEqual, class Entry>
struct record : retirable {
  explicit record(std::size_t keys) : entries(keys) {}

  entry_table<Key, Hash, KeyEqual, Entry> entries;
};

}  // namespace sync_map_parts
}  // namespace maps
