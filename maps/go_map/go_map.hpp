// Go's runtime map as it was up to Go 1.23, told in C++: buckets of eight, growth that migrates one
// chain at a time, and an iterator that stays right while the map changes under it.
// Go's garbage collector is replaced by counted generations; README.md says how and why.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>

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

/// Thrown by the best-effort detector when two operations overlap that must not.
class concurrent_misuse : public std::logic_error {
 public:
  using std::logic_error::logic_error;
};

/// The default hash: the splitmix64 finaliser over key and seed; of a pointer, over its address.
/// Never std::hash, whose result depends on the standard library.
struct go_map_hash {
  template <class Key>
    requires(std::is_arithmetic_v<Key> || std::is_enum_v<Key> || std::is_pointer_v<Key>)
  std::uint64_t operator()(Key key, std::uint32_t seed) const noexcept {
    std::uint64_t bits = 0;
    if constexpr (std::is_floating_point_v<Key>) {
      bits = std::bit_cast<std::uint64_t>(static_cast<double>(key) + 0.0);  // -0 hashes as +0
    } else if constexpr (std::is_pointer_v<Key>) {
      bits = reinterpret_cast<std::uintptr_t>(key);
    } else {
      bits = static_cast<std::uint64_t>(key);
    }
    bits ^= seed * 0x9e3779b97f4a7c15U;
    bits = (bits ^ (bits >> 30)) * 0xbf58476d1ce4e5b9U;
    bits = (bits ^ (bits >> 27)) * 0x94d049bb133111ebU;
    return bits ^ (bits >> 31);
  }
};

/// The default random source: xorshift32 from a fixed state, so that runs repeat.
struct go_map_random {
  std::uint32_t state = 0x9e3779b9;

  std::uint32_t operator()() noexcept {
    state ^= state << 13;
    state ^= state >> 17;
    state ^= state << 5;
    return state;
  }
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
/// Errors:  concurrent_misuse (best effort). On std::bad_alloc a write has no effect.
/// Source:  Go's runtime map, 1.18 to 1.23; deviations are listed in README.md.
template <class Key, class T, class Hash = go_map_hash, class KeyEqual = std::equal_to<Key>,
          class Random = go_map_random, go_map_bug Bug = go_map_bug::none>
class go_map : private go_map_parts::slots {
  static constexpr bool kEvacuationTakesOverflow =
      Bug == go_map_bug::frees_overflow_under_iterator ||
      Bug == go_map_bug::reuses_overflow_bucket_early;

  using bucket = go_map_parts::bucket<Key, T>;
  using generation = go_map_parts::generation<Key, T, kEvacuationTakesOverflow>;
  using generation_ptr = go_map_parts::generation_ptr<generation>;
  class writing_scope;

 public:
  class iterator;

  explicit go_map(go_map_options options = {}, Hash hash = {}, KeyEqual equal = {},
                  Random random = {})
      : options_(options),
        hash_(std::move(hash)),
        equal_(std::move(equal)),
        random_(std::move(random)),
        seed_(random_()) {}

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
    check_no_writer("go_map: a lookup met a write in progress");
    const place at = locate(key);
    return at.in != nullptr ? std::optional<T>(at.in->values[at.slot]) : std::nullopt;
  }

  /// Returns true if `key` was new. A key unequal to itself is new each time.
  bool insert_or_assign(const Key& key, const T& value) {
    const std::uint64_t hash = hash_of(key);  // before the flag, which a throw must not leave set
    writing_scope writing(*this);
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
    writing_scope writing(*this);
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
    writing_scope writing(*this);
    seeded_.postponed.reset();
    if constexpr (Bug != go_map_bug::resurrects_cleared_entries) {
      if (old_) {
        wipe(*old_);  // an iterator may stand in it, or have been opened on it
      }
    }
    wipe(*current_);
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
  bool writing() const noexcept { return (flags_ & kWriting) != 0; }

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
    writing_scope writing(*this);
    grow();
    writing.finish();
  }

  /// The first broken structure invariant in words, or an empty string. Linear; for tests.
  std::string validate() const;

 private:
  static constexpr std::size_t kMarkSkipMax = 1024;  // bounds the work of one write
  static constexpr std::uint8_t kWriting = 4;        // the bit of Go's hashWriting

  // Go's misuse detector. The flag is flipped, not set, on entry: two writers that pass the entry
  // check together cancel each other, and the check on exit sees it.
  class writing_scope {
   public:
    explicit writing_scope(go_map& map) : map_(map), active_(map.options_.detect_misuse) {
      map_.check_no_writer(kOverlap);
      if (active_) {
        map_.flags_ ^= kWriting;
      }
    }

