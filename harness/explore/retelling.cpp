#include "explore/retelling.hpp"

#include <algorithm>
#include <cstring>
#include <iterator>
#include <vector>

#include "exec/execution.hpp"
#include "graph/interleaving.hpp"

namespace heddle::exploration {

using exec::ObjectOperation;
using graph::Event;
using graph::EventId;
using graph::Graph;
using graph::GraphMemory;
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

/// What a search does to see that the event before it, of a thread that began to wait on a futex,
/// came together with the look at the futex before that.
bool looks_again(const Graph& graph, EventId id) {
  const Event& event = graph[id];
  const EventId before = event.index > 1 ? graph.previous(event) : 0;
  return event.kind == Kind::kRead && !event.is_object && before != 0 &&
         is_operation(graph[before], ObjectOperation::kEnqueue);
}

/// The last of the events that their thread goes through with `first`: nobody else can be chosen in
/// between. Who begins to wait for a condition gives its mutex back; who begins to wait on a futex
/// looks at it.
EventId last_at_once(const Graph& graph, EventId first) {
  const EventId second = graph.next(graph[first]);
  if (second != 0 && is_operation(graph[first], ObjectOperation::kEnqueue)) {
    return second;
  }
  const EventId third = second == 0 ? 0 : graph.next(graph[second]);
  return third != 0 && looks_again(graph, third) ? third : first;
}

/// All that comes before an event, in whole where it comes at once.
void find_past_at_once(const Graph& graph, EventId event, Vec<bool>& past) {
  OwnedVec<bool> more;
  graph::find_interleaved_past(graph, event, past);
  for (EventId id = 1; id <= graph.size(); ++id) {
    const EventId last = past[id] ? last_at_once(graph, id) : id;
    if (last != id && !past[last]) {
      graph::find_interleaved_past(graph, last, more);
      for (EventId earlier = 1; earlier <= graph.size(); ++earlier) {
        past[earlier] = past[earlier] || more[earlier];
      }
      id = 0;
    }
  }
}

// That a join times out is a choice, and no matter of who comes next.
bool joins(ThreadId thread) {
  return exec::engine().thread(thread).state == exec::ThreadState::kBlocked &&
         exec::engine().thread(thread).wait == exec::WaitKind::kJoin;
}

}  // namespace

Retelling::Retelling(graph::GraphMemory& explored, const target::History& history, bool keeps_order,
                     ThreadId finder)
    : memory_(explored.consistency(),
              explored.consistency().interleaves() ? Policy::kNewest : Policy::kDecisions),
      interleaves_(explored.consistency().interleaves() && !keeps_order),
      finder_(finder) {
  const Graph& graph = explored.graph();
  note_repeated(explored);
  names_.resize(graph.size() + 1);
  names_[kInitial] = kInitial;
  told_.resize(graph.size() + 1);
  std::memset(told_.data(), 0, told_.size());
  if (interleaves_) {
    interleave(graph, history);
  } else {
    keep_order(graph);
  }
  // What is left is an execution in which others' events do come in between.
  for (EventId id = 1; id <= graph.size(); ++id) {
    if (!told_[id]) {
      tell(graph, id);
    }
  }
}

void Retelling::note_repeated(const graph::GraphMemory& explored) {
  for (const GraphMemory::Repeated& read : explored.repeated()) {
    const bool known = std::ranges::any_of(stays_while_read_, [&](const auto& other) {
      return other.behind == read.behind && other.location == read.location &&
             other.store == read.store;
    });
    repeated_.emplace(read.behind, read);
    if (!known) {
      stays_while_read_.push_back(read);
    }
  }
  const Graph& graph = explored.graph();
  for (EventId id = 1; id <= graph.size(); ++id) {
    const EventId look =
        looks_again(graph, id) ? graph.previous(graph[graph.previous(graph[id])]) : 0;
    if (look != 0 && graph[look].store == graph[id].store) {
      stays_while_read_.push_back(GraphMemory::Repeated{graph.previous(graph[id]),
                                                        graph[look].location, graph[look].store});
    }
  }
}

