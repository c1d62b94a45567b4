#include "explore/retelling.hpp"

#include <algorithm>
#include <cstring>
#include <iterator>
#include <vector>

#include "graph/interleaving.hpp"

namespace heddle::exploration {

using graph::Event;
using graph::EventId;
using graph::Graph;
using graph::Kind;
using graph::kInitial;
using graph::Policy;

namespace {

/// The last events of operations that returned, in that order.
std::vector<u32> returns_of(const target::History& history) {
  std::vector<target::HistoryEntry> returned;
  std::copy_if(
      history.entries.begin(), history.entries.end(), std::back_inserter(returned),
      [](const target::HistoryEntry& entry) { return entry.returned && entry.last_event != 0; });
  std::ranges::sort(returned, {}, &target::HistoryEntry::returned_at);
  std::vector<u32> events;
  std::ranges::transform(returned, std::back_inserter(events), &target::HistoryEntry::last_event);
  return events;
}

bool is_possible(const Graph& graph, const Vec<bool>& told, EventId id) {
  bool possible = true;
  graph::each_predecessor(graph, id, [&](EventId earlier) { possible &= told[earlier]; });
  return possible;
}

}  // namespace

Retelling::Retelling(const Graph& graph, graph::Consistency& consistency,
                     const target::History& history, bool keeps_order)
    : memory_(consistency, consistency.interleaves() ? Policy::kNewest : Policy::kDecisions) {
  names_.resize(graph.size() + 1);
  names_[kInitial] = kInitial;
  if (consistency.interleaves() && !keeps_order) {
    interleave(graph, history);
    return;
  }
  for (EventId id = 1; id <= graph.size(); ++id) {
    tell(graph, id);
  }
}

void Retelling::tell(const Graph& graph, EventId id) {
  Event event = graph[id];
  if (event.kind == Kind::kChoice &&
      event.other == static_cast<u16>(exec::DecisionKind::kTimeOut)) {
    return;  // the wait itself tells
  }
  if (event.kind == Kind::kChoice) {
    choices_.push_back(Choice{events_.size(), event.thread, static_cast<u32>(event.value)});
  } else if (!is_waiting(event)) {
    event.store = reads(event.kind) ? names_[event.store] : kInitial;
    events_.push_back(event);
    names_[id] = events_.size();
  }
}

// Under SC some order of the events has each load read the newest store.
void Retelling::interleave(const Graph& graph, const target::History& history) {
  OwnedVec<bool> wanted;
  wanted.resize(graph.size() + 1);
  told_.resize(graph.size() + 1);
  std::memset(told_.data(), 0, told_.size());
  for (const u32 event : returns_of(history)) {
    graph::find_interleaved_past(graph, event, wanted);
    tell_all(graph, wanted);
  }
  std::memset(wanted.data(), 1, wanted.size());
  tell_all(graph, wanted);
}

// Takes what can come next, of the first thread that has such an event.
// O(n × threads + reads).
void Retelling::tell_all(const Graph& graph, const Vec<bool>& wanted) {
  OwnedVec<u32> progress;
  progress.resize(graph.thread_count());
  std::memset(progress.data(), 0, progress.size() * sizeof(u32));
  for (u32 thread = 0; thread < graph.thread_count();) {
    const u32 index = progress[thread] + 1;
    const EventId id = index <= graph.event_count(thread) ? graph.event_of(thread, index) : 0;
    if (id != 0 && (told_[id] || is_waiting(graph[id]))) {
      ++progress[thread];
    } else if (id != 0 && wanted[id] && is_possible(graph, told_, id)) {
      told_[id] = true;
      tell(graph, id);
      thread = 0;
    } else {
      ++thread;
    }
  }
}

// Who only goes round was stopped in the search, and others went on.
constexpr u32 kPicksInRow = 1000;

ThreadId Retelling::pick_thread(const exec::SchedulePoint& point) {
  const u32 at = memory_.at();
  ThreadId told = ThreadId::kNone;
  if (choices_made_ < choices_.size() && choices_[choices_made_].events == at) {
    told = to_thread_id(choices_[choices_made_].thread);
  } else if (at < events_.size()) {
    told = to_thread_id(events_[at].thread);
  }
  if (told == ThreadId::kNone && ++picks_since_ > kPicksInRow) {
    return point.runnable.nth(picks_since_ / kPicksInRow % point.runnable.count());
  }
  return told == ThreadId::kNone || point.runnable.contains(told)
             ? graph::GraphMemory::first_to_run(point, told)
             : graph::GraphMemory::who_makes_way(point);
}

u32 Retelling::pick(exec::DecisionKind kind, u32 arity) {
  const u32 at = memory_.at();
  u32 choice = 0;
  if (kind == exec::DecisionKind::kReadsFrom && at < events_.size()) {
    const EventId store = events_[at].store;
    choice = later_stores(events_[at], store == kInitial ? 0 : events_[store - 1].coherence);
  } else if (kind == exec::DecisionKind::kCoherence && at < events_.size()) {
    choice = later_stores(events_[at], events_[at].coherence);
  } else if (choices_made_ < choices_.size()) {
    choice = choices_[choices_made_++].value;
  }
  return choice < arity ? choice : 0;
}

/// How many stores of the location are there by now, and are later in coherence.
u32 Retelling::later_stores(const Event& event, u32 coherence) const {
  u32 count = 0;
  for (u32 i = 0; i < memory_.at(); ++i) {
    const Event& other = events_[i];
    count += writes(other.kind) && other.location == event.location && other.coherence > coherence;
  }
  return count;
}

}  // namespace heddle::exploration
