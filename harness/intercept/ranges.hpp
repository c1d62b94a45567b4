// In-target world. Accesses to many bytes, by functions that the target calls. Nobody outside of
// this room includes it.
#pragma once

#include "exec/thread_sanitizer.hpp"
#include "intercept/hook.hpp"

namespace heddle::intercept {

/// What the code at `pc` does next. O(size).
inline void announce_range(const void* bytes, uptr size, bool write, uptr pc) {
  namespace tsan = exec::tsan;
  Thread* thread = current_thread;
  const uptr address = reinterpret_cast<uptr>(bytes);
  if (thread == nullptr && tsan::kPresent && process::is_native_program()) {
    tsan::plain(address, size, write, pc);
  }
  if (thread == nullptr || size == 0) {
    return;
  }
  engine().plain_range(*thread, address, size, write, pc);
  check_poison(bytes, size, write, pc);
  tsan::plain(address, size, write, pc);
  engine().record(*thread, write ? exec::EventKind::kWrite : exec::EventKind::kRead, address,
                  static_cast<u32>(size), 0, exec::Order::kRelaxed, pc);
}

/// The caller of a function.
class Caller {
 public:
  explicit Caller(uptr pc) : pc_(pc) {}

  template <class T>
  void reads(const T* first, uptr count) const {
    announce_range(first, count * sizeof(T), false, pc_);
  }
  template <class T>
  void writes(const T* first, uptr count) const {
    announce_range(first, count * sizeof(T), true, pc_);
  }
  void reads(const void* bytes, uptr size) const { reads(static_cast<const char*>(bytes), size); }
  void writes(const void* bytes, uptr size) const { writes(static_cast<const char*>(bytes), size); }

  /// Characters up to and with the last one that it asks for: the terminator, or one for which
  /// `is_last` is true. Their number. The first one is told before anything is touched: what is
  /// freed need not have an end.
  template <class Char, class IsLast>
  uptr reads_until(const Char* text, uptr max, IsLast is_last) const {
    uptr count = 0;
    if (max != 0) {
      reads(text, 1);
      while (count < max && text[count] != 0 && !is_last(text[count])) {
        ++count;
      }
      count += count < max;
      reads(text, count);
    }
    return count;
  }
  template <class Char>
  uptr reads_text(const Char* text, uptr max = ~uptr{0}) const {
    return reads_until(text, max, [](Char) { return false; });
  }
  /// Both, up to where they differ.
  template <class Char, class IsSame>
  void compares(const Char* a, const Char* b, uptr max, IsSame is_same) const {
    if (max != 0) {
      reads(a, 1);
      reads(b, 1);
      uptr count = 0;
      while (count + 1 < max && a[count] != 0 && is_same(a[count], b[count])) {
        ++count;
      }
      reads(a, count + 1);
      reads(b, count + 1);
    }
  }

 private:
  uptr pc_;
};

}  // namespace heddle::intercept

// Of a library's function, for code under test (instrumentation/library_calls.cpp).
#define HEDDLE_CHECKED(type, name, ...) HEDDLE_HOOK type heddle_checked_##name(__VA_ARGS__)
#define HEDDLE_CALLER \
  const Caller caller { HEDDLE_PC }
