// In-target world, outside of executions. When a search has to stop: by the clock, or by a signal.
#pragma once

#include <limits>

namespace heddle::exploration {

double now_seconds();

constexpr double kNoDeadline = std::numeric_limits<double>::infinity();

/// For as long as it lives, executions are cut short at a time, as now_seconds(), if they take
/// longer than a second.
class DeadlineScope {
 public:
  explicit DeadlineScope(double at);
  ~DeadlineScope();
  DeadlineScope(const DeadlineScope&) = delete;
  DeadlineScope& operator=(const DeadlineScope&) = delete;

 private:
  double outer_;
};

/// True as soon as SIGINT or SIGTERM asked to stop; runs end with the execution at hand, which is
/// cut short if it takes longer than a second.
bool stop_requested();
void request_stop(int signal_number);
/// The signal that asked; 0 if none did.
int stop_signal();

/// Either of them has come. Async-signal-safe.
bool must_stop();

}  // namespace heddle::exploration
