#include "graph/spins.hpp"

#include "exec/machine_state.hpp"

namespace heddle::graph {

Spins::~Spins() {
  if (lines_ == nullptr) {
    return;
  }
  for (u32 thread = 0; thread < lines_used_; ++thread) {
    lines_[thread].visits.release();
  }
  os_unmap(lines_, sizeof(Line) * kThreadCountMax);
}

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

bool Spins::only_looked(const Vec<Visit>& visits, u32 from) {
  for (u32 i = from; i < visits.size(); ++i) {
    if (visits[i].tries_to_change && visits.size() - from > 1) {
      return false;
    }
  }
  return true;
}

/// The round from `from` on is like the one before it.
bool Spins::repeats(const Vec<Visit>& visits, u32 from) {
  const u32 length = visits.size() - from;
  for (u32 i = from; i < visits.size(); ++i) {
    if (from < length || visits[i].pc != visits[i - length].pc ||
        visits[i].store != visits[i - length].store) {
      return false;
    }
  }
  return true;
}

Spins::Verdict Spins::visit(const exec::Thread& thread, uptr pc, bool tries_to_change) {
  if (lines_ == nullptr) {
    lines_ = static_cast<Line*>(os_map(sizeof(Line) * kThreadCountMax));
  }
  const u32 index = to_index(thread.id);
  lines_used_ = index >= lines_used_ ? index + 1 : lines_used_;
  Line& line = lines_[index];
  Vec<Visit>& visits = line.visits;
  if (line.effects != thread.effects || visits.size() == kVisitsMax) {
    line.effects = thread.effects;
    visits.clear();
  }
  const bool loops = is_loop(pc);
  const u64 state = loops ? exec::machine_state(thread, pc) : 0;
  u32 rounds = 0;
  for (u32 i = visits.size(); i > 0; --i) {
    const Visit& visit = visits[i - 1];
    if (visit.pc != pc) {
      continue;
    }
    if (!loops) {
      loops_.push_back(pc);
      return Verdict::kBeginAgain;
    }
    if (visit.state == state && (only_looked(visits, i - 1) || repeats(visits, i - 1))) {
      line.round = i - 1;
      return Verdict::kSpins;
    }
    ++rounds;
  }
  if (rounds > kRoundsMax) {
    bounded_ = true;
    return Verdict::kCut;
  }
  visits.push_back(Visit{pc, state, 0, 0, tries_to_change});
  return Verdict::kGoesOn;
}

void Spins::note_store(const exec::Thread& thread, u32 location, u32 store) {
  Vec<Visit>& visits = lines_[to_index(thread.id)].visits;
  if (!visits.empty()) {
    visits.back().location = location;
    visits.back().store = store;
  }
}

}  // namespace heddle::graph
