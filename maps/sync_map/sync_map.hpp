// Go's sync.Map as it was up to Go 1.23, told in C++: a read part that is looked up without a lock,
// a dirty part under a lock, and entries that both share.
// Go's garbage collector is replaced by epochs; README.md says how.
#pragma once

#include <atomic>
#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>
#include <xenium/marked_ptr.hpp>

#include "../common/adaptive_mutex.hpp"
#include "../common/probe.hpp"
#include "../common/structure_text.hpp"
#include "../reclamation/epochs.hpp"
#include "sync_map_entry.hpp"

namespace maps {

/// A concurrent hash map for keys that are written once and read often, or for threads that use
/// disjoint keys: operations on a key that the read part has are lock-free.
/// Shape:      Key and T are copyable, T is comparable for compare_*. Values are handed out as
///             copies.
/// Threads:    any number, any operation. All point operations and clear() are linearizable; an
///             iteration is weakly consistent, see class iterator.
/// Reclaimer:  epochs, with the number of slots and the batch that suit. What an operation removes
///             may be destroyed later, in another thread's operation. An open iterator delays that.
/// Complexity: O(1) expected and amortised; the first new key after a promotion copies the read
///             part, O(size), under the lock.
/// Errors:     on std::bad_alloc an operation has no effect on the content.
/// Source:     Go's sync package, 1.9 to 1.23; deviations are listed in README.md.
template <class Key, class T, class Hash = std::hash<Key>, class KeyEqual = std::equal_to<Key>,
          class Reclaimer = epochs<>, class Mutex = adaptive_mutex<>,
          sync_map_bug Bug = sync_map_bug::none>
class sync_map {
  using entry = sync_map_parts::entry<T, Reclaimer, Bug>;
  using record = sync_map_parts::record<Key, Hash, KeyEqual, entry>;
  using seen_value = typename entry::seen;  // what there was, or none
  using fresh_value = typename entry::fresh;
  using read_part = xenium::marked_ptr<record, 1>;  // null: empty; the mark: amended
  using wanted_key = sync_map_parts::hashed_key<Key>;
  using pin = typename Reclaimer::pin;

 public:
  class iterator;

  sync_map() = default;

  sync_map(const sync_map&) = delete;
  sync_map& operator=(const sync_map&) = delete;

  ~sync_map() {
    record* const read = read_.load(std::memory_order_relaxed).get();
    for_each_owned(read, [](entry* e) { delete e; });
    delete dirty_;
    delete read;
  }

  std::optional<T> find(const Key& key) const {
    seen_value value{};
    {
      const pin pinned = reclaimer_.enter();
      value = load(locate(key));
      if constexpr (Bug != sync_map_bug::copies_value_unpinned) {
        return copy(value);
      }
    }
    return copy(value);
  }

  bool contains(const Key& key) const {
    const pin pinned = reclaimer_.enter();
    return static_cast<bool>(load(locate(key)));
  }

  /// Returns true if `key` was new.
  bool insert_or_assign(const Key& key, const T& value) {
    const pin pinned = reclaimer_.enter();
    return !store(key, value);
  }

  /// As insert_or_assign; returns the previous value. Go's Swap.
  std::optional<T> exchange(const Key& key, const T& value) {
    const pin pinned = reclaimer_.enter();
    return copy(store(key, value));
  }

  /// Returns true if `key` was new; otherwise changes nothing.
  bool insert(const Key& key, const T& value) {
    const pin pinned = reclaimer_.enter();
    return !present_or_inserted(key, value);
  }

  /// The value under `key`, which is `value` if there was none, and whether there was one. Go's
  /// LoadOrStore.
  std::pair<T, bool> find_or_insert(const Key& key, const T& value) {
    const pin pinned = reclaimer_.enter();
    const seen_value present = present_or_inserted(key, value);
    return {present ? *present : value, static_cast<bool>(present)};
  }

  /// Returns true if `key` was present.
  bool erase(const Key& key) {
    const pin pinned = reclaimer_.enter();
    return static_cast<bool>(remove(key));
  }

