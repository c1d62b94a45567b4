// What the tests of exhaustive search share.
#pragma once

#include <atomic>
#include <functional>
#include <gtest/gtest.h>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "explore/session.hpp"
#include "heddle/heddle.hpp"

namespace heddle::testing {

constexpr auto kRelaxed = std::memory_order_relaxed;
constexpr auto kAcquire = std::memory_order_acquire;
constexpr auto kRelease = std::memory_order_release;
constexpr auto kSeqCst = std::memory_order_seq_cst;

inline exploration::Settings settings_for(const char* model, u64 steps_max) {
  exploration::Settings settings;
  settings.model = model;
  settings.faults = 0;
  settings.steps_max = steps_max;
  return settings;
}

inline exploration::Census check(const char* model, const std::function<void()>& body,
                                 u64 steps_max = 100'000) {
  const exploration::Settings settings = settings_for(model, steps_max);
  exploration::Session session(body, settings);
  std::string findings;
  const exploration::Census census =
      session.check({},
                    [&](const exec::Finding& finding, const exploration::Census&) {
                      findings += finding.message.data;
                      return true;
                    },
                    {});
  EXPECT_EQ(findings, "");
  EXPECT_FALSE(census.diverged);
  EXPECT_TRUE(census.finished);
  return census;
}

/// The kinds of all findings, each once. All of them repeat.
inline std::string findings(const char* model, const std::function<void()>& body,
                            exec::Faults faults = 0, u64 steps_max = 100'000) {
  exploration::Settings settings = settings_for(model, steps_max);
  settings.faults = faults;
  exploration::Session session(body, settings);
  std::set<std::string> kinds;
  const exploration::Census census =
      session.check({},
                    [&](const exec::Finding& finding, const exploration::Census&) {
                      kinds.insert(exec::name_of(finding.kind));
                      exploration::Divergence divergence;
                      session.record(divergence);
                      EXPECT_FALSE(divergence.diverged) << divergence.message;
                      return true;
                    },
                    {});
  EXPECT_TRUE(census.finished && !census.diverged);
  std::string all;
  for (const std::string& kind : kinds) {
    all += (all.empty() ? "" : " ") + kind;
  }
  return all;
}

/// Complete executions under SC, TSO and RC11.
using Counts = std::vector<u64>;
inline Counts counts(const std::function<void()>& body) {
  Counts all;
  for (const char* model : {"sc", "tso", "rc11"}) {
    all.push_back(check(model, body).complete);
  }
  return all;
}

struct Shared {
  std::atomic<int> x{0};
  std::atomic<int> y{0};
  std::atomic<int> z{0};
};

template <class... Threads>
void run(Threads... threads) {
  std::vector<std::thread> all;
  (all.emplace_back(threads), ...);
  for (std::thread& thread : all) {
    thread.join();
  }
}

}  // namespace heddle::testing
