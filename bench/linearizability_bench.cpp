// Time to judge one history, in microseconds: random histories of a correct map, or of one that
// lies once in a while, without linearization points, so that each one takes a search.
#include <algorithm>
#include <ctime>
#include <vector>

#include <fmt/format.h>

#include "harness/tests/history_helpers.hpp"
#include "models/stack.hpp"
#include "oracle/consistency.hpp"
#include "oracle/map_specification.hpp"

namespace {

using namespace heddle;           // NOLINT(google-build-using-namespace)
using namespace heddle::testing;  // NOLINT(google-build-using-namespace)

constexpr u32 kHistories = 201;
constexpr u32 kThreads = 4;

double microseconds_now() {
  timespec time = {};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return 1e6 * static_cast<double>(time.tv_sec) + 1e-3 * static_cast<double>(time.tv_nsec);
}

template <u32 Roles>
u32 call(Diary& diary, Rng& rng, u32 thread) {
  // Those on all keys come last.
  constexpr Role kRoles[] = {Role::kAssign,       Role::kInsert, Role::kFind,
                             Role::kErase,        Role::kFind,   Role::kExchange,
                             Role::kFindOrInsert, Role::kTake,   Role::kCompareExchange,
                             Role::kCompareErase, Role::kSize,   Role::kClear};
  return diary.call(thread, kRoles[rng.below(Roles)],
                    {static_cast<i64>(rng.below(4)), static_cast<i64>(rng.below(10)),
                     static_cast<i64>(rng.below(10))});
}

struct StackState {
  models::stack stack;
  Value apply(const target::HistoryEntry& entry) {
    return stack.apply(entry.name, entry.arguments);
  }
};

u32 call_of_stack(Diary& diary, Rng& rng, u32 thread) {
  return diary.call(thread, rng.below(2) == 0 ? "push" : "pop", {static_cast<i64>(rng.below(10))});
}

oracle::Verdict judge_stack(const target::History& history, Consistency consistency,
                            exec::Finding& finding) {
  std::vector<oracle::Item> items;
  for (u32 i = 0; i < history.entries.size(); ++i) {
    items.push_back(oracle::Item{history.entries[i], i, 0, 0});
  }
  return oracle::judge(items, history, consistency, ModelSpecification<models::stack>(),
                       oracle::kEffortMax, finding);
}

template <class State, class Judge>
void measure(const char* what, u32 operations, u32 lies_one_in,
             typename RandomHistory<State>::Call make_call, Judge judge) {
  static exec::Finding finding;
  std::vector<double> times;
  u32 counts[3] = {};
  Rng rng(operations + lies_one_in);
  for (u32 i = 0; i < kHistories; ++i) {
    Diary diary;
    RandomHistory<State>(diary, rng, make_call, lies_one_in).write(8, kThreads, operations);
    const double start = microseconds_now();
    const oracle::Verdict verdict = judge(diary.history(), Consistency::kLinearizable, finding);
    times.push_back(microseconds_now() - start);
    ++counts[static_cast<u32>(verdict)];
  }
  std::sort(times.begin(), times.end());
  fmt::print("  {:<34} {:>5} {:>10.0f} {:>10.0f}   {:>3} / {:>3} / {:>3}\n", what, operations,
             times[kHistories / 2], times.back(), counts[0], counts[1], counts[2]);
}

}  // namespace

int main() {
  fmt::print("{} histories of {} threads, 4 keys; microseconds of CPU time to judge one\n",
             kHistories, kThreads);
  fmt::print("  {:<34} {:>5} {:>10} {:>10}   fit / misfit / undecided\n", "operations", "",
             "median", "most");
  for (const u32 operations : {100u, 1000u}) {
    for (const u32 lies_one_in : {0u, operations}) {
      const std::string lies = lies_one_in == 0 ? "" : ", lying";
      measure<oracle::MapState>(("map, by key" + lies).c_str(), operations, lies_one_in, call<10>,
                                oracle::judge_map);
      measure<oracle::MapState>(("map, with size and clear" + lies).c_str(), operations,
                                lies_one_in, call<12>, oracle::judge_map);
      measure<StackState>(("stack, against the model" + lies).c_str(), operations, lies_one_in,
                          call_of_stack, judge_stack);
    }
  }
}
