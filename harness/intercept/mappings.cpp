// Memory from the kernel. What executions map of it is as new in each of them, and in the same
// place.
#include "intercept/mappings.hpp"

#include <cerrno>
#include <cstdarg>
#include <cstring>
#include <sys/mman.h>

#include "intercept/heap.hpp"
#include "intercept/hook.hpp"
#include "intercept/origin.hpp"
#include "process/before_main.hpp"

using heddle::u32;
using heddle::uptr;
using heddle::Vec;
using heddle::exec::RuntimeScope;
using heddle::exec::Thread;
using heddle::intercept::accountable;
using heddle::intercept::allocate;
using heddle::intercept::current_thread;
using heddle::intercept::engine;
using heddle::intercept::Mapping;
using heddle::memory::AllocKind;
using heddle::memory::in_heap;

namespace {

constexpr uptr kPageBytes = 4096;
// A block of the execution's heap has a shadow that must be cleared, of eight times its size.
constexpr std::size_t kBlockBytesMax = std::size_t{128} << 10;
constexpr std::size_t kEarlyBytesMax = std::size_t{4} << 20;

struct Range {
  uptr begin;
  uptr end;
};

/// Untouched pages that are to be there again when the execution has ended.
struct Pages {
  Range range;
  int protection;
};

constinit Vec<Range> reserved;  // before main
// By the present execution.
constinit Vec<Range> mapped;    // where there was nothing
constinit Vec<Pages> overlaid;  // what was there before
constinit Vec<Range> protected_blocks;

// For what is no block: the same places in each execution. ThreadSanitizer has no shadow there.
#ifdef HEDDLE_WITH_TSAN
constexpr bool kHasPlaces = false;
#else
constexpr bool kHasPlaces = true;
#endif
constexpr uptr kPlaces = 0x2400'0000'0000;
constexpr uptr kPlacesEnd = 0x2e00'0000'0000;
constexpr uptr kPlaceBytes = uptr{2} << 20;  // whole large pages
uptr places_used = 0;

uptr whole_pages(uptr bytes) { return (bytes + kPageBytes - 1) & ~(kPageBytes - 1); }

Range range_of(const void* memory, std::size_t bytes) {
  const uptr begin = reinterpret_cast<uptr>(memory);
  return Range{begin, begin + whole_pages(bytes)};
}

/// Memory to read and write, wherever there is some: what allocators ask for.
bool is_plain(const Mapping& mapping, std::size_t bytes_max) {
  return (mapping.flags & MAP_ANONYMOUS) != 0 && (mapping.flags & MAP_FIXED) == 0 &&
         (mapping.flags & MAP_FIXED_NOREPLACE) != MAP_FIXED_NOREPLACE &&
         mapping.protection == (PROT_READ | PROT_WRITE) && mapping.bytes != 0 &&
         mapping.bytes <= bytes_max;
}

void forget(Range gone) {
  for (u32 i = mapped.size(); i > 0; --i) {
    const Range range = mapped[i - 1];
    if (range.begin >= gone.end || gone.begin >= range.end) {
      continue;
    }
    mapped[i - 1] = mapped.back();
    mapped.pop_back();
    if (range.begin < gone.begin) {
      mapped.push_back(Range{range.begin, gone.begin});
    }
    if (gone.end < range.end) {
      mapped.push_back(Range{gone.end, range.end});
    }
  }
}

// In a block of the execution, or in one that was mapped before main.
bool is_in_block(void* memory) {
  const uptr address = reinterpret_cast<uptr>(memory);
  return in_heap(address) || engine().shadow().cell(address).block != 0 ||
         (heddle::process::is_driven() &&
          heddle::process::before_main().block_of(address) != nullptr);
}

bool is_reserved(Range range) {
  for (const Range& all : reserved) {
    if (range.begin < all.end && all.begin < range.end) {
      return true;
    }
  }
  return false;
}

/// Memory comes or goes: what has been written there is to be looked at before.
void begin_change(Thread& thread) {
  engine().settle_plain_writes(thread);
  ++thread.effects;
}

void note_early_change(void* memory, std::size_t bytes) {
  if (heddle::process::makes_early_blocks()) {
    const Range range = range_of(memory, bytes);
    heddle::process::before_main().note_unmap(range.begin, range.end);
  }
}

}  // namespace