  /// As erase; returns the value. Go's LoadAndDelete.
  std::optional<T> take(const Key& key) {
    const pin pinned = reclaimer_.enter();
    return copy(remove(key));
  }

  /// Replaces `expected` under `key` by `desired`; returns whether it did. Inserts nothing.
  bool compare_exchange(const Key& key, const T& expected, const T& desired) {
    const pin pinned = reclaimer_.enter();
    fresh_value fresh = entry::make(desired);
    entry* const e = locate(key);
    return e != nullptr && e->compare_exchange(expected, fresh, reclaimer_);
  }

  /// Erases `key` if its value is `expected`; returns whether it did.
  bool compare_erase(const Key& key, const T& expected) {
    const pin pinned = reclaimer_.enter();
    entry* const e = locate(key);
    return e != nullptr && e->compare_erase(expected, reclaimer_);
  }

  void clear() {
    const pin pinned = reclaimer_.enter();
    const std::lock_guard lock(mutex_);
    record* const read = read_.load(std::memory_order_relaxed).get();
    read_.store(read_part(), std::memory_order_release);  // (2)
    for_each_owned(read, [this](entry* e) { reclaimer_.retire(e); });
    retire_record(read);
    delete std::exchange(dirty_, nullptr);  // only lock holders have seen it
    expunged_.clear();
    misses_ = 0;
  }

  /// Starts an iteration, see class iterator. What the dirty part has becomes part of the read
  /// part.
  iterator begin_range() { return iterator(*this); }

  /// Calls `f(key, value)` for the elements of one iteration until it returns false; returns
  /// whether it never did. `f` may use the map.
  template <class F>
  bool for_each(F f) {
    std::unique_lock<Mutex> held;
    iterator it(*this);
    if constexpr (Bug == sync_map_bug::holds_lock_while_iterating) {
      held = std::unique_lock(mutex_);
    }
    while (it.next()) {
      if (!f(it.key(), it.mapped())) {
        return false;
      }
    }
    return true;
  }

  /// How often a new key has made the map copy its read part.
  std::size_t dirty_rebuilds() const noexcept {
    return dirty_rebuilds_.load(std::memory_order_relaxed);
  }

  /// Frees now what nobody can see any more, and does not leave it to one of the next operations.
  void reclaim() noexcept { reclaimer_.collect(); }

  /// The first broken structure invariant in words, or an empty string. Linear; for tests, with no
  /// operation in progress.
  std::string validate() const;

  /// The structure as people read it: the keys of both parts, with their values or "deleted" or
  /// "expunged". Linear; for tests, with no operation in progress.
  std::string to_text() const;

 private:
  // Notes on orders. (1) acquires what (2) released: the table, and the entries it points to.
  // Under the lock, which orders all stores to read_, relaxed loads do.

  static std::optional<T> copy(const seen_value& value) {
    return value ? std::optional<T>(*value) : std::nullopt;
  }

  static seen_value load(const entry* e) noexcept {
    return e != nullptr ? e->load() : seen_value();
  }

  static bool is_amended(read_part read) noexcept { return read.mark() != 0; }

  static wanted_key hashed(const Key& key) { return {key, Hash{}}; }

  static entry* search(const record* in, const wanted_key& wanted) {
    return in != nullptr ? in->entries.find(wanted) : nullptr;
  }

  read_part load_read() const noexcept { return read_.load(std::memory_order_acquire); }  // (1)

  // What a read part says of a key: its entry, deleted or not, or null.
  struct sighting {
    read_part read;
    entry* e;
  };

  sighting look(const wanted_key& wanted) const {
    const read_part read = load_read();
    return {read, search(read.get(), wanted)};
  }

  // Looks anew only at another read part: the one that was seen, which the caller's pin keeps from
  // being another one at the same place, has not changed.
  sighting look_again(const sighting& seen, const wanted_key& wanted) const {
    const read_part read = load_read();
    return {read, read.get() == seen.read.get() ? seen.e : search(read.get(), wanted)};
  }

