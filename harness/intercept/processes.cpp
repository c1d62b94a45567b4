// Other processes. A forked child is nobody's business: it goes on as if nobody drove it, with its
// only thread, and ends as processes do, but that it forgets what was to be called at exit. What
// would end this process, and with it all executions, is refused.
#include <cerrno>
#include <cstdarg>
#include <cstdlib>
#include <unistd.h>

#include "base/vec.hpp"
#include "exec/faults.hpp"
#include "intercept/hook.hpp"

using heddle::exec::FindingKind;
using heddle::intercept::current_thread;
using heddle::intercept::engine;

namespace {

pid_t fork_by(pid_t (*original)()) {
  const bool was_driven = current_thread != nullptr;
  const pid_t child = original();
  if (child == 0 && was_driven) {
    current_thread = nullptr;
    heddle::exec::leave_faults();
  }
  return child;
}

void refuse(const char* rule, const char* message, heddle::uptr pc) {
  if (current_thread != nullptr) {
    engine().report(*current_thread, FindingKind::kUnsupported, rule, pc, message);
  }
}

void refuse_exec(heddle::uptr pc) {
  refuse("exec", "another program would take this process, and with it all further executions", pc);
}

/// The arguments of a call, up to the null that ends them; then, if it is asked for, the
/// environment.
class Arguments {
 public:
  Arguments(const char* first, va_list rest, char* const** environment = nullptr) {
    for (const char* next = first; next != nullptr; next = va_arg(rest, const char*)) {
      texts_.push_back(const_cast<char*>(next));
    }
    texts_.push_back(nullptr);
    if (environment != nullptr) {
      *environment = va_arg(rest, char* const*);
    }
  }
  char** texts() { return texts_.data(); }

 private:
  heddle::OwnedVec<char*> texts_;
};

}  // namespace

HEDDLE_HOOK pid_t fork() noexcept { return fork_by(HEDDLE_ORIGINAL(fork)); }
HEDDLE_HOOK pid_t _Fork() noexcept { return fork_by(HEDDLE_ORIGINAL(_Fork)); }
// What a child may do there it may do with memory of its own, too.
HEDDLE_HOOK pid_t vfork() noexcept { return fork_by(HEDDLE_ORIGINAL(fork)); }

HEDDLE_HOOK int daemon(int stays, int keeps_output) noexcept {
  refuse("daemon", "daemon() ends this process, and with it all further executions", HEDDLE_PC);
  return HEDDLE_ORIGINAL(daemon)(stays, keeps_output);
}

HEDDLE_HOOK int execve(const char* path, char* const* arguments,
                       char* const* environment) noexcept {
  refuse_exec(HEDDLE_PC);
  return HEDDLE_ORIGINAL(execve)(path, arguments, environment);
}

HEDDLE_HOOK int fexecve(int file, char* const* arguments, char* const* environment) noexcept {
  refuse_exec(HEDDLE_PC);
  return HEDDLE_ORIGINAL(fexecve)(file, arguments, environment);
}

HEDDLE_HOOK int execv(const char* path, char* const* arguments) noexcept {
  refuse_exec(HEDDLE_PC);
  return HEDDLE_ORIGINAL(execv)(path, arguments);
}

HEDDLE_HOOK int execvp(const char* file, char* const* arguments) noexcept {
  refuse_exec(HEDDLE_PC);
  return HEDDLE_ORIGINAL(execvp)(file, arguments);
}

HEDDLE_HOOK int execvpe(const char* file, char* const* arguments,
                        char* const* environment) noexcept {
  refuse_exec(HEDDLE_PC);
  return HEDDLE_ORIGINAL(execvpe)(file, arguments, environment);
}

HEDDLE_HOOK int execl(const char* path, const char* first, ...) noexcept {
  refuse_exec(HEDDLE_PC);
  va_list rest;
  va_start(rest, first);
  Arguments arguments(first, rest);
  va_end(rest);
  return HEDDLE_ORIGINAL(execv)(path, arguments.texts());
}

HEDDLE_HOOK int execlp(const char* file, const char* first, ...) noexcept {
  refuse_exec(HEDDLE_PC);
  va_list rest;
  va_start(rest, first);
  Arguments arguments(first, rest);
  va_end(rest);
  return HEDDLE_ORIGINAL(execvp)(file, arguments.texts());
}

HEDDLE_HOOK int execle(const char* path, const char* first, ...) noexcept {
  refuse_exec(HEDDLE_PC);
  va_list rest;
  va_start(rest, first);
  char* const* environment = nullptr;
  Arguments arguments(first, rest, &environment);
  va_end(rest);
  return HEDDLE_ORIGINAL(execve)(path, arguments.texts(), environment);
}
