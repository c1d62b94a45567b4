// In-target world. Signals of the target become findings.
#pragma once

namespace heddle::exec {

/// Takes SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP and SIGABRT while an execution runs, on a stack
/// of their own; and watches, by CPU time, for an execution that makes no event for a long time.
/// Outside of an execution such a signal is a bug of the harness: message, exit code 6.
void install_fault_handlers();
/// In a forked child that nobody drives: they end it.
void leave_faults();
/// The clocks of the endless-computation watchdog; a forked process needs its own.
void start_watchdog();
/// From this time of CLOCK_MONOTONIC on (in seconds; infinity: never), the watchdog asks each
/// second whether the execution should stop, though the target may use no CPU time: it may sleep in
/// the kernel. Safe in signal handlers.
void wake_watchdog_at(double time);

/// Called where the C++ library finds no handler for an exception, and for std::terminate.
[[noreturn]] void on_terminate();

/// Called instead of abort() on a fiber.
[[noreturn]] void on_abort(unsigned long pc);

}  // namespace heddle::exec
