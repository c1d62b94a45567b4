// In-target world. Vector clocks: what a thread has seen of every other.
#pragma once

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

/// Component t is the last event of thread t that happens-before the owner; 0 if there is none.
/// The first kInline components are always there, so that the clocks of few threads are compared
/// and copied at fixed length; the others are in memory of their own. Value-initialised by
/// reset(), not by a constructor, because clocks live in pools.
class VectorClock {
 public:
  static constexpr u32 kInline = 8;

  void reset() {
    clear();
    far_ = nullptr;
    capacity_ = 0;
  }

  void clear() {
    __builtin_memset(inline_, 0, sizeof inline_);
    far_size_ = 0;
  }

  u32 get(ThreadId thread) const {
    const u32 index = to_index(thread);
    return __builtin_expect(index < kInline, 1) ? inline_[index] : get_far(index - kInline);
  }

  /// get(thread) >= value, or false where that takes a longer look.
  bool surely_has(ThreadId thread, u32 value) const {
    const u32 index = to_index(thread);
    return index < kInline && inline_[index] >= value;
  }

  void set(ThreadId thread, u32 value) {
    const u32 index = to_index(thread);
    if (__builtin_expect(index < kInline, 1)) {
      inline_[index] = value;
    } else {
      set_far(index - kInline, value);
    }
  }

  /// Component-wise maximum.
  void join(const VectorClock& other) {
    u32 maxima[kInline];  // apart from both, so that the compiler may take several at a time
    for (u32 i = 0; i < kInline; ++i) {
      maxima[i] = other.inline_[i] > inline_[i] ? other.inline_[i] : inline_[i];
    }
    __builtin_memcpy(inline_, maxima, sizeof inline_);
    if (__builtin_expect(other.far_size_ != 0, 0)) {
      join_far(other);
    }
  }

  void assign(const VectorClock& other) {
    __builtin_memcpy(inline_, other.inline_, sizeof inline_);
    if (__builtin_expect((far_size_ | other.far_size_) != 0, 0)) {
      assign_far(other);
    }
  }

  /// The first thread with a component beyond `seen`'s; kNone if `seen` has it all.
  ThreadId first_unseen(const VectorClock& seen) const {
    for (u32 i = 0; i < kInline + far_size_; ++i) {
      if (get(to_thread_id(i)) > seen.get(to_thread_id(i))) {
        return to_thread_id(i);
      }
    }
    return ThreadId::kNone;
  }

 private:
  HEDDLE_RARE u32 get_far(u32 index) const;
  HEDDLE_RARE void set_far(u32 index, u32 value);
  HEDDLE_RARE void join_far(const VectorClock& other);
  HEDDLE_RARE void assign_far(const VectorClock& other);
  void extend(u32 far_size);

  u32 inline_[kInline];
  u32* far_;
  u32 far_size_;
  u32 capacity_;  // of far_
};

}  // namespace heddle::exec
