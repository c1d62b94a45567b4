#include <algorithm>
#include <iostream>

#include <CLI/CLI.hpp>

#include "cli/checkpoint.hpp"
#include "cli/drive.hpp"
#include "cli/options.hpp"
#include "cli/output.hpp"

namespace heddle::cli {
namespace {

constexpr const char* kVersion = "heddle 0.1.0 (" HEDDLE_FLAVOUR_NAME ", seed format 1)";

// What is verified is what the language promises, and each fault would multiply the executions.
constexpr const char* kCheckModel = "rc11";
constexpr const char* kCheckFaults = "none";

// "90", "90s", "5m", "2h", "500ms".
std::string parse_duration(const std::string& text, double& seconds) {
  char* end = nullptr;
  const double number = std::strtod(text.c_str(), &end);
  const std::string unit = end;
  const double factor = unit == "ms"                  ? 0.001
                        : unit.empty() || unit == "s" ? 1
                        : unit == "m"                 ? 60
                        : unit == "h"                 ? 3600
                                                      : 0;
  if (end == text.c_str() || factor == 0 || !(number > 0) || number * factor > 31'536'000.0) {
    return "'" + text + "' is no duration; examples: 500ms, 60s, 5m, 2h";
  }
  seconds = number * factor;
  return "";
}

void add_model(CLI::App& command, CommandOptions& options, const char* model) {
  command
      .add_option(
          "--model", options.settings.model,
          "memory model: sc (interleavings only), tso (stores of a thread may come late, as "
          "on x86) or rc11 (C++20's atomics: loads may read stale values where their order "
          "lets them)")
      ->check(CLI::IsMember({"sc", "tso", "rc11"}))
      ->each([&options](const std::string&) { options.model_is_given = true; })
      ->default_str(model);
}

void add_search(CLI::App& command, CommandOptions& options) {
  auto* strategy =
      command
          .add_option("--strategy", options.budget.search,
                      "dpor (dynamic partial order reduction: each execution that the memory model "
                      "tells apart, once) or dfs (plain depth-first search: each schedule, once; "
                      "many of them are the same execution, so its counts are larger)")
          ->check(CLI::IsMember({"dpor", "dfs"}))
          ->capture_default_str();
  auto* preemptions =
      command
          .add_option("--preemptions", options.budget.preemptions,
                      "dfs, of schedules with so many preemptions at most; those with few come "
                      "first. A preemption takes the turn from a thread that could go on")
          ->check(CLI::Range(0, 1'000'000));
  command.callback([&options, strategy, preemptions] {
    if (preemptions->count() == 0) {
      return;
    }
    if (strategy->count() != 0 && options.budget.search != "dfs") {
      throw CLI::ValidationError("--preemptions", "it is a bound of --strategy=dfs");
    }
    options.budget.search = "dfs";
  });
}

// "2/8": the second of eight.
void add_shard(CLI::App& command, CommandOptions& options) {
  command
      .add_option_function<std::string>(
          "--shard",
          [&options](const std::string& value) {
            unsigned index = 0;
            unsigned count = 0;
            char more = 0;
            if (std::sscanf(value.c_str(), "%u/%u%c", &index, &count, &more) != 2 || index < 1 ||
                index > count) {
              throw CLI::ValidationError("--shard",
                                         "'" + value + "' is no shard; the first of eight is 1/8");
            }
            options.budget.shard = {index - 1, count};
          },
          "only the i-th of n parts of the search, whose counts add up to those of the whole")
      ->type_name("I/N");
}

// Read at once, before other options are set: they are compared with it.
void add_resume(CLI::App& command, CommandOptions& options, CLI::Option& targets) {
  command
      .add_option_function<std::string>(
          "--resume",
          [&](const std::string& path) {
            if (const fuzz::FileError error = resume_from(path, options)) {
              throw CLI::ValidationError("--resume", error.message);
            }
            targets.required(false);
          },
          "goes on from the checkpoint of a check that stopped early; the target and all that is "
          "searched are in it, budgets and what is printed are not")
      ->type_name("FILE")
      ->trigger_on_parse();
  command
      .add_option("--checkpoint", options.checkpoint,
                  "where to write one, if the search stops early (<findings>/<target>/<model>"
                  "[-<shard>].checkpoint, or where it was resumed from)")
      ->type_name("FILE");
}

void add_faults(CLI::App& command, CommandOptions& options, const char* faults) {
  command
      .add_option_function<std::string>(
          "--faults",
          [&options](const std::string& value) {
            if (!exploration::parse_faults(value, options.settings.faults)) {
              throw CLI::ValidationError(
                  "--faults", "'" + value +
                                  "' is no list of faults; there are weak-cas, spurious-wakeup, "
                                  "bad-alloc, thread-creation, freeze, iterator-state, all, none");
            }
          },
          "what may fail by decision, separated by commas: weak-cas, spurious-wakeup (of condition "
          "variables), bad-alloc, thread-creation, freeze (threads of a target that promises "
          "progress "
          "stand still), iterator-state (a word of an iterator changes between two uses); all; "
          "none")
      ->type_name("LIST")
      ->default_str(faults);
}

void add_max_steps(CLI::App& command, CommandOptions& options) {
  command
      .add_option("--max-steps", options.settings.steps_max,
                  "scheduling points before an execution counts as livelocked")
      ->check(CLI::Range(std::uint64_t{10}, std::uint64_t{1'000'000'000}))
      ->capture_default_str();
}

void add_settings(CLI::App& command, CommandOptions& options) {
  add_model(command, options, "sc");
  command
      .add_option_function<std::string>(
          "--preempt",
          [&options](const std::string& value) { options.settings.preempt_all = value == "all"; },
          "where threads may be switched: sync (at synchronisation) or all (at plain accesses too)")
      ->check(CLI::IsMember({"sync", "all"}))
      ->default_str("sync");
  command
      .add_option_function<std::string>(
          "--on-race",
          [&options](const std::string& value) {
            options.settings.race_continue = value == "continue";
          },
          "a data race ends the execution (stop), or is noted and it goes on (continue)")
      ->check(CLI::IsMember({"stop", "continue"}))
      ->default_str("stop");
  command.add_flag_callback(
      "--no-detector", [&options] { options.settings.detector = false; },
      "the target's own detector of misuse looks away: the hunt is for the damage that it hides, "
      "and data races are only counted");
  command
      .add_option_function<std::string>(
          "--invariant",
          [&options](const std::string& value) {
            options.settings.look_at_steps = value == "steps";
          },
          "where the target's invariants must hold: between operations (quiet), or at every "
          "scheduling point too (steps) if they can tell then")
      ->check(CLI::IsMember({"quiet", "steps"}))
      ->default_str("quiet");
  add_faults(command, options, "weak-cas,freeze");
  add_max_steps(command, options);
}

void add_time(CLI::App& command, CommandOptions& options) {
  command
      .add_option_function<std::string>(
          "--time",
          [&options](const std::string& value) {
            const std::string error = parse_duration(value, options.budget.seconds);
            if (!error.empty()) {
              throw CLI::ValidationError("--time", error);
            }
            options.budget_given = true;
          },
          "stop after this time: 500ms, 60s, 5m, 2h")
      ->type_name("DURATION");
}

void add_executions(CLI::App& command, CommandOptions& options, const char* what) {
  command
      .add_option_function<std::uint64_t>(
          "--executions",
          [&options](std::uint64_t value) {
            options.budget.executions = value;
            options.budget_given = true;
          },
          what)
      ->check(CLI::Range(std::uint64_t{1}, std::uint64_t{1'000'000'000'000'000}));
}

void add_budget(CLI::App& command, CommandOptions& options) {
  add_time(command, options);
  command.add_option("--rng-seed", options.budget.rng_seed, "seed of all random choices")
      ->capture_default_str();
}

void add_isolate(CLI::App& command, CommandOptions& options) {
  command.add_flag("--isolate", options.isolate,
                   "programs: a process for each execution, for what cannot be rolled back (chosen "
                   "by itself when that is seen)");
}

void add_findings(CLI::App& command, CommandOptions& options) {
  command
      .add_option("--findings", options.findings_folder,
                  "folder that seeds of findings are written to")
      ->capture_default_str();
}

void add_output(CLI::App& command, CommandOptions& options) {
  command.add_flag("--json", options.json, "print one JSON object (list: array) to stdout");
  command.add_flag("-q,--quiet", options.quiet, "no progress, no stories: results only");
}

// "the target" of one command, "[targets]" of another: unknown names are refused with a suggestion.
CLI::Option* add_targets(CLI::App& command, CommandOptions& options, bool several) {
  auto* option =
      command.add_option(several ? "targets" : "target", options.targets,
                         several ? "targets, or the path of a program; all targets if none is named"
                                 : "the target (see `heddle list`), or the path of a program");
  option->check([](const std::string& name) {
    return target::find_target(name) != nullptr ? std::string()
           : !is_path(name)                     ? unknown_target(name)
           : target::program() != nullptr       ? std::string()
                                                : not_a_program(name);
  });
  if (!several) {
    option->required()->expected(1)->allow_extra_args(false);
  }
  return option;
}

/// Where the words of the command end and those of a program begin. `fuzz` of a linked target has
/// its words for libFuzzer there instead.
auto ends_at_dashes(const std::vector<std::string>& words) {
  const auto dashes = std::find(words.begin(), words.end(), "--");
  const bool has_program = std::any_of(words.begin(), dashes, [](const std::string& word) {
    return is_path(word) && not_a_program(word).empty();
  });
  return words.empty() || (words.front() == "fuzz" && !has_program) ? words.end() : dashes;
}

/// A path among the targets is the program to drive; in the driven program, it is the target.
int settle_program(CommandOptions& options) {
  const auto path = std::find_if(options.targets.begin(), options.targets.end(), is_path);
  if (path == options.targets.end()) {
    if (!options.executable.arguments.empty()) {
      complain("the words behind -- are for programs, and no target here is one");
      return kUsage;
    }
    return -1;
  }
  if (options.targets.size() > 1) {
    complain(*path + ": a program is driven alone; name one target");
    return kUsage;
  }
  if (target::Definition* program = target::program()) {
    options.targets = {program->name()};
  } else {
    options.executable.path = *path;
  }
  return -1;
}

}  // namespace

int parse_arguments(int argc, char** argv, CommandOptions& options) {
  CLI::App app{
      "Heddle finds concurrency bugs in C++ programs, and finds them again.\n"
      "It runs a target under a scheduler that decides every interleaving, judges each execution\n"
      "(data races, heap errors, deadlocks, contracts), and writes a seed that replays what it "
      "found."};
  app.name("heddle");
  app.require_subcommand(1);
  app.set_version_flag("--version", kVersion);
  app.footer(
      "Exit codes: 0 nothing found, 1 a finding, 2 wrong usage or malformed input, 3 not verified\n"
      "(if --require-complete asks), 4 a replay diverged, 5 the environment (disk, permissions),\n"
      "6 a bug of Heddle's own, 130/143 interrupted.\n"
      "Examples:\n"
      "  heddle hunt --time=60s\n"
      "  heddle run go_map@frees_old_buckets_under_iterator --strategy=pct\n"
      "  heddle check reference --model=rc11\n"
      "  heddle replay findings/go_map@frees_old_buckets_under_iterator/heap-*.seed");

  CLI::App* list = app.add_subcommand(
      "list", "The targets in this program: name, what it is, what must find its bug.");
  add_output(*list, options);

  CLI::App* run = app.add_subcommand(
      "run", "Runs one target under one strategy until a finding or the end of the budget.");
  add_targets(*run, options, false);
  run->add_option("--strategy", options.budget.strategy,
                  "random (random walk) or pct (probabilistic concurrency testing)")
      ->check(CLI::IsMember({"random", "pct"}))
      ->capture_default_str();
  add_executions(*run, options, "stop after so many executions (10000 if no --time is given)");
  run->add_option("--max-findings", options.findings_max,
                  "go on until so many different findings are made")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  add_isolate(*run, options);
  add_budget(*run, options);
  add_settings(*run, options);
  add_findings(*run, options);
  add_output(*run, options);

  CLI::App* check = app.add_subcommand(
      "check",
      "Every execution of small targets: each one that the memory model tells apart, once (or, "
      "with --strategy=dfs, each schedule). Says "
      "'verified' only if there are no others; of an operation target, all small programs are "
      "made. "
      "Plain accesses are no events, but races on them are found. Nothing fails by decision unless "
      "--faults says so: counts are those of the theory.");
  CLI::Option* check_targets = add_targets(*check, options, true);
  check_targets->required()->description("targets (see `heddle list`), or the path of a program");
  add_resume(*check, options, *check_targets);
  add_model(*check, options, kCheckModel);
  add_search(*check, options);
  check
      ->add_option("--operations", options.smallness.operations,
                   "operation targets: all programs of so many operations a thread, at most")
      ->check(CLI::Range(1, 100))
      ->capture_default_str();
  check
      ->add_option("--values", options.smallness.values,
                   "operation targets: so many values of each argument, the first ones declared")
      ->check(CLI::Range(1, 1'000'000))
      ->capture_default_str();
  add_time(*check, options);
  add_executions(*check, options, "stop after so many executions (of each target)");
  add_shard(*check, options);
  check->add_option("-j,--jobs", options.jobs, "so many processes share the search")
      ->check(CLI::Range(1, 1024))
      ->capture_default_str();
  check->add_flag("--keep-going", options.keep_going,
                  "a finding does not end the search: others are looked for");
  check->add_flag("--require-complete", options.require_complete,
                  "exit code 3 if a target without a finding is not verified");
  add_faults(*check, options, kCheckFaults);
  add_max_steps(*check, options);
  add_findings(*check, options);
  add_output(*check, options);

  CLI::App* hunt =
      app.add_subcommand("hunt",
                         "The main job: every target (or those named) under every strategy; each "
                         "finding is replayed to confirm it, told and filed.");
  add_targets(*hunt, options, true);
  hunt->add_flag(
      "--matrix", options.matrix,
      "seeded bugs against oracles: is each one found by the oracle that it was made for "
      "(20 s at most), and is nothing found in the other targets, which share --time "
      "(60 s)? Exit code 1 if not");
  add_isolate(*hunt, options);
  add_budget(*hunt, options);
  add_settings(*hunt, options);
  add_findings(*hunt, options);
  add_output(*hunt, options);

  CLI::App* fuzz = app.add_subcommand("fuzz",
                                      "libFuzzer makes up programs and schedules (preset fuzz). "
                                      "Its own flags and corpus folders go behind `--`.");
  add_targets(*fuzz, options, false);
  add_executions(*fuzz, options, "stop after so many executions");
  fuzz->add_option("libfuzzer", options.fuzzer_flags,
                   "flags and corpus folders for libFuzzer, behind `--`");
  add_budget(*fuzz, options);
  add_settings(*fuzz, options);
  add_findings(*fuzz, options);
  add_output(*fuzz, options);

  CLI::App* replay = app.add_subcommand(
      "replay", "Runs the executions of seeds again and compares every event with the recording.");
  replay->add_option("seeds", options.targets, "seed files")->required();
  replay->add_option("--repeat", options.repeat, "so many times each")
      ->check(CLI::Range(std::uint64_t{1}, std::uint64_t{1'000'000'000}))
      ->capture_default_str();
  replay->add_flag("--update", options.update,
                   "write seeds anew that still repeat and still have a finding, but tell it in "
                   "other words or functions, as after a change of the code");
  replay->add_option("--program", options.program,
                     "the program to replay with, instead of the one that the seeds name");
  add_output(*replay, options);

  const std::string first = argc > 1 ? argv[1] : "-";
  if (first == "check") {
    options.settings.model = kCheckModel;
    exploration::parse_faults(kCheckFaults, options.settings.faults);
  }
  const auto commands = app.get_subcommands(
      [&first](const CLI::App* command) { return command->get_name() == first; });
  if (first[0] != '-' && commands.empty()) {
    complain("unknown command '" + first +
             "'; there are list, run, check, hunt, fuzz and replay (see heddle --help)");
    return kUsage;
  }
  const std::vector<std::string> words(argv + 1, argv + argc);
  const auto dashes = ends_at_dashes(words);
  options.words.assign(words.begin(), dashes);
  if (dashes != words.end()) {
    options.executable.arguments.assign(dashes + 1, words.end());
  }
  try {
    // CLI11 takes the last word first.
    app.parse(std::vector<std::string>(options.words.rbegin(), options.words.rend()));
  } catch (const CLI::Success& success) {
    return app.exit(success, std::cout, std::cerr) == 0 ? kClean : kUsage;
  } catch (const CLI::ParseError& error) {
    std::string what = error.what();
    for (char& c : what) {
      c = c == '\n' ? ' ' : c;
    }
    std::cerr << "heddle: " << what << " (see heddle --help)\n";
    return kUsage;
  }
  options.command = app.get_subcommands().front()->get_name();
  if (options.command == "run" && !options.budget_given) {
    options.budget.executions = 10'000;
  }
  return options.command == "replay" ? -1 : settle_program(options);
}

}  // namespace heddle::cli
