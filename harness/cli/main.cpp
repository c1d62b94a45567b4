#include <csignal>

#include <cstdio>
#include <cstring>

#include "cli/options.hpp"
#include "cli/output.hpp"

using namespace heddle::cli;  // NOLINT(google-build-using-namespace)

namespace {

int dispatch(const CommandOptions& options) {
  if (options.command == "list") {
    return run_list(options);
  }
  if (options.command == "run") {
    return run_run(options);
  }
  if (options.command == "replay") {
    return run_replay(options);
  }
  if (options.command == "fuzz") {
    return run_fuzz(options);
  }
  return run_hunt(options);
}

}  // namespace

int main(int argc, char** argv) {
  CommandOptions options;
  const int code = parse_arguments(argc, argv, options);
  if (code >= 0) {
    return code;
  }
  if (options.command != "list" && std::strcmp(HEDDLE_FLAVOUR_NAME, "native") == 0) {
    complain(
        "the targets of this build are not instrumented; use the preset plain, asan, tsan or fuzz");
    return kUsage;
  }
  // The first signal ends the search after the execution at hand, the second one the process.
  struct sigaction action = {};
  action.sa_handler = heddle::exploration::request_stop;
  action.sa_flags = static_cast<int>(SA_RESETHAND);
  ::sigaction(SIGINT, &action, nullptr);
  ::sigaction(SIGTERM, &action, nullptr);
  ::signal(SIGPIPE, SIG_DFL);

  const int result = dispatch(options);
  if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0) {
    complain("standard output could not be written: the result is incomplete");
    return kEnvironment;
  }
  return result;
}
