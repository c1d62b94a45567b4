// The dictionary of Redis, told in C++: chained buckets, a resize that moves one bucket with each
// operation from one table to the other, and three ways to iterate meanwhile.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <new>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "../common/probe.hpp"
#include "../common/seeded_hash.hpp"
#include "../common/structure_text.hpp"

namespace maps {

/// The seeded bugs, one mistake each. README.md names the oracle that finds each of them.
enum class dict_map_bug {
  none,
  rehashes_under_safe_iterator,
  resumes_rehash_twice,
  erases_next_of_safe_iterator,
  erases_any_incarnation,
  fingerprint_of_sizes,
  erase_misses_second_table,
  inserts_into_old_table,
  moves_first_of_chain_only,
  clear_forgets_second_table,
  scan_ignores_larger_table,
  scan_counts_forward,
};

/// Thrown by an unsafe iterator when the map is not what it was.
class stale_iterator : public std::logic_error {
 public:
  using std::logic_error::logic_error;
};

/// The default hash. The seed is for users who do not trust the source of their keys.
struct dict_map_hash {
  std::uint32_t seed = 0;

  template <class Key>
  std::uint64_t operator()(Key key) const noexcept {
    return seeded_hash{}(key, seed);
  }
};

struct dict_map_options {
  std::size_t least_buckets = 4;  ///< A power of two: the first table's size, and the smallest.
  std::size_t fill_minimum = 8;   ///< Shrinks below one entry in so many buckets.
};

/// A hash map that never stops to rehash: two tables are in use during a resize, and each
/// operation, lookups too, moves one bucket on. Entries never move in memory. Iterate: class
/// iterator (safe) holds the rehash back and sees a map that may change;
///          class unsafe_iterator is for a map that stays as it is, and notices if it does not;
///          scan() keeps no state in the map at all.
/// Threads: none of its own. The caller's lock covers every call; a lookup is a write, and so are
///          begin_range, next, close and the destructor of a safe iterator.
/// Errors:  stale_iterator. On std::bad_alloc a write has no effect; a resize is put off instead.
/// Cost:    O(1) expected, also at worst for the part that rehashes. scan: O(1) a call, amortised.
/// Source:  Redis, dict.c; its scan is Pieter Noordhuis's. README.md lists the deviations.
template <class Key, class T, class Hash = dict_map_hash, class KeyEqual = std::equal_to<Key>,
          dict_map_bug Bug = dict_map_bug::none>
class dict_map {
 public:
  class iterator;
  class unsafe_iterator;

  explicit dict_map(dict_map_options options = {}, Hash hash = {}, KeyEqual equal = {})
      : options_(options), hash_(std::move(hash)), equal_(std::move(equal)) {}

  dict_map(const dict_map&) = delete;
  dict_map& operator=(const dict_map&) = delete;

  ~dict_map() {
    free_entries(tables_[0]);
    free_entries(tables_[1]);
  }

  std::size_t size() const noexcept { return tables_[0].used + tables_[1].used; }

  bool empty() const noexcept { return size() == 0; }

  bool contains(const Key& key) { return find(key).has_value(); }

  /// A copy of the value under `key`.
  std::optional<T> find(const Key& key) {
    step();
    const entry* const found = *locate(key).link;
    return found != nullptr ? std::optional<T>(found->value) : std::nullopt;
  }

  /// Returns true if `key` was new.
  bool insert_or_assign(const Key& key, const T& value) {
    step();
    if (entry* const present = *locate(key).link) {
      present->value = value;
      return false;
    }
    expand_if_full();
    table& to = tables_[rehashing() && Bug != dict_map_bug::inserts_into_old_table ? 1 : 0];
    entry*& head = to.bucket(hash_(key));
    head = new entry{key, value, head};
    ++to.used;
    ++changes_;
    return true;
  }

  /// Returns true if `key` was present.
  bool erase(const Key& key) {
    step();
    const place at = locate(key);
    entry* const erased = *at.link;
    if (erased == nullptr || (Bug == dict_map_bug::erase_misses_second_table && at.table == 1)) {
      return false;
    }
    move_positions_past(erased);
    *at.link = erased->next;
    --tables_[at.table].used;
    ++changes_;
    delete erased;
    shrink_if_sparse();
    return true;
  }

