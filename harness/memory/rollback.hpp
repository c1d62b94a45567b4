// In-target world. Undoing what an execution wrote to memory that was there before.
#pragma once

#include <cstring>

#include "base/vec.hpp"
#include "memory/shadow.hpp"

namespace heddle::memory {

/// Remembers the first old value of each granule of .data, of .bss and of the heap of static
/// constructors that instrumented code writes, and puts all of them back. O(1) a write, O(granules
/// written) to undo.
class Rollback {
 public:
  constexpr explicit Rollback(Shadow& shadow) : shadow_(shadow) {}

  /// `is_early` tells addresses of the heap of static constructors.
  void set_early_heap(bool (*is_early)(uptr)) { is_early_ = is_early; }

  /// Call before each write to the granule of `address`, whose cell is `cell`.
  void before_write(uptr address, Cell& cell) {
    if ((cell.flags & (kLogged | kOptional)) == kOptional) {
      first_write(address & ~uptr{7}, cell);
    }
  }

  void undo() {
    while (!log_.empty()) {
      std::memcpy(reinterpret_cast<void*>(log_.back().address), &log_.back().value, 8);
      log_.pop_back();
    }
  }

  /// Calls `visit(word)` for the present value of each granule written so far.
  template <class Visit>
  void each_written(Visit visit) const {
    for (const Old& old : log_) {
      visit(load(old.address));
    }
  }

 private:
  struct Old {
    uptr address;
    u64 value;
  };

  HEDDLE_RARE void first_write(uptr granule, Cell& cell) {
    cell.flags |= kLogged;
    if (shadow_.in_globals(granule) || is_early_(granule)) {
      log_.push_back(Old{granule, load(granule)});
    }
  }

  static u64 load(uptr address) {
    u64 value = 0;
    std::memcpy(&value, reinterpret_cast<const void*>(address), 8);
    return value;
  }

  Shadow& shadow_;
  bool (*is_early_)(uptr) = [](uptr) { return false; };
  Vec<Old> log_;
};

}  // namespace heddle::memory
