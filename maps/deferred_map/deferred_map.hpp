// A hash map that erases in two passes: an erasure only marks its entry, also in the middle of an
// iteration; what is marked is deleted later, in slices, while nobody iterates.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <string>
#include <type_traits>
#include <utility>

#include "../chained_map/chained_map.hpp"
#include "../common/probe.hpp"
#include "../common/spread_readers_mutex.hpp"

namespace maps {

/// The seeded bugs, one mistake each. README.md names the oracle that finds each of them.
enum class deferred_map_bug {
  none,
  sweeps_under_iterators,
  pins_after_lock,
  clear_frees_entries,
  sweeps_what_came_back,
  buries_twice,
  marks_any_incarnation,
  marks_what_is_marked,
  counts_in_two_steps,
  sweep_loses_last_of_slice,
  rehashes_under_iterators,
  sweeps_under_shared_lock,
};

/// Shape:      Key and T are copyable. SharedMutex: as std::shared_mutex.
/// Threads:    every operation from any thread, and all but size() linearizable, clear() too.
///             Lookups, steps of iterations and erasures share a lock: a mark is set by one
///             compare-exchange. Insertions, clear() and sweep() have the lock alone.
/// Iteration:  class iterator. It goes on through all changes, and yields what is there as it comes
///             by. What stays all the time comes exactly once, nothing comes twice.
/// Memory:     a marked entry is freed by a later sweep(), and none is freed while an iterator is
///             open. A key that is inserted again takes its marked entry back.
/// Errors:     if an allocation or a copy fails, the map is as before; if an assignment does, the
///             value is what the assignment left. erase() does not allocate.
/// Complexity: as chained_map; but no rehash while an iterator is open. sweep(n): O(n).
template <class Key, class T, class Hash = chained_map_hash, class KeyEqual = std::equal_to<Key>,
          class SharedMutex = spread_readers_mutex<>, deferred_map_bug Bug = deferred_map_bug::none>
class deferred_map {
  using bug = deferred_map_bug;
  struct entry;
  using map = chained_map<Key, entry, Hash, KeyEqual>;
  using node = std::pair<const Key, entry>;

 public:
  class iterator;

  explicit deferred_map(std::size_t bucket_count = 8, Hash hash = {}, KeyEqual equal = {})
      : map_(bucket_count, std::move(hash), std::move(equal)) {
    map_.max_load_factor(std::numeric_limits<float>::infinity());  // we rehash by ourselves
  }

  /// Entries that are not marked. Changes that are under way may be counted or not. Never waits.
  std::size_t size() const noexcept { return live_count_.load(std::memory_order_relaxed); }

  bool contains(const Key& key) const { return find(key).has_value(); }

  /// A copy of the value under `key`.
  std::optional<T> find(const Key& key) const {
    const std::shared_lock lock(mutex_);
    const auto at = map_.find(key);
    return at != map_.end() && at->second.live() ? std::optional<T>(at->second.value)
                                                 : std::nullopt;
  }

  /// Returns true if `key` was new.
  bool insert_or_assign(const Key& key, const T& value) {
    const std::unique_lock lock(mutex_);
    grow();
    const auto [at, is_new_entry] = map_.try_emplace(key, value);
    entry& e = at->second;
    if (!is_new_entry) {
      e.value = value;
      if (e.live()) {
        return false;
      }
      e.begin_incarnation();
    }
    live_count_.fetch_add(1, std::memory_order_relaxed);
    return true;
  }

  /// Returns true if `key` was present. Its entry is marked, and freed by a later sweep().
  bool erase(const Key& key) {
    const std::shared_lock lock(mutex_);
    const auto at = map_.find(key);
    return at != map_.end() && mark(*at, at->second.state.load(std::memory_order_relaxed));
  }