  // Of a key that `read` lacks. "No" means that the dirty part lacked it, too, at the moment when
  // `read` was loaded, since that part's filter forgets nothing. So there is no need to ask whether
  // `read` is still the map's.
  static bool may_be_dirty(read_part read, const wanted_key& wanted) noexcept {
    return is_amended(read) && (read.get() == nullptr || read->dirty_only->may_have(wanted.spread));
  }

  // Lookups. ----------------------------------------------------------------------------------

  // The entry of `key`, deleted or not, or null. Only where the read part lacks the key and the
  // dirty part may have it, this takes the lock; then it counts as a miss.
  entry* locate(const Key& key) const {
    return locate(hashed(key), [](entry*) {});
  }

  // As above; calls `found_dirty` with the lock held if the dirty part alone has the key.
  template <class FoundDirty>
  entry* locate(const wanted_key& wanted, FoundDirty found_dirty) const {
    sighting seen = look(wanted);
    if (seen.e != nullptr || !may_be_dirty(seen.read, wanted)) {
      return seen.e;
    }
    const std::lock_guard lock(mutex_);
    if constexpr (Bug != sync_map_bug::skips_reread_of_read) {
      seen = look_again(seen, wanted);  // there may have been a promotion since
    }
    if (seen.e != nullptr || dirty_ == nullptr || !may_be_dirty(seen.read, wanted)) {
      return seen.e;
    }
    entry* const e = search(dirty_, wanted);
    if (e != nullptr) {
      found_dirty(e);
    }
    count_miss();
    return e;
  }

  void count_miss() const noexcept {
    ++misses_;
    if (misses_ >= dirty_->entries.size()) {
      promote();
    }
  }

  // The dirty part becomes the read part. It has all that the read part has, but for what is
  // expunged: that goes with the old record. Allocates nothing, since lookups do it.
  void promote() const noexcept {
    MAPS_PROBE("sync_map.migrate.promote");
    record* const old = read_.load(std::memory_order_relaxed).get();
    read_.store(read_part(dirty_), kPublish);  // (2)
    dirty_ = nullptr;
    if constexpr (Bug != sync_map_bug::keeps_misses_on_promotion) {
      misses_ = 0;
    }
    for_each_expunged([this](entry* e) { reclaimer_.retire(e); });
    expunged_.clear();
    retire_record(old);
  }

  void retire_record(record* old) const noexcept {
    if constexpr (Bug == sync_map_bug::frees_read_part_at_promotion) {
      delete old;
    } else if (old != nullptr) {
      reclaimer_.retire(old);
    }
  }

  // Writes. -----------------------------------------------------------------------------------

  seen_value store(const Key& key, const T& value) {
    fresh_value fresh = entry::make(value);
    const wanted_key wanted = hashed(key);
    return update(look(wanted), wanted, fresh, false,
                  [&](entry& e) { return e.exchange(fresh, reclaimer_); });
  }

  seen_value present_or_inserted(const Key& key, const T& value) {
    const wanted_key wanted = hashed(key);
    const sighting seen = look(wanted);
    if (const seen_value present = load(seen.e)) {
      return present;
    }
    fresh_value fresh = entry::make(value);
    return update(seen, wanted, fresh, true,
                  [&](entry& found) { return found.find_or_insert(fresh, reclaimer_); });
  }

  // Applies `change`, which refuses expunged entries, to the entry of `key`; makes one of `fresh`
  // if there is none. Returns the value that was there, or none.
  template <class Change>
  seen_value update(const sighting& before, const wanted_key& wanted, fresh_value& fresh,
                    bool counts_misses, Change change) {
    if (before.e != nullptr) {
      if (const std::optional<seen_value> done = change(*before.e)) {
        return *done;
      }
    }
    const std::lock_guard lock(mutex_);
    const sighting seen = look_again(before, wanted);
    if (seen.e != nullptr) {
      unexpunge(wanted, *seen.e);
      return *change(*seen.e);
    }
    if (entry* const e = may_be_dirty(seen.read, wanted) ? search(dirty_, wanted) : nullptr) {
      const seen_value present = *change(*e);
      if (counts_misses) {
        count_miss();
      }
      return present;
    }
    add(wanted, fresh, seen.read, before.read);
    return {};
  }

