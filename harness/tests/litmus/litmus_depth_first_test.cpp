// Programs end as they can, no other way, whether their executions are gone through class by class
// or schedule by schedule.
#include <gtest/gtest.h>

#include <algorithm>

#include "catalogue.hpp"
#include "explore/session.hpp"
#include "litmus_body.hpp"
#include "random_litmus.hpp"

namespace heddle::litmus {
namespace {

using exploration::Budget;
using exploration::Census;
using exploration::kUnbounded;

/// Some programs have millions of schedules.
Budget depth_first(u64 schedules, u32 preemptions) {
  Budget budget;
  budget.search = "dfs";
  budget.preemptions = preemptions;
  budget.executions = schedules;
  return budget;
}

struct Seen {
  Census census;
  std::set<Outcome> outcomes;

  u64 executions() const { return census.complete + census.blocked + census.with_finding; }
};

Seen search(const Program& program, Model model, const Budget& budget) {
  exploration::Settings settings;
  settings.model = name_of(model);
  settings.faults = 0;
  OutcomeSet outcomes;
  const std::function<void()> body = body_of(program, outcomes);
  exploration::Session session(body, settings);
  const Census census = session.check(budget,
                                      [](const exec::Finding& finding, const Census&) {
                                        EXPECT_EQ(finding.kind, exec::FindingKind::kDeadlock)
                                            << finding.message.data;
                                        return true;
                                      },
                                      {});
  EXPECT_FALSE(census.diverged || census.bounded);
  return {census, outcomes.all()};
}

std::string title(const Program& program, Model model) {
  return std::string(name_of(model)) + ": " + to_text(program);
}

/// Some of what the program can end with; all of it, if all schedules were run.
Seen expect_outcomes(const Program& program, const Behaviours& behaviours, Model model,
                     const Budget& budget) {
  const Behaviour& truth = behaviours[static_cast<u8>(model)];
  const Seen seen = search(program, model, budget);
  EXPECT_TRUE(std::ranges::includes(truth.outcomes, seen.outcomes)) << title(program, model);
  if (seen.census.finished && !seen.census.preempted) {
    EXPECT_EQ(seen.outcomes, truth.outcomes) << title(program, model);
    EXPECT_GE(seen.census.complete, truth.complete) << title(program, model);
  }
  return seen;
}

TEST(LitmusDepthFirst, Catalogue) {
  u32 finished = 0;
  for (const Entry& entry : catalogue()) {
    const Program program = parse(entry.program);
    const Behaviours behaviours = enumerate(program);
    for (const Model model : kModels) {
      const Budget budget = depth_first(3'000, kUnbounded);
      finished += expect_outcomes(program, behaviours, model, budget).census.finished;
    }
  }
  EXPECT_GT(finished, 50u);
}

TEST(LitmusDepthFirst, TwoThreads) {
  constexpr u64 kPrograms = 400;
  u64 finished = 0;
  for (u64 i = 0; i < kPrograms; ++i) {
    Program program = random_program(i, kFlavours[i % std::size(kFlavours)]);
    program.threads.resize(2);
    const Behaviours behaviours = enumerate(program);
    for (const Model model : kModels) {
      const Budget budget = depth_first(20'000, kUnbounded);
      finished += expect_outcomes(program, behaviours, model, budget).census.finished;
    }
  }
  EXPECT_GT(finished, kPrograms * std::size(kModels) * 9 / 10);
}

TEST(LitmusDepthFirst, ThreeThreadsAndFewPreemptions) {
  for (u64 i = 0; i < 200; ++i) {
    const Program program = random_program(i, kFlavours[i % std::size(kFlavours)]);
    const Behaviours behaviours = enumerate(program);
    for (const Model model : kModels) {
      expect_outcomes(program, behaviours, model, depth_first(5'000, 1));
    }
  }
}

// Round by round, each schedule is counted in one of them.
TEST(LitmusDepthFirst, RoundsAddUp) {
  for (u64 i = 0; i < 100; ++i) {
    Program program = random_program(i, kFlavours[i % std::size(kFlavours)]);
    program.threads.resize(2);
    const Behaviours behaviours = enumerate(program);
    for (const Model model : kModels) {
      const Seen all = search(program, model, depth_first(5'000, kUnbounded));
      if (all.census.finished) {
        const Seen rounds =
            expect_outcomes(program, behaviours, model, depth_first(~u64{0}, 1'000));
        EXPECT_FALSE(rounds.census.preempted);
        EXPECT_EQ(rounds.census.complete, all.census.complete) << title(program, model);
        EXPECT_EQ(rounds.executions(), all.executions()) << title(program, model);
      }
    }
  }
}

}  // namespace
}  // namespace heddle::litmus
