// The explorer sees what the brute-force judge says is there: no class more, none less.
#include <gtest/gtest.h>

#include "agreement.hpp"
#include "families.hpp"
#include "explore/session.hpp"

namespace heddle::litmus {
namespace {

Explored explore_all(const std::function<void()>& body, Model model) {
  exploration::Settings settings;
  settings.model = name_of(model);
  settings.faults = 0;
  exploration::Session session(body, settings);
  Explored explored;
  const exploration::Census census =
      session.check({},
                    [&](const exec::Finding& finding, const exploration::Census&) {
                      EXPECT_EQ(finding.kind, exec::FindingKind::kDeadlock) << finding.message.data;
                      ++explored.blocked;
                      return true;
                    },
                    {});
  EXPECT_TRUE(census.finished);
  EXPECT_FALSE(census.bounded);
  explored.complete = census.complete;
  explored.blocked += census.blocked;
  return explored;
}

TEST(LitmusExplorer, Catalogue) {
  for (const std::string& text : disagreements_on_catalogue(explore_all)) {
    ADD_FAILURE() << text;
  }
}

TEST(LitmusExplorer, RandomPrograms) {
  for (const std::string& text : disagreements_on_random_programs(5000, explore_all)) {
    ADD_FAILURE() << text;
  }
}

TEST(LitmusExplorer, Families) {
  for (const Member& member : members()) {
    for (const Model model : kModels) {
      const auto expected = member.complete[static_cast<u8>(model)];
      if (expected) {
        EXPECT_EQ(explore_all(body_of(member), model).complete, *expected)
            << member.family << " " << member.n << " " << name_of(model);
      }
    }
  }
}

/// Complete executions, by a new session after each `count` ones of any kind.
u64 complete_in_parts(const std::function<void()>& body, Model model, u64 count,
                      exploration::Shard shard = {}) {
  exploration::Settings settings;
  settings.model = name_of(model);
  settings.faults = 0;
  exploration::Budget budget;
  budget.executions = count;
  budget.shard = shard;
  const auto go_on = [](const exec::Finding&, const exploration::Census&) { return true; };
  u64 complete = 0;
  std::string rest;
  do {
    exploration::Session session(body, settings);
    const exploration::Census census = session.check(budget, go_on, {}, &rest);
    EXPECT_FALSE(census.diverged);
    complete += census.complete;
  } while (!rest.empty());
  return complete;
}

TEST(LitmusExplorer, GuessesAreRightOnAverage) {
  constexpr u32 kGuesses = 300;
  for (const Member& member : members()) {
    const auto complete = member.complete[static_cast<u8>(Model::kRc11)];
    if (!complete || *complete < 100 || *complete > 1000) {
      continue;
    }
    const std::function<void()> body = body_of(member);
    const Explored all = explore_all(body, Model::kRc11);
    exploration::Settings settings;
    settings.model = name_of(Model::kRc11);
    settings.faults = 0;
    exploration::Session session(body, settings);
    Rng rng(1);
    double sum = 0;
    for (u32 i = 0; i < kGuesses; ++i) {
      sum += session.guess_executions({}, rng);
    }
    const double share = sum / kGuesses / static_cast<double>(all.complete + all.blocked);
    EXPECT_TRUE(share > 1.0 / 3 && share < 3) << member.family << " " << member.n << ": " << share;
  }
}

TEST(LitmusExplorer, FamiliesInShards) {
  for (const Member& member : members()) {
    for (const Model model : kModels) {
      const auto expected = member.complete[static_cast<u8>(model)];
      if (expected && *expected < 10'000) {
        u64 complete = 0;
        for (u32 index = 0; index < 3; ++index) {
          complete += complete_in_parts(body_of(member), model, ~u64{0}, {index, 3});
        }
        EXPECT_EQ(complete, *expected) << member.family << " " << member.n << " " << name_of(model);
      }
    }
  }
}

TEST(LitmusExplorer, FamiliesInParts) {
  for (const Member& member : members()) {
    for (const Model model : kModels) {
      const auto expected = member.complete[static_cast<u8>(model)];
      if (expected && *expected < 10'000) {
        EXPECT_EQ(complete_in_parts(body_of(member), model, *expected / 100 + 1), *expected)
            << member.family << " " << member.n << " " << name_of(model);
      }
    }
  }
}

}  // namespace
}  // namespace heddle::litmus
