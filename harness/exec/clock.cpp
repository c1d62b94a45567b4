#include "exec/clock.hpp"

namespace heddle::exec {

u32 VectorClock::get_far(ThreadId thread) const {
  return far_ == nullptr     ? 0
         : thread == author_ ? author_epoch_
                             : far_->get(to_index(thread) - kNearThreads);
}

const ClockTree* VectorClock::with_author(const ClockTree* tree) const {
  const u32 index = to_index(author_);
  return author_ == ThreadId::kNone || index < kNearThreads
             ? tree
             : tree->with(index - kNearThreads, author_epoch_);
}

void VectorClock::start(ThreadId thread, u32 epoch) {
  if (far_ != nullptr) {
    source_ = author();
    far_ = with_author(far_);
  } else if (to_index(thread) >= kNearThreads) {
    source_ = Stamp{thread, epoch};
    far_ = &ClockTree::kEmpty;
  }
  author_ = thread;
  advance(epoch);
}

/// The maximum of both trees, without the authors.
const ClockTree* VectorClock::joined_tree(const VectorClock& other) const {
  return other.has_tree_of(*this) ? other.far_
         : has_tree_of(other)     ? far_
                                  : ClockTree::maximum(*far_, *other.far_);
}

void VectorClock::assign_far(const VectorClock& other) {
  far_ = other.far_;
  author_ = other.author_;
  author_epoch_ = other.author_epoch_;
  source_ = other.source_;
}

void VectorClock::learn_far(const VectorClock& other) {
  if (has_far_of(other)) {
    return;
  }
  const ClockTree* tree = joined_tree(other);
  // Nobody has the thread's present epoch yet: whoever will have it will have what it learns now.
  const bool is_others = tree == other.far_ && other.author_ != ThreadId::kNone;
  source_ = is_others ? other.author() : author();
  far_ = other.with_author(tree);
}

void VectorClock::join_far(const VectorClock& other) {
  if (has_far_of(other)) {
    return;
  }
  const ClockTree* tree = other.far_;
  if (!other.has_far_of(*this)) {
    far_ = with_author(far_);
    author_ = ThreadId::kNone;
    source_.thread = ThreadId::kNone;
    tree = joined_tree(other);
  }
  if (tree == other.far_) {
    assign_far(other);
  } else {
    far_ = other.with_author(tree);
  }
}

void VectorClock::learn_all(const VectorClock& other) {
  learn_far(other);  // first: it goes by near components, too
  join_near(other);
}

void VectorClock::join_all(const VectorClock& other) {
  join_far(other);
  join_near(other);
}

bool VectorClock::has_all_of(const VectorClock& other) const {
  for (u32 i = 0; i < kNearThreads; ++i) {
    if (near_[i] < other.near_[i]) {
      return false;
    }
  }
  if (other.far_ == nullptr || other.author_ != ThreadId::kNone) {
    return has_far_of(other);
  }
  bool all = true;
  other.far_->each(
      [&](u32 index, u32 epoch) { all = all && get(to_thread_id(kNearThreads + index)) >= epoch; });
  return all;
}

ThreadId EpochMap::first_unseen(const VectorClock& seen) const {
  for (u32 i = 0; i < kNearThreads; ++i) {
    if (near_[i] > seen.get(to_thread_id(i))) {
      return to_thread_id(i);
    }
  }
  ThreadId first = ThreadId::kNone;
  (far_ == nullptr ? ClockTree::kEmpty : *far_).each([&](u32 index, u32 epoch) {
    const ThreadId thread = to_thread_id(kNearThreads + index);
    if (first == ThreadId::kNone && epoch > seen.get(thread)) {
      first = thread;
    }
  });
  return first;
}

void EpochMap::set_far(u32 index, u32 epoch) { far_ = ClockTree::put(far_, index, epoch); }

}  // namespace heddle::exec