  // Before a deleted entry is used again, it must be in the dirty part.
  void unexpunge(const wanted_key& wanted, entry& e) {
    if constexpr (Bug == sync_map_bug::unexpunges_weakly) {
      if (e.try_unexpunge_once()) {
        dirty_->entries.insert(wanted, &e);
      }
    }
    if (!e.is_expunged()) {
      return;
    }
    if constexpr (Bug != sync_map_bug::forgets_dirty_on_unexpunge &&
                  Bug != sync_map_bug::unexpunges_weakly) {
      dirty_->entries.insert(wanted, &e);
    }
    e.unexpunge();
  }

  void add(const wanted_key& wanted, fresh_value& fresh, read_part read, read_part unlocked_read) {
    auto added = std::make_unique<entry>(std::move(fresh));
    if (dirty_ == nullptr) {
      build_dirty(read.get());
    }
    mark(Bug == sync_map_bug::marks_read_part_seen_before_lock ? unlocked_read : read, wanted);
    dirty_->entries.insert(wanted, added.get());
    static_cast<void>(added.release());
    if (!is_amended(read)) {
      read_.store(read_part(read.get(), 1), std::memory_order_release);  // (2)
    }
  }

  // Before the lock is free, so that who knows of the key will not overlook it.
  static void mark(read_part read, const wanted_key& wanted) noexcept {
    if (read.get() != nullptr && read->dirty_only.has_value()) {
      read->dirty_only->add(wanted.spread);
    }
  }

  void build_dirty(record* read);
  void copy_live(const record& from, record& to);

  seen_value remove(const Key& key) {
    entry* unlinked = nullptr;
    const wanted_key wanted = hashed(key);
    entry* const e = locate(wanted, [&](entry* found) {
      dirty_->entries.erase(wanted);
      unlinked = found;
    });
    const seen_value value = e != nullptr ? e->take(reclaimer_) : seen_value();
    if (unlinked != nullptr && Bug != sync_map_bug::forgets_entry_taken_from_dirty) {
      reclaimer_.retire(unlinked);
    }
    return value;
  }

  // Ownership. --------------------------------------------------------------------------------

  // An entry that was used again since it was expunged is in the dirty part.
  template <class F>
  void for_each_expunged(F f) const {
    for (entry* const e : expunged_) {
      if (e->is_expunged()) {
        f(e);
      }
    }
  }

  // Calls `f`, which may delete it, once for each entry of the map.
  template <class F>
  void for_each_owned(const record* read, F f) const {
    for_each_expunged(f);
    const record* const all = dirty_ != nullptr ? dirty_ : read;
    if (all != nullptr) {
      for (const auto& slot : all->entries.slots()) {
        if (slot.entry != nullptr) {
          f(slot.entry);
        }
      }
    }
  }

  static std::string state_text(const entry& e);
  void add_read_part(structure_text& text, read_part read) const;
  void add_dirty_part(structure_text& text, read_part read) const;

  static constexpr std::memory_order kPublish = Bug == sync_map_bug::publishes_read_part_relaxed
                                                    ? std::memory_order_relaxed
                                                    : std::memory_order_release;

  // Lookups count misses and promote, so all of it is mutable.
  mutable Reclaimer reclaimer_;
  mutable std::atomic<read_part> read_;
  alignas(64) mutable Mutex mutex_;       // not where all lookups read
  mutable record* dirty_ = nullptr;       // null, or has all of the read part but the expunged
  mutable std::vector<entry*> expunged_;  // by the latest copy; some may be in use again
  mutable std::size_t misses_ = 0;        // since the latest promotion
  std::atomic<std::size_t> dirty_rebuilds_ = 0;
};

}  // namespace maps

#include "sync_map_inl.hpp"  // IWYU pragma: export
