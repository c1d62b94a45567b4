// A hash map with a lock for each bin, whose writers grow it together while readers go on.
#pragma once

#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "../reclamation/epochs.hpp"
#include "transfer_map_table.hpp"

namespace maps {

/// The default hash: the splitmix64 finaliser. Never std::hash, whose result depends on the
/// standard library.
struct transfer_map_hash {
  template <class Key>
    requires(std::is_integral_v<Key> || std::is_enum_v<Key>)
  std::uint64_t operator()(Key key) const noexcept {
    auto bits = static_cast<std::uint64_t>(key) + 0x9e3779b97f4a7c15U;
    bits = (bits ^ (bits >> 30)) * 0xbf58476d1ce4e5b9U;
    bits = (bits ^ (bits >> 27)) * 0x94d049bb133111ebU;
    return bits ^ (bits >> 31);
  }
};

struct transfer_map_options {
  std::size_t initial_bins = 16;  ///< A power of two.
  std::size_t stride = 16;        ///< Bins that a thread claims at a time when the map grows.
};

/// A hash map for any number of threads. A bin is a chain of nodes; those who change it hold its
/// lock, readers walk it without one. More entries than three quarters of the bins start a transfer
/// to a table of twice the size. Whoever writes in the meantime helps: it claims ranges of bins,
/// splits each into two bins of the new table, and marks it as forwarded. Reads and writes go
/// through a forwarded bin to the new table.
///
/// Threads:   every member function but constructor, destructor and validate() may run at any time.
///            Reads never wait; writes wait for writes to the same bin. An iterator belongs to the
///            thread that opened it.
/// Order:     all operations on keys are linearizable; size() is exact when nobody writes.
/// Iteration: weakly consistent, see iterator.
/// Shape:     Key and T are copied: into a node, and again when a transfer splits a chain.
///            Hash: (const Key&) -> std::uint64_t.
/// Reclaimer: epochs, with the number of slots and the batch that suit: one pin covers all that is
///            reachable. What is removed may be destroyed later, in another thread's operation.
/// Errors:    an operation that inserts or assigns throws std::bad_alloc without effect. A transfer
///            that runs out of memory throws nothing; later writes take up what is left.
/// Complexity: expected O(1).
/// Source:    java.util.concurrent.ConcurrentHashMap since Java 8; README.md lists what differs.
template <class Key, class T, class Hash = transfer_map_hash, class KeyEqual = std::equal_to<Key>,
          class Reclaimer = epochs<>, transfer_map_bug Bug = transfer_map_bug::none>
class transfer_map {
  using bug = transfer_map_bug;
  using node = transfer_map_parts::node<Key, T>;
  using bin = transfer_map_parts::bin<node, Bug == bug::forgets_waiters>;
  using table = transfer_map_parts::table<bin>;
  using transfer_state = transfer_map_parts::transfer_state;
  using pin = typename Reclaimer::pin;

 public:
  class iterator;

  explicit transfer_map(transfer_map_options options = {}, Hash hash = {}, KeyEqual equal = {})
      : options_(options),
        hash_(std::move(hash)),
        equal_(std::move(equal)),
        table_(new table(options.initial_bins)) {}

  transfer_map(const transfer_map&) = delete;
  transfer_map& operator=(const transfer_map&) = delete;

  ~transfer_map() {
    for (table* t = table_.load(std::memory_order_acquire); t != nullptr;) {
      for (std::size_t i = 0; i < t->size; ++i) {
        if (!t->bins[i].forwarded.load(std::memory_order_relaxed)) {
          delete_chain(t->bins[i].head.load(std::memory_order_relaxed), nullptr);
        }
      }
      delete std::exchange(t, t->next.load(std::memory_order_relaxed));
    }
  }

  std::size_t size() const noexcept {
    const std::ptrdiff_t sum = count_.sum();
    return sum > 0 ? static_cast<std::size_t>(sum) : 0;  // an erasure may be counted first
  }

  bool empty() const noexcept { return size() == 0; }

