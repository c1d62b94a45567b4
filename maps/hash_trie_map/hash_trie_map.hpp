// Go's sync.Map since Go 1.24 (internal/sync.HashTrieMap), told in C++: a trie over the bits of
// hashes, with a lock in each inner node for writers, and lookups that take none.
// Go's garbage collector is replaced by epochs; README.md says how.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include "../common/probe.hpp"
#include "../reclamation/epochs.hpp"
#include "hash_trie_map_node.hpp"

namespace maps {

/// The default hash. The trie lives on the upper bits, and std::hash of a number has none: the
/// splitmix64 finaliser spreads it over all 64.
template <class Key>
struct hash_trie_hash {
  std::uint64_t operator()(const Key& key) const noexcept(noexcept(std::hash<Key>{}(key))) {
    std::uint64_t bits = std::hash<Key>{}(key);
    bits = (bits ^ (bits >> 30)) * 0xbf58476d1ce4e5b9U;
    bits = (bits ^ (bits >> 27)) * 0x94d049bb133111ebU;
    return bits ^ (bits >> 31);
  }
};

/// A concurrent hash map without resizing: lookups and iterations take no lock, writers lock one
/// inner node of sixteen slots, and a second one where they remove the last entry of the first.
/// Shape:      Key and T are copyable, T is comparable for compare_*. Values are handed out as
///             copies. Hash: (const Key&) -> 64 bits, the upper ones well spread.
/// Threads:    any number, any operation. All point operations and clear() are linearizable; an
///             iteration is weakly consistent, see class iterator.
/// Reclaimer:  epochs, with the number of slots and the batch that suit. What an operation removes
///             may be destroyed later, in another thread's operation. An open iterator delays that.
/// Complexity: O(log size) expected, at most 16 levels; O(1) for clear(), which leaves the rest to
///             the reclaimer.
/// Errors:     on std::bad_alloc an operation has no effect.
/// Source:     Go's internal/sync.HashTrieMap, 1.24; deviations are listed in README.md.
template <class Key, class T, class Hash = hash_trie_hash<Key>, class KeyEqual = std::equal_to<Key>,
          class Reclaimer = epochs<>, hash_trie_map_bug Bug = hash_trie_map_bug::none>
class hash_trie_map {
  using entry = hash_trie_map_parts::entry<Key, T>;
  using indirect = hash_trie_map_parts::indirect<Key, T>;
  using child = hash_trie_map_parts::child<Key, T>;
  using link = hash_trie_map_parts::link<Key, T>;
  using pin = typename Reclaimer::pin;

 public:
  class iterator;

  explicit hash_trie_map(Hash hash = {}, KeyEqual equal = {})
      : hash_(std::move(hash)), equal_(std::move(equal)), root_(new indirect(nullptr)) {}

  hash_trie_map(const hash_trie_map&) = delete;
  hash_trie_map& operator=(const hash_trie_map&) = delete;

  ~hash_trie_map() { delete root_.load(std::memory_order_relaxed); }

  std::optional<T> find(const Key& key) const {
    const pin pinned = reclaimer_.enter();
    const std::uint64_t hash = hash_(key);
    return copy(search(descend(hash), hash, key));
  }

  bool contains(const Key& key) const {
    const pin pinned = reclaimer_.enter();
    const std::uint64_t hash = hash_(key);
    return search(descend(hash), hash, key) != nullptr;
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
    const entry* const present = present_or_inserted(key, value);
    return {present != nullptr ? present->value : value, present != nullptr};
  }

  /// Returns true if `key` was present.
  bool erase(const Key& key) {
    const pin pinned = reclaimer_.enter();
    return remove_if(key, [](const T&) { return true; }) != nullptr;
  }

  /// As erase; returns the value. Go's LoadAndDelete.
  std::optional<T> take(const Key& key) {
    const pin pinned = reclaimer_.enter();
    return copy(remove_if(key, [](const T&) { return true; }));
  }

  /// Replaces `expected` under `key` by `desired`; returns whether it did. Inserts nothing.
  bool compare_exchange(const Key& key, const T& expected, const T& desired);

