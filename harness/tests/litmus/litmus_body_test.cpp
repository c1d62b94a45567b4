// Random search runs litmus tests for real, and sees what the judge of explorers says is possible.
#include <gtest/gtest.h>

#include "agreement.hpp"
#include "catalogue.hpp"
#include "families.hpp"
#include "litmus_body.hpp"
#include "random_litmus.hpp"
#include "tests/explore_helpers.hpp"

namespace heddle::litmus {
namespace {

constexpr u64 kOutcomesSeen = 30;

std::set<Outcome> seen_by_random_search(const Program& program, u64 executions) {
  OutcomeSet outcomes;
  const ExploreResult result =
      explore(body_of(program, outcomes), {.executions = executions, .faults = "none"});
  EXPECT_TRUE(!result.found || result.kind == "deadlock") << result.report;
  return outcomes.all();
}

const std::set<Outcome>& possible(const Behaviours& behaviours) {
  return behaviours[static_cast<u8>(Model::kSc)].outcomes;
}

TEST(LitmusBody, RandomSearchSeesNothingImpossible) {
  for (const Flavour flavour : kFlavours) {
    for (u64 seed = 0; seed < 100; ++seed) {
      const Program program = random_program(seed, flavour);
      const Behaviours behaviours = enumerate(program);
      for (const Outcome& outcome : seen_by_random_search(program, 30)) {
        EXPECT_TRUE(possible(behaviours).contains(outcome))
            << to_text(program) << ": " << to_text(program, outcome);
      }
    }
  }
}

// Of the smaller ones: random search promises nothing.
TEST(LitmusBody, RandomSearchSeesAllOutcomesOfTheCatalogue) {
  for (const Entry& entry : catalogue()) {
    const Program program = parse(entry.program);
    const std::set<Outcome> seen = seen_by_random_search(program, testing::kTsan ? 500 : 5000);
    const Behaviours behaviours = enumerate(program);
    for (const Outcome& outcome : seen) {
      EXPECT_TRUE(possible(behaviours).contains(outcome))
          << entry.name << ": " << to_text(program, outcome);
    }
    if (!testing::kTsan && possible(behaviours).size() <= kOutcomesSeen) {
      EXPECT_EQ(seen.size(), possible(behaviours).size()) << entry.name;
    }
  }
}

TEST(Families, AreSound) {
  for (const Member& member : members()) {
    const ExploreResult result = explore(body_of(member), {.executions = 100, .faults = "none"});
    EXPECT_FALSE(result.found) << member.family << "(" << member.n << "): " << result.report;
    EXPECT_EQ(result.executions, 100u);
  }
}

/// Says what it is told to, after a random search.
Explorer liar(Explored says, u64 executions) {
  return [says, executions](const std::function<void()>& body, Model /*model*/) {
    explore(body, {.executions = executions, .faults = "none"});
    return says;
  };
}

TEST(Agreement, IsFoundAndMissed) {
  const Program program = parse("x=1(rlx); a:=y(rlx) || y=1(rlx); b:=x(rlx)");
  EXPECT_EQ(disagreement(program, Model::kSc, liar({3, 0}, 1000)), "");
  EXPECT_EQ(disagreement(program, Model::kSc, liar({4, 2}, 1000)),
            "sc: x=1(rlx); a:=y(rlx) || y=1(rlx); b:=x(rlx)\n"
            "  enumerator: 3 complete, 0 blocked\n"
            "  explorer: 4 complete, 2 blocked");
  EXPECT_EQ(disagreement(program, Model::kRc11, liar({4, 0}, 1000)),
            "rc11: x=1(rlx); a:=y(rlx) || y=1(rlx); b:=x(rlx)\n"
            "  enumerator: 4 complete, 0 blocked\n"
            "  explorer: 4 complete, 0 blocked\n"
            "  not explored: a=0 b=0 x=1 y=1");
}

TEST(Agreement, IsAskedForAllProgramsAndModels) {
  const Explorer blind = liar({}, 1);
  EXPECT_EQ(disagreements_on_families(1, blind).size(), 2 * std::size(kModels));
  EXPECT_EQ(disagreements_on_random_programs(4, blind).size(), 4 * std::size(kModels));
  EXPECT_GT(disagreements_on_catalogue(blind).size(), 2 * catalogue().size());
}

}  // namespace
}  // namespace heddle::litmus