  std::size_t bin_count() const noexcept {
    const pin pinned = reclaimer_.enter();
    return current().size;
  }

  bool contains(const Key& key) const {
    const pin pinned = reclaimer_.enter();
    return lookup(key, hash_(key)) != nullptr;
  }

  /// A copy of the value under `key`.
  std::optional<T> find(const Key& key) const {
    const pin pinned = reclaimer_.enter();
    const node* const found = lookup(key, hash_(key));
    return found != nullptr ? std::optional<T>(found->value) : std::nullopt;
  }

  /// Returns false, and changes nothing, if `key` is present.
  bool insert(const Key& key, const T& value) { return !find_or_insert(key, value).second; }

  /// The value under `key` now, and whether it was there before.
  std::pair<T, bool> find_or_insert(const Key& key, const T& value) {
    return compute_if_absent(key, [&] { return value; });
  }

  /// The same, with a value that `make()` returns. It is called at most once, under the lock of the
  /// bin: it must not use the map. If it throws, nothing is inserted.
  template <class Make>
  std::pair<T, bool> compute_if_absent(const Key& key, Make make) {
    if constexpr (Bug == bug::computes_outside_lock) {
      if (!contains(key)) {
        const T value = make();
        exchange(key, value);
        return {value, false};
      }
    }
    return in_bin(key, [&](place& at) {
      if (at.found != nullptr) {
        return std::pair(at.found->value, true);
      }
      T value = make();
      prepend(at, key, value);
      return std::pair(std::move(value), false);
    });
  }

  /// Returns true if `key` was new.
  bool insert_or_assign(const Key& key, const T& value) {
    return !exchange(key, value).has_value();
  }

  /// Assigns, and returns the value that was there.
  std::optional<T> exchange(const Key& key, const T& value) {
    return in_bin(key, [&](place& at) -> std::optional<T> {
      if (at.found == nullptr) {
        prepend(at, key, value);
        return std::nullopt;
      }
      return replace(at, value);
    });
  }

