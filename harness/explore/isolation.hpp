// In-target world, outside of executions. Processes of their own, for what cannot be rolled back.
#pragma once

#include <functional>
#include <string>

#include "exec/execution.hpp"

namespace heddle::exploration {

/// Those that this process has now are nobody's business; look_for_os_threads() notes later ones.
void count_os_threads();
void look_for_os_threads();

/// How a child process ended.
struct ChildEnd {
  bool finished = false;
  std::string result;  // what the work returned, if it finished
  std::string how;     // "signal 9 (Killed)" or "exit code 3", if it did not
};

/// A copy of this process, at work. To be waited for.
class Child {
 public:
  explicit Child(const std::function<std::string()>& work);
  bool is_running();
  /// As SIGINT does.
  void interrupt();
  ChildEnd wait();

 private:
  struct Result;

  bool ask(int options);

  Result* result_;
  int process_;
  int status_ = 0;
  bool has_ended_ = false;
};

/// Runs `work` in a copy of this process, and waits.
inline ChildEnd in_child(const std::function<std::string()>& work) { return Child(work).wait(); }

/// Passes on what another strategy answers, and notes the deviations and the steps where a parent
/// finds them, however the process ends.
class NotingStrategy final : public exec::Strategy {
 public:
  struct Notes {
    static constexpr u32 kDeviationsMax = 1u << 20;
    u64 steps;
    u64 decisions;
    u32 count;
    exec::Deviation deviations[kDeviationsMax];
  };

  NotingStrategy(exec::Strategy& inner, Notes& notes) : inner_(inner), notes_(notes) {}

  const char* name() const override { return inner_.name(); }
  void begin_execution(u64 index) override;
  void on_thread(ThreadId id) override { inner_.on_thread(id); }
  void on_finish(ThreadId id) override { inner_.on_finish(id); }
  ThreadId pick_thread(const exec::SchedulePoint& point) override;
  u32 pick(exec::DecisionKind kind, u32 arity) override;
  void end_execution(u64 steps) override;

 private:
  void note(exec::DecisionKind kind, u32 choice, u32 ordinary);

  exec::Strategy& inner_;
  Notes& notes_;
};

/// Memory that children share with their parent.
NotingStrategy::Notes& shared_notes();

}  // namespace heddle::exploration
