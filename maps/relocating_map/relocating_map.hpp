// A lock-free hash map with open addressing, whose threads carry the entries over to a larger table
// together: each cell is frozen, copied, and left behind.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>

#include "../reclamation/epoch_reclaimer.hpp"

namespace maps {

/// The seeded bugs, one mistake each. README.md names the oracle that finds each of them.
enum class relocating_map_bug {
  none,
  copies_before_freezing,
  copies_over_what_is_there,
  copies_over_erased,
  freezes_only_entries,
  reads_frozen_values,
  leaves_before_copies_end,
  frees_table_at_once,
  publishes_table_relaxed,
  iterates_from_old_table,
  waits_for_copies,
  trusts_vacant_cell,
  counts_in_two_steps,
  reuses_erased_cell,
};

/// The default hash: the splitmix64 finaliser. Never std::hash, whose result depends on the
/// standard library.
struct relocating_map_hash {
  template <class Key>
  std::uint64_t operator()(Key key) const noexcept {
    auto bits = static_cast<std::uint64_t>(key) + 0x9e3779b97f4a7c15U;
    bits = (bits ^ (bits >> 30)) * 0xbf58476d1ce4e5b9U;
    bits = (bits ^ (bits >> 27)) * 0x94d049bb133111ebU;
    return bits ^ (bits >> 31);
  }
};

struct relocating_map_options {
  std::size_t initial_cells = 16;  ///< A power of two.
  std::size_t stride = 16;         ///< Cells that a thread copies at a time when the map grows.
};

/// A hash map of small integers for any number of threads. A cell is two words: a key, which stays
/// once it is there, and a value, which may be one of three sentinels. A table that gets full has a
/// next one. To go on to that, a cell is frozen by a bit in its value; then its value is copied,
/// unless the key has had one in the next table already. Who meets a frozen cell copies it first
/// and goes on in the next table. When all cells of the first table are copied, it is retired.
///
/// Threads:   every member function but constructor, destructor and validate() may run at any time.
///            Lock-free, apart from the allocator. An iterator belongs to one thread.
/// Order:     all operations on keys are linearizable; size() is exact when nobody writes.
/// Iteration: weakly consistent, see iterator.
/// Shape:     Key and T are integers or enumerations of up to 32 bits.
///            Hash: (Key) -> std::uint64_t.
/// Memory:    Reclaimer is epoch based, with xenium's interface: one guard covers all later tables.
/// Errors:    any operation may throw std::bad_alloc, without effect.
/// Complexity: expected O(1).
/// Source:    Click, "A Lock-Free Hash Table", JavaOne 2007; Preshing's Junction, 2016. Differs:
///            README.md.
template <class Key, class T, class Hash = relocating_map_hash, class Reclaimer = epoch_reclaimer<>,
          relocating_map_bug Bug = relocating_map_bug::none>
class relocating_map {
  static_assert((std::is_integral_v<Key> || std::is_enum_v<Key>) && sizeof(Key) <= 4);
  static_assert((std::is_integral_v<T> || std::is_enum_v<T>) && sizeof(T) <= 4);

  using bug = relocating_map_bug;
  using word = std::uint64_t;
  struct table;
  using table_link = typename Reclaimer::template concurrent_ptr<table, 0>;
  using table_guard = typename table_link::guard_ptr;

 public:
  class iterator;

  explicit relocating_map(relocating_map_options options = {}, Hash hash = {})
      : options_(options), hash_(std::move(hash)), table_(new table(options.initial_cells)) {}

  relocating_map(const relocating_map&) = delete;
  relocating_map& operator=(const relocating_map&) = delete;

  ~relocating_map() {
    for (table* t = table_.load(std::memory_order_acquire).get(); t != nullptr;) {
      delete std::exchange(t, t->next.load(std::memory_order_relaxed));
    }
  }

  std::size_t size() const noexcept {
    const auto count = count_.load(std::memory_order_relaxed);
    return count > 0 ? static_cast<std::size_t>(count) : 0;  // an erasure may count first
  }

  bool empty() const noexcept { return size() == 0; }

  /// Cells of the first table; larger ones may follow it for a while.
  std::size_t cell_count() const { return enter()->size; }

  bool contains(Key key) { return find(key).has_value(); }

  std::optional<T> find(Key key) {
    const table_guard first = enter();
    return value_of(change(*first, key, [](word now) { return now; }));
  }

