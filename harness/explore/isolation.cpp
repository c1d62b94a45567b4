#include "explore/isolation.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "exec/faults.hpp"

namespace heddle::exploration {
namespace {

// Shared memory, not a pipe: executions close what is open besides their program's descriptors.
struct Result {
  static constexpr std::size_t kBytesMax = std::size_t{16} << 20;
  bool finished;
  std::size_t size;
  char bytes[kBytesMax];
};

template <class T>
T& shared() {
  void* memory = ::mmap(nullptr, sizeof(T), PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) {
    environment_failure("out of memory");
  }
  return *static_cast<T*>(memory);
}

std::string end_of(int status) {
  if (WIFSIGNALED(status)) {
    return "signal " + std::to_string(WTERMSIG(status)) + " (" + ::strsignal(WTERMSIG(status)) +
           ")";
  }
  return "exit code " + std::to_string(WEXITSTATUS(status));
}

}  // namespace

ChildEnd in_child(const std::function<std::string()>& work) {
  static Result& shared_result = shared<Result>();
  shared_result.finished = false;
  shared_result.size = 0;
  std::fflush(nullptr);
  const pid_t child = ::fork();
  if (child < 0) {
    environment_failure("cannot start a process");
  }
  if (child == 0) {
    exec::start_watchdog();
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
  static NotingStrategy::Notes& notes = shared<NotingStrategy::Notes>();
  return notes;
}

}  // namespace heddle::exploration