  /// Ends all iterations that are open.
  void clear() {
    for (position* const p : positions_) {
      p->at_end = true;
      p->yielded = nullptr;
    }
    free_entries(tables_[0]);
    if constexpr (Bug == dict_map_bug::clear_forgets_second_table) {
      tables_[0] = std::exchange(tables_[1], table{});
    } else {
      free_entries(tables_[1]);
      tables_[0] = tables_[1] = table{};
    }
    rehash_index_ = kNotRehashing;
    ++changes_;
  }

  /// Starts a safe iteration. The rehash stands still until it is closed.
  iterator begin_range() { return iterator(*this); }

  /// Starts an unsafe iteration.
  unsafe_iterator begin_unsafe_range() { return unsafe_iterator(*this); }

  /// One call of many: shows some entries to visit(key, value) and returns the cursor for the next.
  /// Begin with cursor 0, and stop when 0 is returned. What is in the map from the first call to
  /// the last is shown at least once, what never was there is not shown; whatever happens to the
  /// map between calls. The visitor must not change the map.
  template <class Visit>
  std::uint64_t scan(std::uint64_t cursor, Visit visit) {
    MAPS_PROBE("dict_map.next");
    if (empty()) {
      return 0;
    }
    const table* small = &tables_[0];
    const table* large = &tables_[rehashing() ? 1 : 0];
    if (small->mask() > large->mask()) {
      std::swap(small, large);
    }
    show(*small, cursor, visit);
    if (small == large || Bug == dict_map_bug::scan_ignores_larger_table) {
      return next_cursor(cursor, small->mask());
    }
    // All buckets of the larger table whose entries would be in this one of the smaller table.
    do {
      show(*large, cursor, visit);
      cursor = next_cursor(cursor, large->mask());
    } while ((cursor & (small->mask() ^ large->mask())) != 0);
    return cursor;
  }

  /// True while entries are in two tables.
  bool rehashing() const noexcept { return rehash_index_ != kNotRehashing; }

  /// Of the table that all entries are in, or will be.
  std::size_t bucket_count() const noexcept { return tables_[rehashing() ? 1 : 0].buckets.size(); }

  /// The first broken structure invariant in words, or an empty string. Linear; for tests.
  std::string validate() const;

  /// The structure as people read it: of both tables the buckets, with `key:value` of each entry in
  /// the order of the chain. Linear; for tests.
  std::string to_text() const;

 private:
  static constexpr std::size_t kNotRehashing = static_cast<std::size_t>(-1);
  static constexpr int kEmptyVisitsMax = 10;  // bounds the work of one step

  struct entry {
    Key key;
    T value;
    entry* next;
  };

  struct table {
    std::uint64_t mask() const noexcept { return buckets.size() - 1; }

    entry*& bucket(std::uint64_t hash) { return buckets[hash & mask()]; }

    std::vector<entry*> buckets;  // a power of two, or none
    std::size_t used = 0;
  };

  // Where a safe iterator stands.
  struct position {
    std::size_t table = 0;
    std::size_t bucket = 0;          // the next one
    entry* next = nullptr;           // in the bucket before
    const entry* yielded = nullptr;  // last; null: erased since, or none
    bool at_end = false;
  };

  // What points to an entry, or the null pointer at the end of the chain where it would be.
  struct place {
    entry** link;
    std::size_t table;
  };

  place locate(const Key& key) {
    const std::uint64_t hash = hash_(key);
    for (std::size_t t = 0; t < 2 && !tables_[t].buckets.empty(); ++t) {
      entry** link = &tables_[t].bucket(hash);
      while (*link != nullptr && !equal_((*link)->key, key)) {
        link = &(*link)->next;
      }
      if (*link != nullptr) {
        return {link, t};
      }
    }
    return {&nowhere_, 0};
  }

  void free_entries(table& t) noexcept {
    for (entry* e : t.buckets) {
      while (e != nullptr) {
        delete std::exchange(e, e->next);
      }
    }
  }

  // A safe iterator knows the entry it has yielded and the one it will yield next, and those may be
  // erased as any other.
  void move_positions_past(const entry* erased) noexcept {
    for (position* const p : positions_) {
      if constexpr (Bug != dict_map_bug::erases_next_of_safe_iterator) {
        p->next = p->next == erased ? erased->next : p->next;
      }
      if constexpr (Bug != dict_map_bug::erases_any_incarnation) {
        p->yielded = p->yielded == erased ? nullptr : p->yielded;
      }
    }
  }

  // Resizing. -----------------------------------------------------------------------------------

  void expand_if_full() {
    if (tables_[0].buckets.empty()) {
      tables_[0].buckets.resize(options_.least_buckets);
    } else if (!rehashing() && tables_[0].used >= tables_[0].buckets.size()) {
      start_resize(2 * tables_[0].buckets.size());
    }
  }

