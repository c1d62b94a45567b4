// A map whose contents never change: a write makes a new version of them all and puts it in place
// of the old one. Readers have a whole map to themselves and wait for nobody.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <functional>
#include <initializer_list>
#include <iterator>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>
#include <xenium/policy.hpp>
#include <xenium/reclamation/hazard_pointer.hpp>

#include "../common/probe.hpp"

namespace maps {

/// The seeded bugs, one mistake each. README.md names the oracle that finds each of them.
enum class snapshot_map_bug {
  none,
  publishes_stale_copy,
  looks_up_in_older_version,
  assigns_in_place,
  publishes_relaxed,
  frees_old_version_at_once,
  retires_before_replacing,
  skips_hazard_recheck,
  drops_guard_of_snapshot,
  loses_refused_copy,
  serialises_writers,
  takes_snapshot_late,
  reads_relaxed,
};

/// The default reclaimer: any number of snapshots a thread, three of them at no cost.
using snapshot_map_reclaimer = xenium::reclamation::hazard_pointer<>::with<
    xenium::policy::allocation_strategy<xenium::reclamation::hp_allocation::dynamic_strategy<3>>>;

/// A sorted map, copied on write.
/// Shape:     Key and T are copyable. Less: a strict weak order. Reclaimer: one of xenium's.
/// Threads:   every operation from any thread, and all of them linearizable, size() and clear()
///            too. Reads are lock-free, and wait-free but for the reclaimer; writes are lock-free:
///            one that another write comes before starts again.
/// Iteration: snapshot() is the map at one moment, for as long as it is kept.
/// Memory:    a version is retired to the Reclaimer when it is replaced, and freed when nobody has
///            a snapshot of it. If an allocation or a copy fails, the map is as before.
/// Cost:      n entries: a read O(log n), a write O(n) and one allocation, snapshot() O(1).
/// Numbered notes say which atomic operations synchronize with which.
template <class Key, class T, class Less = std::less<Key>, class Reclaimer = snapshot_map_reclaimer,
          snapshot_map_bug Bug = snapshot_map_bug::none>
class snapshot_map {
  using bug = snapshot_map_bug;
  using entry = std::pair<Key, T>;
  using entries = std::vector<entry>;  // sorted
  using position = typename entries::const_iterator;

  struct version : Reclaimer::template enable_concurrent_ptr<version> {
    entries contents;
  };

  using version_ptr = std::unique_ptr<version>;
  using link = typename Reclaimer::template concurrent_ptr<version, 0>;
  using marked = typename link::marked_ptr;
  using guard = typename link::guard_ptr;

  // Writers need no lock. Only serialises_writers takes one.
  struct no_lock {
    void lock() {}
    void unlock() {}
  };

  using writers_lock = std::conditional_t<Bug == bug::serialises_writers, std::mutex, no_lock>;

 public:
  class view;

  explicit snapshot_map(Less less = {}) : less_(std::move(less)), current_(marked(new version)) {}

  snapshot_map(const snapshot_map&) = delete;
  snapshot_map& operator=(const snapshot_map&) = delete;

  /// No view may be left.
  ~snapshot_map() { delete current_.load(std::memory_order_relaxed).get(); }

  std::size_t size() const { return current()->contents.size(); }

  bool contains(const Key& key) const { return find(key).has_value(); }

  /// A copy of the value under `key`.
  std::optional<T> find(const Key& key) const { return find_in(current()->contents, key); }

  /// Returns true if `key` was new; else its value stays.
  bool insert(const Key& key, const T& value) { return !find_or_insert(key, value).second; }

  /// The value under `key`, which is `value` if there was none, and whether there was one.
  std::pair<T, bool> find_or_insert(const Key& key, const T& value) {
    if constexpr (Bug == bug::looks_up_in_older_version) {
      const std::optional<T> found = find(key);
      return found ? std::pair(*found, true) : std::pair(value, !insert_or_assign(key, value));
    }
    std::optional<T> found;
    write([&](const entries& old) {
      const position at = lower_bound(old, key);
      found = value_at(old, at, key);
      return found ? nullptr : spliced(old, at, at, {{key, value}});
    });
    return {found.value_or(value), found.has_value()};
  }

  /// Returns true if `key` was new.
  bool insert_or_assign(const Key& key, const T& value) {
    bool is_new = false;
    write([&](const entries& old) -> version_ptr {
      const position at = lower_bound(old, key);
      is_new = !is_at(old, at, key);
      if constexpr (Bug == bug::assigns_in_place) {
        if (!is_new) {
          const_cast<T&>(at->second) = value;
          return nullptr;
        }
      }
      return spliced(old, at, is_new ? at : std::next(at), {{key, value}});
    });
    return is_new;
  }

  /// Returns true if `key` was present.
  bool erase(const Key& key) {
    bool was_there = false;
    write([&](const entries& old) {
      const position at = lower_bound(old, key);
      was_there = is_at(old, at, key);
      return was_there ? spliced(old, at, std::next(at), {}) : nullptr;
    });
    return was_there;
  }

  void clear() {
    write([](const entries& old) { return old.empty() ? nullptr : std::make_unique<version>(); });
  }

  /// The map as it is now, see class view.
  view snapshot() const { return view(*this); }

