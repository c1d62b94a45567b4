// Part of go_map: growth, which goes on chain by chain while the map is used.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "../common/probe.hpp"
#include "go_map.hpp"

#define MAPS_GO_MAP \
  template <class Key, class T, class Hash, class KeyEqual, class Random, go_map_bug Bug>

namespace maps {

MAPS_GO_MAP
void go_map<Key, T, Hash, KeyEqual, Random, Bug>::grow() {
  MAPS_PROBE("go_map.migrate.begin");
  copy_postponed_chain();
  const unsigned log2 = bucket_count_log2();
  generation_ptr fresh(new generation(overloaded(count_ + 1) ? log2 + 1 : log2));
  old_ = std::move(current_);
  current_ = std::move(fresh);
  nevacuate_ = 0;
  noverflow_ = 0;
}

/// Every write first evacuates the chain it is about to use, then one more, so that a migration
/// ends after at most as many writes as there are old buckets.
MAPS_GO_MAP
auto go_map<Key, T, Hash, KeyEqual, Random, Bug>::chain_for_write(std::uint64_t hash) -> bucket& {
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

MAPS_GO_MAP
void go_map<Key, T, Hash, KeyEqual, Random, Bug>::evacuate(std::size_t index) {
  if (!old_->buckets[index].is_evacuated()) {
    copy_chain(*old_, index);
    mark_chain(*old_, index);
  }
  if (index == nevacuate_) {
    advance_mark();
  }
}

/// To which half of a doubled array an entry goes. A key unequal to itself is sent by the low bit
/// of its tophash: iterators must be able to ask twice. kEvacuatedX and Y keep that bit.
MAPS_GO_MAP
bool go_map<Key, T, Hash, KeyEqual, Random, Bug>::goes_to_y(const generation& from, const bucket& b,
                                                            std::size_t slot,
                                                            std::uint64_t hash) const {
  if (Bug != go_map_bug::same_size_splits && from.log2 == current_->log2) {
    return false;
  }
  return goes_by_hash(b.keys[slot]) ? ((hash >> from.log2) & 1) != 0 : (b.tophash[slot] & 1) != 0;
}

/// Copies, never moves: an iterator in the old chain still needs the keys. Nobody has written to
/// the destinations yet, because each write evacuates first; so a failed copy can be undone.
MAPS_GO_MAP
void go_map<Key, T, Hash, KeyEqual, Random, Bug>::copy_chain(const generation& from,
                                                             std::size_t index) {
  MAPS_PROBE("go_map.migrate.copy");
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

MAPS_GO_MAP
void go_map<Key, T, Hash, KeyEqual, Random, Bug>::append(place& end, const bucket& from,
                                                         std::size_t slot, std::uint8_t top) {
  if (end.slot == kSlots) {
    end = {end.in->overflow != nullptr ? end.in->overflow : &add_overflow(*end.in), 0};
  }
  end.in->keys[end.slot] = from.keys[slot];
  end.in->values[end.slot] = from.values[slot];
  end.in->tophash[end.slot] = top;
  ++end.slot;
}

MAPS_GO_MAP
void go_map<Key, T, Hash, KeyEqual, Random, Bug>::mark_chain(const generation& from,
                                                             std::size_t index) {
  MAPS_PROBE("go_map.migrate.mark");
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

MAPS_GO_MAP
void go_map<Key, T, Hash, KeyEqual, Random, Bug>::advance_mark() {
  const std::size_t old_count = old_->mask() + 1;
  const std::size_t stop = std::min(nevacuate_ + 1 + kMarkSkipMax, old_count);
  ++nevacuate_;
  while (nevacuate_ < stop && old_->buckets[nevacuate_].is_evacuated()) {
    ++nevacuate_;
  }
  if (nevacuate_ == old_count) {
    MAPS_PROBE("go_map.migrate.end");
    if constexpr (Bug == go_map_bug::frees_old_buckets_under_iterator) {
      old_->free_buckets();
    }
    old_.reset();
    nevacuate_ = 0;
  }
}

MAPS_GO_MAP
void go_map<Key, T, Hash, KeyEqual, Random, Bug>::mark_now_copy_later(std::size_t index) {
  if (!old_->buckets[index].is_evacuated()) {
    mark_chain(*old_, index);
    seeded_.postponed = old_.share();
    seeded_.postponed_chain = index;
  }
  advance_mark();
}

MAPS_GO_MAP
void go_map<Key, T, Hash, KeyEqual, Random, Bug>::copy_postponed_chain() {
  if (seeded_.postponed) {
    copy_chain(*seeded_.postponed, seeded_.postponed_chain);
    seeded_.postponed.reset();
  }
}

MAPS_GO_MAP
void go_map<Key, T, Hash, KeyEqual, Random, Bug>::put_on_free_list(bucket* first) noexcept {
  while (first != nullptr) {
    bucket* const b = std::exchange(first, first->overflow);
    b->overflow = std::exchange(seeded_.free_list, b);
  }
}

}  // namespace maps

#undef MAPS_GO_MAP
