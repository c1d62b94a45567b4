#include <csignal>

#include "cli/options.hpp"

using namespace heddle::cli;  // NOLINT(google-build-using-namespace)

int main(int argc, char** argv) {
  CommandOptions options;
  const int code = parse_arguments(argc, argv, options);
  if (code >= 0) {
    return code;
  }
  // The first signal ends the search after the execution at hand, the second one the process.
  struct sigaction action = {};
  action.sa_handler = heddle::exploration::request_stop;
  action.sa_flags = static_cast<int>(SA_RESETHAND);
  ::sigaction(SIGINT, &action, nullptr);
  ::sigaction(SIGTERM, &action, nullptr);
  ::signal(SIGPIPE, SIG_DFL);

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