namespace heddle::intercept {

// Not in the namespace above: originals are found by their names.
static void* original_map(const Mapping& mapping) {
  return HEDDLE_ORIGINAL(mmap)(mapping.wanted, mapping.bytes, mapping.protection, mapping.flags,
                               mapping.file, mapping.offset);
}

static void open_blocks() {
  while (!protected_blocks.empty()) {
    const Range range = protected_blocks.back();
    protected_blocks.pop_back();
    HEDDLE_ORIGINAL(mprotect)(reinterpret_cast<void*>(range.begin), range.end - range.begin,
                              PROT_READ | PROT_WRITE);
  }
}

static void undo_mappings() {
  places_used = 0;
  while (!mapped.empty()) {
    const Range range = mapped.back();
    mapped.pop_back();
    HEDDLE_ORIGINAL(munmap)(reinterpret_cast<void*>(range.begin), range.end - range.begin);
  }
  while (!overlaid.empty()) {
    const Pages pages = overlaid.back();
    overlaid.pop_back();
    HEDDLE_ORIGINAL(mmap)(reinterpret_cast<void*>(pages.range.begin),
                          pages.range.end - pages.range.begin, pages.protection,
                          MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);
  }
  open_blocks();
}

// Where the kernel would put it anywhere, and there is room.
static void* map_in_place(Mapping mapping) {
  const uptr bytes = (mapping.bytes + kPlaceBytes - 1) & ~(kPlaceBytes - 1);
  const uptr place = kPlaces + places_used;
  if (!kHasPlaces || mapping.wanted != nullptr || (mapping.flags & MAP_FIXED) != 0 ||
      bytes > kPlacesEnd - place) {
    return MAP_FAILED;
  }
  mapping.wanted = reinterpret_cast<void*>(place);
  mapping.flags |= MAP_FIXED_NOREPLACE;
  void* memory = original_map(mapping);
  places_used += memory != MAP_FAILED ? bytes : 0;
  return memory;
}

void* map(Thread& thread, const Mapping& mapping, uptr pc) {
  begin_change(thread);
  if (is_plain(mapping, kBlockBytesMax)) {
    void* memory = allocate(thread, whole_pages(mapping.bytes), kPageBytes, AllocKind::kMap, pc);
    if (memory == nullptr) {
      return MAP_FAILED;
    }
    engine().arena().block(engine().arena().last_block()).epoch = 0;  // the kernel orders that
    return std::memset(memory, 0, whole_pages(mapping.bytes));
  }
  void* memory = map_in_place(mapping);
  memory = memory != MAP_FAILED ? memory : original_map(mapping);
  if (memory != MAP_FAILED) {
    const Range range = range_of(memory, mapping.bytes);
    const bool in_block = is_in_block(memory);
    const RuntimeScope runtime;
    engine().set_undo(undo_mappings, open_blocks);
    forget(range);
    if (in_block) {
      overlaid.push_back(Pages{range, PROT_READ | PROT_WRITE});
    } else if (is_reserved(range)) {
      overlaid.push_back(Pages{range, PROT_NONE});
    } else {
      mapped.push_back(range);
    }
  }
  return memory;
}

int protect(Thread& thread, void* memory, std::size_t bytes, int protection) {
  begin_change(thread);
  const int result = HEDDLE_ORIGINAL(mprotect)(memory, bytes, protection);
  if (result != 0) {
    return result;
  }
  const Range range = range_of(memory, bytes);
  const bool in_block = is_in_block(memory);
  const RuntimeScope runtime;
  if (in_block) {
    engine().set_undo(undo_mappings, open_blocks);
    protected_blocks.push_back(range);
  } else if (is_reserved(range)) {
    engine().set_undo(undo_mappings, open_blocks);
    overlaid.push_back(Pages{range, PROT_NONE});
  }
  return result;
}

// Of a block the heap takes back the whole only; nobody can get at a part that is gone.
int unmap(Thread& thread, void* memory, std::size_t bytes, uptr pc) {
  begin_change(thread);
  const Range gone = range_of(memory, bytes);
  if (gone.begin % kPageBytes != 0 || gone.end <= gone.begin) {
    errno = EINVAL;
    return -1;
  }
  const auto* early = early_block(memory);
  const uptr block_bytes = early != nullptr ? early->size : engine().size_of_block(memory);
  if (block_bytes != 0 && gone.end - gone.begin >= block_bytes) {
    release(memory, AllocKind::kMap, pc);
    return 0;
  }
  if (is_in_block(memory)) {
    return protect(thread, memory, bytes, PROT_NONE);
  }
  const int result = HEDDLE_ORIGINAL(munmap)(memory, bytes);
  if (result == 0) {
    const RuntimeScope runtime;
    forget(gone);
  }
  return result;
}

void* remap(Thread& thread, void* memory, std::size_t old_bytes, std::size_t new_bytes, int flags,
            void* wanted, uptr pc) {
  begin_change(thread);
  if (!is_in_block(memory)) {
    void* moved = HEDDLE_ORIGINAL(mremap)(memory, old_bytes, new_bytes, flags, wanted);
    if (moved != MAP_FAILED) {
      const RuntimeScope runtime;
      forget(range_of(memory, old_bytes));
      forget(range_of(moved, new_bytes));
      mapped.push_back(range_of(moved, new_bytes));
    }
    return moved;
  }
  if (whole_pages(new_bytes) <= whole_pages(old_bytes)) {
    return memory;
  }
  const Mapping mapping = {nullptr, new_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
                           -1,      0};
  void* moved = (flags & MREMAP_MAYMOVE) != 0 ? map(thread, mapping, pc) : MAP_FAILED;
  if (moved == MAP_FAILED) {
    errno = ENOMEM;
    return moved;
  }
  std::memcpy(moved, memory, old_bytes);
  unmap(thread, memory, old_bytes, pc);
  return moved;
}

}  // namespace heddle::intercept

