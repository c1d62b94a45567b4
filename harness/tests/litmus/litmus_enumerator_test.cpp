// The brute-force judge of explorers is held against the literature, against machines that know no
// axioms, and against theorems about the models.
#include <gtest/gtest.h>

#include <algorithm>
#include <span>

#include "catalogue.hpp"
#include "families.hpp"
#include "interleavings.hpp"
#include "random_litmus.hpp"

namespace heddle::litmus {
namespace {

constexpr u64 kProgramsOfEachFlavour = 1000;
constexpr Flavour kWithoutTries[] = {Flavour::kAtomics, Flavour::kAssumptions, Flavour::kMutexes};

const Behaviour& under(const Behaviours& behaviours, Model model) {
  return behaviours[static_cast<u8>(model)];
}

template <class Check>
void for_random_programs(Check check, std::span<const Flavour> flavours = kFlavours) {
  for (const Flavour flavour : flavours) {
    for (u64 seed = 0; seed < kProgramsOfEachFlavour && !::testing::Test::HasFailure(); ++seed) {
      const Program program = random_program(seed, flavour);
      SCOPED_TRACE(to_text(program));
      check(program);
    }
  }
}

/// Each outcome of the one is an outcome of the other.
void expect_weaker(const Program& program, const Behaviour& strong, const Behaviour& weak) {
  for (const Outcome& outcome : strong.outcomes) {
    EXPECT_TRUE(weak.outcomes.contains(outcome)) << to_text(program, outcome);
  }
  EXPECT_LE(strong.complete, weak.complete);
}

void expect_as_machines(const Program& program) {
  const Behaviours enumerated = enumerate(program);
  for (const Model model : {Model::kSc, Model::kTso}) {
    SCOPED_TRACE(name_of(model));
    const Behaviour interleaved = interleave(program, model);
    EXPECT_EQ(interleaved.complete, under(enumerated, model).complete);
    EXPECT_EQ(interleaved.blocked, under(enumerated, model).blocked);
    EXPECT_EQ(interleaved.outcomes, under(enumerated, model).outcomes);
  }
}

TEST(Litmus, ProgramsAreTextAndBack) {
  constexpr const char* kAll =
      "x=1(rlx); a:=y(acq); b:=add(x,2,ar); swap(z,b+1,sc) || c:=cas(w,0,1,rel,rlx); "
      "if(c==0) lock(m); if(c==0) w=c(rel); if(c==0) unlock(m) || fence(sc); d:=x(sc); "
      "assume(d!=1); e:=trylock(n); if(e==1) unlock(n)";
  EXPECT_EQ(to_text(parse(kAll)), kAll);
  for_random_programs([](const Program& program) {
    EXPECT_EQ(to_text(parse(to_text(program))), to_text(program));
  });
}

TEST(Litmus, OutcomesAreText) {
  const Program program = parse("a:=x(rlx) || y=1(rlx); c:=y(rlx)");
  const Outcome outcome = {{0, 7, 1}, {0, 1}};
  EXPECT_EQ(to_text(program, outcome), "a=0 c=1 x=0 y=1");
  EXPECT_TRUE(fits(outcome, "a=0 y=1"));
  EXPECT_FALSE(fits(outcome, "a=0 c=0"));
}

TEST(LitmusEnumerator, AgreesWithTheCatalogue) {
  for (const Entry& entry : catalogue()) {
    const Behaviours behaviours = enumerate(parse(entry.program));
    for (const Model model : kModels) {
      SCOPED_TRACE(std::string(entry.name) + " under " + name_of(model) + ": " + entry.program);
      const Expected& expected = entry.expected[static_cast<u8>(model)];
      const Behaviour& behaviour = under(behaviours, model);
      EXPECT_EQ(behaviour.complete, expected.complete);
      EXPECT_EQ(behaviour.blocked, expected.blocked);
      EXPECT_EQ(
          std::ranges::any_of(behaviour.outcomes,
                              [&](const Outcome& outcome) { return fits(outcome, entry.asked); }),
          expected.allowed)
          << entry.asked;
    }
  }
}

// The store is the first thing that a fifth thread does.
TEST(LitmusEnumerator, TellsStoresOfManyThreadsApart) {
  Program program = parse("a:=x(rlx) || b:=x(rlx) || c:=x(rlx) || d:=x(rlx)");
  program.threads.push_back(parse("x=1(rlx)").threads.front());
  EXPECT_EQ(under(enumerate(program), Model::kRc11).complete, 16u);
}

TEST(LitmusEnumerator, AgreesWithTheCountsOfFamilies) {
  for (const Member& member : members()) {
    if (!member.small) {
      continue;
    }
    const Behaviours behaviours = enumerate(threads_of(member));
    for (const Model model : kModels) {
      const std::optional<u64> expected = member.complete[static_cast<u8>(model)];
      if (expected) {
        EXPECT_EQ(under(behaviours, model).complete, *expected)
            << member.family << "(" << member.n << ") under " << name_of(model);
      }
    }
  }
}

TEST(LitmusEnumerator, AgreesWithMachinesOnTheCatalogue) {
  for (const Entry& entry : catalogue()) {
    SCOPED_TRACE(entry.name);
    expect_as_machines(parse(entry.program));
  }
}

TEST(LitmusEnumerator, AgreesWithMachinesOnRandomPrograms) {
  for_random_programs(expect_as_machines);
}

// That programs are compiled correctly for x86, and that x86 is weaker than an interleaving
// machine.
TEST(LitmusEnumerator, ScIsStrongerThanTsoThanRc11) {
  for_random_programs([](const Program& program) {
    const Behaviours behaviours = enumerate(program);
    expect_weaker(program, under(behaviours, Model::kSc), under(behaviours, Model::kTso));
    expect_weaker(program, under(behaviours, Model::kTso), under(behaviours, Model::kRc11));
  });
}

// C++'s promise for programs that use the default order only, and for which an attempt to lock that
// fails says nothing.
TEST(LitmusEnumerator, SeqCstEverywhereIsSequentialConsistency) {
  for_random_programs(
      [](const Program& random) {
        const Program program = with_order(random, Order::kSeqCst);
        const Behaviours behaviours = enumerate(program);
        for (const Model model : {Model::kTso, Model::kRc11}) {
          EXPECT_EQ(under(behaviours, model).complete, under(behaviours, Model::kSc).complete);
          EXPECT_EQ(under(behaviours, model).outcomes, under(behaviours, Model::kSc).outcomes);
        }
      },
      kWithoutTries);
}

// Memory orders mean nothing to a machine that interleaves.
TEST(LitmusEnumerator, ScKnowsNoOrders) {
  for_random_programs([](const Program& program) {
    const Behaviours given = enumerate(program);
    const Behaviours relaxed = enumerate(with_order(program, Order::kRelaxed));
    EXPECT_EQ(under(given, Model::kSc).complete, under(relaxed, Model::kSc).complete);
    EXPECT_EQ(under(given, Model::kSc).outcomes, under(relaxed, Model::kSc).outcomes);
    expect_weaker(program, under(given, Model::kRc11), under(relaxed, Model::kRc11));
  });
}

}  // namespace
}  // namespace heddle::litmus
