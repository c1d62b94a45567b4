// Go's map since Go 1.24, told in C++: open addressing in groups of eight slots, tables that double
// and then split under a directory, and an iterator that stays right while the map changes.
// Go's garbage collector is replaced by counted tables; README.md says how and why.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "../common/pin_ptr.hpp"
#include "../common/probe.hpp"
#include "../common/seeded_hash.hpp"
#include "../common/structure_text.hpp"
#include "../common/write_detector.hpp"
#include "swiss_map_table.hpp"

namespace maps {

/// The seeded bugs, one mistake each. README.md names the oracle that finds each of them.
enum class swiss_map_bug {
  none,
  frees_table_under_iterator,
  yields_stale_copies,
  ignores_reseed,
  ignores_directory_growth,
  walks_table_per_directory_entry,
  updates_two_directory_entries,
  leaves_no_tombstone,
  prunes_needed_tombstones,
  takes_first_tombstone,
  deepens_before_allocation,
  unpins_only_at_end,
};

struct swiss_map_options {
  std::size_t max_table_slots = 1024;  ///< A table of this size splits instead of doubling.
  std::size_t load_eighths = 7;        ///< A table is full at this part of its slots.
  bool detect_misuse = true;           ///< Off: overlapping operations are not looked for.
};

/// A hash map with the structure of Go's swiss map and Go's range contract.
/// Shape:   Key and T are default constructible and copyable; a vacant slot holds a default value.
///          Hash: (const Key&, std::uint32_t seed) -> std::uint64_t, for keys equal to themselves.
///          Random: () -> std::uint32_t; draws seeds, iteration starts, places of NaN-like keys.
/// Threads: none of its own. The caller's lock covers every call, also begin_range, next, close and
///          the iterator's destructor: they count pins, so a shared lock is not enough for them.
/// Errors:  overlap_error (best effort). On std::bad_alloc a write has no effect.
/// Cost:    find and erase O(1) expected; an insertion O(1) amortised, O(max_table_slots) at worst.
/// Source:  Go's internal/runtime/maps, 1.24; deviations are listed in README.md.
template <class Key, class T, class Hash = seeded_hash, class KeyEqual = std::equal_to<Key>,
          class Random = repeatable_random, swiss_map_bug Bug = swiss_map_bug::none>
class swiss_map {
  using table = swiss_map_parts::table<Key, T>;
  using table_ptr = pin_ptr<table>;
  using place = swiss_map_parts::place<Key, T>;

 public:
  class iterator;

  explicit swiss_map(swiss_map_options options = {}, Hash hash = {}, KeyEqual equal = {},
                     Random random = {})
      : options_(options),
        hash_(std::move(hash)),
        equal_(std::move(equal)),
        random_(std::move(random)),
        seed_(random_()),
        detector_(options.detect_misuse) {}

  swiss_map(const swiss_map&) = delete;
  swiss_map& operator=(const swiss_map&) = delete;

  std::size_t size() const noexcept { return count_; }

  bool empty() const noexcept { return count_ == 0; }

  bool contains(const Key& key) const { return find(key).has_value(); }

  /// A copy of the value under `key`.
  std::optional<T> find(const Key& key) const {
    if (count_ == 0) {
      return std::nullopt;
    }
    detector_.check("swiss_map: a lookup met a write in progress");
    const place at = locate(key);
    return at ? std::optional<T>(at.value()) : std::nullopt;
  }

  /// Returns true if `key` was new. A key unequal to itself is new each time.
  bool insert_or_assign(const Key& key, const T& value) {
    const std::uint64_t hash = hash_of(key);  // before the flag, which a throw must not leave set
    write_detector::scope writing(detector_, kOverlap);
    if (directory_.empty()) {
      directory_.push_back(make_table(1, 0));
    }
    const place present = find_for_insert(key, hash);
    if (present) {
      present.value() = value;
      present.key() = key;  // +0 replaces -0
    } else {
      insert_new(key, value, hash);
    }
    writing.finish();
    return !present;
  }

  /// Returns true if `key` was present. Never changes the capacity of the map.
  bool erase(const Key& key) {
    if (count_ == 0) {
      return false;
    }
    const std::uint64_t hash = hash_of(key);
    write_detector::scope writing(detector_, kOverlap);
    table& in = table_of(hash);
    const place entry = in.find(key, hash, equal_);
    if (entry) {
      in.vacate(entry, Bug != swiss_map_bug::leaves_no_tombstone && in.needs_tombstone(entry));
      if (--count_ == 0) {
        reseed();
      }
    }
    writing.finish();
    return static_cast<bool>(entry);
  }

