#include "intercept/os_tls.hpp"

#include "exec/execution.hpp"

namespace heddle::intercept {

exec::Thread* OsThread::logical() const { return exec::current_thread; }

OsThread& os_thread() {
  static __thread OsThread thread;
  return thread;
}

}  // namespace heddle::intercept
