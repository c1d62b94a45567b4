#include "explore/session.hpp"

#include <algorithm>
#include <optional>
#include <sstream>
#include <utility>

#include "exec/faults.hpp"
#include "exec/naming.hpp"
#include "explore/deadline.hpp"
#include "explore/isolation.hpp"
#include "intercept/asan_glue.hpp"
#include "oracle/oracles.hpp"
#include "process/before_main.hpp"

namespace heddle::exploration {
namespace {

// A made-up program is run under this many schedules before the next one is made up.
constexpr u64 kSchedulesPerProgram = 4;

u16 fingerprint_of(u64 name, u64 value) {
  const u64 hash = mix64(name ^ mix64(value));
  return static_cast<u16>(hash >> 48);
}

// From a child to its parent: all but the schedule.
std::string to_text(const Observed& observed) {
  std::ostringstream text;
  text << static_cast<u32>(observed.kind) << ' ' << observed.raced << ' ' << observed.detected
       << ' ' << observed.undecided << ' ' << observed.interrupted << ' '
       << observed.raced_names.size();
  for (const u64 name : observed.raced_names) {
    text << ' ' << name;
  }
  text << ' ' << observed.pc << ' ' << observed.rule << '\n' << observed.message;
  return text.str();
}

void from_text(const std::string& bytes, Observed& observed) {
  std::istringstream text(bytes);
  u32 kind = 0;
  std::size_t count = 0;
  text >> kind >> observed.raced >> observed.detected >> observed.undecided >>
      observed.interrupted >> count;
  observed.raced_names.resize(count);
  for (u64& name : observed.raced_names) {
    text >> name;
  }
  text >> observed.pc;
  observed.kind = static_cast<exec::FindingKind>(kind);
  text.ignore();
  std::getline(text, observed.rule);
  std::getline(text, observed.message);
}

}  // namespace

void prepare_process() {
  static bool prepared = false;
  if (prepared) {
    return;
  }
  prepared = true;
  exec::Execution& execution = exec::engine();
  execution.initialize();
  execution.set_access_oracle(oracle::access_oracle());
  execution.add_oracle(oracle::deadlock_oracle());
  execution.add_oracle(oracle::livelock_oracle());
  execution.add_oracle(oracle::leak_oracle());
  execution.add_oracle(oracle::progress_oracle());
  execution.rollback().set_early_heap(
      [](uptr address) { return process::before_main().block_of(address) != nullptr; });
  intercept::install_sanitizer_glue();
  count_os_threads();
}

std::unique_ptr<exec::Strategy> make_strategy(const std::string& name, u64 rng_seed) {
  if (name == "random") {
    return make_random_walk(rng_seed);
  }
  if (name == "pct") {
    return make_pct(rng_seed);
  }
  return nullptr;
}

Session::Session(target::Definition& target, const Settings& settings)
    : target_(&target), name_(target.name()), settings_(settings) {
  prepare_process();
  use_model({});
}

Session::Session(const std::function<void()>& body, const Settings& settings)
    : body_(&body), name_("explore"), settings_(settings) {
  prepare_process();
  use_model({});
}

// Under SC nothing needs a graph, but what only a graph refuses.
void Session::use_model(const std::string& rule_found) {
  const bool interleaves = settings_.model == "sc";
  const bool needs_graph =
      rule_found == graph::kMixedSizeRule || rule_found == exec::kLargeAtomicRule;
  memory_ = interleaves && !needs_graph
                ? nullptr
                : std::make_unique<graph::GraphMemory>(
                      *graph::consistency_of(settings_.model.c_str()),
                      interleaves ? graph::Policy::kNewest : graph::Policy::kDecisions);
  model_ = memory_.get();
}

exec::Outcome Session::execute(exec::Strategy& strategy, bool trace, u64 index) {
  const exec::Outcome outcome = execute_next(strategy, trace, index, nullptr);
  exec::engine().hand_back();
  return outcome;
}

// Where executions follow each other, giving back the process each time is most of the work.
exec::Outcome Session::execute_next(exec::Strategy& strategy, bool trace, u64 index,
                                    bool (*should_stop)()) {
  target::begin_execution(settings_.detector);
  exec::Options options;
  options.strategy = &strategy;
  options.model = model_;
  options.exhaustive = exhaustive_;
  options.in_any_order = in_any_order_;
  options.parks = settings_.parks;
  options.faults = settings_.faults;
  options.raced = raced_.data();
  options.raced_count = static_cast<u32>(raced_.size());
  options.step_limit = settings_.steps_max;
  options.preempt_all = settings_.preempt_all;
  options.race_continue = settings_.race_continue;
  options.look_at_steps = settings_.look_at_steps;
  options.trace = trace;
  options.index = index;
  options.should_stop = should_stop;
  exec::Outcome outcome = run_once(options);
  process::before_main().end_execution();
  // Some system calls fail when a signal comes, and what the program made of that is not its doing.
  outcome.interrupted |= should_stop != nullptr && stop_requested();
  if (*outcome.finding) {
    exec::engine().hand_back();
  }
  return outcome;
}

exec::Outcome Session::run_once(const exec::Options& options) {
  if (target_ != nullptr) {
    const auto runnable = target_->prepare(program_);
    return exec::engine().run(runnable.body, runnable.argument, options);
  }
  return exec::engine().run(
      [](void* body) { (*static_cast<const std::function<void()>*>(body))(); },
      const_cast<std::function<void()>*>(body_), options);
}

Tally Session::run(const Budget& budget, const OnFinding& on_finding,
                   const OnProgress& on_progress) {
  Tally tally;
  const auto strategy = make_strategy(budget.strategy, budget.rng_seed);
  HEDDLE_INVARIANT(strategy != nullptr);
  const bool makes_programs = target_ != nullptr && !target_->is_test();
  const double start = now_seconds();
  const DeadlineScope scope(budget.seconds > 0 ? start + budget.seconds : kNoDeadline);
  double next_progress = start + 0.2;
  while (tally.executions < budget.executions && !stop_requested()) {
    if (makes_programs && tally.executions % kSchedulesPerProgram == 0) {
      target::RandomSource source(mix64(budget.rng_seed ^ mix64(tally.executions + 1)));
      program_ = target_->make_program(source);
    }
    if (isolated_) {
      tally.steps += execute_apart(*strategy, tally.executions);
    } else {
      const exec::Outcome outcome = execute_next(*strategy, false, tally.executions, must_stop);
      tally.steps += outcome.steps;
      observe(outcome);
    }
    if (observed_.interrupted) {
      break;
    }
    ++tally.executions;
    const bool raced = observed_.raced;
    const bool detected = observed_.detected;
    tally.raced += raced;
    tally.detected += detected;
    tally.raced_and_detected += raced && detected;
    tally.undecided += observed_.undecided;
    bool go_on = true;
    if (observed_.kind != exec::FindingKind::kNone) {
      ++tally.with_finding;
      tally.seconds = now_seconds() - start;
      const std::vector<u64> raced_names = observed_.raced_names;
      go_on = on_finding(exec::engine().finding(), tally);
      note_raced(raced_names);
    }
    if (tally.executions % 16 == 0 || !go_on) {
      const double now = now_seconds();
      tally.seconds = now - start;
      if (on_progress && now >= next_progress) {
        exec::engine().hand_back();
        on_progress(tally);
        next_progress = now + 0.2;
      }
      if (!go_on || (budget.seconds > 0 && tally.seconds >= budget.seconds)) {
        break;
      }
    }
  }
  exec::engine().hand_back();
  look_for_os_threads();
  tally.seconds = now_seconds() - start;
  return tally;
}

// What races is what old code synchronises with: from now on threads may be switched there.
void Session::note_raced(const std::vector<u64>& names) {
  constexpr std::size_t kRacedMax = 16;
  for (const u64 name : names) {
    if (raced_.size() < kRacedMax &&
        std::find(raced_.begin(), raced_.end(), name) == raced_.end()) {
      raced_.push_back(name);
    }
  }
}

const exec::Finding& Session::run_bytes(const u8* bytes, std::size_t size) {
  target::BytesSource source(bytes, size);
  if (target_ != nullptr && !target_->is_test()) {
    program_ = target_->make_program(source);
  }
  bytes_.set(bytes + source.used(), size - source.used());
  const exec::Outcome outcome = execute(bytes_, false);
  observe(outcome);
  return *outcome.finding;
}

void Session::observe(const exec::Outcome& outcome) {
  const exec::Finding& finding = *outcome.finding;
  observed_.kind = finding.kind;
  observed_.raced = outcome.raced;
  observed_.detected = target::detector_fired();
  observed_.undecided = target::judgement_undecided();
  observed_.interrupted = outcome.interrupted;
  if (!finding) {
    return;
  }
  observed_.rule = finding.rule;
  observed_.message = finding.message.data;
  observed_.pc = finding.pc;
  observed_.raced_names.clear();
  for (const uptr address : exec::engine().raced()) {
    observed_.raced_names.push_back(exec::plain_name(exec::engine(), address));
  }
  const Vec<exec::Deviation>& deviations = exec::engine().deviations();
  observed_.schedule.assign(deviations.begin(), deviations.end());
  observed_.died = false;
}

u64 Session::execute_apart(exec::Strategy& strategy, u64 index) {
  NotingStrategy::Notes& notes = shared_notes();
  observed_ = Observed{};
  const ChildEnd end = in_child([&] {
    NotingStrategy noting(strategy, notes);
    observe(execute_next(noting, false, index, must_stop));
    exec::engine().hand_back();
    look_for_os_threads();
    return to_text(observed_);
  });
  // What the child's copy of the strategy has learned, this one must.
  strategy.begin_execution(index);
  strategy.end_execution(notes.steps);
  if (end.finished) {
    from_text(end.result, observed_);
  } else {
    observed_.died = true;
    observed_.kind = exec::FindingKind::kCrash;
    observed_.rule = kDiedRule;
    observed_.message = "the process died: " + end.how;
  }
  if (observed_.kind != exec::FindingKind::kNone) {
    observed_.schedule.assign(notes.deviations, notes.deviations + notes.count);
    observed_.decisions = notes.decisions;
  }
  return notes.steps;
}

bool Session::check_rollback(const Budget& budget) {
  constexpr u64 kBetween = 32;
  constexpr double kSecondsMax = 1;
  const ChildEnd end = in_child([&] {
    const double start = now_seconds();
    const DeadlineScope scope(start + 3 * kSecondsMax);
    // Nothing if it took too long.
    const auto digest = [&](bool trace, u64 index) {
      const exec::Outcome outcome =
          execute_next(*make_strategy(budget.strategy, budget.rng_seed), trace, index, must_stop);
      exec::engine().hand_back();
      return outcome.interrupted ? std::nullopt : std::optional(outcome.digest);
    };
    const std::optional<u64> first = digest(true, 0);
    if (!first.has_value()) {
      return std::string("same");  // and so would the others
    }
    bool same = digest(true, 0) == first;
    for (u64 i = 1; same && i < kBetween && now_seconds() < start + kSecondsMax; ++i) {
      digest(false, i);
    }
    const std::optional<u64> last = digest(true, 0);
    same = !last.has_value() || (same && last == first);
    return std::string(same ? "same" : "");
  });
  isolated_ = end.result != "same";
  return !isolated_;
}

Recording Session::recording_of_death() const {
  Recording recording;
  recording.target = name_;
  recording.executable = target_->executable();
  recording.settings = settings_;
  recording.raced = raced_;
  recording.schedule = observed_.schedule;
  recording.decisions = observed_.decisions;
  recording.kind = observed_.kind;
  recording.rule = observed_.rule;
  recording.message = observed_.message;
  return recording;
}

Recording Session::capture(const exec::Outcome& outcome) const {
  exec::Execution& execution = exec::engine();
  Recording recording;
  recording.target = name_;
  if (target_ != nullptr) {
    recording.executable = target_->executable();
  }
  recording.settings = settings_;
  recording.raced = raced_;
  recording.program = program_;
  recording.schedule.assign(execution.deviations().begin(), execution.deviations().end());
  recording.decisions = outcome.decisions;
  recording.kind = outcome.finding->kind;
  recording.rule = outcome.finding->rule;
  recording.message = outcome.finding->message.data;
  recording.second_opinion = outcome.finding->second_opinion;
  recording.events = outcome.events;
  recording.digest = outcome.digest;
  for (const exec::Event& event : execution.events()) {
    if (exec::is_visible(event.kind) && recording.marks.size() < Recording::kMarksMax) {
      recording.marks.push_back(
          EventMark{event.thread, event.kind, fingerprint_of(event.name, event.shown)});
    }
  }
  return recording;
}

Recording Session::record(Divergence& divergence) {
  const Observed first = observed_;
  use_model(first.rule);
  ReplayStrategy strategy;
  strategy.set(first.schedule.data(), static_cast<u32>(first.schedule.size()));
  Recording recording = capture(execute(strategy, true));
  use_model({});
  look_for_os_threads();
  divergence = Divergence{};
  if (strategy.diverged() || recording.kind != first.kind || recording.rule != first.rule) {
    divergence.diverged = true;
    divergence.message = "the execution did not repeat: first " +
                         std::string(exec::name_of(first.kind)) + " (" + first.rule + "), then " +
                         exec::name_of(recording.kind) + " (" + recording.rule + ")";
    if (strategy.diverged()) {
      divergence.message += ", from decision " + std::to_string(strategy.diverged_at()) + " on";
    }
  }
  return recording;
}

Divergence Session::replay(const Recording& recording, Recording& seen) {
  settings_ = recording.settings;
  use_model(recording.rule);
  raced_ = recording.raced;
  program_ = recording.program;
  ReplayStrategy strategy;
  strategy.set(recording.schedule.data(), static_cast<u32>(recording.schedule.size()));
  seen = capture(execute(strategy, true));
  look_for_os_threads();
  Divergence divergence = compare(recording, seen);
  if (!divergence.diverged && strategy.diverged()) {
    divergence.diverged = true;
    divergence.message = "diverged at decision " + std::to_string(strategy.diverged_at()) +
                         ": the recorded choice is not possible there";
  }
  return divergence;
}

Divergence Session::replay_apart(const Recording& recording) {
  const ChildEnd end = in_child([&] {
    Recording seen;
    return replay(recording, seen).message;
  });
  const bool should_die = recording.rule == kDiedRule;
  if (end.finished == should_die) {
    return Divergence{true, should_die ? "diverged at the end: expected the process to die"
                                       : "diverged: the process died: " + end.how};
  }
  return should_die ? Divergence{} : Divergence{!end.result.empty(), end.result};
}

}  // namespace heddle::exploration