    writing_scope(const writing_scope&) = delete;
    writing_scope& operator=(const writing_scope&) = delete;

    ~writing_scope() {
      if (active_) {  // left by an exception: the map is whole, so it stays usable
        map_.flags_ = 0;
      }
    }

    void finish() {
      if (std::exchange(active_, false)) {
        if ((map_.flags_ & kWriting) == 0) {
          throw concurrent_misuse(kOverlap);
        }
        map_.flags_ = 0;
      }
    }

   private:
    static constexpr const char* kOverlap = "go_map: two writes overlap";

    go_map& map_;
    bool active_;
  };

  struct place {
    bucket* in = nullptr;  // null: nowhere
    std::size_t slot = 0;
  };

  // State that only seeded bugs use.
  struct bug_state {
    generation_ptr postponed;         // advances_mark_before_copy: marked but not copied,
    std::size_t postponed_chain = 0;  // this chain of it
    bucket* free_list = nullptr;      // reuses_overflow_bucket_early
  };

  void check_no_writer(const char* message) const {
    if (options_.detect_misuse && (flags_ & kWriting) != 0) {
      throw concurrent_misuse(message);
    }
  }

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

  // If nothing follows the vacated slot, it and the vacant slots before it join the empty rest.
  static void restore_empty_rest(bucket& head, place at) noexcept {
    if (at.slot + 1 < kSlots) {
      if (at.in->tophash[at.slot + 1] != kEmptyRest) {
        return;
      }
    } else if (at.in->overflow != nullptr && at.in->overflow->tophash[0] != kEmptyRest) {
      return;
    }
    while (at.in->tophash[at.slot] == kEmptyOne) {
      at.in->tophash[at.slot] = kEmptyRest;
      if (at.slot > 0) {
        --at.slot;
      } else if (at.in != &head) {
        bucket* previous = &head;
        while (previous->overflow != at.in) {
          previous = previous->overflow;
        }
        at = {previous, kSlots - 1};
      }
    }
  }

  // Empties a chain and keeps its overflow buckets for later: an iterator may stand in them.
  static void wipe_chain(bucket& head) {
    for (bucket* b = &head; b != nullptr; b = b->overflow) {
      for (std::size_t i = 0; i < kSlots; ++i) {
        b->tophash[i] = kEmptyRest;
        b->keys[i] = Key{};
        b->values[i] = T{};
      }
    }
  }

  // Evacuated chains may stay as they are: their entries are stale, and after reseed() an iterator
  // no longer looks at those.
  static void wipe(generation& target) {
    for (std::size_t i = 0; i <= target.mask(); ++i) {
      if (!target.buckets[i].is_evacuated()) {
        wipe_chain(target.buckets[i]);
      }
    }
  }

  // Growth. -----------------------------------------------------------------------------------

  void grow() {
    copy_postponed_chain();
    const unsigned log2 = bucket_count_log2();
    generation_ptr fresh(new generation(overloaded(count_ + 1) ? log2 + 1 : log2));
    old_ = std::move(current_);
    current_ = std::move(fresh);
    nevacuate_ = 0;
    noverflow_ = 0;
  }

  // Every write first evacuates the chain it is about to use, then one more, so that a migration
  // ends after at most as many writes as there are old buckets.
  bucket& chain_for_write(std::uint64_t hash) {
    if (old_) {
      evacuate(hash & old_->mask());
    }
    if (old_) {
      if constexpr (Bug == go_map_bug::advances_mark_before_copy) {
        mark_now_copy_later(nevacuate_);
      } else {
        evacuate(nevacuate_);
      }
    }
    return current_->chain(hash);
  }

  void evacuate(std::size_t index) {
    if (!old_->buckets[index].is_evacuated()) {
      copy_chain(*old_, index);
      mark_chain(*old_, index);
    }
    if (index == nevacuate_) {
      advance_mark();
    }
  }

  bool goes_by_hash(const Key& key) const {
    return Bug == go_map_bug::sends_nan_anywhere || is_reflexive(key);
  }

  // To which half of a doubled array an entry goes. A key unequal to itself is sent by the low bit
  // of its tophash: iterators must be able to ask twice. kEvacuatedX and Y keep that bit.
  bool goes_to_y(const generation& from, const bucket& b, std::size_t slot,
                 std::uint64_t hash) const {
    if (Bug != go_map_bug::same_size_splits && from.log2 == current_->log2) {
      return false;
    }
    return goes_by_hash(b.keys[slot]) ? ((hash >> from.log2) & 1) != 0 : (b.tophash[slot] & 1) != 0;
  }

