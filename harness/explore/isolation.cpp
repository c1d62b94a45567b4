#include "explore/isolation.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

#include "exec/faults.hpp"
#include "exec/thread_sanitizer.hpp"
#include "exec/uncontrolled.hpp"

namespace heddle::exploration {
namespace {

// Shared memory, not a pipe: executions close what is open besides their program's descriptors.
struct Result {
  static constexpr std::size_t kBytesMax = std::size_t{16} << 20;
  bool finished;
  std::size_t size;
  char bytes[kBytesMax];
};

std::string end_of(int status) {
  if (WIFSIGNALED(status)) {
    return "signal " + std::to_string(WTERMSIG(status)) + " (" + ::strsignal(WTERMSIG(status)) +
           ")";
  }
  return "exit code " + std::to_string(WEXITSTATUS(status));
}

/// Names of the threads that the operating system has of this process.
std::vector<std::string> os_threads() {
  std::vector<std::string> names;
  std::error_code error;
  for (const auto& task : std::filesystem::directory_iterator("/proc/self/task", error)) {
    std::ifstream file(task.path() / "comm");
    std::getline(file, names.emplace_back());
  }
  return names;
}

std::size_t os_threads_at_start = 0;

}  // namespace

void count_os_threads() { os_threads_at_start = os_threads().size(); }

void look_for_os_threads() {
  const std::vector<std::string> now = os_threads();
  if (now.size() > os_threads_at_start) {
    exec::note_escape(exec::Uncontrolled::kOsThread, now.back().c_str(), 0);
  }
}

ChildEnd in_child(const std::function<std::string()>& work) {
  static Result& shared_result = *static_cast<Result*>(os_share(sizeof(Result)));
  shared_result.finished = false;
  shared_result.size = 0;
  std::fflush(nullptr);
  const pid_t child = ::fork();
  if (child < 0) {
    environment_failure("cannot start a process");
  }
  if (child == 0) {
    exec::start_watchdog();
    exec::tsan::enter_process();
    count_os_threads();
    const std::string result = work();
    std::fflush(nullptr);
    shared_result.size = std::min(result.size(), Result::kBytesMax);
    std::memcpy(shared_result.bytes, result.data(), shared_result.size);
    shared_result.finished = true;
    ::_exit(0);
  }
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  ChildEnd end;
  end.finished = shared_result.finished;
  end.result.assign(shared_result.bytes, shared_result.size);
  if (!end.finished) {
    end.how = end_of(status);
  }
  return end;
}

void NotingStrategy::begin_execution(u64 index) {
  notes_.steps = 0;
  notes_.decisions = 0;
  notes_.count = 0;
  inner_.begin_execution(index);
}

ThreadId NotingStrategy::pick_thread(const exec::SchedulePoint& point) {
  const ThreadId choice = inner_.pick_thread(point);
  notes_.steps = point.step;
  note(exec::DecisionKind::kThread, to_index(choice), to_index(point.fallback));
  return choice;
}

u32 NotingStrategy::pick(exec::DecisionKind kind, u32 arity) {
  const u32 choice = inner_.pick(kind, arity);
  note(kind, choice, 0);
  return choice;
}

void NotingStrategy::end_execution(u64 steps) {
  notes_.steps = steps;
  inner_.end_execution(steps);
}

void NotingStrategy::note(exec::DecisionKind kind, u32 choice, u32 ordinary) {
  if (choice != ordinary && notes_.count < Notes::kDeviationsMax) {
    notes_.deviations[notes_.count++] = exec::Deviation{notes_.decisions, kind, choice};
  }
  ++notes_.decisions;
}

NotingStrategy::Notes& shared_notes() {
  static NotingStrategy::Notes& notes =
      *static_cast<NotingStrategy::Notes*>(os_share(sizeof(NotingStrategy::Notes)));
  return notes;
}

}  // namespace heddle::exploration
