#include "exec/clock.hpp"

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

void VectorClock::grow(u32 size) {
  u32 capacity = capacity_ * 2;
  while (capacity < size) {
    capacity *= 2;
  }
  u32* larger = clock_memory().take(capacity);
  std::memcpy(larger, words(), size_ * sizeof(u32));
  capacity_ = capacity;
  spill_ = larger;
}

}  // namespace heddle::exec
