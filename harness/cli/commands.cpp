// list, run, replay and fuzz. (hunt has a file of its own.)
#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <iterator>
#include <sstream>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "cli/commands.hpp"
#include "cli/drive.hpp"
#include "cli/output.hpp"
#include "explore/deadline.hpp"
#include "fuzz/driver.hpp"
#include "fuzz/seed.hpp"
#include "process/around.hpp"
#include "report/story.hpp"
#include "report/uncontrolled.hpp"

namespace heddle::cli {

using Json = nlohmann::ordered_json;

nlohmann::ordered_json to_json(const FiledFinding& finding) {
  return Json{{"kind", exec::name_of(finding.recording.kind)},
              {"rule", finding.recording.rule},
              {"signature", finding.recording.signature},
              {"target", finding.recording.target},
              {"seed", finding.seed},
              {"message", finding.recording.message},
              {"location", finding.location},
              {"confirmed", finding.confirmed},
              {"second_opinion", finding.recording.second_opinion},
              {"uncontrolled", finding.uncontrolled},
              {"strategy", finding.strategy},
              {"executions", finding.executions},
              {"seconds", finding.seconds}};
}

nlohmann::ordered_json to_json(const CommandOptions& options, const std::string& target,
                               const std::string& strategy, const exploration::Tally& tally,
                               const std::vector<FiledFinding>& findings, bool isolated) {
  Json list = Json::array();
  for (const FiledFinding& finding : findings) {
    list.push_back(to_json(finding));
  }
  target::Definition* one = target::find_target(target);  // null: it is of several
  Json object{
      {"schema", 1},
      {"target", target},
      {"strategy", strategy},
      {"model", one == nullptr ? options.settings.model : settings_for(*one, options).model},
      {"executions", tally.executions},
      {"undecided", tally.undecided},
      {"blocked", 0},
      {"seconds", tally.seconds},
      {"executions_per_second",
       tally.seconds > 0 ? static_cast<double>(tally.executions) / tally.seconds : 0.0},
      {"complete", false},
      {"verdict", findings.empty() ? "none" : "finding"},
      {"findings", list}};
  if (target::program() != nullptr) {
    object["isolated"] = isolated;
  }
  object["uncontrolled"] = report::uncontrolled();
  if (tally.detected != 0 || tally.raced != 0) {
    object["races"] = {{"executions", tally.raced},
                       {"detected_by_target", tally.raced_and_detected},
                       {"detector_fired", tally.detected}};
  }
  return object;
}

void tell(const FiledFinding& finding, const CommandOptions& options) {
  if (!options.json) {
    fmt::print("{}\n",
               options.quiet ? finding.recording.message + "\n  " + finding.seed : finding.story);
    std::fflush(stdout);
  }
}

int exit_code(bool found, bool diverged, bool write_failed) {
  if (exploration::stop_requested()) {
    return 128 + exploration::stop_signal();
  }
  if (write_failed) {
    return kEnvironment;
  }
  if (diverged || (!found && report::is_determinism_lost())) {
    return kNondeterminism;
  }
  return found ? kFinding : kClean;
}

std::string program_path() {
  char path[4096];
  const ssize_t length = ::readlink("/proc/self/exe", path, sizeof path - 1);
  std::string text(path, length > 0 ? static_cast<std::size_t>(length) : 0);
  if (target::program() != nullptr) {
    text = driving_command();
  }
  char folder[4096];
  if (::getcwd(folder, sizeof folder) != nullptr && text.starts_with(std::string(folder) + "/")) {
    text = text.substr(std::strlen(folder) + 1);
  }
  return text;
}

std::string detector_line(const exploration::Tally& tally) {
  if (tally.detected == 0) {
    return "";
  }
  const auto percent = [&tally](u64 whole) {
    return whole == 0
               ? 0.0
               : 100.0 * static_cast<double>(tally.raced_and_detected) / static_cast<double>(whole);
  };
  return fmt::format(
      "  the map's own detector fired in {} of {} executions with a race (recall {:.1f} %), and in "
      "{} without one (precision {:.1f} %)\n",
      tally.raced_and_detected, tally.raced, percent(tally.raced),
      tally.detected - tally.raced_and_detected, percent(tally.detected));
}

std::string undecided_line(const exploration::Tally& tally) {
  return tally.undecided == 0
             ? ""
             : fmt::format("  {} of {} executions undecided: too many orders of their operations\n",
                           tally.undecided, tally.executions);
}

namespace {

/// Adds what it takes to show a seeded bug.
void add_needs(const char* needs, bool model_is_given, exploration::Settings& settings) {
  constexpr const char* kFromStrongToWeak[] = {"sc", "tso", "rc11"};
  const auto weakness = [&](const std::string& model) {
    return std::find(std::begin(kFromStrongToWeak), std::end(kFromStrongToWeak), model);
  };
  std::istringstream words(needs);
  for (std::string word; std::getline(words, word, ',');) {
    exec::Faults faults = 0;
    if (exploration::parse_faults(word, faults)) {
      settings.faults |= faults;
    } else if (!model_is_given && weakness(word) > weakness(settings.model)) {
      settings.model = word;
    }
  }
}

}  // namespace

exploration::Settings settings_for(target::Definition& target, const CommandOptions& options) {
  exploration::Settings settings = options.settings;
  settings.race_continue =
      settings.race_continue || target.declared().continue_on_race || !settings.detector;
  settings.preempt_all = settings.preempt_all || target.declared().preempt_all;
  add_needs(target.declared().seeded.needs, options.model_is_given, settings);
  return settings;
}

void choose_isolation(exploration::Session& session, const CommandOptions& options) {
  if (target::program() == nullptr) {
    return;
  }
  if (options.isolate) {
    session.isolate();
  } else if (!session.check_rollback(options.budget)) {
    complain(session.name() +
             ": one schedule, run again, gave other events: not all that it does can be undone; "
             "going on with a process for each execution (--isolate)");
  }
}

void warn_of_uncontrolled() {
  for (const std::string& warning : report::uncontrolled()) {
    complain("warning: " + warning);
  }
}

namespace {

std::string contracts_of(const TargetImplementation& declared) {
  std::string names;
  for (const Contract* contract : declared.contracts) {
    names += (names.empty() ? "" : "; ") + std::string(contract->name());
  }
  return names;
}

const char* name_of(heddle::Progress progress) {
  switch (progress) {
    case heddle::Progress::kBlocking: return "blocking";
    case heddle::Progress::kObstructionFree: return "obstruction-free";
    case heddle::Progress::kLockFree: return "lock-free";
    case heddle::Progress::kWaitFree: return "wait-free";
  }
  return "?";
}

}  // namespace

int run_list(const CommandOptions& options) {
  Json list = Json::array();
  for (target::Definition* target : target::all_targets()) {
    TargetImplementation& declared = target->declared();
    list.push_back(Json{{"name", target->name()},
                        {"kind", target->kind()},
                        {"of", target->of()},
                        {"expect", target->expect()},
                        {"contract", contracts_of(declared)},
                        {"progress", name_of(declared.progress)},
                        {"description", declared.description}});
    if (!target->of().empty()) {
      list.back()["shape"] = {{"threads", declared.seeded.threads},
                              {"operations", declared.seeded.operations}};
      list.back()["needs"] = declared.seeded.needs;
      list.back()["source"] = declared.seeded.source;
    }
  }
  if (options.json) {
    fmt::print("{}\n", list.dump(2));
    return kClean;
  }
  for (const Json& target : list) {
    const std::string expect = target["expect"];
    const std::string of = target["of"];
    const char* kind = of.empty() ? "wrong on purpose, for " : "seeded bug, for ";
    fmt::print("{:<48} {:<11} {}\n", target["name"].get<std::string>(),
               target["kind"].get<std::string>(), expect.empty() ? "" : kind + expect);
    if (const std::string description = target["description"]; !description.empty()) {
      fmt::print("    {}\n", description);
    }
  }
  return kClean;
}

namespace {

void warn_of_what_changes_nothing(target::Definition& target, const CommandOptions& options) {
  const TargetImplementation& declared = target.declared();
  const bool changes_iterators =
      (options.settings.faults & exec::fault(exec::DecisionKind::kIteratorState)) != 0;
  if (target.is_test()) {
    return;
  }
  if (changes_iterators && declared.cursor_count == 0) {
    complain("warning: " + target.name() +
             " has no cursor, whose words iterator-state would change");
  }
  if (options.settings.look_at_steps && declared.validate_any_step == nullptr) {
    complain("warning: " + target.name() +
             " has no invariant for the midst of operations (one that takes a heddle::Moment)");
  }
}

}  // namespace

int run_run(const CommandOptions& options) {
  target::Definition& target = *target::find_target(options.targets.front());
  warn_of_what_changes_nothing(target, options);
  exploration::Session session(target, settings_for(target, options));
  choose_isolation(session, options);
  Findings findings(session, options, program_path());
  Progress progress(!options.quiet && !options.json);
  const exploration::Tally tally = session.run(
      options.budget,
      [&](const exec::Finding&, const exploration::Tally& now) {
        FiledFinding* finding = findings.take();
        if (finding != nullptr) {
          finding->made_by(options.budget.strategy, now);
          progress.clear();
          tell(*finding, options);
        }
        return findings.all().size() < options.findings_max && !findings.diverged() &&
               !findings.write_failed();
      },
      [&](const exploration::Tally& now) { progress.show(target.name(), now, options.budget); });
  progress.clear();
  warn_of_uncontrolled();
  if (options.json) {
    fmt::print("{}\n", to_json(options, target.name(), options.budget.strategy, tally,
                               findings.all(), session.isolated())
                           .dump(2));
  } else {
    fmt::print("{}: {} executions in {:.2f} s ({}/s), strategy {}, model {}: {}\n", target.name(),
               tally.executions, tally.seconds,
               short_count(static_cast<double>(tally.executions) / std::max(tally.seconds, 1e-9)),
               options.budget.strategy, settings_for(target, options).model,
               findings.all().empty() ? "no finding (which proves nothing)"
                                      : fmt::format("{} finding{}", findings.all().size(),
                                                    findings.all().size() == 1 ? "" : "s"));
    fmt::print("{}{}", detector_line(tally), undecided_line(tally));
  }
  return exit_code(!findings.all().empty(), findings.diverged(), findings.write_failed());
}

namespace {

/// How what a replay saw, event by event as recorded, compares with the recorded finding. The
/// signature tells places apart; it changes as functions are renamed.
std::string likeness(const exploration::Recording& recorded, const exploration::Recording& seen) {
  const std::string kind = exec::name_of(seen.kind);
  if (seen.kind == exec::FindingKind::kNone) {
    return "no finding, as recorded";
  }
  if (recorded.message != seen.message) {
    return "a " + kind + " finding (" + seen.rule +
           "), but the recorded one says: " + recorded.message;
  }
  return recorded.signature == seen.signature
             ? "the same " + kind + " finding"
             : "the same " + kind + " finding, in functions of other names (signature " +
                   recorded.signature + ", now " + seen.signature + ")";
}

/// The seed, event by event the same, with the finding that it has now. False if it can't be
/// written.
bool update_seed(const std::string& path, exploration::Recording recording,
                 const exploration::Recording& seen) {
  recording.kind = seen.kind;
  recording.rule = seen.rule;
  recording.message = seen.message;
  recording.signature = seen.signature;
  recording.second_opinion = seen.second_opinion;
  const std::string story = report::tell(recording, report::StoryOptions{});
  if (const fuzz::SeedError error = fuzz::write_atomically(path, fuzz::to_text(recording, story))) {
    complain(error.message);
    return false;
  }
  return true;
}

}  // namespace

int run_replay(const CommandOptions& options) {
  process::around().set_output(process::Output::kKeep);
  Json results = Json::array();
  bool any_diverged = false;
  bool any_finding = false;
  bool write_failed = false;
  std::vector<std::pair<std::string, exploration::Recording>> seeds;
  for (const std::string& path : options.targets) {
    exploration::Recording recording;
    if (const fuzz::SeedError error = fuzz::read_seed(path, recording)) {
      complain(error.message);
      return kUsage;
    }
    seeds.emplace_back(path, std::move(recording));
  }
  for (const auto& [path, recording] : seeds) {
    target::Definition* program = target::program();
    exploration::Session session(
        program != nullptr ? *program : *target::find_target(recording.target), recording.settings);
    exploration::Recording seen;
    exploration::Divergence divergence;
    u64 runs = 0;
    while (runs < options.repeat && !divergence.diverged && !exploration::stop_requested()) {
      // A program's first execution in a process counts; the last one here is for the story.
      const bool apart = program != nullptr &&
                         (runs + 1 < options.repeat || recording.rule == exploration::kDiedRule);
      divergence = apart ? session.replay_apart(recording) : session.replay(recording, seen);
      seen = apart ? recording : seen;
      ++runs;
    }
    if (runs == 0) {
      break;
    }
    seen.signature = seen.kind == exec::FindingKind::kNone ? "" : report::signature_of(seen);
    any_diverged |= divergence.diverged;
    any_finding |= seen.kind != exec::FindingKind::kNone;
    const bool differs = seen.message != recording.message || seen.signature != recording.signature;
    const bool updates =
        options.update && differs && !divergence.diverged && seen.kind != exec::FindingKind::kNone;
    const bool updated = updates && update_seed(path, recording, seen);
    write_failed |= updates && !updated;
    if (options.json) {
      FiledFinding finding;
      finding.recording = seen;
      finding.seed = path;
      finding.location = seen.kind == exec::FindingKind::kNone ? "" : report::location_of();
      finding.confirmed = !divergence.diverged;
      finding.uncontrolled = report::uncontrolled_in_execution();
      Json list = Json::array();
      if (seen.kind != exec::FindingKind::kNone) {
        list.push_back(to_json(finding));
      }
      results.push_back(Json{{"schema", 1},
                             {"target", recording.target},
                             {"strategy", "replay"},
                             {"model", recording.settings.model},
                             {"seed", path},
                             {"executions", runs},
                             {"blocked", 0},
                             {"verdict", list.empty() ? "none" : "finding"},
                             {"diverged", divergence.diverged},
                             {"divergence", divergence.message},
                             {"events", seen.events},
                             {"digest", fmt::format("{:016x}", seen.digest)},
                             {"findings", list}});
      continue;
    }
    if (!options.quiet && (divergence.diverged || seen.kind != exec::FindingKind::kNone)) {
      report::StoryOptions story;
      story.color = use_color();
      story.width = terminal_width();
      story.diverged_at = divergence.event;
      fmt::print("{}\n", report::tell(seen, story));
    }
    if (divergence.diverged) {
      complain(path + ": " + divergence.message);
    } else {
      fmt::print("{}: replayed {} time{}, {} events, digest {:016x}: {}{}\n", path, runs,
                 runs == 1 ? "" : "s", seen.events, seen.digest, likeness(recording, seen),
                 updated ? "; the seed says so now" : "");
    }
  }
  if (options.json) {
    fmt::print("{}\n", (results.size() == 1 ? results[0] : results).dump(2));
  }
  return exit_code(any_finding, any_diverged, write_failed);
}

int run_fuzz(const CommandOptions& options) {
  if (!fuzz::has_libfuzzer()) {
    complain(
        "this build has no libFuzzer; build with `cmake --workflow --preset fuzz` and use "
        "build/fuzz/bin/heddle");
    return kUsage;
  }
  target::Definition& target = *target::find_target(options.targets.front());
  const std::string artifacts = options.findings_folder + "/" + target.name() + "/";
  std::error_code error;
  if (std::filesystem::create_directories(artifacts, error); error) {
    complain("cannot make the folder " + artifacts + ": " + error.message());
    return kEnvironment;
  }
  // libFuzzer leaves the process when it is done, so it gets a process of its own.
  struct Shared {
    u64 executions;
    bool diverged;
    char seed[4000];
  };
  auto* shared = static_cast<Shared*>(
      ::mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
  timespec before = {};
  ::clock_gettime(CLOCK_MONOTONIC, &before);
  const pid_t child = ::fork();
  if (child < 0) {
    complain(std::string("cannot start a process: ") + std::strerror(errno));
    return kEnvironment;
  }
  if (child == 0) {
    // libFuzzer has its own way to end, and keeps handlers that it finds.
    ::signal(SIGINT, SIG_DFL);
    ::signal(SIGTERM, SIG_DFL);
    exploration::Session session(target, settings_for(target, options));
    Findings findings(session, options, program_path());
    std::vector<std::string> flags = {"-len_control=0"};
    if (options.budget.executions != ~u64{0}) {
      flags.push_back(fmt::format("-runs={}", options.budget.executions));
    }
    if (options.budget.seconds > 0) {
      flags.push_back(
          fmt::format("-max_total_time={}", static_cast<int>(options.budget.seconds + 0.999)));
    }
    flags.push_back(fmt::format("-seed={}", options.budget.rng_seed % 0xffffffff + 1));
    flags.push_back("-artifact_prefix=" + artifacts);
    flags.insert(flags.end(), options.fuzzer_flags.begin(), options.fuzzer_flags.end());
    if (options.json || options.quiet) {
      flags.push_back("-verbosity=0");
    }
    fuzz::run_libfuzzer(
        session, flags,
        [&](const exec::Finding&) {
          FiledFinding* finding = findings.take();
          if (finding == nullptr) {
            shared->diverged = findings.diverged();
            return findings.diverged();
          }
          std::snprintf(shared->seed, sizeof shared->seed, "%s", finding->seed.c_str());
          if (!options.json) {
            fmt::print("{}\n", options.quiet ? finding->recording.message : finding->story);
            std::fflush(stdout);
          }
          return true;
        },
        &shared->executions);
  }
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
    ::kill(child, SIGINT);
  }
  timespec after = {};
  ::clock_gettime(CLOCK_MONOTONIC, &after);
  exploration::Tally tally;
  tally.executions = shared->executions;
  tally.seconds = static_cast<double>(after.tv_sec - before.tv_sec) +
                  1e-9 * static_cast<double>(after.tv_nsec - before.tv_nsec);
  std::vector<FiledFinding> findings;
  if (shared->seed[0] != '\0') {
    FiledFinding finding;
    if (!fuzz::read_seed(shared->seed, finding.recording)) {
      finding.seed = shared->seed;
      finding.confirmed = true;
      finding.strategy = "fuzz";
      finding.executions = tally.executions;
      finding.seconds = tally.seconds;
      findings.push_back(std::move(finding));
    }
  }
  if (options.json) {
    fmt::print("{}\n", to_json(options, target.name(), "fuzz", tally, findings).dump(2));
  } else {
    fmt::print("{}: {} executions in {:.2f} s, strategy fuzz: {}\n", target.name(),
               tally.executions, tally.seconds,
               findings.empty() ? "no finding (which proves nothing)" : "1 finding");
  }
  if (!findings.empty() || shared->diverged || exploration::stop_requested()) {
    return exit_code(!findings.empty(), shared->diverged, false);
  }
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) {
    return kClean;
  }
  complain(fmt::format("libFuzzer ended with {} {}", WIFEXITED(status) ? "exit code" : "signal",
                       WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status)));
  return WIFEXITED(status) && WEXITSTATUS(status) == 72  ? 130
         : WIFEXITED(status) && WEXITSTATUS(status) == 1 ? kUsage
                                                         : kInternalBug;
}

}  // namespace heddle::cli
