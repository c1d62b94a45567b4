// A hash map cut into shards, each with a lock of its own, as Java's ConcurrentHashMap was up to
// version 7 and as orcaman's concurrent-map for Go is.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "../common/probe.hpp"

namespace maps {

/// The seeded bugs, one mistake each. README.md names the oracle that finds each of them.
enum class sharded_map_bug {
  none,
  erases_by_other_hash,
  locks_by_other_hash,
  looks_before_it_locks,
  counts_shard_by_shard,
  clears_shard_by_shard,
  clears_in_reverse_order,
  copies_shard_by_shard,
  counts_before_it_copies,
  reads_shard_outside_lock,
  stands_in_shard,
  ends_at_empty_shard,
};

/// A hash map of `Shards` parts (a power of two), of which threads lock the one they need.
/// Shape:     Key and T are copyable. Mutex: as std::mutex.
/// Threads:   every operation from any thread; blocking. Operations on a key are linearizable, and
///            so are those that lock all shards: exact_size(), clear() and to_vector(). size() is
///            not: it is exact only if nobody writes.
/// Iteration: weakly consistent, for it copies one shard after another. An entry that is there all
///            the time is yielded once, one that comes or goes meanwhile once or not at all, each
///            with a value of its key since the iteration began. An iteration holds no lock while
///            the caller has control: it may be left open, and the map be changed meanwhile.
/// Memory:    erased entries are freed at once: nobody has a reference to one.
/// Cost:      as std::unordered_map; what locks all shards takes O(Shards) more.
template <class Key, class T, std::size_t Shards = 32, class Hash = std::hash<Key>,
          class KeyEqual = std::equal_to<Key>, class Mutex = std::mutex,
          sharded_map_bug Bug = sharded_map_bug::none>
class sharded_map {
  static_assert(std::has_single_bit(Shards) && Shards > 1);

  using bug = sharded_map_bug;
  using table = std::unordered_map<Key, T, Hash, KeyEqual>;
  using locked = std::unique_lock<Mutex>;
  using all_locked = std::array<locked, Shards>;

  // On a cache line of its own, so that the locks of two shards do not disturb each other.
  struct alignas(64) shard {
    mutable Mutex mutex;
    table entries;
  };

 public:
  class iterator;

  explicit sharded_map(Hash hash = {}, KeyEqual equal = {}) : hash_(std::move(hash)) {
    for (shard& each : shards_) {
      each.entries = table(0, hash_, equal);
    }
  }

  sharded_map(const sharded_map&) = delete;
  sharded_map& operator=(const sharded_map&) = delete;

  bool contains(const Key& key) const { return find(key).has_value(); }

  /// A copy of the value under `key`.
  std::optional<T> find(const Key& key) const {
    const shard& home = shard_of(key);
    const locked lock(home.mutex);
    const auto at = home.entries.find(key);
    return at != home.entries.end() ? std::optional<T>(at->second) : std::nullopt;
  }

  /// Returns true if `key` was new; else its value stays.
  bool insert(const Key& key, const T& value) {
    if constexpr (Bug == bug::looks_before_it_locks) {
      const bool is_new = !contains(key);
      if (is_new) {
        insert_or_assign(key, value);
      }
      return is_new;
    }
    shard& home = shard_of(key);
    const locked lock(home.mutex);
    return home.entries.try_emplace(key, value).second;
  }

  /// Returns true if `key` was new.
  bool insert_or_assign(const Key& key, const T& value) {
    shard& home = shard_of(key);
    const bool elsewhere = Bug == bug::locks_by_other_hash;
    const locked lock(elsewhere ? shards_[other_index(key)].mutex : home.mutex);
    return home.entries.insert_or_assign(key, value).second;
  }

  /// Returns true if `key` was present.
  bool erase(const Key& key) {
    shard& home = Bug == bug::erases_by_other_hash ? shards_[other_index(key)] : shard_of(key);
    const locked lock(home.mutex);
    return home.entries.erase(key) != 0;
  }

  /// Erases `key` if its value is `expected`.
  bool compare_erase(const Key& key, const T& expected) {
    shard& home = shard_of(key);
    const locked lock(home.mutex);
    const auto at = home.entries.find(key);
    const bool equal = at != home.entries.end() && at->second == expected;
    if (equal) {
      home.entries.erase(at);
    }
    return equal;
  }

  /// The number of entries, if nobody writes; else each shard is counted at a moment of its own.
  std::size_t size() const {
    std::size_t sum = 0;
    for (const shard& each : shards_) {
      const locked lock(each.mutex);
      sum += each.entries.size();
    }
    return sum;
  }

  /// The number of entries at one moment. Locks all shards.
  std::size_t exact_size() const {
    if constexpr (Bug == bug::counts_shard_by_shard) {
      return size();
    }
    const all_locked locks = lock_all();
    std::size_t sum = 0;
    for (const shard& each : shards_) {
      sum += each.entries.size();
    }
    return sum;
  }

