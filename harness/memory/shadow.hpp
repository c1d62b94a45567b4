// In-target world. What the harness knows about each 8 bytes of the target's memory.
#pragma once

#include "base/rare.hpp"
#include "base/types.hpp"
#include "memory/space.hpp"

namespace heddle::memory {

/// One remembered access, as the race oracle keeps it: the thread, its epoch at the access, a mask
/// with a bit for each byte of the granule, and AccessFlags. One word, built in a register: written
/// field by field it would be read back before the stores have met in the cache.
class AccessEntry {
 public:
  AccessEntry() = default;
  AccessEntry(u32 epoch, ThreadId thread, u8 mask, u8 flags)
      : bits_(u64{epoch} | u64{to_index(thread)} << 32 | u64{mask} << 48 | u64{flags} << 56) {}

  u32 epoch() const { return static_cast<u32>(bits_); }
  ThreadId thread() const { return to_thread_id(static_cast<u16>(bits_ >> 32)); }
  u8 mask() const { return static_cast<u8>(bits_ >> 48); }
  u8 flags() const { return static_cast<u8>(bits_ >> 56); }
  /// True if thread, bytes and kind are equal, whatever the epochs.
  bool repeats(AccessEntry other) const { return (bits_ ^ other.bits_) >> 32 == 0; }
  /// True if every byte and every flag of `other` is among this one's.
  bool covers(AccessEntry other) const { return (other.bits_ & ~bits_) >> 48 == 0; }
  friend bool operator==(const AccessEntry&, const AccessEntry&) = default;

 private:
  u64 bits_;
};
static_assert(sizeof(AccessEntry) == 8);

enum AccessFlags : u8 { kRead = 0, kWrite = 1, kAtomic = 2, kFree = 4 };

enum CellFlags : u8 {
  kSpilled = 1,    // entries are in a list whose head is entries[0].epoch(); count is 0
  kLogged = 2,     // old value is in the roll-back log, if it is to be brought back
  kBlockHead = 4,  // red zone directly before a heap block; `block` names it
  kOptional = 8,   // outside the arena: nobody declared what is addressable
};

/// The shadow of one granule (8 bytes). A cell whose stamp is not the execution's is stale: it
/// means "nothing known", so starting an execution costs nothing however much the last one wrote.
struct alignas(64) Cell {
  static constexpr u32 kEntries = 6;

  u32 stamp;
  u32 block;  // heap block the granule belongs to; 0 if none
  u32 sync;   // first synchronisation variable within the granule; 0 if none
  u8 unused;  // keeps `valid` off a word boundary, where compilers read the whole word
  u8 valid;   // bytes that may be accessed
  u8 count;   // entries in use, unless spilled
  u8 flags;
  AccessEntry entries[kEntries];

  /// True if the access was there already, or is now: the last access remembered is by the same
  /// thread, to the same bytes, in the same way. Whatever else is remembered was compared with that
  /// one when it was made, and a thread's view of others only grows: there is nothing to judge,
  /// only its epoch is new. So it is if all that came later are reads and this is one. Anywhere
  /// else in the list, the access must be of the very same epoch.
  bool renews(AccessEntry access) {
    if (count != 0 && entries[count - 1].repeats(access)) {
      entries[count - 1] = access;
      return true;
    }
    return count > 1 && renews_earlier(access);
  }

 private:
  HEDDLE_RARE bool renews_earlier(AccessEntry access) {
    bool no_conflict_since = true;
    for (u32 i = count; i > 0; --i) {
      AccessEntry& entry = entries[i - 1];
      if (entry.repeats(access) && (no_conflict_since || entry == access)) {
        entry = access;
        return true;
      }
      no_conflict_since = no_conflict_since && ((entry.flags() | access.flags()) & kWrite) == 0;
    }
    return false;
  }
};
static_assert(sizeof(Cell) == 64);  // one cache line: all that is known of a granule in one miss

constexpr uptr kShadowBytes = (kSpaceBytes >> 3) * sizeof(Cell);
#ifdef HEDDLE_WITH_TSAN
constexpr uptr kShadowBase = 0x3800'0000'0000;  // between ThreadSanitizer's shadow and the images
#else
constexpr uptr kShadowBase = 0x3000'0000'0000;
#endif

/// True for memory of the harness and the sanitizer's, for which the target has no business.
constexpr bool is_forbidden(uptr address) {
#ifdef HEDDLE_WITH_TSAN
  if (address - kSanitizerBase < kSanitizerBytes) {
    return true;
  }
#endif
  return address - kShadowBase < kShadowBytes;
}

constexpr u32 kPageShift = 16;

/// The shadow of the whole address space: a flat array for the space of the execution, another
/// for the image's globals, and pages made on demand for everything else.
class Shadow {
 public:
  /// Reserves the flat arrays and finds the image's writable segments.
  void initialize();

  /// The cell of the granule that holds `address`; made fresh if it is stale. O(1).
  Cell& cell(uptr address) {
    const uptr offset = address - kHeapBase;
    if (__builtin_expect(offset < kSpaceBytes, 1)) {
      Cell& cell = reinterpret_cast<Cell*>(kShadowBase)[offset >> 3];
      if (__builtin_expect(cell.stamp != stamp_, 0)) {
        // Arena memory is addressable only once a block says so; stacks always are.
        refresh(cell, offset < kHeapBytes ? 0 : 0xff, 0);
      }
      return cell;
    }
    return cell_elsewhere(address);
  }

  bool in_globals(uptr address) const { return address - globals_begin_ < globals_bytes_; }
  uptr globals_begin() const { return globals_begin_; }
  uptr globals_end() const { return globals_begin_ + globals_bytes_; }

  /// Declares [address, address + size) the body of heap block `block`: addressable, no accesses
  /// yet.
  void mark_block(uptr address, uptr size, u32 block);

  u32 stamp() const { return stamp_; }
  /// Forgets everything. O(1), but for one clearing every 2^32 executions.
  void next_execution();

  void refresh(Cell& cell, u8 valid, u8 flags) {
    cell.stamp = stamp_;
    cell.block = 0;
    cell.sync = 0;
    const u32 state = u32{valid} << 8 | u32{flags} << 24;  // one store, as above
    __builtin_memcpy(&cell.unused, &state, sizeof state);
  }

 private:
  HEDDLE_RARE Cell& cell_elsewhere(uptr address);

  u32 stamp_ = 1;
  Cell forbidden_ = {};
  uptr globals_begin_ = 0;
  uptr globals_bytes_ = 0;
  Cell* globals_ = nullptr;
  Cell*** pages_ = nullptr;  // two levels over address bits 46..16
};

}  // namespace heddle::memory
