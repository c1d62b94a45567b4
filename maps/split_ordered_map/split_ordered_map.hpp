// A lock-free hash map that grows without moving anything: split-ordered lists.
#pragma once

#include <array>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <new>
#include <optional>
#include <string>
#include <utility>
#include <vector>
#include <xenium/reclamation/hazard_pointer.hpp>

#include "../common/probe.hpp"
#include "../common/structure_text.hpp"
#include "split_ordered_list.hpp"

namespace maps {

/// The default hash: the splitmix64 finaliser. Never std::hash, whose result depends on the
/// standard library.
struct split_ordered_map_hash {
  template <class Key>
    requires(std::is_integral_v<Key> || std::is_enum_v<Key>)
  std::uint64_t operator()(Key key) const noexcept {
    auto bits = static_cast<std::uint64_t>(key) + 0x9e3779b97f4a7c15U;
    bits = (bits ^ (bits >> 30)) * 0xbf58476d1ce4e5b9U;
    bits = (bits ^ (bits >> 27)) * 0x94d049bb133111ebU;
    return bits ^ (bits >> 31);
  }
};

struct split_ordered_map_options {
  std::size_t entries_per_bucket = 1;  ///< With more on average, the number of buckets doubles.
};

/// Hazard pointers, as many as a thread has iterators.
using split_ordered_map_reclaimer = xenium::reclamation::hazard_pointer<>::with<
    xenium::policy::allocation_strategy<xenium::reclamation::hp_allocation::dynamic_strategy<4>>>;

/// A hash map for any number of threads. All entries are in one sorted list; a bucket is a shortcut
/// into it. The numbers that the list is sorted by are the hashes with their bits reversed, so each
/// bucket is a stretch of the list, and doubling the number of buckets splits each stretch in two:
/// a new sentinel in the middle, and no entry moves.
///
/// Threads:   every member function but constructor, destructor and validate() may run at any time.
///            Lock-free, apart from the allocator. An iterator belongs to one thread.
/// Order:     all operations on keys are linearizable; size() is exact when nobody writes.
/// Iteration: weakly consistent, see iterator.
/// Shape:     Key and T are copied into an entry once and do not change there. Less orders keys
///            whose hashes are equal. Hash: (const Key&) -> std::uint64_t.
/// Memory:    Reclaimer is one of xenium's. Sentinels and arrays of buckets live as long as the
/// map. Errors:    an operation that inserts throws std::bad_alloc without effect. Growing never
/// throws. Complexity: expected O(1). Source:    Shalev and Shavit, "Split-ordered lists", JACM
/// 53(3), 2006; differs: links to
///            sentinels are kept in arrays of doubling length, and values are replaced.
template <class Key, class T, class Hash = split_ordered_map_hash, class Less = std::less<Key>,
          class Reclaimer = split_ordered_map_reclaimer,
          split_ordered_map_bug Bug = split_ordered_map_bug::none>
class split_ordered_map {
  using bug = split_ordered_map_bug;
  using list = split_ordered_map_parts::split_ordered_list<Key, T, Less, Reclaimer, Bug>;
  using node = typename list::node;
  using entry = typename list::entry;
  using position = typename list::position;

 public:
  class iterator;

  explicit split_ordered_map(split_ordered_map_options options = {}, Hash hash = {}, Less less = {})
      : options_(options), hash_(std::move(hash)), list_(std::move(less)) {}

  split_ordered_map(const split_ordered_map&) = delete;
  split_ordered_map& operator=(const split_ordered_map&) = delete;

  ~split_ordered_map() {
    node* next = first_.next.load(std::memory_order_acquire).get();
    while (next != nullptr) {
      delete std::exchange(next, next->next.load(std::memory_order_acquire).get());
    }
    for (segment& s : segments_) {
      delete[] s.load(std::memory_order_acquire);
    }
  }