HEDDLE_HOOK void* mmap(void* wanted, std::size_t bytes, int protection, int flags, int file,
                       off_t offset) noexcept {
  const Mapping mapping = {wanted, bytes, protection, flags, file, offset};
  if (Thread* thread = accountable(HEDDLE_PC)) {
    return heddle::intercept::map(*thread, mapping, HEDDLE_PC);
  }
  void* memory = heddle::intercept::original_map(mapping);
  if (heddle::process::makes_early_blocks() && memory != MAP_FAILED) {
    const Range range = range_of(memory, bytes);
    heddle::process::before_main().note_unmap(range.begin, range.end);
    if (protection == PROT_NONE) {
      reserved.push_back(range);
    } else if (is_plain(mapping, kEarlyBytesMax)) {
      heddle::process::before_main().note_block(memory, range.end - range.begin, AllocKind::kMap);
    }
  }
  return memory;
}

HEDDLE_HOOK void* mmap64(void* wanted, std::size_t bytes, int protection, int flags, int file,
                         off_t offset) noexcept __attribute__((alias("mmap")));

HEDDLE_HOOK int munmap(void* memory, std::size_t bytes) noexcept {
  if (Thread* thread = accountable(HEDDLE_PC)) {
    return heddle::intercept::unmap(*thread, memory, bytes, HEDDLE_PC);
  }
  note_early_change(memory, bytes);
  return HEDDLE_ORIGINAL(munmap)(memory, bytes);
}

HEDDLE_HOOK void* mremap(void* memory, std::size_t old_bytes, std::size_t new_bytes, int flags,
                         ...) noexcept {
  va_list list;
  va_start(list, flags);
  void* wanted = (flags & MREMAP_FIXED) != 0 ? va_arg(list, void*) : nullptr;
  va_end(list);
  if (Thread* thread = accountable(HEDDLE_PC)) {
    return heddle::intercept::remap(*thread, memory, old_bytes, new_bytes, flags, wanted,
                                    HEDDLE_PC);
  }
  note_early_change(memory, old_bytes);
  return HEDDLE_ORIGINAL(mremap)(memory, old_bytes, new_bytes, flags, wanted);
}

HEDDLE_HOOK int mprotect(void* memory, std::size_t bytes, int protection) noexcept {
  if (Thread* thread = accountable(HEDDLE_PC)) {
    return heddle::intercept::protect(*thread, memory, bytes, protection);
  }
  note_early_change(memory, bytes);
  return HEDDLE_ORIGINAL(mprotect)(memory, bytes, protection);
}