  /// Assigns `desired` if the value under `key` is `expected`.
  bool compare_exchange(const Key& key, const T& expected, const T& desired) {
    return in_bin(key, [&](place& at) {
      const bool equal = at.found != nullptr && at.found->value == expected;
      if (equal) {
        replace(at, desired);
      }
      return equal;
    });
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
  iterator begin_range() const { return iterator(*this); }

  /// True while entries go over to a larger table. Only writes move that on.
  bool transferring() const noexcept {
    return state_.load(std::memory_order_relaxed) != transfer_state::kIdle;
  }

  /// Frees now what nobody can see any more, and does not leave it to one of the next operations.
  void reclaim() noexcept { reclaimer_.collect(); }

  /// The first broken structure invariant in words, or an empty string. Nobody else may be at it;
  /// not `at_rest`: they may all stand still somewhere in the midst of their operations.
  std::string validate(bool at_rest = true) const;

 private:
  /// Where a key is in its chain: `link` leads to `found`. If that is null, the key is absent, and
  /// `link` is the end of the chain.
  struct place {
    std::atomic<node*>* head;
    std::atomic<node*>* link;
    node* found;
    std::uint64_t hash;
  };

  static constexpr std::memory_order kPublish =
      Bug == bug::publishes_relaxed ? std::memory_order_relaxed : std::memory_order_release;

  table& current() const noexcept { return *table_.load(std::memory_order_acquire); }

  static void delete_chain(node* first, const node* end) noexcept {
    while (first != end) {
      delete std::exchange(first, first->next.load(std::memory_order_relaxed));
    }
  }

  bool holds(const node& n, const Key& key, std::uint64_t hash) const {
    return n.hash == hash && equal_(n.key, key);
  }

  const node* lookup(const Key& key, std::uint64_t hash) const {
    const table* t = &current();
    while (t->bin_of(hash).forwarded.load(std::memory_order_acquire)) {
      t = t->next.load(std::memory_order_acquire);
    }
    const node* n = t->bin_of(hash).head.load(
        Bug == bug::looks_up_relaxed ? std::memory_order_relaxed : std::memory_order_acquire);
    while (n != nullptr && !holds(*n, key, hash)) {
      n = n->next.load(std::memory_order_acquire);
    }
    return n;
  }

  place search(bin& locked, const Key& key, std::uint64_t hash) const {
    std::atomic<node*>* link = &locked.head;
    node* n = link->load(std::memory_order_relaxed);
    while (n != nullptr && !holds(*n, key, hash)) {
      link = &n->next;
      n = link->load(std::memory_order_relaxed);
    }
    return {&locked.head, link, n, hash};
  }

  /// Does `work(place)` under the lock of the bin that `key` belongs to now. An insertion into a
  /// bin that was not empty is the occasion to grow.
  template <class Work>
  std::invoke_result_t<Work, place&> in_bin(const Key& key, Work work) {
    const std::uint64_t hash = hash_(key);
    const pin pinned = reclaimer_.enter();
    table* t = &current();
    for (;;) {
      bin& b = t->bin_of(hash);
      if (b.forwarded.load(std::memory_order_acquire)) {
        help(*t);
        t = t->next.load(std::memory_order_acquire);
        continue;
      }
      std::unique_lock lock(b.lock);
      if (Bug != bug::skips_check_under_lock && b.forwarded.load(std::memory_order_relaxed)) {
        continue;
      }
      place at = search(b, key, hash);
      const bool absent = at.found == nullptr;
      auto result = work(at);
      if (Bug != bug::grows_under_lock) {
        lock.unlock();
      }
      if (absent && at.found != nullptr && at.link != at.head) {
        grow();
      }
      return result;
    }
  }

  /// At the head of the chain, where no reader and no iteration that is in the chain sees it.
  void prepend(place& at, const Key& key, const T& value) {
    at.found = new node(at.hash, key, value, at.head->load(std::memory_order_relaxed));
    at.head->store(at.found, kPublish);
    count(1);
  }

  /// Puts a new node in the place of the one that was found, for readers do not lock values.
  T replace(const place& at, const T& value) {
    T previous = at.found->value;
    if constexpr (Bug == bug::assigns_in_place) {
      at.found->value = value;
      return previous;
    }
    node* const next = at.found->next.load(std::memory_order_relaxed);
    at.link->store(new node(at.hash, at.found->key, value, next), kPublish);
    reclaimer_.retire(at.found);
    return previous;
  }

  template <class Wanted>
  std::optional<T> erase_if(const Key& key, Wanted wanted) {
    return in_bin(key, [&](place& at) -> std::optional<T> {
      if (at.found == nullptr || !wanted(at.found->value)) {
        return std::nullopt;
      }
      std::optional<T> value(at.found->value);
      at.link->store(at.found->next.load(std::memory_order_relaxed), std::memory_order_release);
      reclaimer_.retire(at.found);
      count(-1);
      return value;
    });
  }

  void count(std::ptrdiff_t difference) noexcept {
    if constexpr (Bug == bug::counts_in_two_steps) {
      count_.add_in_two_steps(difference);
    } else {
      count_.add(difference);
    }
  }

  // Growing: transfer_map_inl.hpp.
  bool too_full(const table& t) const noexcept {
    return count_.sum() > static_cast<std::ptrdiff_t>(t.size - t.size / 4);
  }

  void grow() noexcept;
  void start(table& t) noexcept;
  bool add_next_table(table& t) noexcept;
  void help(table& t) noexcept;
  void transfer(table& t) noexcept;
  void transfer_claimed(table& t);
  void transfer_bin(table& t, std::size_t index);
  void leave(table& t) noexcept;
  void finish(table& t) noexcept;

  const transfer_map_options options_;
  Hash hash_;
  KeyEqual equal_;
  mutable Reclaimer reclaimer_;
  std::atomic<table*> table_;
  std::atomic<std::uint64_t> state_{transfer_state::kIdle};
  transfer_map_parts::counter_cells count_;
};

}  // namespace maps

#include "transfer_map_inl.hpp"