  /// Erases `key` if its value is `expected`; returns whether it did.
  bool compare_erase(const Key& key, const T& expected) {
    const pin pinned = reclaimer_.enter();
    return remove_if(key, [&](const T& value) { return value == expected; }) != nullptr;
  }

  void clear();

  /// Starts an iteration, see class iterator.
  iterator begin_range() const { return iterator(*this); }

  /// Calls `f(key, value)` for the elements of one iteration until it returns false; returns
  /// whether it never did. `f` may use the map.
  template <class F>
  bool for_each(F f) const {
    iterator it(*this);
    while (it.next()) {
      if (!f(it.key(), it.mapped())) {
        return false;
      }
    }
    return true;
  }

  /// Frees now what nobody can see any more, and does not leave it to one of the next operations.
  void reclaim() noexcept { reclaimer_.collect(); }

  /// The first broken structure invariant in words, or an empty string. Linear; for tests, with no
  /// operation in progress.
  std::string validate() const;

 private:
  static constexpr unsigned kHashBits = 64;
  static constexpr unsigned kBits = indirect::kBits;
  static constexpr std::size_t kLevels = kHashBits / kBits;
  static constexpr unsigned kRootShift = kHashBits - kBits;

  // Notes on orders. (1) acquires what (2) released: a whole entry or node. (3) Under the lock of
  // the node, which orders all stores to its slots and to the chains that begin there.
  static constexpr std::memory_order kPublish = Bug == hash_trie_map_bug::publishes_relaxed
                                                    ? std::memory_order_relaxed
                                                    : std::memory_order_release;  // (2)

  // A slot on the way of a hash that holds no inner node, and what it held when it was read.
  struct place {
    indirect* in;
    unsigned shift;
    link* slot;
    child seen;
  };

  struct locked_place : place {
    std::unique_lock<std::mutex> lock;  // of `in`, which is in the tree
  };

  static std::optional<T> copy(const entry* e) {
    return e != nullptr ? std::optional<T>(e->value) : std::nullopt;
  }

  // Lookups. ----------------------------------------------------------------------------------

  place descend(std::uint64_t hash) const {
    return descend(root_.load(std::memory_order_acquire), kRootShift, hash);  // (1)
  }

  static place descend(indirect* in, unsigned shift, std::uint64_t hash) {
    for (;; shift -= kBits) {
      link& slot = in->slot(hash, shift);
      const child seen = slot.load(std::memory_order_acquire);  // (1)
      indirect* const below = seen.to_indirect();
      if (below == nullptr) {
        return {in, shift, &slot, seen};
      }
      in = below;
    }
  }

  bool matches(const entry& e, std::uint64_t hash, const Key& key) const {
    return e.hash == hash && equal_(e.key, key);
  }

  const entry* search(const place& at, std::uint64_t hash, const Key& key) const {
    if (Bug == hash_trie_map_bug::stops_a_level_early && at.shift == 0) {
      return nullptr;
    }
    const entry* e = at.seen.to_entry();
    while (e != nullptr && !matches(*e, hash, key)) {
      e = e->overflow.load(std::memory_order_acquire).to_entry();  // (1)
    }
    return e;
  }

  // Writes. -----------------------------------------------------------------------------------

  // `at` is where the hash leads to without a lock.
  locked_place lock_place(place at, std::uint64_t hash) {
    for (;;) {
      std::unique_lock<std::mutex> parent_lock;
      if (Bug == hash_trie_map_bug::locks_on_the_way_down && at.in->parent != nullptr) {
        parent_lock = std::unique_lock(at.in->parent->mutex);
      }
      std::unique_lock lock(at.in->mutex);
      if constexpr (Bug != hash_trie_map_bug::skips_recheck_of_slot) {
        at.seen = at.slot->load(std::memory_order_relaxed);  // (3)
      }
      const bool dead = at.in->dead && Bug != hash_trie_map_bug::inserts_into_dead_node;
      if (!dead && at.seen.to_indirect() == nullptr) {
        return {at, std::move(lock)};
      }
      lock.unlock();
      at = Bug == hash_trie_map_bug::retries_from_dead_node ? descend(at.in, at.shift, hash)
                                                            : descend(hash);
    }
  }

