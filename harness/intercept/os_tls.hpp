// In-target world. Real thread-local state of OS threads, reached from a file in which every
// thread_local is an emulated one.
#pragma once

#include "exec/thread.hpp"

namespace heddle::intercept {

class OsThread {
 public:
  /// The logical thread this OS thread executes; null if none.
  exec::Thread* logical() const;
  /// The values of emulated thread-local variables outside of executions.
  Vec<void*>& tls() { return tls_; }
  /// Memory for one of them, which lives as long as the OS thread.
  void* allocate(uptr size, uptr alignment);

 private:
  static void at_exit(void* thread);

  struct Piece {
    void* memory;
    uptr bytes;
  };

  Vec<void*> tls_;
  Vec<Piece> pieces_;
  uptr used_ = 0;  // of the last piece
  u32 rounds_left_ = 0;
};

OsThread& os_thread();

}  // namespace heddle::intercept
