#include "graph/spins.hpp"

#include <cstring>

#include "base/archive.hpp"
#include "base/rng.hpp"
#include "exec/image.hpp"
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
    lines_[thread].by_chance = false;
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

bool Spins::has_chance(const Vec<Visit>& visits, u32 from) {
  bool has = false;
  for (u32 i = from; i < visits.size(); ++i) {
    has = has || visits[i].by_chance;
  }
  return has;
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
        visits[i].location != visits[i - length].location ||
        visits[i].store != visits[i - length].store) {
      return false;
    }
  }
  return true;
}

/// Of a visit that is about to be made.
u32 Spins::rounds_at(const Vec<Visit>& visits, uptr pc) {
  for (u32 i = visits.size(); i > 0; --i) {
    if (visits[i - 1].pc == pc) {
      return repeats(visits, i - 1) ? visits[i - 1].rounds + 1 : 0;
    }
  }
  return 0;
}

void Spins::forget_half(Vec<Visit>& visits) {
  const u32 kept = visits.size() / 2;
  for (u32 i = 0; i < kept; ++i) {
    visits[i] = visits[visits.size() - kept + i];
  }
  visits.resize(kept);
}

Spins::Line& Spins::line_of(const exec::Thread& thread) {
  if (lines_ == nullptr) {
    lines_ = static_cast<Line*>(os_map(sizeof(Line) * kThreadCountMax));
  }
  const u32 index = to_index(thread.id);
  lines_used_ = index >= lines_used_ ? index + 1 : lines_used_;
  return lines_[index];
}

void Spins::note_chance(const exec::Thread& thread) { line_of(thread).by_chance = true; }

Spins::Verdict Spins::visit(const exec::Thread& thread, u64 history, u64 held, uptr pc,
                            bool tries_to_change) {
  const u32 index = to_index(thread.id);
  Line& line = line_of(thread);
  Vec<Visit>& visits = line.visits;
  if (line.effects != thread.effects) {
    line.effects = thread.effects;
    visits.clear();
  }
  if (visits.size() == kVisitsMax) {
    forget_half(visits);
  }
  u64 state = 0;
  u32 rounds = 0;
  if (is_loop(pc)) {
    const u64 key = mix64(history ^ mix64(exec::without_bias(pc) + index)) | 1;
    Known& said = known(key);
    state = exec::machine_state(thread, pc) + held;
    rounds = rounds_at(visits, pc);
    if (said.key == 0) {
      const Verdict verdict = judge(line, pc, state, rounds);
      said = Known{key, line.round, verdict};
      ++known_count_;
    }
    if (said.verdict != Verdict::kGoesOn) {
      line.round = said.round;
      return said.verdict;
    }
  } else {
    for (const Visit& visit : visits) {
      if (visit.pc == pc) {
        loops_.push_back(pc);
        return Verdict::kBeginAgain;
      }
    }
  }
  visits.push_back(Visit{pc, state, 0, 0, rounds, tries_to_change, line.by_chance});
  line.by_chance = false;
  return Verdict::kGoesOn;
}

Spins::Verdict Spins::judge(Line& line, uptr pc, u64 state, u32 rounds) {
  const Vec<Visit>& visits = line.visits;
  for (u32 i = visits.size(); i > 0; --i) {
    const Visit& visit = visits[i - 1];
    if (visit.pc == pc && visit.state == state &&
        (only_looked(visits, i - 1) || repeats(visits, i - 1))) {
      line.round = i - 1;
      return has_chance(visits, i - 1) ? Verdict::kCut : Verdict::kSpins;
    }
  }
  bounded_ = bounded_ || rounds > kRoundsMax;
  return rounds > kRoundsMax ? Verdict::kCut : Verdict::kGoesOn;
}

Spins::Known& Spins::known(u64 key) {
  if (known_count_ * 2 >= known_.size()) {
    grow();
  }
  u32 slot = static_cast<u32>(key >> 1) & (known_.size() - 1);
  while (known_[slot].key != 0 && known_[slot].key != key) {
    slot = (slot + 1) & (known_.size() - 1);
  }
  return known_[slot];
}

void Spins::grow() {
  OwnedVec<Known> old;
  for (const Known& entry : known_) {
    if (entry.key != 0) {
      old.push_back(entry);
    }
  }
  known_.resize(known_.size() == 0 ? 256 : known_.size() * 2);
  std::memset(known_.data(), 0, known_.size() * sizeof(Known));
  for (const Known& entry : old) {
    u32 slot = static_cast<u32>(entry.key >> 1) & (known_.size() - 1);
    while (known_[slot].key != 0) {
      slot = (slot + 1) & (known_.size() - 1);
    }
    known_[slot] = entry;
  }
}

void Spins::archive(Archive& archive) {
  OwnedVec<Known> entries;
  for (const Known& entry : known_) {
    if (entry.key != 0) {
      entries.push_back(entry);
    }
  }
  archive(bounded_);
  archive.list(entries, [&](Known& entry) { archive(entry.key, entry.round, entry.verdict); });
  for (u32 i = 0; archive.reads() && i < entries.size(); ++i) {
    known(entries[i].key) = entries[i];
    ++known_count_;
  }
}

void Spins::note_store(const exec::Thread& thread, u32 location, u32 store) {
  Vec<Visit>& visits = lines_[to_index(thread.id)].visits;
  if (!visits.empty()) {
    visits.back().location = location;
    visits.back().store = store;
  }
}

}  // namespace heddle::graph
