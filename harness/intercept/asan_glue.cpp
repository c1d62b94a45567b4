// AddressSanitizer as a judge: its report ends the execution, not the process. Empty in builds
// without it.
#include "intercept/asan_glue.hpp"

#include "intercept/hook.hpp"

#ifdef HEDDLE_WITH_ASAN

#include <fcntl.h>
#include <unistd.h>
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>

#include "process/around.hpp"
#include "process/phase.hpp"

// Options: an environment variable ASAN_OPTIONS still overrides them.
// halt_on_error=0   the report callback ends the execution at its next event.
// suppress_equal_pcs=0  the same bug is found in many executions, and reported each time.
// detect_leaks=0    executions that were cut short leave memory behind; Heddle has its own oracle.
// detect_stack_use_after_return=0  fibers that were cut short would leak their fake stacks.
// quarantine_size_mb  the quarantine need not outlive an execution, and memory must stay flat.
// max_malloc_fill_size  memory reads as in the plain build.
HEDDLE_HOOK const char* __asan_default_options() {
  return "halt_on_error=0:suppress_equal_pcs=0:detect_leaks=0:detect_stack_use_after_return=0:"
         "handle_segv=0:handle_sigbus=0:handle_abort=0:handle_sigfpe=0:handle_sigill=0:"
         "max_malloc_fill_size=1048576:malloc_fill_byte=190:quarantine_size_mb=8:thread_local_"
         "quarantine_size_kb=64:"
         "allocator_may_return_null=1:print_legend=0"
#ifdef HEDDLE_SYMBOLIZER
         ":external_symbolizer_path=" HEDDLE_SYMBOLIZER
#endif
      ;
}

extern "C" void __interceptor_free(void* memory);

namespace heddle::intercept {
namespace {

void on_report(const char* text) {
  if (!engine().running()) {
    // A bug outside of any execution, the harness's own perhaps: say it the usual way.
    static_cast<void>(!::write(STDERR_FILENO, text, __builtin_strlen(text)));
    return;
  }
  if (process::is_driven()) {
    const exec::RuntimeScope runtime;
    process::around().keep_new_descriptors();  // it has started its symbolizer
  }
  engine().sanitizer_report(text);
}

}  // namespace

void install_sanitizer_glue() {
  engine().set_block_release(__interceptor_free);
  __asan_set_error_report_callback(on_report);
  // The text goes into the finding; printing it here too would drown a hunt.
  const int nowhere = process::out_of_the_way(::open("/dev/null", O_WRONLY | O_CLOEXEC));
  __sanitizer_set_report_fd(reinterpret_cast<void*>(static_cast<std::intptr_t>(nowhere)));
}

}  // namespace heddle::intercept

#else

namespace heddle::intercept {

void install_sanitizer_glue() {}

}  // namespace heddle::intercept

#endif
