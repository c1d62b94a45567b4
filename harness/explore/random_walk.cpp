#include "explore/strategies.hpp"

namespace heddle::exploration {
namespace {

class RandomWalk final : public exec::Strategy {
 public:
  explicit RandomWalk(u64 rng_seed) : rng_seed_(rng_seed) {}

  const char* name() const override { return "random"; }

  void begin_execution(u64 index) override {
    rng_.reseed(mix64(rng_seed_ ^ mix64(index)));
    switch_chance_ = 65536u >> (1 + rng_.below(8));
    chances_.begin_execution(index);
    yield_chance_ = yield_chance(index);
  }

  ThreadId pick_thread(const exec::SchedulePoint& point) override {
    const bool gives_way = point.yielding && rng_.chance(yield_chance_);
    if (point.current != ThreadId::kNone && !gives_way && !rng_.chance(switch_chance_)) {
      return point.current;
    }
    const u32 count = point.runnable.count();
    const ThreadId choice = point.runnable.nth(rng_.below(count));
    // A thread that yields, or is preempted, should see somebody else run.
    return choice == point.current ? point.runnable.nth(rng_.below(count)) : choice;
  }

  u32 pick(exec::DecisionKind kind, u32 arity) override { return chances_.pick(rng_, kind, arity); }

 private:
  u64 rng_seed_;
  Rng rng_;
  u32 switch_chance_ = 0;
  Chances chances_;
  u32 yield_chance_ = 0;
};

}  // namespace

std::unique_ptr<exec::Strategy> make_random_walk(u64 rng_seed) {
  return std::make_unique<RandomWalk>(rng_seed);
}

}  // namespace heddle::exploration
