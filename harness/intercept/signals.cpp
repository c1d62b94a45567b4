// What a driven program does to signals is undone after each execution; its alarms do not strike,
// because its time is virtual.
#include <csignal>
#include <sys/time.h>
#include <unistd.h>

#include "intercept/hook.hpp"
#include "process/signals.hpp"

using heddle::intercept::current_thread;
using heddle::intercept::engine;

namespace {

bool is_program_running() {
  return current_thread != nullptr && engine().surroundings() != nullptr;
}

}  // namespace

HEDDLE_HOOK int sigaction(int number, const struct sigaction* wanted,
                          struct sigaction* previous) noexcept {
  return is_program_running() ? heddle::process::signals().change(number, wanted, previous)
                              : HEDDLE_ORIGINAL(sigaction)(number, wanted, previous);
}

HEDDLE_HOOK sighandler_t signal(int number, sighandler_t handler) noexcept {
  if (!is_program_running()) {
    return HEDDLE_ORIGINAL(signal)(number, handler);
  }
  struct sigaction wanted = {};
  wanted.sa_handler = handler;
  wanted.sa_flags = SA_RESTART;
  struct sigaction previous = {};
  const int error = heddle::process::signals().change(number, &wanted, &previous);
  return error == 0 ? previous.sa_handler : SIG_ERR;
}

HEDDLE_HOOK unsigned alarm(unsigned seconds) noexcept {
  return is_program_running() ? 0 : HEDDLE_ORIGINAL(alarm)(seconds);
}

HEDDLE_HOOK int setitimer(__itimer_which_t which, const itimerval* wanted,
                          itimerval* previous) noexcept {
  if (!is_program_running()) {
    return HEDDLE_ORIGINAL(setitimer)(which, wanted, previous);
  }
  if (previous != nullptr) {
    *previous = itimerval{};
  }
  return 0;
}
