// Heddle: write a test as ordinary C++ (std::thread, std::atomic, anything), and Heddle decides
// every interleaving of it. This is the header that a test includes.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "heddle/heddle.h"
#include "heddle/operations.hpp"

/// A property of the program under test. Where it does not hold, the execution ends with a finding.
#define HEDDLE_CHECK(...) \
  ((__VA_ARGS__) ? static_cast<void>(0) : ::heddle_check_failed(#__VA_ARGS__, __FILE__, __LINE__))

/// HEDDLE_TEST(name) { ... } or HEDDLE_TEST(suite, name) { ... }: a test target, "name" or
/// "suite.name". The body runs afresh for each execution; globals and heap are as new each time.
#define HEDDLE_TEST(...) HEDDLE_PICK_3(__VA_ARGS__, HEDDLE_TEST_2, HEDDLE_TEST_1, )(__VA_ARGS__)

/// HEDDLE_TARGET(name, t) { ... }: an operation target; the body declares operations into `t`
/// (a heddle::Target&), once.
#define HEDDLE_TARGET(name, parameter)                                                         \
  static void heddle_target_##name(::heddle::Target& parameter);                               \
  static const ::heddle::Registration heddle_registration_##name(#name, heddle_target_##name); \
  static void heddle_target_##name(::heddle::Target& parameter)

/// HEDDLE_VARIANT(of, bug, expect, t) { ... }: the operation target "of@bug", a copy of target `of`
/// with a seeded bug, to be found by the oracle `expect` ("race", "heap", "iteration", ...).
#define HEDDLE_VARIANT(of, bug, expect, parameter)                      \
  static void heddle_target_##of##_##bug(::heddle::Target& parameter);  \
  static const ::heddle::Registration heddle_registration_##of##_##bug( \
      #of "@" #bug, heddle_target_##of##_##bug, #of, expect);           \
  static void heddle_target_##of##_##bug(::heddle::Target& parameter)

#define HEDDLE_PICK_3(a, b, chosen, ...) chosen
#define HEDDLE_TEST_1(name) HEDDLE_TEST_NAMED(name, #name)
#define HEDDLE_TEST_2(suite, name) HEDDLE_TEST_NAMED(suite##_##name, #suite "." #name)
#define HEDDLE_TEST_NAMED(identifier, text)                                                       \
  static void heddle_test_##identifier();                                                         \
  static const ::heddle::Registration heddle_registration_##identifier(text,                      \
                                                                       heddle_test_##identifier); \
  static void heddle_test_##identifier()

namespace heddle {

/// Enters a target into the list that the command knows. Made by the macros above, before main().
class Registration {
 public:
  Registration(const char* name, void (*body)(), const char* of = nullptr,
               const char* expect = nullptr, const char* needs = "");
  Registration(const char* name, void (*declare)(Target&), const char* of = nullptr,
               const char* expect = nullptr);
};

/// A value in [0, arity) by decision.
inline unsigned choose(unsigned arity) { return heddle_choose(arity); }

/// The iteration that the caller is in (Role::kIterate) hands out an entry.
inline void yielded(std::int64_t key, std::int64_t value) { heddle_yielded(key, value); }

/// heddle_enter(), and heddle_leave() at the end of the block.
class Entered {
 public:
  Entered(const void* object, const char* what) : object_(object) { heddle_enter(object, what); }
  ~Entered() { heddle_leave(object_); }
  Entered(const Entered&) = delete;
  Entered& operator=(const Entered&) = delete;

 private:
  const void* object_;
};

/// See heddle_linearization_point().
inline void linearization_point() { heddle_linearization_point(); }

/// How explore() goes about it.
struct ExploreOptions {
  std::string strategy = "random";    // random, pct
  std::uint64_t executions = 10'000;  // at most
  double seconds = 0;                 // at most; 0: no limit
  std::uint64_t rng_seed = 1;
  bool preempt_all = false;  // plain accesses are scheduling points too
  /// A race does not end the execution, nor the run: the first one is the result only if nothing
  /// else is found.
  bool race_continue = false;
  bool detector = true;  // what heddle_detector_on() answers
  /// What may fail by decision: of "weak-cas", "spurious-wakeup", "bad-alloc" and
  /// "thread-creation", "freeze" and "iterator-state", separated by commas; or "all", or "none".
  std::string faults = "weak-cas,freeze";
  std::uint64_t steps_max = 100'000;  // scheduling points an execution; beyond: livelock
  std::string model = "sc";           // memory model: sc, tso, or rc11
};

/// What explore() saw.
struct ExploreResult {
  bool found = false;
  std::string kind;     // "race", "heap", "deadlock", ...; empty if none
  std::string rule;     // finer: "use-after-free"
  std::string message;  // one line
  std::string report;   // the whole story: message, interleaving, stacks
  std::string seed;     // text of the seed that replays it
  std::uint64_t executions = 0;

  /// For EXPECT_FALSE(result) << result.report.
  explicit operator bool() const { return found; }
};

/// Runs `body` again and again under Heddle's scheduler until a finding or the end of the budget.
/// Works in any program whose tested code was compiled with Heddle's flags, a GoogleTest say.
/// Not reentrant; must be called from the OS thread that called it first.
ExploreResult explore(const std::function<void()>& body, const ExploreOptions& options = {});

}  // namespace heddle