  // Copies, never moves: an iterator in the old chain still needs the keys. Nobody has written to
  // the destinations yet, because each write evacuates first; so a failed copy can be undone.
  void copy_chain(const generation& from, std::size_t index) {
    bucket& x = current_->buckets[index];
    bucket& y = current_->chain(index + from.mask() + 1);  // is x in a same-size growth
    try {
      place ends[2] = {{&x, 0}, {&y, 0}};
      for (const bucket* b = &from.buckets[index]; b != nullptr; b = b->overflow) {
        for (std::size_t i = 0; i < kSlots; ++i) {
          if (holds_entry(b->tophash[i])) {
            const std::uint64_t hash = hash_of(b->keys[i]);
            append(ends[goes_to_y(from, *b, i, hash)], *b, i, top_of(hash));
          }
        }
      }
    } catch (...) {
      wipe_chain(x);
      wipe_chain(y);
      throw;
    }
  }

  void append(place& end, const bucket& from, std::size_t slot, std::uint8_t top) {
    if (end.slot == kSlots) {
      end = {end.in->overflow != nullptr ? end.in->overflow : &add_overflow(*end.in), 0};
    }
    end.in->keys[end.slot] = from.keys[slot];
    end.in->values[end.slot] = from.values[slot];
    end.in->tophash[end.slot] = top;
    ++end.slot;
  }

  void mark_chain(const generation& from, std::size_t index) {
    bucket& head = from.buckets[index];
    for (bucket* b = &head; b != nullptr; b = b->overflow) {
      for (std::size_t i = 0; i < kSlots; ++i) {
        if (is_empty(b->tophash[i])) {
          b->tophash[i] = kEvacuatedEmpty;
        } else {
          const Key& key = b->keys[i];
          const bool to_y = goes_to_y(from, *b, i, goes_by_hash(key) ? hash_of(key) : 0);
          b->tophash[i] = to_y ? kEvacuatedY : kEvacuatedX;
        }
      }
    }
    if constexpr (Bug == go_map_bug::frees_overflow_under_iterator) {
      delete_chain(head.overflow);
    }
    if constexpr (Bug == go_map_bug::reuses_overflow_bucket_early) {
      put_on_free_list(head.overflow);
    }
  }

  void advance_mark() {
    const std::size_t old_count = old_->mask() + 1;
    const std::size_t stop = std::min(nevacuate_ + 1 + kMarkSkipMax, old_count);
    ++nevacuate_;
    while (nevacuate_ < stop && old_->buckets[nevacuate_].is_evacuated()) {
      ++nevacuate_;
    }
    if (nevacuate_ == old_count) {
      if constexpr (Bug == go_map_bug::frees_old_buckets_under_iterator) {
        old_->free_buckets();
      }
      old_.reset();
      nevacuate_ = 0;
    }
  }

  // Seeded bugs. ------------------------------------------------------------------------------

  void mark_now_copy_later(std::size_t index) {
    if (!old_->buckets[index].is_evacuated()) {
      mark_chain(*old_, index);
      seeded_.postponed = old_.share();
      seeded_.postponed_chain = index;
    }
    advance_mark();
  }

  void copy_postponed_chain() {
    if (seeded_.postponed) {
      copy_chain(*seeded_.postponed, seeded_.postponed_chain);
      seeded_.postponed.reset();
    }
  }

  void put_on_free_list(bucket* first) noexcept {
    while (first != nullptr) {
      bucket* const b = std::exchange(first, first->overflow);
      b->overflow = std::exchange(seeded_.free_list, b);
    }
  }

  std::string validate_current(std::size_t& entries) const;
  std::string validate_old(std::size_t& entries) const;
  std::string validate_chain(const generation& in, std::size_t index, std::size_t& entries) const;

  go_map_options options_;
  [[no_unique_address]] Hash hash_;
  [[no_unique_address]] KeyEqual equal_;
  Random random_;

  std::size_t count_ = 0;
  std::uint8_t flags_ = 0;
  std::uint32_t seed_;
  std::uint64_t era_ = 0;
  std::size_t noverflow_ = 0;
  generation_ptr current_;     // null until the first insertion
  generation_ptr old_;         // not null exactly while growing
  std::size_t nevacuate_ = 0;  // all old chains below are evacuated
  bug_state seeded_;
};

}  // namespace maps

#include "go_map_inl.hpp"  // IWYU pragma: export