  void shrink_if_sparse() {
    const table& t = tables_[0];
    if (!rehashing() && t.buckets.size() > options_.least_buckets &&
        t.used * options_.fill_minimum < t.buckets.size()) {
      start_resize(std::max(t.buckets.size() / 2, options_.least_buckets));
    }
  }

  void start_resize(std::size_t buckets) {
    try {
      tables_[1].buckets.resize(buckets);
    } catch (const std::bad_alloc&) {
      return;  // the next operation tries again
    }
    MAPS_PROBE("dict_map.migrate.begin");
    rehash_index_ = 0;
    ++changes_;
  }

  bool may_rehash() const noexcept {
    return pauses_ <= 0 || Bug == dict_map_bug::rehashes_under_safe_iterator;
  }

  // Moves one bucket, or passes by some empty ones.
  void step() {
    if (!rehashing() || !may_rehash()) {
      return;
    }
    ++changes_;
    for (int visits = 0; tables_[0].used > 0; ++rehash_index_, ++visits) {
      if (visits == kEmptyVisitsMax) {
        return;
      }
      if (tables_[0].buckets[rehash_index_] != nullptr) {
        move_bucket(std::exchange(tables_[0].buckets[rehash_index_++], nullptr));
        break;
      }
    }
    if (tables_[0].used == 0) {
      finish_rehash();
    }
  }

  void move_bucket(entry* first) {
    MAPS_PROBE("dict_map.migrate.bucket");
    while (first != nullptr) {
      entry* const moved = std::exchange(first, first->next);
      entry*& head = tables_[1].bucket(hash_(moved->key));
      moved->next = std::exchange(head, moved);
      --tables_[0].used;
      ++tables_[1].used;
      if constexpr (Bug == dict_map_bug::moves_first_of_chain_only) {
        drop_chain(std::exchange(first, nullptr));
      }
    }
  }

  void drop_chain(entry* first) noexcept {
    while (first != nullptr) {
      delete std::exchange(first, first->next);
      --tables_[0].used;
    }
  }

  void finish_rehash() noexcept {
    MAPS_PROBE("dict_map.migrate.end");
    tables_[0] = std::exchange(tables_[1], table{});
    rehash_index_ = kNotRehashing;
  }

  // Scanning. -----------------------------------------------------------------------------------

  template <class Visit>
  static void show(const table& t, std::uint64_t cursor, Visit& visit) {
    MAPS_PROBE("dict_map.next.bucket");
    for (const entry* e = t.buckets[cursor & t.mask()]; e != nullptr; e = e->next) {
      visit(e->key, e->value);
    }
  }

  // Counts with the highest bit first. A bucket's entries go to buckets that agree with it in the
  // low bits, whatever the new size; and in this order, agreeing buckets are neighbours. So all
  // that lies behind the cursor stays behind it.
  static std::uint64_t next_cursor(std::uint64_t cursor, std::uint64_t mask) noexcept {
    if constexpr (Bug == dict_map_bug::scan_counts_forward) {
      return (cursor + 1) & mask;
    }
    cursor &= mask;
    std::uint64_t bit = (mask + 1) >> 1;
    for (; (cursor & bit) != 0; bit >>= 1) {
      cursor ^= bit;
    }
    return cursor | bit;
  }

  // What an unsafe iterator compares.
  std::uint64_t fingerprint() const noexcept {
    if constexpr (Bug == dict_map_bug::fingerprint_of_sizes) {
      return size() ^ tables_[0].buckets.size() << 20 ^ tables_[1].buckets.size() << 40;
    }
    return changes_;
  }

  std::string validate_table(std::size_t index) const;
  std::size_t occurrences(const Key& key) const;
  static void add_table(structure_text& text, const char* name, const table& t);

  dict_map_options options_;
  [[no_unique_address]] Hash hash_;
  [[no_unique_address]] KeyEqual equal_;

  table tables_[2];                           // the second one is empty unless rehashing()
  std::size_t rehash_index_ = kNotRehashing;  // all buckets of the first table below it are empty
  int pauses_ = 0;                            // safe iterators that hold the rehash back
  std::vector<position*> positions_;          // of the safe iterators
  std::uint64_t changes_ = 0;
  entry* nowhere_ = nullptr;
};

}  // namespace maps

#include "dict_map_inl.hpp"  // IWYU pragma: export
