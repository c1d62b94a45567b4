#include "cli/estimate.hpp"

namespace heddle::cli {
namespace {

/// Any answers, and one over the chance that they were these.
class WeighedSource final : public target::Source {
 public:
  explicit WeighedSource(Rng& rng) : rng_(rng) {}

  u32 below(u32 bound) override {
    weight_ *= bound;
    return rng_.below(bound);
  }
  double weight() const { return weight_; }

 private:
  Rng& rng_;
  double weight_ = 1;
};

}  // namespace

Estimate::Estimate(target::Definition& target, exploration::Session& session,
                   const target::Smallness& smallness, const exploration::Budget& budget)
    : target_(target),
      session_(session),
      smallness_(smallness),
      shard_(budget.shard),
      can_guess_(budget.search == "dpor"),
      rng_(budget.shard.index + 1) {}

void Estimate::refine() {
  if (!counted_ && !target_.is_test()) {
    count_programs();
  }
  while (can_guess_ && may_guess()) {
    const Clock::time_point start = Clock::now();
    WeighedSource source(rng_);
    const target::Program program = target_.make_program(source, smallness_);
    sum_ += source.weight() * session_.guess_executions(program, rng_);
    ++guesses_;
    spent_ += Clock::now() - start;
  }
}

bool Estimate::may_guess() const {
  constexpr std::chrono::milliseconds kAlways{100};
  constexpr u32 kOneIn = 20;
  return spent_ < kAlways + (Clock::now() - start_) / kOneIn;
}

Outlook Estimate::outlook() const {
  const double whole = guesses_ == 0 ? 0 : sum_ / static_cast<double>(guesses_);
  return {whole / shard_.count, programs_};
}

// Unless there are more than anybody would wait for.
void Estimate::count_programs() {
  constexpr u64 kTurnsMax = 300'000;
  target::EverySource source;
  u64 turn = 0;
  do {
    target_.make_program(source, smallness_);
    programs_ += turn % shard_.count == shard_.index;
  } while (++turn < kTurnsMax && source.advance());
  programs_ = turn < kTurnsMax ? programs_ : 0;
  counted_ = true;
}

}  // namespace heddle::cli
