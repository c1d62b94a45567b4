// Go's runtime map as it was up to Go 1.23, told in C++: buckets of eight, growth that migrates one
// chain at a time, and an iterator that stays right while the map changes under it.
// Go's garbage collector is replaced by counted generations; README.md says how and why.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>

#include "../common/pin_ptr.hpp"
#include "../common/seeded_hash.hpp"
#include "../common/structure_text.hpp"
#include "../common/write_detector.hpp"
#include "go_map_generation.hpp"

namespace maps {

/// The seeded bugs, one mistake each. README.md names the oracle that finds each of them.
enum class go_map_bug {
  none,
  frees_old_buckets_under_iterator,
  frees_overflow_under_iterator,
  advances_mark_before_copy,
  skips_check_bucket,
  reuses_overflow_bucket_early,
  next_ignores_writing_flag,
  unpins_only_at_end,
  resurrects_cleared_entries,
  clear_keeps_era,
  walks_old_chain_unpinned,
  looks_up_stale_nan,
  sends_nan_anywhere,
  same_size_checks_bucket,
  same_size_splits,
};

struct go_map_options {
  std::uint8_t initial_log2 = 0;     ///< The first bucket array has 2^initial_log2 buckets.
  std::size_t load_numerator = 13;   ///< The map doubles above load_numerator / load_denominator
  std::size_t load_denominator = 2;  ///< entries a bucket, but never at eight entries or fewer.
  bool detect_misuse = true;         ///< Off: the writing flag is neither kept nor looked at.
};

/// A hash map with Go's structure and Go's range contract.
/// Shape:   Key and T are default constructible and copyable; a vacant slot holds a default value.
///          Hash: (const Key&, std::uint32_t seed) -> std::uint64_t, for keys equal to themselves.
///          Random: () -> std::uint32_t; draws seeds, iteration starts, places of NaN-like keys.
/// Threads: none of its own. The caller's lock covers every call, also begin_range, next, close and
///          the iterator's destructor: they count pins, so a shared lock is not enough for them.
/// Errors:  overlap_error (best effort). On std::bad_alloc a write has no effect.
/// Source:  Go's runtime map, 1.18 to 1.23; deviations are listed in README.md.
template <class Key, class T, class Hash = seeded_hash, class KeyEqual = std::equal_to<Key>,
          class Random = repeatable_random, go_map_bug Bug = go_map_bug::none>
class go_map : private go_map_parts::slots {
  static constexpr bool kEvacuationTakesOverflow =
      Bug == go_map_bug::frees_overflow_under_iterator ||
      Bug == go_map_bug::reuses_overflow_bucket_early;

  using bucket = go_map_parts::bucket<Key, T>;
  using generation = go_map_parts::generation<Key, T, kEvacuationTakesOverflow>;
  using generation_ptr = pin_ptr<generation>;
  using place = go_map_parts::place<Key, T>;

 public:
  class iterator;

  explicit go_map(go_map_options options = {}, Hash hash = {}, KeyEqual equal = {},
                  Random random = {})
      : options_(options),
        hash_(std::move(hash)),
        equal_(std::move(equal)),
        random_(std::move(random)),
        seed_(random_()),
        detector_(options.detect_misuse) {}

  go_map(const go_map&) = delete;
  go_map& operator=(const go_map&) = delete;

  ~go_map() { delete_chain(seeded_.free_list); }

  std::size_t size() const noexcept { return count_; }

  bool empty() const noexcept { return count_ == 0; }

  bool contains(const Key& key) const { return find(key).has_value(); }

  /// A copy of the value under `key`. Never takes part in a migration.
  std::optional<T> find(const Key& key) const {
    if (count_ == 0) {
      return std::nullopt;
    }
    detector_.check("go_map: a lookup met a write in progress");
    const place at = locate(key);
    return at.in != nullptr ? std::optional<T>(at.in->values[at.slot]) : std::nullopt;
  }

  /// Returns true if `key` was new. A key unequal to itself is new each time.
  bool insert_or_assign(const Key& key, const T& value) {
    const std::uint64_t hash = hash_of(key);  // before the flag, which a throw must not leave set
    write_detector::scope writing(detector_, kOverlap);
    copy_postponed_chain();
    if (!current_) {
      current_ = generation_ptr(new generation(options_.initial_log2));
    }
    bucket* head = &chain_for_write(hash);
    place at = search(*head, key, top_of(hash));
    const bool inserted = at.in == nullptr;
    if (inserted) {
      if (wants_growth()) {
        grow();
        head = &chain_for_write(hash);
      }
      at = vacant_place(*head);
    }
    at.in->values[at.slot] = value;
    at.in->keys[at.slot] = key;  // also when present: +0 replaces -0
    if (inserted) {
      at.in->tophash[at.slot] = top_of(hash);
      ++count_;
    }
    writing.finish();
    return inserted;
  }

