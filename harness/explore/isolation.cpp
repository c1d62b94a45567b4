#include "explore/isolation.hpp"

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

#include "base/files.hpp"
#include "exec/faults.hpp"
#include "exec/thread_sanitizer.hpp"
#include "exec/uncontrolled.hpp"

namespace heddle::exploration {

// Shared memory, not a pipe: executions close what is open besides their program's descriptors.
struct Child::Result {
  static constexpr std::size_t kBytesMax = std::size_t{256} << 20;
  bool finished;
  std::size_t size;
  Result* next;  // in the list of those that no child has
  char bytes[kBytesMax];

  static inline Result* unused = nullptr;
};

namespace {

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
    std::string& name = names.emplace_back();
    read_whole(task.path() / "comm", name);
    name = name.substr(0, name.find('\n'));
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

Child::Child(const std::function<std::string()>& work) {
  if (Result::unused == nullptr) {
    Result::unused = static_cast<Result*>(os_share(sizeof(Result)));
  }
  result_ = Result::unused;
  Result::unused = result_->next;
  result_->finished = false;
  result_->size = 0;
  std::fflush(nullptr);
  process_ = ::fork();
  if (process_ < 0) {
    environment_failure("cannot start a process");
  }
  if (process_ == 0) {
    exec::start_watchdog();
    exec::tsan::enter_process();
    count_os_threads();
    const std::string result = work();
    std::fflush(nullptr);
    if (result.size() > Result::kBytesMax) {
      environment_failure("the result of a process is too large");
    }
    result_->size = result.size();
    std::memcpy(result_->bytes, result.data(), result_->size);
    result_->finished = true;
    ::_exit(0);
  }
}

bool Child::ask(int options) {
  while (!has_ended_) {
    const int process = ::waitpid(process_, &status_, options);
    if (process == 0) {
      return false;
    }
    has_ended_ = process == process_ || errno != EINTR;
  }
  return true;
}

bool Child::is_running() { return !ask(WNOHANG); }

void Child::interrupt() {
  if (is_running()) {
    ::kill(process_, SIGINT);
  }
}

ChildEnd Child::wait() {
  ask(0);
  ChildEnd end;
  end.finished = result_->finished;
  end.result.assign(result_->bytes, result_->size);
  if (!end.finished) {
    end.how = end_of(status_);
  }
  result_->next = Result::unused;
  Result::unused = result_;
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
