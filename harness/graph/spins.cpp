#include "graph/spins.hpp"

#include "exec/machine_state.hpp"

namespace heddle::graph {

void Spins::begin_execution() {
  for (u32 thread = 0; thread < lines_used_; ++thread) {
    lines_[thread].visits.clear();
  }
}

bool Spins::is_loop(uptr pc) const {
  for (const uptr loop : loops_) {
    if (loop == pc) {
      return true;
    }
  }
  return false;
}

Spins::Verdict Spins::visit(const exec::Thread& thread, uptr pc) {
  if (lines_ == nullptr) {
    lines_ = static_cast<Line*>(os_map(sizeof(Line) * kThreadCountMax));
  }
  const u32 index = to_index(thread.id);
  lines_used_ = index >= lines_used_ ? index + 1 : lines_used_;
  Line& line = lines_[index];
  if (line.effects != thread.effects || line.visits.size() == kVisitsMax) {
    line.effects = thread.effects;
    line.visits.clear();
  }
  const bool loops = is_loop(pc);
  const u64 state = loops ? exec::machine_state(thread, pc) : 0;
  u32 rounds = 0;
  for (const Visit& visit : line.visits) {
    if (visit.pc == pc && !loops) {
      loops_.push_back(pc);
      return Verdict::kBeginAgain;
    }
    if (visit.pc == pc && visit.state == state) {
      return Verdict::kSpins;
    }
    rounds += visit.pc == pc;
  }
  if (rounds > kRoundsMax) {
    bounded_ = true;
    return Verdict::kSpins;
  }
  line.visits.push_back(Visit{pc, state});
  return Verdict::kGoesOn;
}

}  // namespace heddle::graph
