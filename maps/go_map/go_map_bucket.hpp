// What go_map's chains are built of: buckets of eight slots, and what a chain can do by itself.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <utility>

namespace maps::go_map_parts {

/// The vocabulary of slots. go_map derives from it to use these names unqualified.
struct slots {
  static constexpr std::size_t kSlots = 8;  // a bucket

  // What a slot's tophash says. From kMinTopHash on: the top byte of the key's hash.
  static constexpr std::uint8_t kEmptyRest = 0;   // vacant, and so is the rest of the chain
  static constexpr std::uint8_t kEmptyOne = 1;    // vacant
  static constexpr std::uint8_t kEvacuatedX = 2;  // copied to the same index of the new array
  static constexpr std::uint8_t kEvacuatedY = 3;  // copied to that index in the upper half
  static constexpr std::uint8_t kEvacuatedEmpty = 4;
  static constexpr std::uint8_t kMinTopHash = 5;

  static bool is_empty(std::uint8_t top) noexcept { return top <= kEmptyOne; }

  /// The entry is elsewhere; the copy here is kept for iterators.
  static bool is_stale(std::uint8_t top) noexcept {
    return top == kEvacuatedX || top == kEvacuatedY;
  }

  static bool is_evacuation_mark(std::uint8_t top) noexcept {
    return top > kEmptyOne && top < kMinTopHash;
  }

  static bool holds_entry(std::uint8_t top) noexcept {
    return !is_empty(top) && top != kEvacuatedEmpty;
  }

  /// The highest bit of each byte that is not zero.
  static std::uint64_t nonzero_bytes(std::uint64_t bytes) noexcept {
    constexpr std::uint64_t kHighest = 0x8080'8080'8080'8080;
    return ((bytes & ~kHighest) + ~kHighest | bytes) & kHighest;
  }

  static std::uint8_t top_of(std::uint64_t hash) noexcept {
    const auto top = static_cast<std::uint8_t>(hash >> 56);
    return static_cast<std::uint8_t>(top < kMinTopHash ? top + kMinTopHash : top);
  }
};

template <class Key, class T>
struct bucket : slots {
  /// A chain is evacuated as a whole, so the first slot of its head speaks for it.
  bool is_evacuated() const noexcept { return is_evacuation_mark(tophash[0]); }

  /// The first slot with an entry, of those that are `visited` or more behind `first`, which all
  /// come after one another, the last one before the first one. How far behind it is; kSlots if
  /// there is none. Without a branch for each slot, which would go either way.
  std::size_t next_entry(std::size_t first, std::size_t visited) const noexcept {
    static_assert(std::endian::native == std::endian::little && sizeof tophash == 8);
    constexpr std::uint64_t kEach = 0x0101'0101'0101'0101;
    if (visited == kSlots) {
      return kSlots;
    }
    std::uint64_t tops = 0;
    std::memcpy(&tops, tophash, sizeof tops);
    const std::uint64_t held =
        nonzero_bytes(tops & ~kEach) & nonzero_bytes(tops ^ kEach * kEvacuatedEmpty);
    const std::uint64_t ahead = std::rotr(held, static_cast<int>(8 * first)) >> 8 * visited;
    return ahead == 0 ? kSlots : visited + static_cast<std::size_t>(std::countr_zero(ahead)) / 8;
  }

  std::uint8_t tophash[kSlots] = {};
  Key keys[kSlots] = {};
  T values[kSlots] = {};
  bucket* overflow = nullptr;
};

template <class Key, class T>
void delete_chain(bucket<Key, T>* first) noexcept {
  while (first != nullptr) {
    delete std::exchange(first, first->overflow);
  }
}

/// A slot of a bucket, or none.
template <class Key, class T>
struct place {
  bucket<Key, T>* in = nullptr;  // null: nowhere
  std::size_t slot = 0;
};

/// If nothing follows the vacated slot, it and the vacant slots before it join the empty rest.
template <class Key, class T>
void restore_empty_rest(bucket<Key, T>& head, place<Key, T> at) noexcept {
  using slots = bucket<Key, T>;
  if (at.slot + 1 < slots::kSlots) {
    if (at.in->tophash[at.slot + 1] != slots::kEmptyRest) {
      return;
    }
  } else if (at.in->overflow != nullptr && at.in->overflow->tophash[0] != slots::kEmptyRest) {
    return;
  }
  while (at.in->tophash[at.slot] == slots::kEmptyOne) {
    at.in->tophash[at.slot] = slots::kEmptyRest;
    if (at.slot > 0) {
      --at.slot;
    } else if (at.in != &head) {
      bucket<Key, T>* previous = &head;
      while (previous->overflow != at.in) {
        previous = previous->overflow;
      }
      at = {previous, slots::kSlots - 1};
    }
  }
}

/// Empties a chain and keeps its overflow buckets for later: an iterator may stand in them.
template <class Key, class T>
void wipe_chain(bucket<Key, T>& head) {
  for (bucket<Key, T>* b = &head; b != nullptr; b = b->overflow) {
    for (std::size_t i = 0; i < slots::kSlots; ++i) {
      b->tophash[i] = slots::kEmptyRest;
      b->keys[i] = Key{};
      b->values[i] = T{};
    }
  }
}

}  // namespace maps::go_map_parts
