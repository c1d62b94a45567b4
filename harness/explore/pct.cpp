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
    patience_.begin_execution();
    order_.clear();
    lowered_count_ = 0;
    change_count_ = static_cast<u32>(index % kDepthMax);
    chances_.begin_execution(index);
    yield_chance_ = yield_chance(index);
    for (u32 i = 0; i < change_count_; ++i) {
      changes_[i] = 1 + rng_.below(longest_);
    }
  }

  void on_thread(ThreadId id) override {
    order_.push_back(id);
    ThreadId* place = order_.begin() + rng_.below(order_.size() - lowered_count_);
    std::rotate(place, order_.end() - 1, order_.end());
  }

  void on_finish(ThreadId id) override {
    to_the_end(id);
    order_.pop_back();
  }

  ThreadId pick_thread(const exec::SchedulePoint& point) override {
    const bool gives_way = (point.yielding && rng_.chance(yield_chance_)) || patience_.is_over();
    if (point.current != ThreadId::kNone && (gives_way || passes_change(point.step))) {
      to_the_end(point.current);
      ++lowered_count_;
    }
    const ThreadId best = *std::find_if(order_.begin(), order_.end(),
                                        [&](ThreadId id) { return point.runnable.contains(id); });
    patience_.note(point, best);
    return best;
  }

  u32 pick(exec::DecisionKind kind, u32 arity) override { return chances_.pick(rng_, kind, arity); }

  void end_execution(u64 steps) override {
    const u32 length = steps < kLengthMax ? static_cast<u32>(steps) : kLengthMax;
    longest_ = length > longest_ ? length : longest_;
  }

 private:
  static constexpr u32 kLengthMax = 20'000;  // a livelock's length says nothing about the rest

  void to_the_end(ThreadId id) {
    ThreadId* place = std::find(order_.begin(), order_.end(), id);
    lowered_count_ -= place >= order_.end() - lowered_count_;
    std::rotate(place, place + 1, order_.end());
  }

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
  u32 change_count_ = 0;
  Patience patience_;
  Chances chances_;
  u32 yield_chance_ = 0;
  u32 changes_[kDepthMax] = {};
  Vec<ThreadId> order_;    // those that have not finished, by priority
  u32 lowered_count_ = 0;  // so many of the last ones were lowered, the latest one most
};

}  // namespace

std::unique_ptr<exec::Strategy> make_pct(u64 rng_seed) { return std::make_unique<Pct>(rng_seed); }

}  // namespace heddle::exploration
