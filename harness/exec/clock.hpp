// In-target world. Vector clocks: what a thread has seen of every other.
#pragma once

#include "exec/clock_tree.hpp"

namespace heddle::exec {

/// The threads whose components are always there, so that the clocks of few threads are compared
/// and copied at fixed length. Those of the others are in trees, which clocks share.
constexpr u32 kNearThreads = 8;

/// Component t is the last event of thread t that happens-before the owner; 0 if there is none.
/// What a thread knows when it releases is known to all who know of the release. So one look at one
/// component mostly tells that one clock has all of another, and joining them is taking the larger;
/// the idea is that of tree clocks. Only the near components are always joined one by one.
/// Source: Mathur, Pavlogiannis, Tunç, Viswanathan: A Tree Clock Data Structure for Causal
/// Orderings in Concurrent Executions (ASPLOS 2022). Differs: what is larger is shared, not copied.
/// Value-initialised by clear(), not by a constructor, because clocks live in pools.
class VectorClock {
 public:
  void clear() {
    __builtin_memset(near_, 0, sizeof near_);
    far_ = nullptr;
  }

  void assign(const VectorClock& other) {
    __builtin_memcpy(near_, other.near_, sizeof near_);
    if (__builtin_expect(far_ != other.far_ || far_ != nullptr, 0)) {
      assign_far(other);
    }
  }

  u32 get(ThreadId thread) const {
    const u32 index = to_index(thread);
    return __builtin_expect(index < kNearThreads, 1) ? near_[index] : get_far(thread);
  }

  /// get(thread) >= value, or false where that takes a longer look.
  bool surely_has(ThreadId thread, u32 value) const {
    const u32 index = to_index(thread);
    return index < kNearThreads && near_[index] >= value;
  }

  /// From here on the clock is that of a thread which starts with what the clock has.
  void start(ThreadId thread, u32 epoch);

  /// The thread's own component. To be called whenever others were given the clock.
  void advance(u32 epoch) {
    const u32 index = to_index(author_);
    (__builtin_expect(index < kNearThreads, 1) ? near_[index] : author_epoch_) = epoch;
  }

  /// Component-wise maximum, for the clock of a thread.
  void learn(const VectorClock& other) {
    if (__builtin_expect(other.far_ == nullptr, 1)) {
      join_near(other);
    } else {
      learn_all(other);
    }
  }

  /// Component-wise maximum, for all other clocks.
  void join(const VectorClock& other) {
    if (__builtin_expect(other.far_ == nullptr, 1)) {
      join_near(other);
    } else {
      join_all(other);
    }
  }

  bool has_all_of(const VectorClock& other) const;

 private:
  /// An event of a thread, by its epoch.
  struct Stamp {
    ThreadId thread;
    u32 epoch;
  };

  bool has(Stamp event) const {
    return event.thread != ThreadId::kNone && get(event.thread) >= event.epoch;
  }
  Stamp author() const { return Stamp{author_, get(author_)}; }
  bool has_far_of(const VectorClock& other) const {
    return other.far_ == nullptr || has(other.author());
  }
  bool has_tree_of(const VectorClock& other) const {
    return other.far_ == nullptr || has(other.source_);
  }

  void join_near(const VectorClock& other) {
    u32 maxima[kNearThreads];  // apart from both, so that the compiler may take several at a time
    for (u32 i = 0; i < kNearThreads; ++i) {
      maxima[i] = other.near_[i] > near_[i] ? other.near_[i] : near_[i];
    }
    __builtin_memcpy(near_, maxima, sizeof near_);
  }

  HEDDLE_RARE u32 get_far(ThreadId thread) const;
  HEDDLE_RARE void assign_far(const VectorClock& other);
  HEDDLE_RARE void learn_all(const VectorClock& other);
  HEDDLE_RARE void join_all(const VectorClock& other);
  void learn_far(const VectorClock& other);
  void join_far(const VectorClock& other);
  const ClockTree* joined_tree(const VectorClock& other) const;
  const ClockTree* with_author(const ClockTree* tree) const;

  u32 near_[kNearThreads];
  const ClockTree* far_;  // the other components but the author's; null only if all are 0
  // Meaningless without a tree, but for the author of a thread's clock.
  ThreadId author_;   // whoever has its event has all far components; kNone if that is not known
  u32 author_epoch_;  // its component, unless that is a near one
  Stamp source_;      // whoever has this event has all that is in the tree
};

/// The last epoch in which each thread did a certain thing. Made valid by clear(), as above.
class EpochMap {
 public:
  void clear() {
    __builtin_memset(near_, 0, sizeof near_);
    far_ = nullptr;
  }

  u32 get(ThreadId thread) const {
    const u32 index = to_index(thread);
    return index < kNearThreads ? near_[index]
           : far_ == nullptr    ? 0
                                : far_->get(index - kNearThreads);
  }

  void set(ThreadId thread, u32 epoch) {
    const u32 index = to_index(thread);
    if (__builtin_expect(index < kNearThreads, 1)) {
      near_[index] = epoch;
    } else {
      set_far(index - kNearThreads, epoch);
    }
  }

  /// The first thread with an epoch beyond `seen`'s; kNone if `seen` has them all.
  ThreadId first_unseen(const VectorClock& seen) const;

 private:
  HEDDLE_RARE void set_far(u32 index, u32 epoch);

  u32 near_[kNearThreads];
  ClockTree* far_;
};

}  // namespace heddle::exec
