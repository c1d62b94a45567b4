#include <csignal>
#include <cstdio>
#include <cstring>
#include <system_error>

#include "cli/drive.hpp"
#include "cli/options.hpp"
#include "cli/output.hpp"
#include "explore/deadline.hpp"
#include "fuzz/seed.hpp"

namespace heddle::cli {
namespace {

int dispatch(const CommandOptions& options) {
  if (options.command == "list") {
    return run_list(options);
  }
  if (options.command == "run") {
    return run_run(options);
  }
  if (options.command == "check") {
    return run_check(options);
  }
  if (options.command == "replay") {
    return run_replay(options);
  }
  if (options.command == "fuzz") {
    return run_fuzz(options);
  }
  return run_hunt(options);
}

/// Seeds of programs are replayed inside of the program: finds out which. -1: go on.
int settle_replay(CommandOptions& options) {
  for (const std::string& path : options.targets) {
    exploration::Recording recording;
    if (const fuzz::SeedError error = fuzz::read_seed(path, recording)) {
      complain(error.message);
      return kUsage;
    }
    if (&path != &options.targets.front() && !(recording.executable == options.executable)) {
      complain(path + ": is for another program than " + options.targets.front() +
               "; replay them one by one");
      return kUsage;
    }
    options.executable = recording.executable;
  }
  if (!options.program.empty()) {
    options.executable.path = options.program;
  }
  return -1;
}

}  // namespace

int run_command(int argc, char** argv) {
  CommandOptions options;
  const int code = parse_arguments(argc, argv, options);
  if (code >= 0) {
    return code;
  }
  if (options.command == "replay" && target::program() == nullptr) {
    if (const int settled = settle_replay(options); settled >= 0) {
      return settled;
    }
  }
  if (!options.executable.path.empty()) {
    return drive(options.executable, options.words);
  }
  if (options.command != "list" && std::strcmp(HEDDLE_FLAVOUR_NAME, "native") == 0) {
    complain(
        "the targets of this build are not instrumented; use the preset plain, asan, tsan or fuzz");
    return kUsage;
  }
  // The first signal ends the search after the execution at hand, the second one the process. A
  // program that sleeps in the kernel goes on with that, until the watchdog cuts it short.
  struct sigaction action = {};
  action.sa_handler = exploration::request_stop;
  action.sa_flags = static_cast<int>(SA_RESETHAND | SA_RESTART);
  ::sigaction(SIGINT, &action, nullptr);
  ::sigaction(SIGTERM, &action, nullptr);
  ::signal(SIGPIPE, SIG_DFL);

  int result = kEnvironment;
  bool written = true;
  try {
    result = dispatch(options);
  } catch (const std::system_error&) {  // of fmt::print
    written = false;
  }
  if (!written || std::fflush(stdout) != 0 || std::ferror(stdout) != 0) {
    complain("standard output could not be written: the result is incomplete");
    return kEnvironment;
  }
  return result;
}

}  // namespace heddle::cli
