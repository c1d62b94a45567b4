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
u64 complete_in_parts(const std::function<void()>& body, Model model, u64 count) {
  exploration::Settings settings;
  settings.model = name_of(model);
  settings.faults = 0;
  exploration::Budget budget;
  budget.executions = count;
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
