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

 private:
  Vec<void*> tls_;
};

OsThread& os_thread();

}  // namespace heddle::intercept
