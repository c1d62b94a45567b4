// Random search and exhaustive search mean the same: what one sees, the other counts.
#include <gtest/gtest.h>

#include <cstdio>
#include <set>

#include "catalogue.hpp"
#include "execution_class.hpp"
#include "explore/explorer.hpp"
#include "explore/retelling.hpp"
#include "explore/session.hpp"
#include "litmus_body.hpp"
#include "random_litmus.hpp"

namespace heddle::litmus {
namespace {

using Classes = std::set<ExecutionClass>;
using Body = std::function<void()>;

constexpr u64 kExecutions = 200;      // random ones of a program, by each strategy
constexpr u64 kExecutionsMax = 5000;  // of a tiny program, until all classes have been seen
constexpr size_t kTiny = 6;           // classes

/// True if it ended by itself: where an assumption fails, random search gives up at once.
bool execute(const Body& body, exec::Strategy& strategy, graph::GraphMemory& memory,
             bool exhaustive, u64 index) {
  target::begin_execution(false);
  exec::Options options;
  options.strategy = &strategy;
  options.model = &memory;
  options.exhaustive = exhaustive;
  options.faults = 0;
  options.index = index;
  const exec::Outcome outcome =
      exec::engine().run([](void* argument) { (*static_cast<const Body*>(argument))(); },
                         const_cast<Body*>(&body), options);
  const exec::FindingKind kind = outcome.finding->kind;
  EXPECT_TRUE(kind == exec::FindingKind::kNone || kind == exec::FindingKind::kDeadlock)
      << outcome.finding->message.data;
  return !outcome.blocked;
}

/// One program under one model, by both searches.
class Comparison {
 public:
  Comparison(const Program& program, Model model)
      : program_(program),
        model_(model),
        body_(body_of(program_, outcomes_)),
        consistency_(*graph::consistency_of(name_of(model))) {}

  void explore() {
    exploration::Explorer explorer(consistency_);
    for (bool more = true; more;) {
      const bool ended = execute(body_, explorer, explorer.memory(), true, 0);
      ASSERT_FALSE(explorer.memory().diverged()) << title();
      if (explorer.memory().must_begin_again()) {
        explorer.begin_again();
        continue;
      }
      const ExecutionClass seen = class_of(explorer.memory().graph());
      if (ended) {
        EXPECT_TRUE(explored_.insert(seen).second) << "visited twice: " << title();
        retell(explorer, seen);
      }
      more = explorer.advance();
    }
  }

  void search() {
    for (const char* strategy : {"random", "pct"}) {
      search(strategy, graph::Policy::kDecisions);
    }
    if (model_ == Model::kSc) {
      search("random", graph::Policy::kNewest);
    }
  }

  size_t explored() const { return explored_.size(); }
  size_t reached() const { return reached_.size(); }
  std::string title() const { return std::string(name_of(model_)) + ": " + to_text(program_); }

 private:
  // What was found is told again by decisions, and must stay what it was.
  void retell(exploration::Explorer& explorer, const ExecutionClass& seen) {
    exploration::Retelling retelling(explorer.memory(), target::history(), false, ThreadId::kNone);
    execute(body_, retelling, retelling.memory(), false, 0);
    EXPECT_EQ(class_of(retelling.memory().graph()), seen) << "told otherwise: " << title();
  }

  void search(const char* name, graph::Policy policy) {
    const auto strategy = exploration::make_strategy(name, 1);
    graph::GraphMemory memory(consistency_, policy);
    for (u64 i = 0; i < kExecutions || (is_tiny() && !is_covered() && i < kExecutionsMax); ++i) {
      if (!execute(body_, *strategy, memory, false, i)) {
        continue;
      }
      const ExecutionClass seen = class_of(memory.graph());
      reached_.insert(seen);
      if (!explored_.contains(seen)) {
        ADD_FAILURE() << "not counted: " << title();
        return;
      }
    }
  }

  bool is_tiny() const { return explored_.size() <= kTiny; }
  bool is_covered() const { return reached_.size() == explored_.size(); }

  const Program& program_;
  Model model_;
  OutcomeSet outcomes_;
  Body body_;
  graph::Consistency& consistency_;
  Classes explored_;
  Classes reached_;
};

class RandomSearch : public testing::Test {
 protected:
  RandomSearch() { exploration::prepare_process(); }

  void compare(const Program& program) {
    for (const Model model : kModels) {
      Comparison comparison(program, model);
      comparison.explore();
      comparison.search();
      explored_ += comparison.explored();
      reached_ += comparison.reached();
      if (comparison.explored() <= kTiny) {
        EXPECT_EQ(comparison.reached(), comparison.explored()) << comparison.title();
      }
    }
  }

  void TearDown() override {
    std::printf("random search reached %zu of %zu classes\n", reached_, explored_);
  }

 private:
  size_t explored_ = 0;
  size_t reached_ = 0;
};

TEST_F(RandomSearch, SeesWhatIsCountedInTheCatalogue) {
  for (const Entry& entry : catalogue()) {
    compare(parse(entry.program));
  }
}

TEST_F(RandomSearch, SeesWhatIsCountedOfRandomPrograms) {
  for (u64 i = 0; i < 600; ++i) {
    compare(random_program(i, kFlavours[i % std::size(kFlavours)]));
  }
}

}  // namespace
}  // namespace heddle::litmus