  /// Empties the map in place: open iterators stay valid and yield nothing that was cleared.
  void clear() {
    if (count_ == 0) {
      return;
    }
    write_detector::scope writing(detector_, kOverlap);
    for (std::size_t i = 0; i < directory_.size(); i += run_length(*directory_[i])) {
      directory_[i]->wipe();
    }
    count_ = 0;
    reseed();
    writing.finish();
  }

  /// Starts an iteration, see class iterator. An empty map yields an iteration that is over.
  iterator begin_range() { return iterator(*this); }

  /// True in the middle of a write, as the misuse detector sees it.
  bool writing() const noexcept { return detector_.writing(); }

  /// The directory has 2^directory_depth() entries.
  unsigned directory_depth() const noexcept { return depth_; }

  std::size_t table_count() const noexcept;

  /// The first broken structure invariant in words, or an empty string. Linear; for tests.
  std::string validate() const;

  /// The structure as people read it. Each slot of a group is `.`, empty; `-`, a tombstone; or
  /// `key:value#hh`, with what the control word has of the hash. Linear; for tests.
  std::string to_text() const;

 private:
  static constexpr const char* kOverlap = "swiss_map: two writes overlap";
  static constexpr unsigned kDepthMax = 16;  // keys that agree in more bits share a larger table

  bool is_reflexive(const Key& key) const { return equal_(key, key); }

  // A key unequal to itself cannot be looked up, so any hash does; a random one spreads them.
  std::uint64_t hash_of(const Key& key) {
    return is_reflexive(key) ? hash_(key, seed_) : (std::uint64_t{random_()} << 32) | random_();
  }

  // A new seed whenever the map gets empty. `era_` lets iterators know that all they saw is gone.
  void reseed() {
    seed_ = random_();
    ++era_;
  }

  // The directory. ------------------------------------------------------------------------------

  std::size_t directory_index(std::uint64_t hash) const noexcept {
    return static_cast<std::size_t>((hash >> 1) >> (63 - depth_));
  }

  table& table_of(std::uint64_t hash) const noexcept { return *directory_[directory_index(hash)]; }

  // So many directory entries in a row, from a multiple of that number on, name the table.
  std::size_t run_length(const table& t) const noexcept {
    return std::size_t{1} << (depth_ - t.local_depth);
  }

  place locate(const Key& key) const {
    if (directory_.empty() || !is_reflexive(key)) {
      return {};
    }
    const std::uint64_t hash = hash_(key, seed_);
    return table_of(hash).find(key, hash, equal_);
  }

  void double_directory() {
    MAPS_PROBE("swiss_map.migrate.directory");
    if constexpr (Bug == swiss_map_bug::deepens_before_allocation) {
      ++depth_;
    }
    std::vector<table_ptr> doubled;
    doubled.reserve(2 * directory_.size());
    for (const table_ptr& t : directory_) {
      doubled.push_back(t.share());
      doubled.push_back(t.share());
    }
    directory_.swap(doubled);
    if constexpr (Bug != swiss_map_bug::deepens_before_allocation) {
      ++depth_;
    }
  }

  // Puts `t` in place of the `length` directory entries from `first` on.
  void install(const table_ptr& t, std::size_t first, std::size_t length) noexcept {
    MAPS_PROBE("swiss_map.migrate.install");
    for (std::size_t i = first; i < first + length; ++i) {
      directory_[i] = t.share();
    }
  }

  // Growth. -------------------------------------------------------------------------------------

  // A table of one group may be filled to its last slot: a lookup need not find an end in it.
  std::size_t limit_of(std::size_t group_count) const noexcept {
    return group_count == 1 ? options_.load_eighths + 1 : group_count * options_.load_eighths;
  }

  table_ptr make_table(std::size_t group_count, unsigned local_depth) const {
    return table_ptr(new table(group_count, limit_of(group_count), local_depth));
  }

  place find_for_insert(const Key& key, std::uint64_t hash) const {
    const table& in = table_of(hash);
    if constexpr (Bug == swiss_map_bug::takes_first_tombstone) {
      const place vacant = in.find_vacancy(hash);
      if (vacant && vacant.is_tombstone()) {
        return {};
      }
    }
    return in.find(key, hash, equal_);
  }

