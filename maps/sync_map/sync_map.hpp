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
  using box = sync_map_parts::box<T>;
  using owned_box = std::unique_ptr<box>;
  using read_part = xenium::marked_ptr<record, 1>;  // null: empty; the mark: amended
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
    const T* value = nullptr;
    {
      const pin pinned = reclaimer_.enter();
      const entry* const e = locate(key);
      value = e != nullptr ? e->load() : nullptr;
      if constexpr (Bug != sync_map_bug::copies_value_unpinned) {
        return copy(value);
      }
    }
    return copy(value);
  }

  bool contains(const Key& key) const {
    const pin pinned = reclaimer_.enter();
    const entry* const e = locate(key);
    return e != nullptr && e->load() != nullptr;
  }

  /// Returns true if `key` was new.
  bool insert_or_assign(const Key& key, const T& value) {
    const pin pinned = reclaimer_.enter();
    return store(key, value) == nullptr;
  }

  /// As insert_or_assign; returns the previous value. Go's Swap.
  std::optional<T> exchange(const Key& key, const T& value) {
    const pin pinned = reclaimer_.enter();
    return copy(store(key, value));
  }

  /// Returns true if `key` was new; otherwise changes nothing.
  bool insert(const Key& key, const T& value) {
    const pin pinned = reclaimer_.enter();
    return present_or_inserted(key, value) == nullptr;
  }

  /// The value under `key`, which is `value` if there was none, and whether there was one. Go's
  /// LoadOrStore.
  std::pair<T, bool> find_or_insert(const Key& key, const T& value) {
    const pin pinned = reclaimer_.enter();
    const T* const present = present_or_inserted(key, value);
    return {present != nullptr ? *present : value, present != nullptr};
  }

  /// Returns true if `key` was present.
  bool erase(const Key& key) {
    const pin pinned = reclaimer_.enter();
    return remove(key) != nullptr;
  }

  /// As erase; returns the value. Go's LoadAndDelete.
  std::optional<T> take(const Key& key) {
    const pin pinned = reclaimer_.enter();
    return copy(remove(key));
  }

  /// Replaces `expected` under `key` by `desired`; returns whether it did. Inserts nothing.
  bool compare_exchange(const Key& key, const T& expected, const T& desired) {
    const pin pinned = reclaimer_.enter();
    auto fresh = std::make_unique<box>(desired);
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

  /// The first broken structure invariant in words, or an empty string. Linear; for tests, with no
  /// operation in progress.
  std::string validate() const;

 private:
  // Notes on orders. (1) acquires what (2) released: the table, and the entries it points to.
  // Under the lock, which orders all stores to read_, relaxed loads do.

  static std::optional<T> copy(const T* value) {
    return value != nullptr ? std::optional<T>(*value) : std::nullopt;
  }

  static bool is_amended(read_part read) noexcept { return read.mark() != 0; }

  static entry* search(const record* in, const Key& key) {
    return in != nullptr ? in->entries.find(key) : nullptr;
  }

  read_part load_read() const noexcept { return read_.load(std::memory_order_acquire); }  // (1)

  // What a read part says of a key: its entry, deleted or not, or null.
  struct sighting {
    read_part read;
    entry* e;
  };

  sighting look(const Key& key) const {
    const read_part read = load_read();
    return {read, search(read.get(), key)};
  }

  // Looks anew only at another read part: the one that was seen, which the caller's pin keeps from
  // being another one at the same place, has not changed.
  sighting look_again(const sighting& seen, const Key& key) const {
    const read_part read = load_read();
    return {read, read.get() == seen.read.get() ? seen.e : search(read.get(), key)};
  }

  // Lookups. ----------------------------------------------------------------------------------

  // The entry of `key`, deleted or not, or null. Only where the read part lacks the key and the
  // dirty part may have it, this takes the lock; then it counts as a miss.
  entry* locate(const Key& key) const {
    return locate(key, [](entry*) {});
  }

  // As above; calls `found_dirty` with the lock held if the dirty part alone has the key.
  template <class FoundDirty>
  entry* locate(const Key& key, FoundDirty found_dirty) const {
    sighting seen = look(key);
    if (seen.e != nullptr || !is_amended(seen.read)) {
      return seen.e;
    }
    const std::lock_guard lock(mutex_);
    if constexpr (Bug != sync_map_bug::skips_reread_of_read) {
      seen = look_again(seen, key);  // there may have been a promotion since
    }
    if (seen.e != nullptr || dirty_ == nullptr || !is_amended(seen.read)) {
      return seen.e;
    }
    entry* const e = search(dirty_, key);
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

  const T* store(const Key& key, const T& value) {
    auto fresh = std::make_unique<box>(value);
    return update(look(key), key, fresh, false,
                  [&](entry& e) { return e.exchange(fresh, reclaimer_); });
  }

  const T* present_or_inserted(const Key& key, const T& value) {
    const sighting seen = look(key);
    const T* const present = seen.e != nullptr ? seen.e->load() : nullptr;
    if (present != nullptr) {
      return present;
    }
    auto fresh = std::make_unique<box>(value);
    return update(seen, key, fresh, true,
                  [&](entry& found) { return found.find_or_insert(fresh, reclaimer_); });
  }

  // Applies `change`, which refuses expunged entries, to the entry of `key`; makes one of `fresh`
  // if there is none. Returns the value that was there, or null.
  template <class Change>
  const T* update(sighting seen, const Key& key, owned_box& fresh, bool counts_misses,
                  Change change) {
    if (seen.e != nullptr) {
      if (const std::optional<const T*> done = change(*seen.e)) {
        return *done;
      }
    }
    const std::lock_guard lock(mutex_);
    seen = look_again(seen, key);
    if (seen.e != nullptr) {
      unexpunge(key, *seen.e);
      return *change(*seen.e);
    }
    if (entry* const e = search(dirty_, key); e != nullptr) {
      const T* const present = *change(*e);
      if (counts_misses) {
        count_miss();
      }
      return present;
    }
    add(key, fresh, seen.read);
    return nullptr;
  }

  // Before a deleted entry is used again, it must be in the dirty part.
  void unexpunge(const Key& key, entry& e) {
    if constexpr (Bug == sync_map_bug::unexpunges_weakly) {
      if (e.try_unexpunge_once()) {
        dirty_->entries.insert(key, &e);
      }
    }
    if (!e.is_expunged()) {
      return;
    }
    if constexpr (Bug != sync_map_bug::forgets_dirty_on_unexpunge &&
                  Bug != sync_map_bug::unexpunges_weakly) {
      dirty_->entries.insert(key, &e);
    }
    e.unexpunge();
  }

  void add(const Key& key, owned_box& fresh, read_part read) {
    auto added = std::make_unique<entry>(std::move(fresh));
    if (dirty_ == nullptr) {
      build_dirty(read.get());
    }
    dirty_->entries.insert(key, added.get());
    static_cast<void>(added.release());
    if (!is_amended(read)) {
      read_.store(read_part(read.get(), 1), std::memory_order_release);  // (2)
    }
  }

  void build_dirty(const record* read);
  void copy_live(const record& from, record& to);

  const T* remove(const Key& key) {
    entry* unlinked = nullptr;
    entry* const e = locate(key, [&](entry* found) {
      dirty_->entries.erase(key);
      unlinked = found;
    });
    const T* const value = e != nullptr ? e->take(reclaimer_) : nullptr;
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
