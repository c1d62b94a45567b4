// Part of go_map: the iterator.
#pragma once

#include <cstddef>
#include <cstdint>

#include "../common/probe.hpp"
#include "go_map.hpp"

namespace maps {

/// One range over the map, which may change in every way meanwhile. Each entry present from
/// begin_range to the end is yielded exactly once, with the value it has then; an entry removed
/// before its turn never; an entry inserted on the way at most once.
/// Do not call next() after the map is gone; to close is allowed.
/// Invariant: within one generation no entry changes its slot, and of all generations with as many
///            buckets as ours, one chain is walked for each index. So no entry comes twice.
template <class Key, class T, class Hash, class KeyEqual, class Random, go_map_bug Bug>
class go_map<Key, T, Hash, KeyEqual, Random, Bug>::iterator {
 public:
  iterator(iterator&&) noexcept = default;
  iterator& operator=(iterator&&) noexcept = default;

  ~iterator() { close(); }

  /// Takes the next entry; false at the end and ever after.
  bool next() {
    const entered alone(this, "an iterator of go_map");
    MAPS_PROBE("go_map.next");
    if (!home_) {
      return false;
    }
    if constexpr (Bug != go_map_bug::next_ignores_writing_flag) {
      map_->detector_.check("go_map: an iteration met a write in progress");
    }
    for (;;) {
      if (bucket_ == nullptr && !choose_chain()) {
        unpin();
        return false;
      }
      while ((visited_ = bucket_->next_entry(offset_, visited_)) < kSlots) {
        if (take((visited_++ + offset_) % kSlots)) {
          return true;
        }
      }
      MAPS_PROBE("go_map.next.overflow");
      bucket_ = bucket_->overflow;
      visited_ = 0;
    }
  }

  /// Copies taken by the last next() that returned true.
  const Key& key() const noexcept { return key_; }

  const T& mapped() const noexcept { return mapped_; }

  /// Ends the iteration early. Idempotent, and what the destructor does.
  void close() noexcept {
    if constexpr (Bug == go_map_bug::unpins_only_at_end) {
      home_.forget();
      detour_.forget();
    }
    unpin();
  }

 private:
  friend go_map;

  static constexpr std::size_t kNoCheck = static_cast<std::size_t>(-1);

  explicit iterator(go_map& map) : map_(&map) {
    if (map.count_ == 0) {
      return;
    }
    home_ = map.current_.share();
    buckets_ = home_->buckets;
    era_ = map.era_;
    const std::uint32_t random = map.random_();
    start_index_ = random & home_->mask();
    index_ = start_index_;
    offset_ = (std::uint64_t{random} >> home_->log2) % kSlots;
  }

  void unpin() noexcept {
    home_.reset();
    detour_.reset();
  }

  // The chain of the next index. While a growth to (or at) our size is on, its entries are still
  // in the old generation if that chain is not evacuated; which need not be one that we captured.
  bool choose_chain() {
    detour_.reset();
    if (wrapped_ && index_ == start_index_) {
      return false;
    }
    MAPS_PROBE("go_map.next.chain");
    bucket_ = &buckets_[index_];
    check_index_ = kNoCheck;
    const generation_ptr& old = map_->old_;
    if (old && map_->current_->log2 == home_->log2 && !old->chain(index_).is_evacuated()) {
      MAPS_PROBE("go_map.next.old_chain");
      bucket_ = &old->chain(index_);
      if constexpr (Bug != go_map_bug::walks_old_chain_unpinned) {
        detour_ = old.share();
      }
      // Settled here, not per entry as in Go: the kind of growth may change under this chain.
      const bool splits = Bug == go_map_bug::same_size_checks_bucket || old->log2 != home_->log2;
      check_index_ = splits ? index_ : kNoCheck;
    }
    index_ = (index_ + 1) & home_->mask();
    wrapped_ = wrapped_ || index_ == 0;
    return true;
  }

  // Yields the entry in `slot` of the current bucket, if it is for us.
  bool take(std::size_t slot) {
    const std::uint8_t top = bucket_->tophash[slot];
    if constexpr (Bug != go_map_bug::skips_check_bucket) {
      if (check_index_ != kNoCheck && !belongs_to_check_index(slot)) {
        return false;
      }
    }
    if (!is_stale(top)) {
      return copy_out(*bucket_, slot);
    }
    if (era_ != map_->era_) {
      return false;  // the map was empty meanwhile: this entry is gone
    }
    if (Bug != go_map_bug::looks_up_stale_nan && !map_->is_reflexive(bucket_->keys[slot])) {
      return copy_out(*bucket_, slot);  // only clear() removes it, so it is still there
    }
    MAPS_PROBE("go_map.next.lookup");
    const place now = map_->locate(bucket_->keys[slot]);
    return now.in != nullptr && copy_out(*now.in, now.slot);
  }

  // An unevacuated chain of a doubling growth holds the entries of two indices.
  bool belongs_to_check_index(std::size_t slot) const {
    const Key& key = bucket_->keys[slot];
    if (map_->is_reflexive(key)) {
      return (map_->hash_(key, map_->seed_) & home_->mask()) == check_index_;
    }
    return check_index_ >> (home_->log2 - 1) == (bucket_->tophash[slot] & 1U);
  }

  bool copy_out(const bucket& from, std::size_t slot) {
    key_ = from.keys[slot];
    mapped_ = from.values[slot];
    return true;
  }

  go_map* map_;
  generation_ptr home_;              // captured when opened; null: closed or at the end
  const bucket* buckets_ = nullptr;  // its array
  generation_ptr detour_;            // the old generation, while bucket_ walks it
  const bucket* bucket_ = nullptr;   // where we stand in a chain; null: between chains
  std::uint64_t era_ = 0;
  std::size_t start_index_ = 0;
  std::size_t index_ = 0;    // the next chain
  std::size_t offset_ = 0;   // of the first slot in each bucket
  std::size_t visited_ = 0;  // slots of bucket_
  std::size_t check_index_ = kNoCheck;
  bool wrapped_ = false;
  Key key_{};
  T mapped_{};
};

}  // namespace maps