  /// Erases everything at one moment. Locks all shards.
  void clear() {
    if constexpr (Bug == bug::clears_shard_by_shard) {
      for (shard& each : shards_) {
        const locked lock(each.mutex);
        each.entries.clear();
      }
      return;
    }
    const all_locked locks =
        Bug == bug::clears_in_reverse_order ? lock_all_in_reverse() : lock_all();
    for (shard& each : shards_) {
      each.entries.clear();
    }
  }

  /// The entries of one moment. Locks all shards.
  std::vector<std::pair<Key, T>> to_vector() const {
    std::vector<std::pair<Key, T>> copy;
    if constexpr (Bug == bug::copies_shard_by_shard) {
      for (iterator it = begin_range(); it.next();) {
        copy.emplace_back(it.key(), it.mapped());
      }
      return copy;
    }
    const std::size_t expected = Bug == bug::counts_before_it_copies ? size() : 0;
    const all_locked locks = lock_all();
    for (const shard& each : shards_) {
      copy.insert(copy.end(), each.entries.begin(), each.entries.end());
    }
    if constexpr (Bug == bug::counts_before_it_copies) {
      copy.resize(expected);
    }
    return copy;
  }

  /// Starts an iteration, see class iterator.
  iterator begin_range() const { return iterator(*this); }

  /// The first broken structure invariant in words, or an empty string. For when nobody writes.
  std::string validate() const {
    for (const shard& each : shards_) {
      for (const auto& entry : each.entries) {
        if (&shard_of(entry.first) != &each) {
          return "an entry is in a shard that is not its key's";
        }
      }
    }
    return "";
  }

 private:
  static constexpr unsigned kUnusedHashBits = 64 - std::countr_zero(Shards);

  // The high bits of a multiplied hash: std::hash of an integer is the integer itself, and a
  // shard's table goes by what is left of that after a division.
  std::size_t index_of(const Key& key) const {
    return std::uint64_t{hash_(key)} * 0x9e3779b97f4a7c15U >> kUnusedHashBits;
  }

  // What seeded bugs take for it.
  std::size_t other_index(const Key& key) const {
    return std::uint64_t{hash_(key)} >> kUnusedHashBits;
  }

  shard& shard_of(const Key& key) { return shards_[index_of(key)]; }
  const shard& shard_of(const Key& key) const { return shards_[index_of(key)]; }

  // In the order of the shards: two threads that want all do not wait for each other.
  all_locked lock_all() const {
    all_locked locks;
    for (std::size_t i = 0; i < Shards; ++i) {
      locks[i] = locked(shards_[i].mutex);
    }
    return locks;
  }

  all_locked lock_all_in_reverse() const {
    all_locked locks;
    for (std::size_t i = Shards; i-- > 0;) {
      locks[i] = locked(shards_[i].mutex);
    }
    return locks;
  }

  [[no_unique_address]] Hash hash_;
  std::array<shard, Shards> shards_;
};

/// An iteration over copies of the shards, one after another. Belongs to one thread, and must not
/// outlive the map.
template <class Key, class T, std::size_t Shards, class Hash, class KeyEqual, class Mutex,
          sharded_map_bug Bug>
class sharded_map<Key, T, Shards, Hash, KeyEqual, Mutex, Bug>::iterator {
 public:
  /// Steps to the next entry. False at the end.
  bool next() {
    const entered alone(this, "an iterator of sharded_map");
    MAPS_PROBE("sharded_map.next");
    if constexpr (Bug == bug::stands_in_shard) {
      return step_in_shard();
    }
    while (next_ == copy_.size()) {
      if (shard_ == Shards) {
        return false;
      }
      copy_next_shard();
      if (Bug == bug::ends_at_empty_shard && copy_.empty()) {
        return false;
      }
    }
    current_ = next_++;
    return true;
  }

  /// Of the entry stepped to.
  const Key& key() const { return copy_[current_].first; }
  const T& mapped() const { return copy_[current_].second; }

 private:
  friend class sharded_map;

  explicit iterator(const sharded_map& map) : map_(&map) {}

  void copy_next_shard() {
    MAPS_PROBE("sharded_map.next.shard");
    const shard& from = map_->shards_[shard_];
    locked lock(from.mutex);
    if constexpr (Bug == bug::reads_shard_outside_lock) {
      lock.unlock();
    }
    // If this throws, the iterator is as before.
    copy_ = std::vector<std::pair<Key, T>>(from.entries.begin(), from.entries.end());
    next_ = 0;
    ++shard_;
  }

  // Goes on, under the lock, from the entry where it stood when it last had the lock.
  bool step_in_shard() {
    for (; shard_ < Shards; ++shard_) {
      const shard& in = map_->shards_[shard_];
      const locked lock(in.mutex);
      stands_at_ = copy_.empty() ? in.entries.begin() : std::next(stands_at_);
      copy_.clear();
      if (stands_at_ != in.entries.end()) {
        copy_.push_back(*stands_at_);
        return true;
      }
    }
    return false;
  }

  const sharded_map* map_;
  std::size_t shard_ = 0;  // the next one to copy
  std::vector<std::pair<Key, T>> copy_;
  std::size_t current_ = 0;
  std::size_t next_ = 0;
  [[maybe_unused]] typename table::const_iterator stands_at_;  // of stands_in_shard only
};

}  // namespace maps
