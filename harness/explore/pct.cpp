#include <algorithm>

#include "base/vec.hpp"
#include "explore/strategies.hpp"

namespace heddle::exploration {
namespace {

constexpr u32 kDepthMax = 5;

class Pct final : public exec::Strategy {
 public:
  explicit Pct(u64 rng_seed) : rng_seed_(rng_seed) {}

  const char* name() const override { return "pct"; }

  void begin_execution(u64 index) override {
    rng_.reseed(mix64(rng_seed_ ^ mix64(index)));
    lowest_ = kInitialLowest;
    patience_.begin_execution();
    ranking_.clear();
    ranked_.clear();
    change_count_ = static_cast<u32>(index % kDepthMax);
    fault_period_ = fault_period(index);
    yield_chance_ = yield_chance(index);
    for (u32 i = 0; i < change_count_; ++i) {
      changes_[i] = 1 + rng_.below(longest_);
    }
  }

  // Invariant: priorities of living threads are distinct; those at or below kInitialLowest were
  // lowered, the latest one most.
  void on_thread(ThreadId id) override {
    priorities_[to_index(id)] = (rng_.next() | (u64{1} << 63)) - to_index(id) % 64;
    rank(id);
  }

  void on_runnable(ThreadId id) override {
    if (!ranked_.contains(id)) {
      rank(id);
    }
  }

  ThreadId pick_thread(const exec::SchedulePoint& point) override {
    const bool gives_way = (point.yielding && rng_.chance(yield_chance_)) || patience_.is_over();
    if (point.current != ThreadId::kNone && (gives_way || passes_change(point.step))) {
      priorities_[to_index(point.current)] = --lowest_;
      rank(point.current);
    }
    const ThreadId best = highest(point.runnable);
    patience_.note(point, best);
    return best;
  }

  u32 pick(exec::DecisionKind kind, u32 arity) override {
    return exec::is_fault(kind) ? rng_.below(fault_period_) == 0 : rng_.below(arity);
  }

  void end_execution(u64 steps) override {
    const u32 length = steps < kLengthMax ? static_cast<u32>(steps) : kLengthMax;
    longest_ = length > longest_ ? length : longest_;
  }

 private:
  static constexpr u64 kInitialLowest = u64{1} << 32;
  static constexpr u32 kLengthMax = 20'000;  // a livelock's length says nothing about the rest

  struct Rank {
    u64 priority;
    ThreadId id;

    friend bool operator<(const Rank& a, const Rank& b) {
      return a.priority != b.priority ? a.priority < b.priority : a.id > b.id;
    }
  };

  void rank(ThreadId id) {
    ranking_.push_back(Rank{priorities_[to_index(id)], id});
    std::push_heap(ranking_.begin(), ranking_.end());
    ranked_.insert(id);
  }

  /// The runnable thread of the highest priority. Those above that can not run leave the ranking
  /// until they can.
  ThreadId highest(const exec::ThreadSet& runnable) {
    while (!runnable.contains(ranking_.begin()->id) || is_former(*ranking_.begin())) {
      const Rank top = *ranking_.begin();
      if (!is_former(top)) {
        ranked_.erase(top.id);
      }
      std::pop_heap(ranking_.begin(), ranking_.end());
      ranking_.pop_back();
    }
    return ranking_.begin()->id;
  }

  /// True if the thread was lowered since.
  bool is_former(const Rank& rank) const { return rank.priority != priorities_[to_index(rank.id)]; }

  // Change points are steps of the whole execution; the one at or just before this step counts
  // once.
  bool passes_change(u64 step) {
    for (u32 i = 0; i < change_count_; ++i) {
      if (changes_[i] != 0 && changes_[i] <= step) {
        changes_[i] = 0;
        return true;
      }
    }
    return false;
  }

  u64 rng_seed_;
  Rng rng_;
  u32 longest_ = 16;
  u64 lowest_ = kInitialLowest;
  u32 change_count_ = 0;
  Patience patience_;
  u32 fault_period_ = 16;
  u32 yield_chance_ = 0;
  u32 changes_[kDepthMax] = {};
  u64 priorities_[kThreadCountMax] = {};
  Vec<Rank> ranking_;       // a heap: all that can run, at least
  exec::ThreadSet ranked_;  // who is there with its present priority
};

}  // namespace

std::unique_ptr<exec::Strategy> make_pct(u64 rng_seed) { return std::make_unique<Pct>(rng_seed); }

}  // namespace heddle::exploration
