#include "exec/clock_tree.hpp"

namespace heddle::exec {
namespace {

ClockLeaf* make_leaf() { return static_cast<ClockLeaf*>(clock_memory().take(sizeof(ClockLeaf))); }

ClockLeaf* copy_of(const ClockLeaf& leaf) {
  ClockLeaf* copy = make_leaf();
  *copy = leaf;
  return copy;
}

ClockLeaf* maximum_of(const ClockLeaf& a, const ClockLeaf& b) {
  ClockLeaf* larger = make_leaf();
  for (u32 i = 0; i < ClockLeaf::kSize; ++i) {
    larger->values[i] = a.values[i] > b.values[i] ? a.values[i] : b.values[i];
  }
  return larger;
}

// Without leaving early: the compiler compares several at a time.
bool exceeds(const ClockLeaf& a, const ClockLeaf& b) {
  u32 found = 0;
  for (u32 i = 0; i < ClockLeaf::kSize; ++i) {
    found |= a.values[i] > b.values[i] ? 1 : 0;
  }
  return found != 0;
}

}  // namespace

ClockMemory& clock_memory() {
  static constinit ClockMemory memory;
  return memory;
}

void* ClockMemory::take(u32 bytes) {
  if (used_ + bytes > kChunkBytes) {
    ++chunk_;
    used_ = 0;
  }
  while (chunk_ >= chunks_.size()) {
    chunks_.push_back(static_cast<u8*>(os_map(kChunkBytes)));
  }
  u8* memory = chunks_[chunk_] + used_;
  used_ += bytes;
  return memory;
}

constinit const ClockLeaf ClockTree::kZeros = {};
constinit const ClockTree ClockTree::kEmpty = {};

ClockTree* ClockTree::make(u32 size) {
  const u32 unused = (kLeavesMax - size) * sizeof(ClockLeaf*);
  auto* tree = static_cast<ClockTree*>(clock_memory().take(sizeof(ClockTree) - unused));
  tree->size_ = size;
  return tree;
}

ClockTree* ClockTree::copy(u32 size) const {
  ClockTree* tree = make(size > size_ ? size : size_);
  for (u32 i = 0; i < tree->size_; ++i) {
    tree->leaves_[i] = leaf(i);
  }
  return tree;
}

const ClockTree* ClockTree::with(u32 index, u32 value) const {
  const u32 slot = index / ClockLeaf::kSize;
  ClockTree* tree = copy(slot + 1);
  ClockLeaf* changed = copy_of(*leaf(slot));
  changed->values[index % ClockLeaf::kSize] = value;
  tree->leaves_[slot] = changed;
  return tree;
}

ClockTree* ClockTree::put(ClockTree* tree, u32 index, u32 value) {
  const u32 slot = index / ClockLeaf::kSize;
  if (tree == nullptr || slot >= tree->size_) {
    tree = (tree == nullptr ? kEmpty : *tree).copy(slot + 1);
  }
  if (tree->leaves_[slot] == &kZeros) {
    tree->leaves_[slot] = copy_of(kZeros);
  }
  const_cast<ClockLeaf*>(tree->leaves_[slot])->values[index % ClockLeaf::kSize] = value;
  return tree;
}

const ClockTree* ClockTree::maximum(const ClockTree& a, const ClockTree& b) {
  const u32 size = a.size_ > b.size_ ? a.size_ : b.size_;
  const ClockLeaf* leaves[kLeavesMax];
  bool is_a = true;
  bool is_b = true;
  for (u32 i = 0; i < size; ++i) {
    const ClockLeaf* from_a = a.leaf(i);
    const ClockLeaf* from_b = b.leaf(i);
    const bool a_exceeds = from_a != from_b && exceeds(*from_a, *from_b);
    const bool b_exceeds = from_a != from_b && exceeds(*from_b, *from_a);
    leaves[i] = !a_exceeds ? from_b : !b_exceeds ? from_a : maximum_of(*from_a, *from_b);
    is_a = is_a && !b_exceeds;
    is_b = is_b && !a_exceeds;
  }
  if (is_a || is_b) {
    return is_b ? &b : &a;
  }
  ClockTree* tree = make(size);
  for (u32 i = 0; i < size; ++i) {
    tree->leaves_[i] = leaves[i];
  }
  return tree;
}

}  // namespace heddle::exec
