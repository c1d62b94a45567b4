#include "explore/deadline.hpp"

#include <csignal>
#include <ctime>
#include <sys/syscall.h>
#include <unistd.h>

#include "exec/faults.hpp"

namespace heddle::exploration {
namespace {

volatile std::sig_atomic_t stop_signal_number = 0;

double deadline = kNoDeadline;  // of the search at hand

double seconds_of(const timespec& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

void set_deadline(double at) {
  deadline = at;
  exec::wake_watchdog_at(at);
}

}  // namespace

double now_seconds() {
  timespec time = {};
  ::clock_gettime(CLOCK_MONOTONIC, &time);
  return seconds_of(time);
}

DeadlineScope::DeadlineScope(double at) : outer_(deadline) { set_deadline(at); }
DeadlineScope::~DeadlineScope() { set_deadline(outer_); }

bool stop_requested() { return stop_signal_number != 0; }

void request_stop(int signal_number) {
  stop_signal_number = signal_number;
  exec::wake_watchdog_at(0);
}

int stop_signal() { return stop_signal_number; }

// For the watchdog's handler, which may have interrupted ThreadSanitizer in the middle of its own
// work: it must not ask the clock there, as it does behind clock_gettime().
bool must_stop() {
  timespec time = {};
  ::syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &time);
  return stop_requested() || seconds_of(time) > deadline;
}

}  // namespace heddle::exploration
