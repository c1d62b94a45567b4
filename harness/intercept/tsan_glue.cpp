// ThreadSanitizer's settings. Empty in builds without it.
#include "intercept/hook.hpp"

#ifdef HEDDLE_WITH_TSAN

#ifdef HEDDLE_SYMBOLIZER
#define SYMBOLIZER "external_symbolizer_path=" HEDDLE_SYMBOLIZER
#else
#define SYMBOLIZER ""
#endif

// Options: an environment variable TSAN_OPTIONS still overrides them.
// A program that nobody drives has ThreadSanitizer's own.
// exitcode, halt_on_error   a report ends the execution, not the process.
// suppress_equal_stacks=0   the same race is found in many executions, and reported each time.
// ignore_interceptors_accesses  the runtime calls memcpy and malloc on the account of logical
// threads. history_size  accesses remembered per thread: a race whose first half is forgotten goes
// unreported. atexit_sleep_ms, report_thread_leaks  threads are Heddle's business.
// detect_deadlocks, report_mutex_bugs, report_destroy_locked, report_signal_unsafe  so are locks.
HEDDLE_HOOK const char* __tsan_default_options() {
  return heddle::process::is_native_program()
             ? SYMBOLIZER
             : "exitcode=0:halt_on_error=0:suppress_equal_stacks=0:ignore_interceptors_accesses=1:"
               "history_size=16:atexit_sleep_ms=0:report_thread_leaks=0:detect_deadlocks=0:"
               "report_mutex_bugs=0:report_destroy_locked=0:report_signal_unsafe=0:"
               "handle_segv=0:handle_sigbus=0:handle_abort=0:handle_sigfpe=0:handle_sigill=0:"
               "allocator_may_return_null=1:stack_trace_format='    #%n %f  %S':" SYMBOLIZER;
}

#endif
