// In-target world. Numbers by thread, for many threads: most of a tree is shared with others.
#pragma once

#include "base/vec.hpp"

namespace heddle::exec {

/// Memory for the clocks of one execution; handed out by bumping, taken back all at once.
class ClockMemory {
 public:
  void* take(u32 bytes);

  void reset() {
    chunk_ = 0;
    used_ = 0;
  }

 private:
  static constexpr u32 kChunkBytes = 1u << 18;

  Vec<u8*> chunks_;
  u32 chunk_ = 0;
  u32 used_ = 0;
};

ClockMemory& clock_memory();

struct ClockLeaf {
  static constexpr u32 kSize = 32;
  u32 values[kSize];
};

/// Two levels: as many leaves as the largest index needs, in clock memory. But for put(), nothing
/// that exists changes, so that copies are pointers.
class ClockTree {
 public:
  static const ClockTree kEmpty;

  u32 get(u32 index) const {
    return leaf(index / ClockLeaf::kSize)->values[index % ClockLeaf::kSize];
  }
  const ClockTree* with(u32 index, u32 value) const;
  /// One of the two itself if it has the larger value everywhere; then `b` rather than `a`.
  static const ClockTree* maximum(const ClockTree& a, const ClockTree& b);

  /// In place, as far as possible, for a tree that nobody shares. Null is an empty one.
  static ClockTree* put(ClockTree* tree, u32 index, u32 value);

  /// visit(index, value), of all that are not 0 and some that are.
  template <class Visit>
  void each(Visit visit) const {
    for (u32 i = 0; i < size_; ++i) {
      for (u32 at = 0; leaves_[i] != &kZeros && at < ClockLeaf::kSize; ++at) {
        visit(i * ClockLeaf::kSize + at, leaves_[i]->values[at]);
      }
    }
  }

 private:
  static constexpr u32 kLeavesMax = kThreadCountMax / ClockLeaf::kSize;
  static const ClockLeaf kZeros;

  const ClockLeaf* leaf(u32 index) const { return index < size_ ? leaves_[index] : &kZeros; }
  /// With the same leaves, and zeros up to `size`.
  ClockTree* copy(u32 size) const;
  static ClockTree* make(u32 size);

  u32 size_;
  const ClockLeaf* leaves_[kLeavesMax];  // memory is taken for size_ of them only
};

}  // namespace heddle::exec
