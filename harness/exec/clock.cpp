#include "exec/clock.hpp"

#include <cstring>

namespace heddle::exec {

ClockMemory& clock_memory() {
  static constinit ClockMemory memory;
  return memory;
}

u32* ClockMemory::take(u32 count) {
  if (used_ + count > kChunkWords) {
    ++chunk_;
    used_ = 0;
  }
  while (chunk_ >= chunks_.size()) {
    chunks_.push_back(static_cast<u32*>(os_map(kChunkWords * sizeof(u32))));
  }
  u32* words = chunks_[chunk_] + used_;
  used_ += count;
  return words;
}

u32 VectorClock::get_far(u32 index) const { return index < far_size_ ? far_[index] : 0; }

void VectorClock::set_far(u32 index, u32 value) {
  extend(index + 1);
  far_[index] = value;
}

void VectorClock::extend(u32 far_size) {
  if (far_size <= far_size_) {
    return;
  }
  if (far_size > capacity_) {
    u32 capacity = capacity_ == 0 ? kInline : capacity_ * 2;
    while (capacity < far_size) {
      capacity *= 2;
    }
    u32* larger = clock_memory().take(capacity);
    std::memcpy(larger, far_, far_size_ * sizeof(u32));
    capacity_ = capacity;
    far_ = larger;
  }
  std::memset(far_ + far_size_, 0, (far_size - far_size_) * sizeof(u32));
  far_size_ = far_size;
}

void VectorClock::join_far(const VectorClock& other) {
  extend(other.far_size_);
  for (u32 i = 0; i < other.far_size_; ++i) {
    far_[i] = other.far_[i] > far_[i] ? other.far_[i] : far_[i];
  }
}

void VectorClock::assign_far(const VectorClock& other) {
  far_size_ = 0;
  extend(other.far_size_);
  std::memcpy(far_, other.far_, far_size_ * sizeof(u32));
}

}  // namespace heddle::exec