bool Retelling::is_possible(const Graph& graph, EventId first, EventId last) const {
  const Event& from = graph[first];
  bool possible = true;
  const auto require = [&](EventId earlier) {
    const Event& event = graph[earlier];
    const bool at_once = event.thread == from.thread && event.index >= from.index &&
                         event.index <= graph[last].index;
    possible &= told_[earlier] || at_once;
  };
  for (EventId id = first;; id = graph.next(graph[id])) {
    if (interleaves_) {
      graph::each_predecessor(graph, id, require);
    } else {
      graph::each_cause(graph, id, require);
    }
    // Who goes round a loop there, or begins to wait on a futex, reads what the event replaces.
    for (const GraphMemory::Repeated& read : stays_while_read_) {
      const bool in_order =
          interleaves_ || is_operation(graph[read.behind], ObjectOperation::kEnqueue);
      if (in_order && writes(graph[id].kind) && graph[id].location == read.location &&
          graph[id].coherence > graph.coherence_of(read.store)) {
        require(read.behind);
      }
    }
    if (id == last) {
      return possible;
    }
  }
}

bool Retelling::tell_if_possible(const Graph& graph, EventId first) {
  const EventId last = last_at_once(graph, first);
  if (!is_possible(graph, first, last)) {
    return false;
  }
  tell(graph, first);
  for (EventId id = first; id != last;) {
    id = graph.next(graph[id]);
    tell(graph, id);
  }
  return true;
}

// As far as that is possible.
void Retelling::keep_order(const Graph& graph) {
  for (bool goes_on = true; goes_on;) {
    goes_on = false;
    for (EventId id = 1; id <= graph.size(); ++id) {
      goes_on = (!told_[id] && !is_waiting(graph[id]) && tell_if_possible(graph, id)) || goes_on;
    }
  }
}

void Retelling::tell(const Graph& graph, EventId id) {
  tell_event(graph, id);
  tell_repeated_behind(graph, id);
}

// Here they are events, so that nobody else's come in between.
void Retelling::tell_repeated_behind(const Graph& graph, EventId id) {
  const auto [first, end] = repeated_.equal_range(id);
  for (const auto& [behind, read] : std::ranges::subrange(first, end)) {
    Event again = {};
    again.kind = Kind::kRead;
    again.thread = graph[id].thread;
    again.location = read.location;
    again.store = names_[read.store];
    events_.push_back(again);
  }
}

void Retelling::tell_event(const Graph& graph, EventId id) {
  Event event = graph[id];
  told_[id] = true;
  const bool waits = is_choice(event, exec::DecisionKind::kTimeOut) && !is_of_join(event);
  if (waits || chooses_waiter(event)) {
    return;  // the wait itself tells, or the notification
  }
  if (is_choice(event, exec::DecisionKind::kClock)) {
    if (event.value != 0) {
      leaps_.push_back(Leap{event.thread, look_of(event)});
    }
    return;
  }
  if (event.kind == Kind::kChoice) {
    choices_.push_back(Choice{events_.size(), event.thread, static_cast<u32>(event.value)});
  } else if (!is_waiting(event) && !looks_again(graph, id)) {
    event.store = reads(event.kind) ? names_[event.store] : kInitial;
    events_.push_back(event);
    names_[id] = events_.size();
    tell_choices_behind(graph, event);
  }
}

// The search has others' events come between a notification and the choice of a waiter.
void Retelling::tell_choices_behind(const Graph& graph, const Event& event) {
  for (EventId next = graph.next(event); next != 0 && chooses_waiter(graph[next]);
       next = graph.next(graph[next])) {
    choices_.push_back(Choice{events_.size(), event.thread, static_cast<u32>(graph[next].value)});
  }
}

// Under SC some order of the events has each load read the newest store.
void Retelling::interleave(const Graph& graph, const target::History& history) {
  OwnedVec<bool> wanted;
  wanted.resize(graph.size() + 1);
  for (const u32 event : returns_of(history)) {
    find_past_at_once(graph, event, wanted);
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
    } else if (id != 0 && wanted[id] && tell_if_possible(graph, id)) {
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
  } else if (++picks_since_ > kPicksInRow) {
    return point.runnable.nth(picks_since_ / kPicksInRow % point.runnable.count());
  }
  if (told != ThreadId::kNone && (!point.runnable.contains(told) || joins(told))) {
    return graph::GraphMemory::who_makes_way(point);
  }
  return graph::GraphMemory::first_to_run(point, told != ThreadId::kNone ? told : finder_);
}

u32 Retelling::pick(exec::DecisionKind kind, u32 arity) {
  const u32 at = memory_.at();
  u32 choice = 0;
  if (kind == exec::DecisionKind::kClock) {
    return leaps(*exec::current_thread);
  }
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

bool Retelling::leaps(const exec::Thread& thread) const {
  return std::ranges::any_of(leaps_, [&](const Leap& leap) {
    return leap.thread == to_index(thread.id) && leap.look == thread.looks;
  });
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