  std::size_t size() const noexcept {
    const auto count = count_.load(std::memory_order_relaxed);
    return count > 0 ? static_cast<std::size_t>(count) : 0;  // an erasure may count first
  }

  bool empty() const noexcept { return size() == 0; }

  std::size_t bucket_count() const noexcept {
    return bucket_count_.load(std::memory_order_relaxed);
  }

  bool contains(const Key& key) {
    position at;
    return locate(key, hash_(key), at);
  }

  /// A copy of the value under `key`.
  std::optional<T> find(const Key& key) {
    position at;
    return locate(key, hash_(key), at) ? std::optional<T>(at.current_entry().value) : std::nullopt;
  }

  /// Returns false, and changes nothing, if `key` is present.
  bool insert(const Key& key, const T& value) { return !find_or_insert(key, value).second; }

  /// The value under `key` now, and whether it was there before.
  std::pair<T, bool> find_or_insert(const Key& key, const T& value) {
    const std::uint64_t hash = hash_(key);
    std::unique_ptr<entry> fresh;
    position at;
    while (!locate(key, hash, at)) {
      if (!fresh) {
        fresh = std::make_unique<entry>(order_of_entry(hash), key, value);
      }
      if (list_.insert(fresh.get(), at)) {
        fresh.release();
        count_insertion();
        return {value, false};
      }
    }
    return {at.current_entry().value, true};
  }

  /// Returns true if `key` was new.
  bool insert_or_assign(const Key& key, const T& value) {
    return !exchange(key, value).has_value();
  }

  /// Assigns, and returns the value that was there.
  std::optional<T> exchange(const Key& key, const T& value) {
    const std::uint64_t hash = hash_(key);
    auto fresh = std::make_unique<entry>(order_of_entry(hash), key, value);
    position at;
    for (;;) {
      if (locate(key, hash, at)) {
        if (std::optional<T> previous = replace(fresh, key, hash, at)) {
          return previous;
        }
      } else if (list_.insert(fresh.get(), at)) {
        fresh.release();
        count_insertion();
        return std::nullopt;
      }
    }
  }

  /// Assigns `desired` if the value under `key` is `expected`.
  bool compare_exchange(const Key& key, const T& expected, const T& desired) {
    const std::uint64_t hash = hash_(key);
    auto fresh = std::make_unique<entry>(order_of_entry(hash), key, desired);
    position at;
    while (locate(key, hash, at) && at.current_entry().value == expected) {
      if (replace(fresh, key, hash, at)) {
        return true;
      }
    }
    return false;
  }

  /// Returns true if `key` was present.
  bool erase(const Key& key) { return take(key).has_value(); }

  /// Erases, and returns the value that was there.
  std::optional<T> take(const Key& key) {
    return erase_if(key, [](const T&) { return true; });
  }

  /// Erases `key` if its value is `expected`.
  bool compare_erase(const Key& key, const T& expected) {
    return erase_if(key, [&](const T& value) { return value == expected; }).has_value();
  }

  /// Erases every key, one after another; what others insert meanwhile may stay.
  void clear() {
    for (iterator it = begin_range(); it.next();) {
      erase(it.key());
    }
  }

  /// Starts an iteration, see class iterator.
  iterator begin_range() { return iterator(*this); }

  /// The first broken structure invariant in words, or an empty string. Nobody else may be at it;
  /// not `at_rest`: they may all stand still somewhere in the midst of their operations.
  std::string validate(bool at_rest = true) const;

  /// The structure as people read it: a line for each sentinel, with the entries up to the next
  /// one, in the order of the list. Nobody else may be at it.
  std::string to_text() const;

 private:
  using slot = std::atomic<node*>;     // leads to the sentinel of a bucket, if that has one
  using segment = std::atomic<slot*>;  // the slots of as many buckets as there were before

  static constexpr unsigned kSegments = 48;

