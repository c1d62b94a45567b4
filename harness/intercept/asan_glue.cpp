// AddressSanitizer as a judge: its report ends the execution, not the process. Empty in builds
// without it.
#include "intercept/asan_glue.hpp"

#include "intercept/hook.hpp"

#ifdef HEDDLE_WITH_ASAN

#include <cstring>
#include <fcntl.h>
#include <unistd.h>
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>

#include "base/descriptor.hpp"
#include "process/around.hpp"
#include "process/before_main.hpp"
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

struct Rule {
  const char* theirs;
  const char* ours;
};

constexpr Rule kRules[] = {
    {"heap-use-after-free", "use-after-free"},
    {"heap-buffer-overflow", "buffer-overflow"},
    {"double-free", "double-free"},
    {"bad-free", "invalid-free"},
    {"stack-buffer-overflow", "stack-buffer-overflow"},
    {"stack-buffer-underflow", "stack-buffer-underflow"},
    {"dynamic-stack-buffer-overflow", "stack-buffer-overflow"},
    {"stack-use-after-scope", "stack-use-after-scope"},
    {"global-buffer-overflow", "global-buffer-overflow"},
    {"container-overflow", "container-overflow"},
};

const char* rule_for(const char* description) {
  for (const Rule& rule : kRules) {
    if (std::strcmp(rule.theirs, description) == 0) {
      return rule.ours;
    }
  }
  return "sanitizer";
}

class AddressSanitizer final : public exec::Sanitizer {
 public:
  const exec::SanitizerReport* on_access(uptr address, u32 size, u8 flags, uptr pc) override {
    void* bad = __asan_region_is_poisoned(reinterpret_cast<void*>(address), size);
    return bad == nullptr ? nullptr : answer([&] {
      void* frame = __builtin_frame_address(0);
      __asan_report_error(reinterpret_cast<void*>(pc), frame, frame, bad,
                          (flags & memory::kWrite) != 0, size);
    });
  }

  const exec::SanitizerReport* on_free(uptr address) override {
    if (process::before_main().block_of(address) != nullptr) {
      return on_access(address, 1, memory::kWrite, 0);  // it was never really freed
    }
    return answer([&] { __interceptor_free(reinterpret_cast<void*>(address)); });
  }

  void on_report(const char* text) {
    text_.clear();
    text_.add("%s", text);
    report_.text = text_.data;
    report_.rule = rule_for(__asan_get_report_description());
    report_.address = reinterpret_cast<uptr>(__asan_get_report_address());
    report_.size = static_cast<u32>(__asan_get_report_access_size());
    report_.flags = __asan_get_report_access_type() != 0 ? memory::kWrite : memory::kRead;
    report_.pc = reinterpret_cast<uptr>(__asan_get_report_pc());
    reported_ = true;
    if (!asked_) {
      engine().sanitizer_report(report_);
    }
  }

 private:
  template <class Question>
  const exec::SanitizerReport* answer(Question question) {
    asked_ = true;
    reported_ = false;
    question();
    asked_ = false;
    return reported_ ? &report_ : nullptr;
  }

  Text<32768> text_;
  exec::SanitizerReport report_;
  bool asked_ = false;
  bool reported_ = false;
};

AddressSanitizer sanitizer;

void on_report(const char* text) {
  if (!engine().running()) {
    // A bug outside of any execution, the harness's own perhaps: say it the usual way.
    static_cast<void>(!::write(STDERR_FILENO, text, std::strlen(text)));
    return;
  }
  if (engine().surroundings() != nullptr) {
    engine().surroundings()->after_report();
  }
  sanitizer.on_report(text);
}

}  // namespace

void report_poisoned(uptr bad, std::size_t size, bool write, uptr pc) {
  const bool engine_objects =
      (engine().shadow().cell(bad & ~uptr{7}).valid & (1u << (bad & 7))) == 0;
  if (!engine_objects) {
    engine().access_oracle().on_unaddressable(*current_thread, bad, static_cast<u32>(size),
                                              write ? memory::kWrite : memory::kRead, pc);
  }
}

void install_sanitizer_glue() {
  engine().set_block_release(__interceptor_free);
  engine().set_sanitizer(sanitizer);
  __asan_set_error_report_callback(on_report);
  // The text goes into the finding; printing it here too would drown a hunt.
  const int nowhere = out_of_the_way(::open("/dev/null", O_WRONLY | O_CLOEXEC));
  __sanitizer_set_report_fd(reinterpret_cast<void*>(static_cast<std::intptr_t>(nowhere)));
}

}  // namespace heddle::intercept

#else

namespace heddle::intercept {

void install_sanitizer_glue() {}

}  // namespace heddle::intercept

#endif
