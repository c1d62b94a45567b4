// A hash map whose iterators know the version of the map that they belong to, and a moment at which
// their time is up: they give an element, or say why not, and never one of another version.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <string>
#include <utility>

#include "../chained_map/chained_map.hpp"
#include "../common/probe.hpp"

namespace maps {

/// The seeded bugs, one mistake each. README.md names the oracle that finds each of them.
enum class versioned_map_bug {
  none,
  checks_version_before_lock,
  reads_version_after_lock,
  bumps_before_lock,
  bumps_after_unlock,
  erase_keeps_version,
  assignment_keeps_version,
  erase_of_nothing_bumps,
  version_wraps,
  refusal_renews_version,
  yields_before_deadline_check,
  refusal_keeps_lock,
  steps_without_lock,
};

/// What a step of an iteration comes to.
enum class versioned_step : std::uint8_t {
  element,    // one more
  end,        // there are no more
  stale,      // the map has changed since the iterator was opened, and will be so for ever
  timed_out,  // the iterator's time is up
};

/// Shape:      Key and T are copyable.
/// Threads:    every operation from any thread, and all of them linearizable, size() and clear()
///             too. Lookups and iterators share a lock, writes have it alone.
/// Iteration:  class iterator: all elements of the version it was opened on, or as many of them as
///             there were before a change or the deadline. Nothing is held between two steps.
/// Memory:     an entry is freed as it is erased. An iterator keeps a pointer to its entry, and
///             goes by it only if under the lock the version is still its own.
/// Errors:     if an allocation or a copy fails, the map is as before; if an assignment does, the
///             value is what the assignment left.
/// Complexity: as chained_map; a step that is refused as stale O(1), and without the lock.
template <class Key, class T, class Hash = chained_map_hash, class KeyEqual = std::equal_to<Key>,
          versioned_map_bug Bug = versioned_map_bug::none>
class versioned_map {
  using bug = versioned_map_bug;
  using map = chained_map<Key, T, Hash, KeyEqual>;

 public:
  class iterator;
  using clock = std::chrono::steady_clock;

  explicit versioned_map(std::size_t bucket_count = 8, Hash hash = {}, KeyEqual equal = {})
      : map_(bucket_count, std::move(hash), std::move(equal)) {}

  std::size_t size() const {
    const std::shared_lock lock(mutex_);
    return map_.size();
  }

  bool contains(const Key& key) const {
    const std::shared_lock lock(mutex_);
    return map_.contains(key);
  }

  /// A copy of the value under `key`.
  std::optional<T> find(const Key& key) const {
    const std::shared_lock lock(mutex_);
    const auto at = map_.find(key);
    return at != map_.end() ? std::optional<T>(at->second) : std::nullopt;
  }

  /// Returns true if `key` was new.
  bool insert_or_assign(const Key& key, const T& value) {
    bool is_new = false;
    write([&] {
      const auto at = map_.find(key);
      is_new = at == map_.end();
      if (is_new) {
        map_.try_emplace(key, value);
        return true;
      }
      at->second = value;
      return Bug != bug::assignment_keeps_version;
    });
    return is_new;
  }

  /// Returns true if `key` was present.
  bool erase(const Key& key) {
    bool was_there = false;
    write([&] {
      was_there = map_.erase(key) == 1;
      return (was_there && Bug != bug::erase_keeps_version) || Bug == bug::erase_of_nothing_bumps;
    });
    return was_there;
  }

  void clear() {
    write([&] {
      const bool was_empty = map_.empty();
      map_.clear();
      return !was_empty;
    });
  }

  /// Grows with each change. Changes that are under way may be counted or not.
  std::uint64_t version() const noexcept {
    // Relaxed: who is to go by a version asks for it under the lock.
    return version_.load(std::memory_order_relaxed);
  }

  /// See class iterator. Waits for the lock, whatever the deadline.
  iterator begin_range(clock::time_point deadline = clock::time_point::max()) const {
    return iterator(*this, deadline);
  }

  /// The first broken structure invariant in words, or an empty string. For when nobody writes.
  std::string validate() const { return map_.validate(); }

 private:
  // `work` returns true if it has changed the map.
  template <class Work>
  void write(Work work) {
    if constexpr (Bug == bug::bumps_before_lock) {
      bump();
    }
    std::unique_lock lock(mutex_);
    const bool changed = work();
    if constexpr (Bug == bug::bumps_after_unlock) {
      lock.unlock();
    }
    if (changed && Bug != bug::bumps_before_lock) {
      bump();
    }
  }

  void bump() noexcept { version_.fetch_add(1, std::memory_order_relaxed); }

  map map_;
  std::atomic<std::uint64_t> version_ = 0;
  mutable std::shared_timed_mutex mutex_;
};

/// An iteration: next() until it gives no element; key() and mapped() are copies. May be abandoned
/// at any time, but must not outlive the map. Used by one thread at a time.
template <class Key, class T, class Hash, class KeyEqual, versioned_map_bug Bug>
class versioned_map<Key, T, Hash, KeyEqual, Bug>::iterator {
 public:
  /// Waits for the lock until the deadline at most. A step that begins after the deadline is
  /// refused, as is one that begins after a change; if both, it is left open which of them is told.
  versioned_step next() {
    const entered alone(this, "an iterator of versioned_map");
    MAPS_PROBE("versioned_map.next");
    return is_stale() ? refuse_as_stale() : step_under_lock();
  }

  const Key& key() const noexcept { return current_->first; }

  const T& mapped() const noexcept { return current_->second; }

 private:
  friend class versioned_map;

  iterator(const versioned_map& owner, clock::time_point deadline)
      : owner_(&owner), deadline_(deadline) {
    std::shared_lock lock(owner.mutex_);
    position_ = owner.map_.begin();
    if constexpr (Bug == bug::reads_version_after_lock) {
      lock.unlock();
    }
    version_ = owner.version();
  }

  versioned_step step_under_lock() {
    std::shared_lock lock(owner_->mutex_, std::defer_lock);
    if (Bug != bug::steps_without_lock && !lock.try_lock_until(deadline_)) {
      return versioned_step::timed_out;
    }
    if (Bug != bug::checks_version_before_lock && is_stale()) {
      return refuse_as_stale();
    }
    if constexpr (Bug == bug::yields_before_deadline_check) {
      if (step() == versioned_step::element) {
        return versioned_step::element;
      }
    }
    if (is_late()) {
      if constexpr (Bug == bug::refusal_keeps_lock) {
        lock.release();
      }
      return versioned_step::timed_out;
    }
    return step();
  }

  versioned_step step() {
    MAPS_PROBE("versioned_map.next.entry");
    if (position_ == owner_->map_.end()) {
      return versioned_step::end;
    }
    current_.emplace(*position_);
    ++position_;
    return versioned_step::element;
  }

  bool is_stale() const noexcept {
    if constexpr (Bug == bug::version_wraps) {
      return version_ % 4 != owner_->version() % 4;
    }
    return version_ != owner_->version();
  }

  versioned_step refuse_as_stale() noexcept {
    if constexpr (Bug == bug::refusal_renews_version) {
      version_ = owner_->version();
    }
    return versioned_step::stale;
  }

  bool is_late() const { return clock::now() >= deadline_; }

  const versioned_map* owner_;
  clock::time_point deadline_;
  std::uint64_t version_ = 0;
  typename map::const_iterator position_;
  std::optional<std::pair<Key, T>> current_;
};

}  // namespace maps
