#include "process/memory_image.hpp"

namespace heddle::process {
namespace {

constexpr uptr kRangeBytesMax = uptr{4} << 20;
constexpr uptr kChunk = 64;

struct Chunk {
  u64 words[kChunk / 8];
} __attribute__((packed, aligned(1), may_alias));

// Not memcpy and memcmp: those of a sanitizer refuse the red zones between a program's globals.
void assign(Chunk& to, const Chunk& from) {
  u64 difference = 0;
  for (u32 i = 0; i < kChunk / 8; ++i) {
    difference |= to.words[i] ^ from.words[i];
  }
  if (difference != 0) {
    to = from;
  }
}

Chunk& chunk_at(u8* bytes) { return *reinterpret_cast<Chunk*>(bytes); }

// `step(live, offset)` for each chunk; tails go byte by byte.
template <class Whole, class Single>
void each_piece(const Vec<Range>& ranges, Whole whole, Single single) {
  uptr offset = 0;
  for (const Range& range : ranges) {
    auto* live = reinterpret_cast<u8*>(range.begin);
    auto* end = reinterpret_cast<u8*>(range.end);
    for (; live + kChunk <= end; live += kChunk, offset += kChunk) {
      whole(live, offset);
    }
    for (; live < end; ++live, ++offset) {
      single(live, offset);
    }
  }
}

}  // namespace

bool MemoryImage::add(Range range) {
  if (range.end <= range.begin || range.end - range.begin > kRangeBytesMax) {
    return false;
  }
  ranges_.push_back(range);
  bytes_ += range.end - range.begin;
  return true;
}

void MemoryImage::take() {
  pristine_ = static_cast<u8*>(os_map(bytes_ + kChunk));
  outside_ = static_cast<u8*>(os_map(bytes_ + kChunk));
  each_piece(
      ranges_, [this](u8* live, uptr offset) { chunk_at(pristine_ + offset) = chunk_at(live); },
      [this](u8* live, uptr offset) { pristine_[offset] = *live; });
}

void MemoryImage::enter() {
  each_piece(
      ranges_,
      [this](u8* live, uptr offset) {
        assign(chunk_at(outside_ + offset), chunk_at(live));
        assign(chunk_at(live), chunk_at(pristine_ + offset));
      },
      [this](u8* live, uptr offset) {
        outside_[offset] = *live;
        *live = pristine_[offset];
      });
}

void MemoryImage::renew() {
  each_piece(
      ranges_,
      [this](u8* live, uptr offset) { assign(chunk_at(live), chunk_at(pristine_ + offset)); },
      [this](u8* live, uptr offset) { *live = pristine_[offset]; });
}

void MemoryImage::leave() {
  each_piece(
      ranges_,
      [this](u8* live, uptr offset) { assign(chunk_at(live), chunk_at(outside_ + offset)); },
      [this](u8* live, uptr offset) { *live = outside_[offset]; });
}

}  // namespace heddle::process
