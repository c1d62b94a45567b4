// What go_map is built of: buckets of eight slots, and generations, the unit of reclamation.
#pragma once

#include <cstddef>
#include <cstdint>
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

  static std::uint8_t top_of(std::uint64_t hash) noexcept {
    const auto top = static_cast<std::uint8_t>(hash >> 56);
    return static_cast<std::uint8_t>(top < kMinTopHash ? top + kMinTopHash : top);
  }
};

template <class Key, class T>
struct bucket : slots {
  /// A chain is evacuated as a whole, so the first slot of its head speaks for it.
  bool is_evacuated() const noexcept { return is_evacuation_mark(tophash[0]); }

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

  std::size_t mask() const noexcept { return (std::size_t{1} << log2) - 1; }

  bucket_type& chain(std::uint64_t hash) const noexcept { return buckets[hash & mask()]; }

  std::size_t pins = 0;
  unsigned log2;
  bucket_type* buckets;
};

/// One pin on a generation, or none.
template <class Generation>
class generation_ptr {
 public:
  generation_ptr() = default;

  explicit generation_ptr(Generation* target) noexcept : target_(target) { ++target_->pins; }

  generation_ptr(generation_ptr&& other) noexcept : target_(other.forget()) {}

  generation_ptr& operator=(generation_ptr&& other) noexcept {
    std::swap(target_, other.target_);
    other.reset();
    return *this;
  }

  ~generation_ptr() { reset(); }

  generation_ptr share() const noexcept { return generation_ptr(target_); }

  void reset() noexcept {
    Generation* const target = forget();
    if (target != nullptr && --target->pins == 0) {
      delete target;
    }
  }

  /// Lets go without unpinning.
  Generation* forget() noexcept { return std::exchange(target_, nullptr); }

  explicit operator bool() const noexcept { return target_ != nullptr; }

  Generation* operator->() const noexcept { return target_; }

  Generation& operator*() const noexcept { return *target_; }

 private:
  Generation* target_ = nullptr;
};

}  // namespace maps::go_map_parts
