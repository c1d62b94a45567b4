// In-target world. Vector clocks: what a thread has seen of every other.
#pragma once

#include <cstring>

#include "base/vec.hpp"

namespace heddle::exec {

/// Memory for the clocks of one execution; handed out by bumping, taken back all at once.
class ClockMemory {
 public:
  u32* take(u32 count);

  void reset() {
    chunk_ = 0;
    used_ = 0;
  }

 private:
  static constexpr u32 kChunkWords = 1u << 16;

  Vec<u32*> chunks_;
  u32 chunk_ = 0;
  u32 used_ = 0;
};

ClockMemory& clock_memory();

/// Component t is the last event of thread t that happens-before the owner; absent means 0.
/// Up to kInline threads need no memory of their own. Value-initialised by reset(), not by a
/// constructor, because clocks live in pools.
class VectorClock {
 public:
  static constexpr u32 kInline = 8;

  void reset() {
    size_ = 0;
    capacity_ = kInline;
  }

  u32 get(ThreadId thread) const {
    const u32 index = to_index(thread);
    return index < size_ ? words()[index] : 0;
  }

  void set(ThreadId thread, u32 value) {
    const u32 index = to_index(thread);
    extend(index + 1);
    words()[index] = value;
  }

  /// Component-wise maximum. O(size of `other`).
  void join(const VectorClock& other) {
    extend(other.size_);
    u32* mine = words();
    const u32* theirs = other.words();
    for (u32 i = 0; i < other.size_; ++i) {
      mine[i] = theirs[i] > mine[i] ? theirs[i] : mine[i];
    }
  }

  void assign(const VectorClock& other) {
    if (__builtin_expect(capacity_ == kInline && other.capacity_ == kInline, 1)) {
      // All of it, used or not: a copy of fixed length is a few instructions.
      __builtin_memcpy(inline_, other.inline_, sizeof inline_);
      size_ = other.size_;
      return;
    }
    size_ = 0;
    reserve(other.size_);
    std::memcpy(words(), other.words(), other.size_ * sizeof(u32));
    size_ = other.size_;
  }

  void clear() { size_ = 0; }
  bool empty() const { return size_ == 0; }
  u32 size() const { return size_; }

  /// The first thread with a component beyond `seen`'s; kNone if `seen` has it all.
  ThreadId first_unseen(const VectorClock& seen) const {
    const u32* mine = words();
    for (u32 i = 0; i < size_; ++i) {
      if (mine[i] > seen.get(to_thread_id(i))) {
        return to_thread_id(i);
      }
    }
    return ThreadId::kNone;
  }

 private:
  u32* words() { return capacity_ == kInline ? inline_ : spill_; }
  const u32* words() const { return capacity_ == kInline ? inline_ : spill_; }

  void extend(u32 size) {
    if (size > size_) {
      reserve(size);
      u32* mine = words();
      for (u32 i = size_; i < size; ++i) {
        mine[i] = 0;
      }
      size_ = size;
    }
  }

  void reserve(u32 size) {
    if (size > capacity_) {
      grow(size);
    }
  }

  void grow(u32 size);

  u32 size_;
  u32 capacity_;
  union {
    u32 inline_[kInline];
    u32* spill_;
  };
};

}  // namespace heddle::exec
