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

}  // namespace
}  // namespace heddle::litmus