  void insert_new(const Key& key, const T& value, std::uint64_t hash) {
    for (;; grow(hash)) {
      table& in = table_of(hash);
      place vacant = in.find_vacancy(hash);
      if (!in.may_fill(vacant)) {
        prune_tombstones(in);
        vacant = in.find_vacancy(hash);
      }
      if (in.may_fill(vacant)) {
        in.fill(vacant, key, value, hash);
        ++count_;
        return;
      }
    }
  }

  // Gives tombstones back that no probe sequence has to pass, if a tenth of the slots is to gain:
  // less would not pay for looking at all entries.
  void prune_tombstones(table& in) const {
    std::vector<bool> passed(in.mask + 1);
    if constexpr (Bug != swiss_map_bug::prunes_needed_tombstones) {
      mark_passed_groups(in, passed);
    }
    if (in.count_tombstones(passed) * 10 >= in.capacity()) {
      in.empty_tombstones(passed);
    }
  }

  // Nobody looks a key up that is unequal to itself, so its probe sequence does not count.
  void mark_passed_groups(const table& in, std::vector<bool>& passed) const {
    for (std::size_t i = 0; i < in.capacity(); ++i) {
      const place entry = in.at(i);
      if (!entry.holds_entry() || !is_reflexive(entry.key())) {
        continue;
      }
      swiss_map_parts::probe_sequence probe(hash_(entry.key(), seed_), in.mask);
      for (; &in.groups[probe.group()] != entry.in; probe.advance()) {
        passed[probe.group()] = true;
      }
    }
  }

  // Replaces the full table that `hash` leads to, all at once.
  void grow(std::uint64_t hash) {
    MAPS_PROBE("swiss_map.migrate.begin");
    table_ptr full = directory_[directory_index(hash)].share();
    if (full->capacity() < options_.max_table_slots || full->local_depth == kDepthMax) {
      enlarge(*full, hash);
    } else {
      split(*full, hash);
    }
    full->stale = true;
    MAPS_PROBE("swiss_map.migrate.end");
    if constexpr (Bug == swiss_map_bug::frees_table_under_iterator) {
      delete full.forget();
    }
  }

  void enlarge(const table& full, std::uint64_t hash) {
    const table_ptr larger = make_table(2 * (full.mask + 1), full.local_depth);
    copy_entries(full, *larger, *larger);
    const std::size_t length = run_length(full);
    install(larger, directory_index(hash) & ~(length - 1), length);
  }

  // By one more bit of the hash. Nothing is changed before the last allocation has succeeded.
  void split(const table& full, std::uint64_t hash) {
    const table_ptr low = make_table(full.mask + 1, full.local_depth + 1);
    const table_ptr high = make_table(full.mask + 1, full.local_depth + 1);
    copy_entries(full, *low, *high);
    if (full.local_depth == depth_) {
      double_directory();
    }
    const std::size_t length =
        Bug == swiss_map_bug::updates_two_directory_entries ? 1 : run_length(*low);
    const std::size_t first = directory_index(hash) & ~(2 * length - 1);
    install(low, first, length);
    install(high, first + length, length);
  }

  // Copies, never moves: an iterator in the old table still needs the keys.
  void copy_entries(const table& from, table& low, table& high) {
    MAPS_PROBE("swiss_map.migrate.copy");
    for (std::size_t i = 0; i < from.capacity(); ++i) {
      const place entry = from.at(i);
      if (entry.holds_entry()) {
        const std::uint64_t hash = hash_of(entry.key());
        table& to = ((hash >> (63 - from.local_depth)) & 1) != 0 ? high : low;
        to.fill(to.find_vacancy(hash), entry.key(), entry.value(), hash);
      }
    }
  }

  std::string validate_table(const table& t, std::size_t first) const;
  std::string validate_entry(const table& t, place entry, std::size_t first) const;
  static void add_table(structure_text& text, const table& t);

  swiss_map_options options_;
  [[no_unique_address]] Hash hash_;
  [[no_unique_address]] KeyEqual equal_;
  Random random_;

  std::size_t count_ = 0;
  std::uint32_t seed_;
  std::uint64_t era_ = 0;
  unsigned depth_ = 0;
  std::vector<table_ptr> directory_;  // empty until the first insertion, then 2^depth_ entries
  write_detector detector_;
};

}  // namespace maps

#include "swiss_map_inl.hpp"  // IWYU pragma: export
