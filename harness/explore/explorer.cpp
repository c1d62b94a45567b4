#include "explore/explorer.hpp"

#include <cstring>

#include "exec/execution.hpp"
#include "graph/objects.hpp"

namespace heddle::exploration {

using graph::Kind;
using graph::kInitial;

ThreadId Explorer::pick_thread(const exec::SchedulePoint& point) {
  const ThreadId next = memory_.next_thread();
  if (next != ThreadId::kNone) {
    return point.runnable.contains(next) ? next : graph::GraphMemory::who_makes_way(point);
  }
  // Who waited until an object was free comes before all others.
  ThreadId first = graph::GraphMemory::first_to_run(point);
  for (u32 thread = 0; thread < graph().thread_count(); ++thread) {
    if (memory_.waiting_of(thread) != 0 && point.runnable.contains(to_thread_id(thread))) {
      first = to_thread_id(thread);
    }
  }
  return first;
}

u32 Explorer::pick(exec::DecisionKind kind, u32 arity) {
  return memory_.choose(*exec::current_thread, kind, arity, 0);
}

void Explorer::begin_again() { shrink_to(started_); }

void Explorer::shrink_to(u32 size) {
  while (graph().size() > size) {
    graph().pop();
  }
}

bool Explorer::advance() {
  for (EventId id = started_ + 1; id <= graph().size(); ++id) {
    graph()[id].depth = depth_;
  }
  const bool found = take_alternative();
  started_ = graph().size();
  return found;
}

bool Explorer::take_alternative() {
  for (;;) {
    const u32 base = levels_.empty() ? 0 : levels_.back().base;
    while (graph().size() > base) {
      const Event event = graph().back();
      graph().pop();
      depth_ = event.depth + 1;
      if (try_alternatives(event)) {
        return true;
      }
    }
    if (levels_.empty()) {
      return false;
    }
    depth_ = levels_.back().store.depth + 1;
    if (place() || try_alternatives(leave())) {
      return true;
    }
  }
}

// `event` was the last one, and is taken away.
bool Explorer::try_alternatives(Event event) {
  if (event.is_placed) {
    return false;
  }
  switch (event.kind) {
    case Kind::kChoice:
      ++event.value;
      if (event.value == event.arity) {
        return false;
      }
      graph().add(event, kInitial);
      return true;
    case Kind::kArrive: return revisit(event);
    case Kind::kWrite: return revisit(event) || try_places(event);
    case Kind::kRead:
    case Kind::kUpdate: return try_stores(event);
    default: return false;
  }
}

// The store that an update writes may be read by loads that are there whichever store the update
// reads, even one that another update reads: that one can give way.
bool Explorer::try_stores(Event event) {
  for (;;) {
    if (event.kind == Kind::kUpdate && revisit(event)) {
      return true;
    }
    if (event.is_fixed || !take_older_store(event)) {
      return false;
    }
    if (add_if_consistent(event, event.store)) {
      return true;
    }
  }
}

bool Explorer::take_older_store(Event& event) {
  while (event.store != kInitial &&
         !graph().is_observed(event.thread, event.location, event.store)) {
    event.store = graph()[event.store].co_prev;
    event.revisits_tried = 0;
    evaluate(graph(), event);
    const bool is_possible = event.kind == Kind::kUpdate || !event.is_object;
    if (is_possible && (rival_of(event) != 0 || admits_read(event))) {
      return true;
    }
  }
  return false;
}

bool Explorer::try_places(Event& event) {
  while (event.co_prev != kInitial &&
         !graph().is_observed(event.thread, event.location, event.co_prev)) {
    event.co_prev = graph()[event.co_prev].co_prev;
    if (add_if_consistent(event, event.co_prev)) {
      return true;
    }
  }
  return false;
}

bool Explorer::add_if_consistent(const Event& event, EventId after) {
  if (writes(event.kind) && graph().update_of(event.location, after) != 0) {
    return false;
  }
  const bool newest = after == graph().co_last(event.location);
  graph().add(event, after);
  if (newest || memory_.consistency().holds(graph())) {
    return true;
  }
  graph().pop();
  return false;
}

/// Of an update, the half that reads.
bool Explorer::admits_read(const Event& event) {
  Event half = event;
  half.kind = Kind::kRead;
  half.is_half = event.kind == Kind::kUpdate;
  if (!add_if_consistent(half, event.store)) {
    return false;
  }
  graph().pop();
  return true;
}

// ---- Revisits

bool Explorer::revisit(Event& store) {
  for (;;) {
    find_prefix(store);
    collect_loads(store);
    const EventId rival = rival_of(store);
    if (rival != 0 && in_prefix(rival)) {
      return false;
    }
    while (store.revisits_tried < loads_.size()) {
      const EventId load = loads_[store.revisits_tried++];
      const bool keeps_rival = rival != 0 && graph()[load].stamp > graph()[rival].stamp;
      if (store.kind == Kind::kArrive) {
        find_prefix_of_round(store, load);
      }
      // Of many stores with a rival nearly all end before this is asked, which takes longest.
      if (!keeps_rival && may_revisit(load) && (rival == 0 || admits_read(store))) {
        enter(store, load);
        break;
      }
    }
    if (levels_.empty() || !levels_.back().is_new) {
      return false;
    }
    if (place()) {
      return true;
    }
    store = leave();
  }
}

/// Of an update that is not in the graph, the one that reads its store already.
Explorer::EventId Explorer::rival_of(const Event& event) const {
  return event.kind == Kind::kUpdate ? graph().update_of(event.location, event.store) : 0;
}

void Explorer::find_prefix(const Event& store) {
  prefix_.resize(graph().width());
  std::memset(prefix_.data(), 0, prefix_.size() * sizeof(u32));
  add_to_prefix(graph().last_of(store.thread));
  add_to_prefix(reads(store.kind) ? store.store : kInitial);
  later_.begin(graph(), prefix_.data());
}

void Explorer::add_to_prefix(EventId source) {
  for (u32 thread = 0; source != 0 && thread < graph().width(); ++thread) {
    const u32 index = graph().porf(source)[thread];
    prefix_[thread] = index > prefix_[thread] ? index : prefix_[thread];
    while (prefix_[thread] < graph().event_count(thread) &&
           chooses_waiter(graph()[graph().event_of(thread, prefix_[thread] + 1)])) {
      ++prefix_[thread];
    }
  }
}

// Of the round that `arrival` completes in the place of another one.
void Explorer::find_prefix_of_round(const Event& arrival, EventId displaced) {
  find_prefix(arrival);
  for (EventId id = 1; id <= graph().size(); ++id) {
    const Event& event = graph()[id];
    if (event.kind == Kind::kArrive && event.location == arrival.location &&
        event.arity <= graph()[displaced].arity && id != displaced) {
      add_to_prefix(id);
    }
  }
}

void Explorer::collect_loads(const Event& store) {
  loads_.clear();
  if (store.kind == Kind::kArrive) {
    collect_arrivals(store);
    return;
  }
  graph().each_read_beyond(prefix_.data(), store.location, [this](EventId id) {
    if (!is_waiting(graph()[id])) {
      loads_.push_back(id);
    }
  });
}

// Those of complete rounds, in which `arrival` was not.
void Explorer::collect_arrivals(const Event& arrival) {
  for (EventId id = 1; id <= graph().size(); ++id) {
    const Event& event = graph()[id];
    if (event.kind == Kind::kArrive && event.location == arrival.location &&
        event.arity < arrival.arity && !in_prefix(id)) {
      loads_.push_back(id);
    }
  }
}

// What is dropped for the revisit, and the load, must be as the search would add it by default to
// what is left: then that is the one graph from which this revisit is made.
// Most refusals come from what follows the load, so that is asked first.
bool Explorer::may_revisit(EventId load) {
  since_ = graph()[load].stamp;
  return may_drop(load, load, graph().size()) && may_drop(load, 1, load - 1);
}

bool Explorer::may_drop(EventId load, EventId first, EventId last) {
  for (EventId id = first; id <= last; ++id) {
    if (id == load || !keeps(id)) {
      view_ = graph()[id].stamp;
      if (!added_by_default(id)) {
        return false;
      }
    }
  }
  return true;
}

// What an arrival that was displaced has read comes behind it, under the same stamp.
bool Explorer::keeps(EventId id) const {
  const Event& event = graph()[id];
  const bool is_read_of_load = event.kind == Kind::kWake && event.stamp == since_;
  return (event.stamp <= since_ && !is_read_of_load) || in_prefix(id);
}

bool Explorer::added_by_default(EventId id) {
  const Event& event = graph()[id];
  if (is_waiting(event)) {
    return true;  // it has done nothing yet
  }
  if (event.kind == Kind::kChoice) {
    return event.value == 0;
  }
  if (event.kind == Kind::kArrive) {
    return arrived_by_default(id);
  }
  if (writes(event.kind)) {
    for (EventId reader = event.readers; reader != 0; reader = graph()[reader].next_reader) {
      if (in_view(reader)) {
        return false;
      }
    }
  }
  if (!reads(event.kind)) {
    return !writes(event.kind) || is_newest_in_view(event.location, id);
  }
  // Nothing comes between an update and its store.
  return (event.store == kInitial || in_view(event.store)) &&
         is_newest_in_view(event.location, event.kind == Kind::kUpdate ? id : event.store);
}

// In the first round that was not complete, and nobody has gone on because of it.
bool Explorer::arrived_by_default(EventId id) const {
  const Event& arrival = graph()[id];
  for (EventId woken = arrival.woken; woken != 0; woken = graph()[woken].next_woken) {
    if (in_view(woken)) {
      return false;
    }
  }
  for (u32 thread = 0; arrival.arity > 0 && thread < graph().thread_count(); ++thread) {
    const EventId before = graph().arrival_of(thread, arrival.location, arrival.arity - 1);
    if (before != 0 && !in_view(before)) {
      return false;
    }
  }
  return true;
}

bool Explorer::is_newest_in_view(u32 location, EventId store) {
  return later_.smallest_stamp(location, store) > view_;
}

void Explorer::enter(const Event& store, EventId load) {
  Level level = {};
  level.is_new = true;
  level.found = level.store = store;
  level.load = graph()[load];
  keeps_.resize(graph().size() + 1);
  for (EventId id = 1; id <= graph().size(); ++id) {
    keeps_[id] = id != load && keeps(id);
  }
  cuts_.cut(graph(), keeps_);
  level.base = graph().size();
  level.store.store = cuts_.renamed(store.store);
  level.store.is_placed = true;
  level.load.is_fixed = true;
  level.load.revisits_tried = 0;
  level.load.depth = store.depth + 1;
  if (store.kind == Kind::kArrive) {
    level.store.arity = level.load.arity++;
    level.load.is_placed = true;
  }
  levels_.push_back(level);
}

// Puts the store into coherence, first as the newest, and lets the load read it.
bool Explorer::place() {
  while (find_place(levels_.back())) {
    const Level level = levels_.back();
    if (add_if_consistent(level.store, level.store.co_prev) && add_load(level.load)) {
      return true;
    }
    shrink_to(level.base);
  }
  return false;
}

bool Explorer::find_place(Level& level) {
  Event& store = level.store;
  const bool is_update = store.kind == Kind::kUpdate;
  if (level.is_new) {
    level.is_new = false;
    store.co_prev = is_update ? store.store : graph().co_last(store.location);
    return true;
  }
  if (is_update || store.co_prev == kInitial ||
      graph().is_observed(store.thread, store.location, store.co_prev)) {
    return false;
  }
  store.co_prev = graph()[store.co_prev].co_prev;
  return true;
}

// To read the store that was just added.
bool Explorer::add_load(Event load) {
  if (load.kind == Kind::kArrive) {
    add_displaced(load);
    return true;
  }
  load.store = graph().size();
  for (EventId later = graph().back().co_next; later != kInitial; later = graph()[later].co_next) {
    if (graph().is_observed(load.thread, load.location, later)) {
      return false;
    }
  }
  evaluate(graph(), load);
  if (is_waiting(load)) {
    graph().add(load, kInitial);
    return true;
  }
  return admits_read(load) && (add_if_consistent(load, load.store) || try_alternatives(load));
}

// Behind all of the round before, as in GraphMemory::follow_round.
void Explorer::add_displaced(const Event& arrival) {
  graph().add(arrival, kInitial);
  Event wake = arrival;
  wake.kind = Kind::kWake;
  wake.order = wake.success = exec::Order::kRelaxed;
  wake.location = 0;
  for (u32 other = 0; other < graph().thread_count(); ++other) {
    wake.store = graph().arrival_of(other, arrival.location, arrival.arity - 1);
    if (wake.store != 0) {
      graph().add(wake, kInitial);
    }
  }
}

// Back to the graph in which the revisit was found, without the store, which is returned.
Explorer::Event Explorer::leave() {
  const Event store = levels_.back().found;
  levels_.pop_back();
  cuts_.mend(graph());
  return store;
}

}  // namespace heddle::exploration
