#include "exec/faults.hpp"

#include <cerrno>
#include <cmath>
#include <csignal>
#include <cstring>
#include <ctime>
#include <cxxabi.h>
#include <exception>
#include <limits>
#include <sys/time.h>
#include <ucontext.h>
#include <unistd.h>

#include "exec/execution.hpp"

// The C library's: a sanitizer's sigaction() would put off a signal until it thinks the time is
// right, and must not be called in a handler.
extern "C" int __sigaction(int number, const struct sigaction* wanted,
                           struct sigaction* previous) noexcept;

namespace heddle::exec {
namespace {

constexpr int kHangSeconds = 5;

struct SignalName {
  int number;
  const char* name;
  const char* rule;
  const char* story;
};

constexpr SignalName kSignals[] = {
    {SIGSEGV, "SIGSEGV", "segmentation-fault", "access to memory that is not mapped"},
    {SIGBUS, "SIGBUS", "bus-error", "access that the hardware refuses"},
    {SIGFPE, "SIGFPE", "arithmetic", "arithmetic fault (division by zero?)"},
    {SIGILL, "SIGILL", "illegal-instruction", "illegal instruction (reached unreachable code?)"},
    {SIGTRAP, "SIGTRAP", "trap", "trap instruction"},
    {SIGABRT, "SIGABRT", "abort", "the C library aborted the program"},
};

uptr program_counter(void* context) {
  auto* machine = static_cast<ucontext_t*>(context);
#if defined(__x86_64__)
  return static_cast<uptr>(machine->uc_mcontext.gregs[REG_RIP]);
#elif defined(__aarch64__)
  return static_cast<uptr>(machine->uc_mcontext.pc);
#endif
}

[[noreturn]] void die_of(int number) {
  struct sigaction fatal = {};  // what follows is not safe in a handler; a fault there is the last
  fatal.sa_handler = SIG_DFL;
  ::__sigaction(number, &fatal, nullptr);
  char text[160];
  const int length = std::snprintf(
      text, sizeof text, "[heddle internal bug] signal %d outside of an execution\n", number);
  static_cast<void>(!::write(error_output, text, static_cast<std::size_t>(length)));
  ::_exit(6);
}

void on_signal(int number, siginfo_t* info, void* context) {
  Thread* thread = engine().blamed();
  Execution& execution = engine();
  if (thread == nullptr || !execution.running()) {
    die_of(number);
  }
  const uptr address = reinterpret_cast<uptr>(info->si_addr);
  current_thread = nullptr;
  const bool overflow = number == SIGSEGV && fiber::in_guard(address);
  for (const SignalName& signal : kSignals) {
    if (signal.number != number) {
      continue;
    }
    Text<200> message;
    if (overflow) {
      message.add("stack overflow in T%u", to_index(thread->id));
    } else if (number == SIGSEGV && address < 4096) {
      message.add("SIGSEGV in T%u: access through a null pointer", to_index(thread->id));
    } else {
      message.add("%s in T%u: %s", signal.name, to_index(thread->id), signal.story);
    }
    execution.report(*thread, FindingKind::kCrash, overflow ? "stack-overflow" : signal.rule,
                     // Reports look one byte back from return addresses; this is no return address.
                     program_counter(context) + 1, message.data);
  }
}

constinit timer_t wall_clock = nullptr;
constinit bool has_wall_clock = false;
double wake_at = std::numeric_limits<double>::infinity();

void set_wall_clock() {
  itimerspec when = {};  // never
  if (std::isfinite(wake_at)) {
    when.it_interval.tv_sec = 1;
    when.it_value.tv_sec = static_cast<time_t>(wake_at);
    when.it_value.tv_nsec = 1 + static_cast<long>((wake_at - std::floor(wake_at)) * 999'999'998);
  }
  ::timer_settime(wall_clock, TIMER_ABSTIME, &when, nullptr);
}

bool must_stop(const Execution& execution) {
  const RuntimeScope runtime;
  return execution.should_stop();
}

// The watchdog: every second of CPU time, has anything happened since the last look? And is the
// time up? What comes to no further step ends here.
void on_tick(int, siginfo_t* info, void* context) {
  static u64 last_execution = 0;
  static u64 last_steps = 0;
  static int quiet_seconds = 0;
  Thread* thread = engine().blamed();
  Execution& execution = engine();
  const bool stops = must_stop(execution);
  if (thread == nullptr || execution.executions() != last_execution ||
      execution.steps() != last_steps) {
    last_execution = execution.executions();
    last_steps = execution.steps();
    quiet_seconds = 0;
    if (stops) {
      execution.interrupt();
    }
    return;
  }
  if (stops) {
    execution.interrupt();
    execution.abandon();
  }
  const bool by_the_wall_clock = info->si_code == SI_TIMER;
  if (by_the_wall_clock || ++quiet_seconds < kHangSeconds) {
    return;
  }
  quiet_seconds = 0;
  current_thread = nullptr;
  Text<200> message;
  message.add("T%u computes without end: %d s of CPU time without a single event",
              to_index(thread->id), kHangSeconds);
  execution.report(*thread, FindingKind::kLivelock, "endless-computation",
                   program_counter(context) + 1, message.data);
}

void handle(int number, void (*handler)(int, siginfo_t*, void*), int extra_flags) {
  struct sigaction action = {};
  action.sa_sigaction = handler;
  // SA_NODEFER: the handler leaves by a fiber switch, so nothing would unblock the signal again.
  action.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER | extra_flags;
  sigemptyset(&action.sa_mask);
  ::__sigaction(number, &action, nullptr);
}

}  // namespace

void install_fault_handlers() {
  constexpr std::size_t kBytes = std::size_t{256} << 10;
  stack_t stack = {};
  stack.ss_sp = os_map(kBytes);
  stack.ss_size = kBytes;
  ::sigaltstack(&stack, nullptr);
  for (const SignalName& signal : kSignals) {
    handle(signal.number, on_signal, 0);
  }
  handle(SIGPROF, on_tick, SA_RESTART);
  start_watchdog();
  std::set_terminate(on_terminate);
}

void leave_faults() {
  struct sigaction fatal = {};
  fatal.sa_handler = SIG_DFL;
  for (const SignalName& signal : kSignals) {
    ::__sigaction(signal.number, &fatal, nullptr);
  }
}

void start_watchdog() {
  const itimerval each_second = {{1, 0}, {1, 0}};
  ::setitimer(ITIMER_PROF, &each_second, nullptr);
  sigevent event = {};
  event.sigev_notify = SIGEV_SIGNAL;
  event.sigev_signo = SIGPROF;
  has_wall_clock = ::timer_create(CLOCK_MONOTONIC, &event, &wall_clock) == 0;
  wake_watchdog_at(wake_at);
}

void wake_watchdog_at(double time) {
  wake_at = time;
  if (has_wall_clock) {
    set_wall_clock();
  }
}

void on_abort(unsigned long pc) {
  Thread* thread = engine().blamed();
  if (thread == nullptr || !engine().running()) {
    ::signal(SIGABRT, SIG_DFL);
    ::raise(SIGABRT);
    ::_exit(6);
  }
  current_thread = nullptr;
  Text<200> message;
  message.add("abort() called by T%u", to_index(thread->id));
  engine().report(*thread, FindingKind::kCrash, "abort", pc, message.data);
  internal_bug("report() returned", __FILE__, __LINE__);
}

void on_terminate() {
  Thread* thread = engine().blamed();
  if (thread == nullptr || !engine().running()) {
    on_abort(0);
  }
  current_thread = nullptr;
  Text<400> message;
  const char* rule = "terminate";
  if (const std::type_info* type = abi::__cxa_current_exception_type()) {
    rule = "uncaught-exception";
    int status = 0;
    char* readable = abi::__cxa_demangle(type->name(), nullptr, nullptr, &status);
    message.add("uncaught exception of type %s in T%u", status == 0 ? readable : type->name(),
                to_index(thread->id));
    try {
      throw;
    } catch (const std::exception& error) {
      message.add(": %s", error.what());
    } catch (...) {
    }
  } else {
    message.add("std::terminate called by T%u (a joinable thread destroyed?)",
                to_index(thread->id));
  }
  engine().report(*thread, FindingKind::kCrash, rule, thread->pending_pc, message.data);
  internal_bug("report() returned", __FILE__, __LINE__);
}

}  // namespace heddle::exec
