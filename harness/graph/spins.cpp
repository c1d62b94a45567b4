#include "graph/spins.hpp"

#include <algorithm>

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
  ++execution_;
  for (u32 thread = 0; thread < lines_used_; ++thread) {
    lines_[thread].visits.clear();
    lines_[thread].by_chance = false;
    lines_[thread].counts = false;
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

/// It has come to what it went through in its last round.
bool Spins::is_again(Line& line, uptr pc) {
  for (line.again = line.visits.size(); line.again > line.round;) {
    --line.again;
    if (line.visits[line.again].pc == pc) {
      return true;
    }
  }
  return false;
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

u32 Spins::looks_before_round(const exec::Thread& thread) const {
  const Line& line = lines_[to_index(thread.id)];
  return line.round < line.visits.size() ? line.visits[line.round].looks : thread.looks;
}

bool Spins::note_poll(u64 look) {
  const bool is_new = !is_poll(look);
  if (is_new) {
    polls_.add(Poll{look});
  }
  return is_new;
}

Spins::Verdict Spins::visit(const exec::Thread& thread, u64 history, u64 held, uptr pc,
                            bool tries_to_change, bool is_alone) {
  const u32 index = to_index(thread.id);
  Line& line = line_of(thread);
  Vec<Visit>& visits = line.visits;
  if (line.effects != thread.effects) {
    line.effects = thread.effects;
    visits.clear();
    line.counts = false;
  }
  line.counts = line.counts && is_again(line, pc);
  if (line.counts) {
    return Verdict::kCounts;
  }
  if (visits.size() == kVisitsMax) {
    forget_half(visits);
  }
  u64 state = 0;
  u32 rounds = 0;
  if (is_loop(pc)) {
    const u64 key = mix64(history ^ mix64(exec::without_bias(pc) + index)) | 1;
    const Known* said = known_.find(key);
    state = exec::machine_state(thread, pc) + held;
    line.state = state;
    rounds = rounds_at(visits, pc);
    if (said == nullptr) {
      const Verdict verdict = judge(line, pc, state, is_alone ? 0 : rounds);
      said = &known_.add(Known{key, visits.size() - line.round, verdict});
    }
    if (said->verdict != Verdict::kGoesOn) {
      line.round = visits.size() - std::min(said->length, visits.size());
      line.counts = said->verdict == Verdict::kCounts && is_again(line, pc);
      return said->verdict == Verdict::kCounts && !line.counts ? Verdict::kCut : said->verdict;
    }
  } else {
    for (const Visit& visit : visits) {
      if (visit.pc == pc) {
        loops_.push_back(pc);
        return Verdict::kBeginAgain;
      }
    }
  }
  visits.push_back(
      Visit{pc, state, 0, 0, 0, 0, rounds, thread.looks, tries_to_change, line.by_chance});
  line.by_chance = false;
  return Verdict::kGoesOn;
}

void Spins::pass(const exec::Thread& thread, uptr pc) {
  Line& line = line_of(thread);
  line.visits.push_back(Visit{pc, line.state, 0, 0, 0, 0, 0, thread.looks, false, false});
}

Spins::Verdict Spins::judge(Line& line, uptr pc, u64 state, u32 rounds) {
  const Vec<Visit>& visits = line.visits;
  line.round = visits.size();
  for (u32 i = visits.size(); i > 0; --i) {
    const Visit& visit = visits[i - 1];
    if (visit.pc == pc && visit.state == state &&
        (only_looked(visits, i - 1) || repeats(visits, i - 1))) {
      line.round = i - 1;
      return has_chance(visits, i - 1) ? Verdict::kCut : Verdict::kSpins;
    }
  }
  if (rounds <= kRoundsMax) {
    return Verdict::kGoesOn;
  }
  bounded_ = true;
  while (visits[line.round - 1].pc != pc) {
    --line.round;
  }
  --line.round;
  return Verdict::kCounts;
}

// To count visits is cheap, to know the state is not: it is looked at now and then.
bool Spins::goes_in_circles(const exec::Thread& thread, u64 history, u64 held, uptr pc) {
  constexpr u32 kVisitsALook = 16;
  constexpr u32 kAlikeMax = kRoundsMax / 2 / kVisitsALook;
  const u64 place = mix64(exec::without_bias(pc) + to_index(thread.id)) | 1;
  Circle& circle = circle_of(place);
  if (++circle.visits <= kRoundsMax / 2 || circle.visits % kVisitsALook != 0) {
    return false;
  }
  const u64 state = exec::machine_state(thread, pc) + held;
  circle.alike = state == circle.state ? circle.alike + 1 : 0;
  circle.state = state;
  const u64 key = mix64(history ^ mix64(place)) | 1;
  const bool known = known_.find(key) != nullptr;
  if (!known && circle.alike < kAlikeMax) {
    return false;
  }
  if (!known) {
    known_.add(Known{key, 0, Verdict::kCut});
  }
  bounded_ = true;
  return true;
}

Spins::Circle& Spins::circle_of(u64 key) {
  Circle fresh = {};
  fresh.key = key;
  fresh.execution = execution_;
  Circle* found = circles_.find(key);
  if (found == nullptr) {
    return circles_.add(fresh);
  }
  if (found->execution != execution_) {
    *found = fresh;
  }
  return *found;
}

void Spins::archive(Archive& archive) {
  OwnedVec<Known> entries;
  OwnedVec<Poll> polls;
  known_.each([&](const Known& entry) { entries.push_back(entry); });
  polls_.each([&](const Poll& poll) { polls.push_back(poll); });
  archive(bounded_);
  archive.list(entries, [&](Known& entry) { archive(entry.key, entry.length, entry.verdict); });
  for (u32 i = 0; archive.reads() && i < entries.size(); ++i) {
    known_.add(entries[i]);
  }
  archive.list(polls, [&](Poll& poll) { archive(poll.key); });
  for (u32 i = 0; archive.reads() && i < polls.size(); ++i) {
    polls_.add(polls[i]);
  }
}

void Spins::note_store(const exec::Thread& thread, u32 location, u32 store, u32 read) {
  Vec<Visit>& visits = lines_[to_index(thread.id)].visits;
  if (!visits.empty()) {
    visits.back().location = location;
    visits.back().store = store;
    visits.back().read = read;
  }
}

void Spins::note_object(const exec::Thread& thread, u32 location, u32 found) {
  note_store(thread, location, kOfObject, kOfObject);
  Vec<Visit>& visits = lines_[to_index(thread.id)].visits;
  if (!visits.empty()) {
    visits.back().found = found;
  }
}

}  // namespace heddle::graph
