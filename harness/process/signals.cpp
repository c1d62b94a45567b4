#include "process/signals.hpp"

#include <cerrno>
#include <initializer_list>

// The C library's own: sigaction() is a hook.
extern "C" int __sigaction(int number, const struct sigaction* wanted,
                           struct sigaction* previous) noexcept;

namespace heddle::process {
namespace {

constinit Signals the_signals;

bool is_heddles(int number) {
  for (const int own : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT, SIGPROF}) {
    if (number == own) {
      return true;
    }
  }
  return false;
}

}  // namespace

Signals& signals() { return the_signals; }

void Signals::take() { ::sigprocmask(SIG_SETMASK, nullptr, &mask_); }

int Signals::change(int number, const struct sigaction* wanted, struct sigaction* previous) {
  if (number <= 0 || number >= NSIG) {
    errno = EINVAL;
    return -1;
  }
  Change& change = changes_[number];
  if (!change.made) {
    change = Change{true, is_heddles(number), {}, {}};
    if (!change.noted && ::__sigaction(number, nullptr, &change.before) != 0) {
      change.made = false;
      return -1;
    }
    change.now = change.before;
    any_ = true;
  }
  if (previous != nullptr) {
    *previous = change.now;
  }
  if (wanted == nullptr) {
    return 0;
  }
  if (!change.noted && ::__sigaction(number, wanted, nullptr) != 0) {
    return -1;
  }
  change.now = *wanted;
  return 0;
}

void Signals::leave() {
  ::sigprocmask(SIG_SETMASK, &mask_, nullptr);
  for (int number = 1; any_ && number < NSIG; ++number) {
    if (changes_[number].made && !changes_[number].noted) {
      ::__sigaction(number, &changes_[number].before, nullptr);
    }
    changes_[number].made = false;
  }
  any_ = false;
}

}  // namespace heddle::process