  /// Returns true if `key` was present. Never grows or shrinks the map.
  bool erase(const Key& key) {
    if (count_ == 0) {
      return false;
    }
    const std::uint64_t hash = hash_of(key);
    write_detector::scope writing(detector_, kOverlap);
    copy_postponed_chain();
    bucket& head = chain_for_write(hash);
    const place at = search(head, key, top_of(hash));
    if (at.in != nullptr) {
      vacate(head, at);
    }
    writing.finish();
    return at.in != nullptr;
  }

  /// Empties the map in place: open iterators stay valid and yield nothing that was cleared.
  void clear() {
    if (count_ == 0) {
      return;
    }
    write_detector::scope writing(detector_, kOverlap);
    seeded_.postponed.reset();
    if constexpr (Bug != go_map_bug::resurrects_cleared_entries) {
      if (old_) {
        old_->wipe();  // an iterator may stand in it, or have been opened on it
      }
    }
    current_->wipe();
    old_.reset();
    nevacuate_ = 0;
    count_ = 0;
    if constexpr (Bug == go_map_bug::clear_keeps_era) {
      seed_ = random_();
    } else {
      reseed();
    }
    writing.finish();
  }

  /// Starts an iteration, see class iterator. An empty map yields an iteration that is over.
  iterator begin_range() { return iterator(*this); }

  /// True while entries migrate from an old bucket array. Only writes move a migration on.
  bool growing() const noexcept { return static_cast<bool>(old_); }

  unsigned bucket_count_log2() const noexcept {
    return current_ ? current_->log2 : options_.initial_log2;
  }

  /// True in the middle of a write, as the misuse detector sees it.
  bool writing() const noexcept { return detector_.writing(); }

  /// All old chains below this one are evacuated. Zero unless growing().
  std::size_t evacuation_mark() const noexcept { return nevacuate_; }

  /// Overflow buckets of the current array; approximate from 2^16 buckets on.
  std::size_t overflow_count() const noexcept { return noverflow_; }

  /// Would the insertion of one new key start a growth? For callers that split insert_or_assign,
  /// which asks the same question itself, into a decision and an action.
  bool wants_growth() const noexcept {
    return !growing() && current_ && (overloaded(count_ + 1) || too_many_overflow());
  }

  /// Starts the growth that wants_growth() announced: doubling, or same-size to compact chains.
  /// For such callers only. Requires !growing(): a second start drops what has not migrated yet.
  void start_growth() {
    if (!current_) {
      return;
    }
    write_detector::scope writing(detector_, kOverlap);
    grow();
    writing.finish();
  }

  /// The first broken structure invariant in words, or an empty string. Linear; for tests.
  std::string validate() const;

  /// The structure as people read it, each chain a line, `|` between its buckets. A slot is
  /// `key:value#hh`, with the byte of the hash; `.`, vacant, as the rest of the chain; `-`, vacant;
  /// in an old chain that was evacuated, `x(key:value)` or `y(key:value)` by where the entry went,
  /// and `e` if there was none. Linear; for tests.
  std::string to_text() const;

 private:
  static constexpr std::size_t kMarkSkipMax = 1024;  // bounds the work of one write
  static constexpr const char* kOverlap = "go_map: two writes overlap";

  // State that only seeded bugs use.
  struct bug_state {
    generation_ptr postponed;         // advances_mark_before_copy: marked but not copied,
    std::size_t postponed_chain = 0;  // this chain of it
    bucket* free_list = nullptr;      // reuses_overflow_bucket_early
  };

  bool is_reflexive(const Key& key) const { return equal_(key, key); }

  // A key unequal to itself cannot be looked up, so any hash does; a random one spreads them.
  std::uint64_t hash_of(const Key& key) {
    return is_reflexive(key) ? hash_(key, seed_) : random_() * 0x1'0000'0001u;
  }

  // A new seed whenever the map gets empty. `era_` lets iterators know that all they saw is gone.
  void reseed() {
    seed_ = random_();
    ++era_;
  }