  // The link that points to the entry of `key` in the chain of a locked slot, or null.
  link* find_link(const locked_place& at, std::uint64_t hash, const Key& key) const {
    link* to = at.slot;
    child seen = at.seen;
    while (entry* const e = seen.to_entry()) {
      if (matches(*e, hash, key)) {
        return to;
      }
      to = &e->overflow;
      seen = to->load(std::memory_order_relaxed);  // (3)
    }
    return nullptr;
  }

  static entry* entry_at(const link& to) noexcept {
    return to.load(std::memory_order_relaxed).to_entry();  // (3)
  }

  const entry* store(const Key& key, const T& value) {
    auto fresh = std::make_unique<entry>(hash_(key), key, value);
    const locked_place at = lock_place(descend(fresh->hash), fresh->hash);
    if (link* const to = find_link(at, fresh->hash, key); to != nullptr) {
      return replace(*to, fresh.release());
    }
    add(at, std::move(fresh));
    return nullptr;
  }

  const entry* present_or_inserted(const Key& key, const T& value) {
    const std::uint64_t hash = hash_(key);
    const place seen = descend(hash);
    if (const entry* const present = search(seen, hash, key); present != nullptr) {
      return present;
    }
    auto fresh = std::make_unique<entry>(hash, key, value);
    const locked_place at = lock_place(seen, hash);
    if (link* const to = find_link(at, hash, key); to != nullptr) {
      return entry_at(*to);
    }
    add(at, std::move(fresh));
    return nullptr;
  }

  // Returns the entry replaced, which lives as long as the caller's pin.
  const entry* replace(link& to, entry* fresh) {
    entry* const old = entry_at(to);
    fresh->overflow.store(old->overflow.load(std::memory_order_relaxed), std::memory_order_relaxed);
    to.store(fresh, kPublish);  // (2)
    dispose(old);
    return old;
  }

  void dispose(entry* old) noexcept {
    if constexpr (Bug == hash_trie_map_bug::frees_replaced_entry) {
      delete old;
    } else if constexpr (Bug != hash_trie_map_bug::leaks_replaced_entry) {
      reclaimer_.retire(old);
    }
  }

  void add(const locked_place& at, std::unique_ptr<entry> fresh) {
    entry* const present = at.seen.to_entry();
    if (present == nullptr || present->hash == fresh->hash) {
      fresh->overflow.store(at.seen, std::memory_order_relaxed);
      at.slot->store(fresh.release(), kPublish);  // (2)
    } else {
      expand(at, present, std::move(fresh));
    }
  }

  // Grows inner nodes down to where the two hashes differ, and publishes them with one store.
  static void expand(const locked_place& at, entry* present, std::unique_ptr<entry> fresh) {
    MAPS_PROBE("hash_trie_map.migrate.expand");
    auto top = std::make_unique<indirect>(at.in);
    indirect* in = top.get();
    unsigned shift = at.shift - kBits;
    for (; (present->hash ^ fresh->hash) >> shift == 0; shift -= kBits) {
      auto below = std::make_unique<indirect>(in);
      link& slot = in->slot(fresh->hash, shift);
      in = below.get();
      slot.store(below.release(), std::memory_order_relaxed);
    }
    if constexpr (Bug == hash_trie_map_bug::publishes_before_filling) {
      at.slot->store(top.get(), std::memory_order_release);
    }
    in->slot(present->hash, shift).store(present, kPublish);
    in->slot(fresh->hash, shift).store(fresh.release(), kPublish);
    at.slot->store(top.release(), kPublish);  // (2)
  }

  template <class Wanted>
  const entry* remove_if(const Key& key, Wanted wanted);
  void prune(locked_place at, std::uint64_t hash);
  std::string validate(const indirect& in, unsigned shift, std::uint64_t prefix) const;
  std::string validate_chain(const entry* first, unsigned shift, std::uint64_t path) const;

  // Of seeded bugs.
  bool exchange_without_lock(const T& expected, std::unique_ptr<entry>& fresh);
  void retire_all(child first) noexcept;

  [[no_unique_address]] Hash hash_;
  [[no_unique_address]] KeyEqual equal_;
  mutable Reclaimer reclaimer_;
  std::atomic<indirect*> root_;
};

}  // namespace maps

#include "hash_trie_map_inl.hpp"  // IWYU pragma: export
