// In-target world. Thread-local variables of libraries that are not instrumented.
#pragma once

#include "base/vec.hpp"
#include "process/images.hpp"

namespace heddle::process {

/// All logical threads share the OS thread, and with it one instance of these variables: each
/// thread's values are put in place when it goes on. O(bytes) a switch; few libraries have any.
class LibraryTls {
 public:
  void take(const Images& images);
  void start() { ++execution_; }
  void switch_thread(ThreadId from, ThreadId to) {
    if (bytes_ != 0) {
      save(from);
      load(to);
    }
  }

 private:
  struct Variables {
    Range live;
    Range initial;
  };
  struct Copy {
    u64 execution;
    u8* bytes;
  };

  Copy& copy_of(ThreadId id);
  void save(ThreadId id);
  void load(ThreadId id);

  Vec<Variables> libraries_;
  uptr bytes_ = 0;
  u64 execution_ = 0;
  Copy copies_[kThreadCountMax] = {};
};

}  // namespace heddle::process
