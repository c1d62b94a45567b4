// In-target world. The targets that are linked into this program.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/rng.hpp"
#include "exec/execution.hpp"
#include "heddle/heddle.hpp"
#include "target/history.hpp"

namespace heddle {

class Archive;

namespace target {

/// One step of a made-up program.
struct ProgramStep {
  u16 thread;     // 0: before the threads start, by the main thread; else worker 1..n
  u16 operation;  // index into the target's operations
  i64 arguments[Operation::kArgumentsMax];
};

struct StartState {
  std::string name;
  std::vector<ProgramStep> steps;  // of thread 0
};

}  // namespace target

/// What a Target collects from its declaration.
class TargetImplementation {
 public:
  std::vector<std::unique_ptr<Operation>> operations;
  std::unique_ptr<Lifecycle> lifecycle;
  std::vector<const Contract*> contracts;
  Target::Describe validate;           // at rest; empty text: sound
  Target::Describe validate_any_step;  // likewise, in the midst of operations
  Target::Describe print;
  Progress progress = Progress::kBlocking;
  u32 own_steps_max = 0;  // of an operation; 0: no limit
  std::vector<target::StartState> starts;
  Seeded seeded;
  std::string description;
  std::string expect;
  unsigned cursor_count = 0;
  unsigned threads_least = 2;
  unsigned threads_most = 3;
  unsigned operations_most = 8;
  unsigned setup_most = 24;
  bool continue_on_race = false;
  bool preempt_all = false;
};

namespace target {

/// The program of one execution of an operation target.
struct Program {
  u32 workers = 0;
  std::vector<ProgramStep> steps;  // by thread, each thread's in order
};

/// Where made-up programs come from: random numbers, or bytes of a fuzzer.
class Source {
 public:
  virtual ~Source() = default;
  virtual u32 below(u32 bound) = 0;
};

class RandomSource final : public Source {
 public:
  explicit RandomSource(u64 seed) : rng_(seed) {}
  u32 below(u32 bound) override { return rng_.below(bound); }

 private:
  Rng rng_;
};

/// Bytes from the front; when they run out, zeroes. Total.
class BytesSource final : public Source {
 public:
  BytesSource(const u8* bytes, std::size_t size) : bytes_(bytes), size_(size) {}
  u32 below(u32 bound) override;
  std::size_t used() const { return at_; }

 private:
  const u8* bytes_;
  std::size_t size_;
  std::size_t at_ = 0;
};

/// All answers, one after the other: of a program, then, after each advance(), of the next one.
class EverySource final : public Source {
 public:
  u32 below(u32 bound) override;
  /// False if there are no others.
  bool advance();
  /// To be read where the program at hand is to be made from the start.
  void archive(Archive& archive);

 private:
  struct Answer {
    u32 value;
    u32 bound;
  };

  std::vector<Answer> answers_;
  std::size_t at_ = 0;
};

/// Which programs are small.
struct Smallness {
  u32 operations = 2;  // of each thread, at most
  u32 values = 2;      // of each argument: the first ones of its range
};

/// A program with a main of its own, as the user called it.
struct Executable {
  std::string path;
  std::vector<std::string> arguments;

  friend bool operator==(const Executable&, const Executable&) = default;
};

class Definition {
 public:
  Definition(const char* name, void (*body)(), const char* of, const char* expect)
      : name_(name),
        of_(of == nullptr ? "" : of),
        expect_(expect == nullptr ? "" : expect),
        body_(body) {}
  Definition(const char* name, void (*declare)(Target&), const char* of, const char* expect)
      : name_(name),
        of_(of == nullptr ? "" : of),
        expect_(expect == nullptr ? "" : expect),
        declare_(declare) {}

  Definition(std::string name, void (*body)(), Executable executable)
      : name_(std::move(name)), body_(body), executable_(std::move(executable)) {}

  const std::string& name() const { return name_; }
  /// The clean target this one is a variant of; empty if it is none.
  const std::string& of() const { return of_; }
  /// The oracle that must find the seeded bug; empty for clean targets.
  const std::string& expect() { return expect_.empty() ? declared().expect : expect_; }
  bool is_test() const { return body_ != nullptr; }
  /// "test", "operations" or "program".
  const char* kind() const;
  /// Its path is empty if the target is no program.
  const Executable& executable() const { return executable_; }
  /// The declarations; made at the first call. Operation targets only.
  TargetImplementation& declared();

  /// A program for an operation target. Total: any source makes one.
  Program make_program(Source& source);
  /// One of the small ones, without setup besides the states to start in; from an EverySource,
  /// each.
  Program make_program(Source& source, const Smallness& smallness);

  /// What to hand to Execution::run(): body and argument. `program` must outlive the run.
  struct Runnable {
    exec::Body body;
    void* argument;
  };
  Runnable prepare(const Program& program);

  // Used by the body of operation targets, on fibers.
  void run_program();

 private:
  std::string name_;
  std::string of_;
  std::string expect_;
  void (*body_)() = nullptr;
  void (*declare_)(Target&) = nullptr;
  Executable executable_;
  std::unique_ptr<TargetImplementation> implementation_;
  const Program* program_ = nullptr;
};

/// All targets, by name.
std::vector<Definition*> all_targets();
Definition* find_target(const std::string& name);
/// Makes the program that this process is the one target.
void set_program(std::unique_ptr<Definition> program);
/// The target that is the program of this process; null if there is none.
Definition* program();

/// True if heddle_detector_fired() was called in the last execution.
bool detector_fired();
/// A contract could not judge the execution within its means.
void note_undecided();
/// True if one could not in the last execution.
bool judgement_undecided();
/// To be called before each execution. Without its detector a target does not act on misuse.
void begin_execution(bool with_detector);

}  // namespace target
}  // namespace heddle
