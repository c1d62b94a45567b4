// A bucket array of go_map, the unit of reclamation.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>

#include "go_map_bucket.hpp"

namespace maps::go_map_parts {

/// A bucket array with its overflow buckets. The map pins the current and the old one; an iterator
/// pins those it may still read. The last pin to go frees it all.
/// Threads: the count is plain; the lock of the map's user protects it.
/// EvacuationTakesOverflow: two seeded bugs let evacuation dispose of a chain's overflow buckets,
/// and then the generation must not do it again.
template <class Key, class T, bool EvacuationTakesOverflow>
struct generation {
  using bucket_type = bucket<Key, T>;

  explicit generation(unsigned log2_of_size)
      : log2(log2_of_size), buckets(new bucket_type[std::size_t{1} << log2_of_size]) {}

  generation(const generation&) = delete;
  generation& operator=(const generation&) = delete;

  ~generation() { free_buckets(); }

  void free_buckets() noexcept {
    for (std::size_t i = 0; buckets != nullptr && i <= mask(); ++i) {
      if (!EvacuationTakesOverflow || !buckets[i].is_evacuated()) {
        delete_chain(buckets[i].overflow);
      }
    }
    delete[] std::exchange(buckets, nullptr);
  }

  /// Evacuated chains may stay as they are: their entries are stale, and iterators do not look at
  /// those of a map that has been empty since.
  void wipe() {
    for (std::size_t i = 0; i <= mask(); ++i) {
      if (!buckets[i].is_evacuated()) {
        wipe_chain(buckets[i]);
      }
    }
  }

  std::size_t mask() const noexcept { return (std::size_t{1} << log2) - 1; }

  bucket_type& chain(std::uint64_t hash) const noexcept { return buckets[hash & mask()]; }

  std::size_t pins = 0;
  unsigned log2;
  bucket_type* buckets;
};

}  // namespace maps::go_map_parts