  static std::uint64_t reversed(std::uint64_t bits) noexcept {
    bits = ((bits >> 1) & 0x5555555555555555U) | ((bits & 0x5555555555555555U) << 1);
    bits = ((bits >> 2) & 0x3333333333333333U) | ((bits & 0x3333333333333333U) << 2);
    bits = ((bits >> 4) & 0x0f0f0f0f0f0f0f0fU) | ((bits & 0x0f0f0f0f0f0f0f0fU) << 4);
    return __builtin_bswap64(bits);
  }

  static std::uint64_t order_of_entry(std::uint64_t hash) noexcept { return reversed(hash) | 1; }

  static std::uint64_t order_of_sentinel(std::size_t bucket) noexcept { return reversed(bucket); }

  bool locate(const Key& key, std::uint64_t hash, position& at) {
    return list_.find_entry(sentinel_before(hash), order_of_entry(hash), key, at);
  }

  /// Puts `fresh` in the place of what `at` has found. The value that was there, or nothing if the
  /// list has changed.
  std::optional<T> replace(std::unique_ptr<entry>& fresh, const Key& key, std::uint64_t hash,
                           position& at) {
    if constexpr (Bug == bug::replaces_in_two_steps) {
      std::optional<T> previous = take(key);
      if (previous.has_value()) {
        insert(key, fresh->value);
      }
      return previous;
    }
    if (!list_.replace(fresh.get(), at)) {
      return std::nullopt;
    }
    fresh.release();
    std::optional<T> previous(at.current_entry().value);
    unlink(key, hash, at);
    return previous;
  }

  template <class Wanted>
  std::optional<T> erase_if(const Key& key, Wanted wanted) {
    const std::uint64_t hash = hash_(key);
    position at;
    while (locate(key, hash, at) && wanted(at.current_entry().value)) {
      if (list_.remove(at)) {
        count(-1);
        std::optional<T> value(at.current_entry().value);
        unlink(key, hash, at);
        return value;
      }
    }
    return std::nullopt;
  }

  /// Takes what was removed out of the list, if need be by a search, so that it does not linger.
  void unlink(const Key& key, std::uint64_t hash, position& removed) {
    if (!list_.unlink(removed)) {
      position at;
      locate(key, hash, at);
    }
  }

  std::ptrdiff_t count(std::ptrdiff_t difference) noexcept {
    if constexpr (Bug == bug::counts_in_two_steps) {
      const auto sum = count_.load(std::memory_order_relaxed) + difference;
      count_.store(sum, std::memory_order_relaxed);
      return sum;
    }
    return count_.fetch_add(difference, std::memory_order_relaxed) + difference;
  }

  void count_insertion() noexcept {
    const std::ptrdiff_t entries = count(1);
    std::size_t buckets = bucket_count();
    if (entries > static_cast<std::ptrdiff_t>(buckets * options_.entries_per_bucket) &&
        buckets < std::size_t{1} << kSegments) {
      MAPS_PROBE("split_ordered_map.migrate.begin");
      bucket_count_.compare_exchange_strong(buckets, buckets * 2, std::memory_order_relaxed);
    }
  }

  /// The sentinel to start a search from.
  node& sentinel_before(std::uint64_t hash) noexcept {
    return sentinel_of(hash & (bucket_count() - 1));
  }

  node& sentinel_of(std::size_t bucket) noexcept;
  node& make_sentinel(std::size_t bucket, slot& place) noexcept;
  slot* slot_of(std::size_t bucket) noexcept;
  slot* make_segment(segment& place, std::size_t slots) noexcept;

  static std::vector<const node*> add_list(structure_text& text, const char* name,
                                           const node* first);

  const split_ordered_map_options options_;
  Hash hash_;
  list list_;
  node first_{0};
  std::array<segment, kSegments> segments_{};
  std::atomic<std::size_t> bucket_count_{1};
  alignas(64) std::atomic<std::ptrdiff_t> count_{0};  // apart from what is only read
};

}  // namespace maps

#include "split_ordered_map_inl.hpp"