  bool overloaded(std::size_t count) const noexcept {
    const std::size_t buckets = std::size_t{1} << bucket_count_log2();
    return count > kSlots &&
           count > options_.load_numerator * (buckets / options_.load_denominator);
  }

  bool too_many_overflow() const noexcept {
    return noverflow_ >= std::size_t{1} << std::min(bucket_count_log2(), 15U);
  }

  // Lookup. -----------------------------------------------------------------------------------

  place search(bucket& head, const Key& key, std::uint8_t top) const {
    for (bucket* b = &head; b != nullptr; b = b->overflow) {
      for (std::size_t i = 0; i < kSlots; ++i) {
        if (b->tophash[i] == kEmptyRest) {
          return {};
        }
        if (b->tophash[i] == top && equal_(b->keys[i], key)) {
          return {b, i};
        }
      }
    }
    return {};
  }

  // Where the entry of `key` lives now, be its chain evacuated or not.
  place locate(const Key& key) const {
    if (!current_ || !is_reflexive(key)) {
      return {};
    }
    const std::uint64_t hash = hash_(key, seed_);
    if (old_ && !old_->chain(hash).is_evacuated()) {
      return search(old_->chain(hash), key, top_of(hash));
    }
    return search(current_->chain(hash), key, top_of(hash));
  }

  // Slots. ------------------------------------------------------------------------------------

  place vacant_place(bucket& head) {
    for (bucket* b = &head;; b = b->overflow) {
      for (std::size_t i = 0; i < kSlots; ++i) {
        if (is_empty(b->tophash[i])) {
          return {b, i};
        }
      }
      if (b->overflow == nullptr) {
        return {&add_overflow(*b), 0};
      }
    }
  }

  bucket& add_overflow(bucket& last) {
    if (Bug == go_map_bug::reuses_overflow_bucket_early && seeded_.free_list != nullptr) {
      last.overflow = std::exchange(seeded_.free_list, seeded_.free_list->overflow);
      *last.overflow = bucket{};
    } else {
      last.overflow = new bucket;
    }
    // The count fits sixteen bits in Go, so large arrays count a random sample.
    const unsigned log2 = bucket_count_log2();
    if (log2 < 16 || (random_() & ((1U << (log2 - 15)) - 1)) == 0) {
      ++noverflow_;
    }
    return *last.overflow;
  }

  void vacate(bucket& head, place at) {
    at.in->keys[at.slot] = Key{};
    at.in->values[at.slot] = T{};
    at.in->tophash[at.slot] = kEmptyOne;
    restore_empty_rest(head, at);
    if (--count_ == 0) {
      reseed();
    }
  }

  // Growth: go_map_growth.hpp. ----------------------------------------------------------------

  void grow();
  bucket& chain_for_write(std::uint64_t hash);
  void evacuate(std::size_t index);
  bool goes_by_hash(const Key& key) const {
    return Bug == go_map_bug::sends_nan_anywhere || is_reflexive(key);
  }
  bool goes_to_y(const generation& from, const bucket& b, std::size_t slot,
                 std::uint64_t hash) const;
  void copy_chain(const generation& from, std::size_t index);
  void append(place& end, const bucket& from, std::size_t slot, std::uint8_t top);
  void mark_chain(const generation& from, std::size_t index);
  void advance_mark();
  void mark_now_copy_later(std::size_t index);
  void copy_postponed_chain();
  void put_on_free_list(bucket* first) noexcept;

  std::string validate_current(std::size_t& entries) const;
  std::string validate_old(std::size_t& entries) const;
  std::string validate_chain(const generation& in, std::size_t index, std::size_t& entries) const;
  static void add_chains(structure_text& text, const char* name, const generation& in);
  static void add_slot(structure_text& text, const bucket& in, std::size_t slot);

  go_map_options options_;
  [[no_unique_address]] Hash hash_;
  [[no_unique_address]] KeyEqual equal_;
  Random random_;

  std::size_t count_ = 0;
  std::uint32_t seed_;
  std::uint64_t era_ = 0;
  std::size_t noverflow_ = 0;
  generation_ptr current_;     // null until the first insertion
  generation_ptr old_;         // not null exactly while growing
  std::size_t nevacuate_ = 0;  // all old chains below are evacuated
  write_detector detector_;
  bug_state seeded_;
};

}  // namespace maps

#include "go_map_growth.hpp"    // IWYU pragma: export
#include "go_map_iterator.hpp"  // IWYU pragma: export
#include "go_map_validate.hpp"  // IWYU pragma: export
