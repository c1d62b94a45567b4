// Goal: the same seed gives the same execution, and executions do not see each other.
#include <array>
#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "explore/session.hpp"
#include "fuzz/seed.hpp"
#include "tests/explore_helpers.hpp"

namespace {

using namespace heddle;  // NOLINT(google-build-using-namespace)
using heddle::testing::both;

int global_counter = 3;
std::vector<int>* global_vector = nullptr;

HEDDLE_TEST(determinism, racy_counter) {
  HEDDLE_CHECK(global_counter == 3);
  HEDDLE_CHECK(global_vector == nullptr);
  global_vector = new std::vector<int>{1, 2, 3};
  std::mutex mutex;
  std::atomic<std::vector<int>*> published{nullptr};
  int sum = 0;
  const auto work = [&] {
    std::vector<int> local(10, global_counter);
    published.store(&local);
    static_cast<void>(published.load());
    const int seen = [&] {
      const std::lock_guard lock(mutex);
      return sum;
    }();
    std::this_thread::yield();
    const std::lock_guard lock(mutex);
    sum = seen + 1;
  };
  std::thread a(work);
  std::thread b(work);
  a.join();
  b.join();
  ++global_counter;
  delete global_vector;
  HEDDLE_CHECK(sum == 2);
}

exploration::Recording find() {
  target::Definition& target = *target::find_target("determinism.racy_counter");
  exploration::Session session(target, {});
  exploration::Budget budget;
  budget.executions = 10'000;
  const exploration::Tally tally = session.run(
      budget, [](const exec::Finding&, const exploration::Tally&) { return false; }, nullptr);
  EXPECT_EQ(tally.with_finding, 1u);
  exploration::Divergence divergence;
  exploration::Recording recording = session.record(divergence);
  EXPECT_FALSE(divergence.diverged) << divergence.message;
  return recording;
}

TEST(Determinism, ReplaysAThousandTimes) {
  const exploration::Recording recording = find();
  EXPECT_EQ(recording.kind, exec::FindingKind::kCheck);
  exploration::Session session(*target::find_target(recording.target), {});
  for (int i = 0; i < 1000; ++i) {
    exploration::Recording seen;
    const exploration::Divergence divergence = session.replay(recording, seen);
    ASSERT_FALSE(divergence.diverged) << divergence.message;
  }
}

TEST(Determinism, SameRngSeedSameFinding) {
  const exploration::Recording first = find();
  const exploration::Recording second = find();
  EXPECT_EQ(first.digest, second.digest);
  EXPECT_EQ(fuzz::to_text(first, ""), fuzz::to_text(second, ""));
}

TEST(Determinism, ChangedScheduleIsADivergence) {
  exploration::Recording recording = find();
  ASSERT_FALSE(recording.schedule.empty());
  recording.schedule.erase(recording.schedule.begin());
  exploration::Session session(*target::find_target(recording.target), {});
  exploration::Recording seen;
  const exploration::Divergence divergence = session.replay(recording, seen);
  EXPECT_TRUE(divergence.diverged);
  EXPECT_NE(divergence.message.find("expected"), std::string::npos) << divergence.message;
}

TEST(Determinism, ImpossibleChoiceIsADivergence) {
  exploration::Recording recording = find();
  recording.schedule.back().choice = 77;
  recording.marks.clear();
  exploration::Session session(*target::find_target(recording.target), {});
  exploration::Recording seen;
  EXPECT_TRUE(session.replay(recording, seen).diverged);
}

std::vector<int> written{1, 2, 3};
std::vector<int> grown{1, 2, 3};

HEDDLE_TEST(determinism, early_heap) {
  const std::vector<int> expected{1, 2, 3};
  HEDDLE_CHECK(written == expected);
  HEDDLE_CHECK(grown == expected);
  written[1] = 7;
  grown.push_back(4);
}

TEST(Determinism, HeapOfStaticConstructorsIsRolledBack) {
  exploration::Session session(*target::find_target("determinism.early_heap"), {});
  exploration::Budget budget;
  budget.executions = 100;
  const exploration::Tally tally = session.run(
      budget,
      [](const exec::Finding& finding, const exploration::Tally&) {
        ADD_FAILURE() << finding.message.data;
        return false;
      },
      nullptr);
  EXPECT_EQ(tally.executions, 100u);
}

std::unique_ptr<int> freed_twice = std::make_unique<int>(3);

HEDDLE_TEST(determinism, early_block_freed_twice) {
  delete freed_twice.get();
  freed_twice.reset();
}

TEST(Determinism, HeapOfStaticConstructorsIsFreedOnce) {
  exploration::Session session(*target::find_target("determinism.early_block_freed_twice"), {});
  exploration::Budget budget;
  budget.executions = 3;
  std::vector<std::string> rules;
  session.run(
      budget,
      [&](const exec::Finding& finding, const exploration::Tally&) {
        rules.emplace_back(finding.rule);
        return true;
      },
      nullptr);
  EXPECT_EQ(rules, std::vector<std::string>(3, "double-free"));
}

std::size_t place_on_stack = 0;

void waits_for(std::atomic<int>& atomic) {
  both([&] { atomic.wait(0); },
       [&] {
         atomic = 1;
         atomic.notify_one();
       });
}

HEDDLE_TEST(determinism, waiters) {
  alignas(64) std::array<std::atomic<int>, 16> on_stack = {};
  const auto on_heap = std::make_unique<std::atomic<int>>(0);
  waits_for(on_stack[place_on_stack]);
  waits_for(*on_heap);
}

u64 digest_of_waiters(std::size_t place) {
  place_on_stack = place;
  exploration::Session session(*target::find_target("determinism.waiters"), {});
  exploration::Recording seen;
  static_cast<void>(session.replay({}, seen));
  return seen.digest;
}

// libstdc++ keeps a count of those who wait where the address of the atomic leads to.
TEST(Determinism, WaitersAreTheSameWhereverTheAtomicIs) {
  const u64 first = digest_of_waiters(0);
  for (std::size_t place = 1; place < 16; ++place) {
    EXPECT_EQ(digest_of_waiters(place), first) << place;
  }
}

TEST(Determinism, WaitersAreTheSameInEveryBuild) {
  EXPECT_EQ(digest_of_waiters(0), 13210593467717110791u);
}

TEST(Seed, RoundTrip) {
  const exploration::Recording recording = find();
  const std::string text = fuzz::to_text(recording, "a story\nin two lines");
  exploration::Recording read;
  const fuzz::SeedError error = fuzz::from_text(text, read);
  ASSERT_FALSE(error) << error.message;
  EXPECT_EQ(fuzz::to_text(read, "a story\nin two lines"), text);
}

TEST(Seed, EveryTruncationIsRejected) {
  const std::string text = fuzz::to_text(find(), "story");
  for (std::size_t length = 0; length + 1 < text.size(); ++length) {
    exploration::Recording read;
    ASSERT_TRUE(fuzz::from_text(text.substr(0, length), read)) << length;
  }
}

TEST(Seed, EveryFlippedByteIsRejected) {
  const std::string text = fuzz::to_text(find(), "story");
  for (std::size_t i = 0; i + 1 < text.size(); ++i) {
    std::string damaged = text;
    damaged[i] = static_cast<char>(damaged[i] ^ 1);
    exploration::Recording read;
    ASSERT_TRUE(fuzz::from_text(damaged, read)) << i;
  }
}

}  // namespace
