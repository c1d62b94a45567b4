// In-target world, outside of executions. Many executions of one target.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "exec/execution.hpp"
#include "explore/recording.hpp"
#include "explore/search.hpp"
#include "explore/strategies.hpp"
#include "graph/memory.hpp"
#include "target/registry.hpp"

namespace heddle::exploration {

/// Connects engine, oracles and signal handlers; once a process, at the first call.
void prepare_process();

/// What many executions came to.
struct Tally {
  u64 executions = 0;
  u64 steps = 0;
  u64 with_finding = 0;
  u64 raced = 0;     // executions in which the race oracle had a finding
  u64 detected = 0;  // executions in which the target's own detector fired
  u64 raced_and_detected = 0;
  u64 undecided = 0;  // executions that a contract could not judge within its means
  double seconds = 0;
};

/// What an exhaustive search has come to.
struct Census {
  u64 complete = 0;  // executions in which all threads finished
  u64 blocked = 0;   // in which some thread could not go on, by an assumption or a spin
  u64 with_finding = 0;
  u64 undecided = 0;       // see Tally
  bool finished = false;   // there are no others
  bool bounded = false;    // loops were cut short that might have gone on
  bool untimed = false;    // there were looks at the clock where time was not let pass
  bool preempted = false;  // there are executions with more preemptions than the budget has
  bool diverged = false;   // the program does not do the same again
  double seconds = 0;
};

/// A part of an exhaustive search: the `index`-th of `count` that together are the whole.
struct Shard {
  u32 index = 0;
  u32 count = 1;
};

/// Budget and strategy of a run.
struct Budget {
  std::string strategy = "random";
  u64 rng_seed = 1;
  u64 executions = ~u64{0};
  double seconds = 0;  // 0: no limit
  // Of check():
  std::string search = "dpor";   // or "dfs"
  u32 preemptions = kUnbounded;  // at most so many in an execution, if the search is "dfs"
  Shard shard;
  bool samples = false;  // if it is "dpor": runs some at random, too, that are in no count
};

constexpr const char* kDiedRule = "died";  // of a finding whose process is gone

/// What there was to see of an execution with a finding, wherever it ran.
struct Observed {
  exec::FindingKind kind = exec::FindingKind::kNone;
  std::string rule;
  std::string message;
  uptr pc = 0;
  bool raced = false;      // in it, whatever the finding
  bool detected = false;   // the target's own detector fired
  bool undecided = false;  // a contract could not judge it within its means
  bool interrupted = false;
  std::vector<u64> raced_names;  // of the variables, see Recording::raced
  std::vector<exec::Deviation> schedule;
  u64 decisions = 0;
  bool died = false;  // with its process, which left nothing else behind
};

/// Executions of one target under one strategy.
class Session {
 public:
  Session(target::Definition& target, const Settings& settings);
  /// A body instead of a registered target; it must outlive the session.
  Session(const std::function<void()>& body, const Settings& settings);

  /// Called for each execution with a finding, right after it, with the tally so far. Returns
  /// whether to go on. If it ran apart, all that is known of the finding is observed().
  using OnFinding = std::function<bool(const exec::Finding&, const Tally&)>;
  using OnCheckFinding = std::function<bool(const exec::Finding&, const Census&)>;
  /// Called now and then, with the tally so far.
  using OnProgress = std::function<void(const Tally&)>;
  using OnCensus = std::function<void(const Census&)>;

  /// What check() runs of an operation target.
  void set_program(target::Program program) { program_ = std::move(program); }
  /// All executions within the budget: each class that the memory model tells apart, or each
  /// schedule, once. Begins where `rest` says, unless that is empty, and leaves there what to go on
  /// with, unless nothing is left or a finding ended the search; the census is of what is between.
  Census check(const Budget& budget, const OnCheckFinding& on_finding, const OnCensus& on_progress,
               std::string* rest = nullptr);

  /// A guess at how many executions a program has, which is right on average: a random way down
  /// from the first one tells how fast their number grows. O(executions on the way). May be asked
  /// between two executions of check(). Guesses are too low mostly, and much too high seldom. Their
  /// mean, over the families of tests/litmus with 100 to 150,000 executions, five times each: of
  /// 1000 guesses the worst one was off by a factor of 1.3 in the typical family, 8 in one; of 100,
  /// by 1.9, and 13. Of 9.5e9 executions (three threads, 8 updates each) 300 guesses make 4e8
  /// to 1.3e10. Source: Knuth: Estimating the Efficiency of Backtrack Programs (1975).
  double guess_executions(const target::Program& program, Rng& rng);

  Tally run(const Budget& budget, const OnFinding& on_finding, const OnProgress& on_progress);

  /// Each execution in a process of its own, for what cannot be rolled back.
  void isolate() { isolated_ = true; }
  bool isolated() const { return isolated_; }
  /// Runs one schedule several times, in a child, and goes on isolated if its events differ.
  /// Returns false then. Programs only.
  bool check_rollback(const Budget& budget);

  /// The last execution with a finding.
  const Observed& observed() const { return observed_; }
  /// A recording of an execution that died: all but its events.
  Recording recording_of_death() const;

  /// Runs the execution that was last run once more, with a trace; compares.
  /// The engine then holds trace, history and finding for a report.
  Recording record(Divergence& divergence);

  /// Runs a recorded execution with a trace and compares it with the recording.
  Divergence replay(const Recording& recording, Recording& seen);

  /// The same in a process of its own. One that dies repeats a recorded death.
  Divergence replay_apart(const Recording& recording);

  const std::string& name() const { return name_; }

  /// One execution from bytes: a program, then a schedule. Total.
  const exec::Finding& run_bytes(const u8* bytes, std::size_t size);

 private:
  exec::Outcome execute(exec::Strategy& strategy, bool trace, u64 index = 0);
  /// The caller goes on with another one, or calls exec::Execution::hand_back().
  exec::Outcome execute_next(exec::Strategy& strategy, bool trace, u64 index,
                             bool (*should_stop)());
  exec::Outcome run_once(const exec::Options& options);
  void note_raced(const std::vector<u64>& names);
  exec::Outcome explore(Search& search);  // as execute_next()
  bool restore(Search& search);
  /// Of check(), which has looked at `runs` executions: runs some at random, always the same ones,
  /// until they have taken `steps_max`. True if the last one has a finding.
  bool sample(u64 runs, u64 steps_max);
  void retell(Search& search, ThreadId finder);
  void use_model(const std::string& rule_found);
  /// Steps it took. A finding is in observed_ then.
  u64 execute_apart(exec::Strategy& strategy, u64 index);
  void observe(const exec::Outcome& outcome);
  Recording capture(const exec::Outcome& outcome) const;

  target::Definition* target_ = nullptr;
  const std::function<void()>* body_ = nullptr;
  std::string name_;
  Settings settings_;
  std::vector<u64> raced_;                      // see Recording
  std::unique_ptr<graph::GraphMemory> memory_;  // null under sc: memory holds all there is
  exec::MemoryModel* model_ = nullptr;
  bool exhaustive_ = false;
  bool in_any_order_ = false;  // see exec::Options
  target::Program program_;
  BytesStrategy bytes_;
  Observed observed_;
  bool isolated_ = false;
};

/// "random" or "pct"; null for an unknown name.
std::unique_ptr<exec::Strategy> make_strategy(const std::string& name, u64 rng_seed);
std::unique_ptr<Search> make_search(const std::string& model, const Budget& budget);

}  // namespace heddle::exploration
