// What sync_map is built of: entries that the read and the dirty part share, records.
#pragma once

#include <atomic>
#include <cstddef>
#include <optional>
#include <utility>

#include "../reclamation/epochs.hpp"
#include "sync_map_table.hpp"
#include "sync_map_word.hpp"

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
  marks_read_part_seen_before_lock,
};

namespace sync_map_parts {

/// One word for a key, shared by the read and the dirty part: a value, "deleted", or "expunged",
/// that is deleted and not in the dirty part. Threads: whoever calls holds a pin. Only the map's
/// lock holder expunges and unexpunges, so for
///          him "expunged" is stable.
///
/// Notes on orders. (1) acquires what (2) released: the constructor of the box. (2) acquires, too,
/// since the box that it replaces is read. (3) Under the lock; others only compare the word.
template <class T, class Reclaimer, sync_map_bug Bug>
class entry : public retirable {
  using word = word_of<T>;
  using state = typename word::state;

 public:
  using seen = typename word::seen;
  using fresh = typename word::fresh;

  explicit entry(fresh first) noexcept : word_(word::of(first)) { word::hand_over(first); }

  entry(const entry&) = delete;
  entry& operator=(const entry&) = delete;

  ~entry() override { word::destroy(word_.load(std::memory_order_relaxed)); }

  static fresh make(const T& value) { return word::make(value); }

  /// The value, if there is one.
  seen load() const noexcept {
    return word::value_in(word_.load(std::memory_order_acquire));
  }  // (1)

  bool is_expunged() const noexcept {
    return word_.load(std::memory_order_relaxed) == word::expunged();
  }

  /// Replaces the value and returns the old one or none; returns nothing if expunged.
  std::optional<seen> exchange(fresh& value, Reclaimer& reclaimer) {
    if constexpr (Bug == sync_map_bug::stores_into_expunged) {
      return std::optional<seen>(std::in_place,
                                 replace_if([](state) { return true; }, value, reclaimer).second);
    }
    return unless_expunged(
        replace_if([](state old) { return old != word::expunged(); }, value, reclaimer));
  }

  /// Stores the value if there is none; returns what was there or none; nothing if expunged.
  std::optional<seen> find_or_insert(fresh& value, Reclaimer& reclaimer) {
    const auto [stored, present] =
        replace_if([](state old) { return old == word::deleted(); }, value, reclaimer);
    return unless_expunged({stored || present, present});
  }

  bool compare_exchange(const T& expected, fresh& value, Reclaimer& reclaimer) {
    return replace_if([&](state old) { return holds(old, expected); }, value, reclaimer).first;
  }

  bool compare_erase(const T& expected, Reclaimer& reclaimer) {
    fresh nothing{};
    return replace_if([&](state old) { return holds(old, expected); }, nothing, reclaimer).first;
  }

  /// Deletes the value and returns it, if there is one.
  seen take(Reclaimer& reclaimer) {
    if constexpr (Bug == sync_map_bug::erases_without_cas) {
      const state old = word_.load(std::memory_order_acquire);
      if (word::value_in(old)) {
        word_.store(word::deleted(), std::memory_order_release);
        word::retire(old, reclaimer);
      }
      return word::value_in(old);
    }
    fresh nothing{};
    return replace_if([](state old) { return static_cast<bool>(word::value_in(old)); }, nothing,
                      reclaimer)
        .second;
  }

  /// True if the entry is deleted, and expunged from now on.
  bool expunge_if_deleted() noexcept {
    state old = word_.load(std::memory_order_relaxed);
    while (old == word::deleted()) {
      if (word_.compare_exchange_weak(old, word::expunged(), std::memory_order_relaxed)) {  // (3)
        return true;
      }
    }
    return false;
  }

  void unexpunge() noexcept { word_.store(word::deleted(), std::memory_order_relaxed); }  // (3)

  /// The seeded bug unexpunges_weakly: "I was not the one" is taken for "it was not expunged".
  bool try_unexpunge_once() noexcept {
    state old = word::expunged();
    return word_.compare_exchange_weak(old, word::deleted(), std::memory_order_relaxed);
  }

 private:
  static constexpr std::memory_order kPublish = Bug == sync_map_bug::publishes_value_relaxed
                                                    ? std::memory_order_relaxed
                                                    : std::memory_order_acq_rel;

  static bool holds(state old, const T& expected) {
    const seen value = word::value_in(old);
    return value && *value == expected;
  }

  std::optional<seen> unless_expunged(const std::pair<bool, seen>& done) const noexcept {
    return done.first ? std::optional<seen>(std::in_place, done.second) : std::nullopt;
  }

  // Puts `value` (none: deletes) in the place of a word that is `wanted`. Returns whether it did,
  // and the value seen last, which it retired if it did.
  template <class Wanted>
  std::pair<bool, seen> replace_if(Wanted wanted, fresh& value, Reclaimer& reclaimer) {
    state old = word_.load(std::memory_order_acquire);  // (1)
    do {
      if (!wanted(old)) {
        return {false, word::value_in(old)};
      }
    } while (!word_.compare_exchange_weak(old, word::of(value), kPublish,
                                          std::memory_order_acquire));  // (2)
    word::hand_over(value);
    if constexpr (Bug == sync_map_bug::frees_replaced_value) {
      word::destroy(old);
    } else {
      word::retire(old, reclaimer);
    }
    return {true, word::value_in(old)};
  }

  std::atomic<state> word_;
};

/// The read part, which nobody changes any more, or the dirty part. Does not own the entries.
template <class Key, class Hash, class KeyEqual, class Entry>
struct record : retirable {
  explicit record(std::size_t keys) : entries(keys) {}

  entry_table<Key, Hash, KeyEqual, Entry> entries;
  std::optional<key_filter> dirty_only;  // of a read part, once there is a dirty part
};

}  // namespace sync_map_parts
}  // namespace maps
