// In-target world. Memory that belongs to the program during executions, to the command between.
#pragma once

#include "base/vec.hpp"
#include "process/images.hpp"

namespace heddle::process {

/// Swaps two contents of the same memory: what executions find, and what the command goes on with.
/// Only what differs is written. O(bytes).
class MemoryImage {
 public:
  /// Ranges that are too large to compare each time are left out; returns whether it was added.
  bool add(Range range);
  /// What the memory holds now is what each execution will find.
  void take();
  void enter();
  /// Another execution follows; what the command goes on with stays where it is kept.
  void renew();
  void leave();

  template <class Visit>
  void each_word(Visit visit) const {
    for (const Range& range : ranges_) {
      for (uptr at = (range.begin + 7) & ~uptr{7}; at + 8 <= range.end; at += 8) {
        visit(*reinterpret_cast<const u64*>(at));
      }
    }
  }

 private:
  Vec<Range> ranges_;
  uptr bytes_ = 0;
  u8* pristine_ = nullptr;
  u8* outside_ = nullptr;
};

}  // namespace heddle::process