  /// The first broken structure invariant in words, or an empty string. For when nobody writes.
  std::string validate() const {
    const entries& now = current_.load(std::memory_order_relaxed)->contents;
    const auto not_ascending = [this](const entry& a, const entry& b) {
      return !less_(a.first, b.first);
    };
    return std::adjacent_find(now.begin(), now.end(), not_ascending) == now.end()
               ? ""
               : "the keys are not in ascending order";
  }

 private:
  // Lookup. -----------------------------------------------------------------------------------

  // The version of this moment; it lives as long as the guard.
  guard current() const {
    if constexpr (Bug == bug::skips_hazard_recheck) {
      return guard(current_.load(std::memory_order_acquire));
    }
    guard now;
    // (1) - this acquire-load synchronizes-with the release-CAS (2)
    now.acquire(current_,
                Bug == bug::reads_relaxed ? std::memory_order_relaxed : std::memory_order_acquire);
    return now;
  }

  position lower_bound(const entries& in, const Key& key) const {
    return std::lower_bound(
        in.begin(), in.end(), key,
        [this](const entry& each, const Key& wanted) { return less_(each.first, wanted); });
  }

  // Whether the lower bound of `key` is `key` itself.
  bool is_at(const entries& in, position at, const Key& key) const {
    return at != in.end() && !less_(key, at->first);
  }

  std::optional<T> value_at(const entries& in, position at, const Key& key) const {
    return is_at(in, at, key) ? std::optional<T>(at->second) : std::nullopt;
  }

  std::optional<T> find_in(const entries& in, const Key& key) const {
    return value_at(in, lower_bound(in, key), key);
  }

  // Writing. ----------------------------------------------------------------------------------

  // A version with `instead` where `old` has [first, last).
  static version_ptr spliced(const entries& old, position first, position last,
                             std::initializer_list<entry> instead) {
    auto result = std::make_unique<version>();
    entries& contents = result->contents;
    contents.reserve(old.size() + instead.size() - static_cast<std::size_t>(last - first));
    contents.insert(contents.end(), old.begin(), first);
    contents.insert(contents.end(), instead.begin(), instead.end());
    contents.insert(contents.end(), last, old.end());
    return result;
  }

  // Puts successor(contents) in place of the current version; null: that may stay. Asks again if
  // another write has come before.
  template <class Successor>
  void write(Successor successor) {
    const std::lock_guard turn(writers_);
    for (;;) {
      guard old = current();
      MAPS_PROBE("snapshot_map.migrate.copy");
      version_ptr next = successor(old->contents);
      if (next == nullptr || replace(old, next)) {
        return;
      }
    }
  }

  // False: `old` is not the current version any more, and `next` is of no use.
  bool replace(guard& old, version_ptr& next) {
    MAPS_PROBE("snapshot_map.migrate.publish");
    if constexpr (Bug == bug::retires_before_replacing) {
      guard(old).reclaim();
    }
    // While `old` is guarded, no other version can have its address.
    marked expected(old.get());
    // (2) - this release-CAS synchronizes-with the acquire-load (1)
    constexpr auto order =
        Bug == bug::publishes_relaxed ? std::memory_order_relaxed : std::memory_order_release;
    while (!current_.compare_exchange_strong(expected, marked(next.get()), order,
                                             std::memory_order_relaxed)) {
      if constexpr (Bug != bug::publishes_stale_copy) {
        if constexpr (Bug == bug::loses_refused_copy) {
          static_cast<void>(next.release());
        }
        return false;
      }
    }
    static_cast<void>(next.release());
    retire(old, expected);
    return true;
  }

  // `replaced` is what `old` guards, but for publishes_stale_copy.
  static void retire(guard& old, [[maybe_unused]] marked replaced) {
    if constexpr (Bug == bug::frees_old_version_at_once) {
      delete replaced.get();
    } else if constexpr (Bug == bug::publishes_stale_copy) {
      guard(replaced).reclaim();
    } else if constexpr (Bug != bug::retires_before_replacing) {
      old.reclaim();
    }
  }

  [[no_unique_address]] Less less_;
  [[no_unique_address]] writers_lock writers_;
  link current_;
};

/// A map that nobody changes: the entries of one moment, sorted. It keeps them alive, and costs
/// others nothing but memory. Belongs to the thread that took it, and must not outlive the map.
template <class Key, class T, class Less, class Reclaimer, snapshot_map_bug Bug>
class snapshot_map<Key, T, Less, Reclaimer, Bug>::view {
 public:
  using const_iterator = position;

  std::size_t size() const { return contents().size(); }
  std::optional<T> find(const Key& key) const { return map_->find_in(contents(), key); }
  bool contains(const Key& key) const { return find(key).has_value(); }

  /// Good as long as the view is.
  const_iterator begin() const { return contents().begin(); }
  const_iterator end() const { return contents().end(); }

 private:
  friend class snapshot_map;

  explicit view(const snapshot_map& map) : map_(&map) {
    if constexpr (Bug != bug::takes_snapshot_late) {
      take();
    }
  }

  void take() {
    MAPS_PROBE("snapshot_map.next.snapshot");
    guard_ = map_->current();
    contents_ = &guard_->contents;
    if constexpr (Bug == bug::drops_guard_of_snapshot) {
      guard_.reset();
    }
  }

  const entries& contents() const {
    if (Bug == bug::takes_snapshot_late && contents_ == nullptr) {
      const_cast<view*>(this)->take();
    }
    return *contents_;
  }

  const snapshot_map* map_;
  guard guard_;
  const entries* contents_ = nullptr;
};

}  // namespace maps
