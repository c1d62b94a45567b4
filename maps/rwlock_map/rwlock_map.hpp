// The plainest shared map there is: the standard library's hash map behind a reader-writer lock.
#pragma once

#include <cstddef>
#include <functional>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <unordered_map>
#include <utility>
#include <vector>

#include "../common/probe.hpp"
#include "../common/spread_readers_mutex.hpp"

namespace maps {

/// The seeded bugs, one mistake each. README.md names the oracle that finds each of them.
enum class rwlock_map_bug {
  none,
  unlocks_after_begin,
  unlocks_between_steps,
  keeps_lock_when_abandoned,
  inserts_after_upgrade_gap,
  upgrades_lock_in_place,
  erases_while_it_visits,
  assigns_under_shared_lock,
  copies_after_unlock,
  counts_while_it_copies,
};

/// A hash map whose readers share a lock that writers have for themselves.
/// Shape:     Key and T are copyable. SharedMutex: as std::shared_mutex; README.md compares.
/// Threads:   every operation from any thread, and all of them linearizable, size() and clear()
///            too. Blocking. What a caller passes in (hash, equality, visitors, predicates) runs
///            under the lock and must not call the map.
/// Iteration: a snapshot. An open iterator holds the lock shared: nobody writes until it has come
///            to its end or is closed. Its thread must not call the map meanwhile.
/// Memory:    erased entries are freed at once; an iterator's references live until it moves on.
/// Cost:      as std::unordered_map.
template <class Key, class T, class Hash = std::hash<Key>, class KeyEqual = std::equal_to<Key>,
          class SharedMutex = spread_readers_mutex<>, rwlock_map_bug Bug = rwlock_map_bug::none>
class rwlock_map {
  using bug = rwlock_map_bug;
  using table = std::unordered_map<Key, T, Hash, KeyEqual>;
  using reading = std::shared_lock<SharedMutex>;
  using writing = std::unique_lock<SharedMutex>;

 public:
  class iterator;

  explicit rwlock_map(Hash hash = {}, KeyEqual equal = {})
      : entries_(0, std::move(hash), std::move(equal)) {}

  rwlock_map(const rwlock_map&) = delete;
  rwlock_map& operator=(const rwlock_map&) = delete;

  std::size_t size() const {
    const reading lock(mutex_);
    return entries_.size();
  }

  bool contains(const Key& key) const {
    const reading lock(mutex_);
    return entries_.contains(key);
  }

  /// A copy of the value under `key`.
  std::optional<T> find(const Key& key) const {
    reading lock(mutex_);
    const auto at = entries_.find(key);
    if (at == entries_.end()) {
      return std::nullopt;
    }
    if constexpr (Bug == bug::copies_after_unlock) {
      lock.unlock();
    }
    return at->second;
  }

  /// Returns true if `key` was new; else its value stays.
  bool insert(const Key& key, const T& value) {
    const writing lock(mutex_);
    return entries_.try_emplace(key, value).second;
  }

  /// Returns true if `key` was new.
  bool insert_or_assign(const Key& key, const T& value) {
    if constexpr (Bug == bug::assigns_under_shared_lock) {
      const reading lock(mutex_);
      if (const auto at = entries_.find(key); at != entries_.end()) {
        at->second = value;
        return false;
      }
    }
    const writing lock(mutex_);
    return entries_.insert_or_assign(key, value).second;
  }

  /// The value under `key`, which is `value` if there was none, and whether there was one. Locks
  /// out other readers only if it has to insert.
  std::pair<T, bool> find_or_insert(const Key& key, const T& value) {
    reading shared(mutex_);
    if (const auto at = entries_.find(key); at != entries_.end()) {
      return {at->second, true};
    }
    if constexpr (Bug != bug::upgrades_lock_in_place) {
      shared.unlock();
    }
    const writing lock(mutex_);
    if constexpr (Bug == bug::inserts_after_upgrade_gap) {
      entries_.insert_or_assign(key, value);
      return {value, false};
    }
    // Somebody may have inserted the key between the two locks.
    const auto [at, inserted] = entries_.try_emplace(key, value);
    return {at->second, !inserted};
  }

  /// Returns true if `key` was present.
  bool erase(const Key& key) {
    const writing lock(mutex_);
    return entries_.erase(key) != 0;
  }

  /// Erases all entries for which `predicate(key, value)` holds, at once. Returns how many.
  template <class Predicate>
  std::size_t erase_if(Predicate predicate) {
    if constexpr (Bug == bug::erases_while_it_visits) {
      std::size_t erased = 0;
      for_each([&](const Key& key, const T& value) {
        if (predicate(key, value)) {
          erased += erase(key);
        }
      });
      return erased;
    }
    const writing lock(mutex_);
    return std::erase_if(entries_, [&](const auto& entry) {
      return static_cast<bool>(predicate(entry.first, entry.second));
    });
  }

  void clear() {
    const writing lock(mutex_);
    entries_.clear();
  }

  /// Calls `visitor(key, value)` for every entry, under the shared lock.
  template <class Visitor>
  void for_each(Visitor visitor) const {
    const reading lock(mutex_);
    for (const auto& [key, value] : entries_) {
      visitor(key, value);
    }
  }

  /// A copy of all entries at one moment.
  std::vector<std::pair<Key, T>> to_vector() const {
    const reading lock(mutex_);
    std::vector<std::pair<Key, T>> copy;
    if constexpr (Bug == bug::counts_while_it_copies) {
      copy.reserve(size());
    } else {
      copy.reserve(entries_.size());
    }
    copy.assign(entries_.begin(), entries_.end());
    return copy;
  }

  /// Starts an iteration, see class iterator.
  iterator begin_range() const { return iterator(*this); }

 private:
  mutable SharedMutex mutex_;
  table entries_;
};

/// An iteration over the entries of one moment: it holds the map's lock from the moment it is
/// opened until next() returns false or it is closed, by close() or by its destructor.
/// Belongs to the thread that opened it, and must not outlive the map.
template <class Key, class T, class Hash, class KeyEqual, class SharedMutex, rwlock_map_bug Bug>
class rwlock_map<Key, T, Hash, KeyEqual, SharedMutex, Bug>::iterator {
 public:
  iterator(const iterator&) = delete;
  iterator& operator=(const iterator&) = delete;

  ~iterator() {
    if constexpr (Bug == bug::keeps_lock_when_abandoned) {
      lock_.release();
    }
  }

  /// Steps to the next entry. False at the end.
  bool next() {
    const entered alone(this, "an iterator of rwlock_map");
    MAPS_PROBE("rwlock_map.next");
    if constexpr (Bug == bug::unlocks_between_steps) {
      const reading step(*lock_.mutex());
      return advance();
    }
    return advance();
  }

  /// Of the entry stepped to. The references are good until the next call of next() or close().
  const Key& key() const { return current_->first; }
  const T& mapped() const { return current_->second; }

  void close() {
    next_ = end_;
    if (lock_.owns_lock()) {
      lock_.unlock();
    }
  }

 private:
  friend class rwlock_map;

  using position = typename table::const_iterator;

  explicit iterator(const rwlock_map& map)
      : lock_(map.mutex_), next_(map.entries_.begin()), end_(map.entries_.end()) {
    if constexpr (Bug == bug::unlocks_after_begin || Bug == bug::unlocks_between_steps) {
      lock_.unlock();
    }
  }

  bool advance() {
    if (next_ == end_) {
      MAPS_PROBE("rwlock_map.next.close");
      close();
      return false;
    }
    current_ = next_++;
    return true;
  }

  reading lock_;
  position next_;
  position end_;
  position current_;
};

}  // namespace maps
