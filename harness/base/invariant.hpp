// In-target world. Bugs of the harness itself.
#pragma once

namespace heddle {

/// Prints "[heddle internal bug] ..." to stderr and leaves the process with exit code 6.
[[noreturn]] void internal_bug(const char* condition, const char* file, int line);

/// Prints "heddle: ..." (one line) and leaves with exit code 5: the environment cannot serve.
[[noreturn]] void environment_failure(const char* what);

/// Where these go, and all that ends a process: standard error, unless a program's stands there.
extern int error_output;

}  // namespace heddle

/// On in every build: a violated invariant ends the process, it never runs on.
#define HEDDLE_INVARIANT(condition)                  \
  (__builtin_expect(static_cast<bool>(condition), 1) \
       ? static_cast<void>(0)                        \
       : ::heddle::internal_bug(#condition, __FILE__, __LINE__))