  /// Marks all entries.
  void clear() {
    const std::unique_lock lock(mutex_);
    if constexpr (Bug == bug::clear_frees_entries) {
      buried_ = nullptr;
      live_count_ = 0;
      map_.clear();
      return;
    }
    for (node& each : map_) {
      mark(each, each.second.state.load(std::memory_order_relaxed));
    }
  }

  /// Deletes marked entries, looking at `slice` of them at most, unless an iterator is open.
  /// Returns true if there are more.
  bool sweep(std::size_t slice) {
    using Lock = std::conditional_t<Bug == bug::sweeps_under_shared_lock,
                                    std::shared_lock<SharedMutex>, std::unique_lock<SharedMutex>>;
    MAPS_PROBE("deferred_map.migrate.sweep");
    const Lock lock(mutex_);
    if (Bug != bug::sweeps_under_iterators && is_pinned()) {
      return buried() != nullptr;
    }
    for (node* each = buried(); each != nullptr && slice > 0; each = buried()) {
      buried_.store(each->second.next_buried, std::memory_order_relaxed);
      if (--slice == 0 && Bug == bug::sweep_loses_last_of_slice) {
        break;
      }
      dig_out(*each);
    }
    return buried() != nullptr;
  }

  /// See class iterator. As long as one is open, nothing is freed.
  iterator begin_range() { return iterator(*this); }

  /// The first broken structure invariant in words, or an empty string. For when nobody writes.
  std::string validate() const;

 private:
  static constexpr std::uint64_t kLive = 1;

  struct entry {
    explicit entry(const T& first_value) : value(first_value) {}

    bool live() const noexcept { return (state.load(std::memory_order_relaxed) & kLive) != 0; }

    // A marked entry serves again. Alone under the lock.
    void begin_incarnation() noexcept { state.fetch_add(kLive, std::memory_order_relaxed); }

    T value;
    // Counts marks and incarnations in turn: odd is live. The lock orders it with all the rest.
    std::atomic<std::uint64_t> state = kLive;
    std::atomic<bool> is_buried = false;
    node* next_buried = nullptr;
  };

  node* buried() const noexcept { return buried_.load(std::memory_order_relaxed); }

  // Orders nothing: whoever counts down has read his last entry under the lock.
  bool is_pinned() const noexcept { return pins_.load(std::memory_order_relaxed) != 0; }

  // False if the entry is not the incarnation any more that was seen in `state`.
  bool mark(node& at, std::uint64_t state) noexcept {
    entry& e = at.second;
    if constexpr (Bug == bug::marks_what_is_marked) {
      if (!e.live()) {
        return false;
      }
      e.state.store(state + 1, std::memory_order_relaxed);
    } else if ((state & kLive) == 0 ||
               !e.state.compare_exchange_strong(state, state + 1, std::memory_order_relaxed)) {
      return false;
    }
    if constexpr (Bug == bug::counts_in_two_steps) {
      live_count_.store(size() - 1, std::memory_order_relaxed);
    } else {
      live_count_.fetch_sub(1, std::memory_order_relaxed);
    }
    bury(at);
    return true;
  }

  // An entry is buried once, however often it comes back and is marked again.
  void bury(node& at) noexcept {
    entry& e = at.second;
    if (e.is_buried.exchange(true, std::memory_order_relaxed) && Bug != bug::buries_twice) {
      return;
    }
    e.next_buried = buried();
    // Relaxed: nobody follows the list but under the exclusive lock.
    while (!buried_.compare_exchange_weak(e.next_buried, &at, std::memory_order_relaxed)) {
    }
  }

  // It may have come back to life since it was marked.
  void dig_out(node& at) {
    MAPS_PROBE("deferred_map.migrate.dig_out");
    at.second.is_buried.store(false, std::memory_order_relaxed);
    if (!at.second.live() || Bug == bug::sweeps_what_came_back) {
      map_.erase(map_.find(at.first));
    }
  }