  /// Returns false, and changes nothing, if `key` is present.
  bool insert(Key key, T value) { return !find_or_insert(key, value).second; }

  /// The value under `key` now, and whether it was there before.
  std::pair<T, bool> find_or_insert(Key key, T value) {
    const table_guard first = enter();
    const word before = change(
        *first, key, [fresh = word_of(value)](word now) { return is_value(now) ? now : fresh; });
    return {value_of(before).value_or(value), is_value(before)};
  }

  /// Returns true if `key` was new.
  bool insert_or_assign(Key key, T value) { return !exchange(key, value).has_value(); }

  /// Assigns, and returns the value that was there.
  std::optional<T> exchange(Key key, T value) {
    const table_guard first = enter();
    return value_of(change(*first, key, [fresh = word_of(value)](word) { return fresh; }));
  }

  /// Assigns `desired` if the value under `key` is `expected`.
  bool compare_exchange(Key key, T expected, T desired) {
    const table_guard first = enter();
    const word old = word_of(expected);
    const word fresh = word_of(desired);
    return change(*first, key, [=](word now) { return now == old ? fresh : now; }) == old;
  }

  /// Returns true if `key` was present.
  bool erase(Key key) { return take(key).has_value(); }

  /// Erases, and returns the value that was there.
  std::optional<T> take(Key key) {
    const table_guard first = enter();
    return value_of(change(*first, key, [](word now) { return is_value(now) ? kErased : now; }));
  }

  /// Erases `key` if its value is `expected`.
  bool compare_erase(Key key, T expected) {
    const table_guard first = enter();
    const word old = word_of(expected);
    return change(*first, key, [=](word now) { return now == old ? kErased : now; }) == old;
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

 private:
  static constexpr word kVacant = 0;  // of keys

  // Of values. All but kNever mean that the key has had a value in this table.
  static constexpr word kNever = 0;
  static constexpr word kErased = 2;
  static constexpr word kLeastValue = 4;
  static constexpr word kFrozen = 1;  // a bit: the next table knows better

  struct cell {
    std::atomic<word> key{kVacant};
    std::atomic<word> value{kNever};
  };

  struct table : Reclaimer::template enable_concurrent_ptr<table> {
    explicit table(std::size_t number_of_cells)
        : size(number_of_cells), cells(new cell[number_of_cells]) {}

    const std::size_t size;  // a power of two
    const std::unique_ptr<cell[]> cells;
    std::atomic<table*> next{nullptr};
    std::atomic<std::size_t> used{0};       // cells with a key
    std::atomic<std::size_t> unclaimed{0};  // cells from this one on are nobody's to copy yet
    std::atomic<std::size_t> copied{0};     // how many are
  };

  static word key_word(Key key) noexcept {
    return static_cast<word>(static_cast<std::uint32_t>(key)) + 1;
  }

  static Key key_of(word key) noexcept { return static_cast<Key>(key - 1); }

  static word word_of(T value) noexcept {
    return (static_cast<word>(static_cast<std::uint32_t>(value)) << 2) + kLeastValue;
  }

  static bool is_value(word value) noexcept { return value >= kLeastValue; }

  static std::optional<T> value_of(word value) noexcept {
    return is_value(value) ? std::optional<T>(static_cast<T>((value - kLeastValue) >> 2))
                           : std::nullopt;
  }

  table_guard enter() const {
    table_guard guard;
    guard.acquire(table_, std::memory_order_acquire);
    return guard;
  }

  template <class Decide>
  word change(table& first, Key key, Decide decide);
  cell* locate(const table& t, word key) const noexcept;
  cell* claim(table& t, word key);
  table& next_of(table& t);
  void help(table& t);
  void copy(table& t, cell& c);
  void put_first(table& first, word key, word value);
  void leave_copied_tables();

  void count_change(word before, word after) noexcept {
    const std::ptrdiff_t difference = is_value(after) - is_value(before);
    if (difference == 0) {
      return;
    }
    if constexpr (Bug == bug::counts_in_two_steps) {
      count_.store(count_.load(std::memory_order_relaxed) + difference, std::memory_order_relaxed);
    } else {
      count_.fetch_add(difference, std::memory_order_relaxed);
    }
  }

  const relocating_map_options options_;
  Hash hash_;
  table_link table_;
  alignas(64) std::atomic<std::ptrdiff_t> count_{0};  // apart from what is only read
};

}  // namespace maps

#include "relocating_map_inl.hpp"
