#include "memory/shadow.hpp"

#include <link.h>

#include "base/vec.hpp"

namespace heddle::memory {
namespace {

constexpr u32 kTopBits = 15;
constexpr u32 kLowBits = 47 - kPageShift - kTopBits;

struct Range {
  uptr begin = ~uptr{0};
  uptr end = 0;
};

// The first object reported is the executable itself; its writable segments are .data and .bss.
int find_image_globals(dl_phdr_info* info, std::size_t, void* out) {
  auto& range = *static_cast<Range*>(out);
  for (int i = 0; i < info->dlpi_phnum; ++i) {
    const auto& segment = info->dlpi_phdr[i];
    if (segment.p_type == PT_LOAD && (segment.p_flags & PF_W) != 0) {
      const uptr begin = info->dlpi_addr + segment.p_vaddr;
      range.begin = begin < range.begin ? begin : range.begin;
      range.end = begin + segment.p_memsz > range.end ? begin + segment.p_memsz : range.end;
    }
  }
  return 1;
}

}  // namespace

void Shadow::initialize() {
  reserve_at(kShadowBase, kShadowBytes, "shadow memory");
  Range range;
  ::dl_iterate_phdr(find_image_globals, &range);
  globals_begin_ = range.begin & ~uptr{7};
  globals_bytes_ = range.end - globals_begin_;
  globals_ = static_cast<Cell*>(os_map(((globals_bytes_ >> 3) + 1) * sizeof(Cell)));
  pages_ = static_cast<Cell***>(os_map(sizeof(Cell**) << kTopBits));
}

Cell& Shadow::cell_elsewhere(uptr address) {
  if (is_forbidden(address)) {
    // The target reaches for the harness's own memory: nothing there is addressable.
    refresh(forbidden_, 0, kOptional);
    return forbidden_;
  }
  Cell* cell = nullptr;
  if (in_globals(address)) {
    cell = &globals_[(address - globals_begin_) >> 3];
  } else {
    const uptr page = (address >> kPageShift) & ((uptr{1} << (kTopBits + kLowBits)) - 1);
    Cell**& low = pages_[page >> kLowBits];
    if (low == nullptr) {
      low = static_cast<Cell**>(os_map(sizeof(Cell*) << kLowBits));
    }
    Cell*& cells = low[page & ((uptr{1} << kLowBits) - 1)];
    if (cells == nullptr) {
      cells = static_cast<Cell*>(os_map(sizeof(Cell) << (kPageShift - 3)));
    }
    cell = &cells[(address & ((uptr{1} << kPageShift) - 1)) >> 3];
  }
  if (cell->stamp != stamp_) {
    refresh(*cell, 0xff, kOptional);
  }
  return *cell;
}

void Shadow::mark_block(uptr address, uptr size, u32 block) {
  for (uptr at = address; at < address + size; at += 8) {
    Cell& granule = cell(at);
    const uptr left = address + size - at;
    refresh(granule, left >= 8 ? u8{0xff} : static_cast<u8>((1u << left) - 1), 0);
    granule.block = block;
  }
}

void Shadow::next_execution() {
  if (++stamp_ != 0) {
    return;
  }
  // Stamps start over: a cell last touched 2^32 executions ago must not look current.
  release_pages(kShadowBase, kShadowBase + kShadowBytes);
  for (uptr i = 0; i <= globals_bytes_ >> 3; ++i) {
    globals_[i].stamp = 0;
  }
  for (uptr top = 0; top < uptr{1} << kTopBits; ++top) {
    for (uptr low = 0; pages_[top] != nullptr && low < uptr{1} << kLowBits; ++low) {
      for (uptr i = 0; pages_[top][low] != nullptr && i < uptr{1} << (kPageShift - 3); ++i) {
        pages_[top][low][i].stamp = 0;
      }
    }
  }
  stamp_ = 1;
}

}  // namespace heddle::memory