  // An iteration would lose its way.
  void grow() {
    const bool may_rehash = Bug == bug::rehashes_under_iterators || !is_pinned();
    if (may_rehash && map_.size() >= map_.bucket_count()) {
      map_.rehash(2 * map_.bucket_count());
    }
  }

  mutable SharedMutex mutex_;
  map map_;
  std::atomic<std::size_t> live_count_ = 0;
  std::atomic<std::size_t> pins_ = 0;
  std::atomic<node*> buried_ = nullptr;
};

/// An iteration: next() until it returns false; key() and mapped() are copies. Open until it is
/// destroyed, and must not outlive the map. Used by one thread at a time.
template <class Key, class T, class Hash, class KeyEqual, class SharedMutex, deferred_map_bug Bug>
class deferred_map<Key, T, Hash, KeyEqual, SharedMutex, Bug>::iterator {
 public:
  iterator(iterator&& other) noexcept
      : owner_(std::exchange(other.owner_, nullptr)),
        next_(other.next_),
        yielded_(other.yielded_),
        yielded_state_(other.yielded_state_),
        current_(std::move(other.current_)) {}

  iterator& operator=(iterator&&) = delete;

  ~iterator() {
    if (owner_ != nullptr) {
      owner_->pins_.fetch_sub(1, std::memory_order_relaxed);
    }
  }

  bool next() {
    const entered alone(this, "an iterator of deferred_map");
    MAPS_PROBE("deferred_map.next");
    const std::shared_lock lock(owner_->mutex_);
    while (next_ != owner_->map_.end() && !next_->second.live()) {
      ++next_;
    }
    if (next_ == owner_->map_.end()) {
      return false;
    }
    MAPS_PROBE("deferred_map.next.entry");
    yielded_ = &*next_;
    yielded_state_ = next_->second.state.load(std::memory_order_relaxed);
    current_.emplace(next_->first, next_->second.value);
    ++next_;
    return true;
  }

  const Key& key() const noexcept { return current_->first; }

  const T& mapped() const noexcept { return current_->second; }

  /// Erases what was yielded last. False if that was erased before, even if its key is there again.
  bool erase() {
    const std::shared_lock lock(owner_->mutex_);
    if constexpr (Bug == bug::marks_any_incarnation) {
      yielded_state_ = yielded_->second.state.load(std::memory_order_relaxed);
    }
    return owner_->mark(*yielded_, yielded_state_);
  }

 private:
  friend class deferred_map;

  explicit iterator(deferred_map& owner) : owner_(&owner) {
    std::shared_lock lock(owner.mutex_);
    next_ = owner.map_.begin();
    if constexpr (Bug == bug::pins_after_lock) {
      lock.unlock();
    }
    owner.pins_.fetch_add(1, std::memory_order_relaxed);
  }

  deferred_map* owner_;
  typename map::iterator next_;
  node* yielded_ = nullptr;
  std::uint64_t yielded_state_ = 0;
  std::optional<std::pair<Key, T>> current_;
};

template <class Key, class T, class Hash, class KeyEqual, class SharedMutex, deferred_map_bug Bug>
std::string deferred_map<Key, T, Hash, KeyEqual, SharedMutex, Bug>::validate() const {
  std::size_t live = 0;
  std::size_t waiting = 0;
  for (const node& each : map_) {
    const bool is_buried = each.second.is_buried.load(std::memory_order_relaxed);
    live += each.second.live() ? 1 : 0;
    waiting += is_buried ? 1 : 0;
    if (!each.second.live() && !is_buried) {
      return "a marked entry waits for no sweep";
    }
  }
  if (live != size()) {
    return "the number of entries without a mark is not the size";
  }
  std::size_t listed = 0;
  for (const node* at = buried(); at != nullptr && listed <= waiting; at = at->second.next_buried) {
    ++listed;
  }
  return listed == waiting ? map_.validate() : "what waits for a sweep is not what one will find";
}

}  // namespace maps
