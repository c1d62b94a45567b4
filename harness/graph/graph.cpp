#include "graph/graph.hpp"

#include <cstring>

#include "base/archive.hpp"
#include "base/rng.hpp"

namespace heddle::graph {

using exec::acquires;
using exec::releases;

void archive(Archive& archive, Event& event) {
  archive(event.kind, event.order, event.success, event.is_object, event.is_half, event.is_fixed,
          event.is_placed, event.thread, event.other, event.index, event.location, event.store,
          event.coherence, event.co_prev, event.stamp, event.arity, event.revisits_tried,
          event.depth);
  if (event.is_object || event.kind == Kind::kChoice) {
    archive(event.modification.argument, event.value);
  }
}

void learn_values(Event& event, const Event& seen) {
  event.value = seen.value;
  event.modification = seen.modification;
}

Graph::Graph() {
  threads_ = static_cast<Line*>(os_map(sizeof(Line) * kThreadCountMax));
  events_.push_back(Event{});
  clear();
}

Graph::~Graph() {
  for (u32 thread = 0; thread < kThreadCountMax; ++thread) {
    threads_[thread].events.release();
  }
  os_unmap(threads_, sizeof(Line) * kThreadCountMax);
}

void Graph::clear() {
  clear_events();
  locations_.clear();
  locations_.push_back(Location{});
  lines_.clear();
  lines_.push_back(ReadLine{});
  if (table_.empty()) {
    table_.resize(256);
  }
  std::memset(table_.data(), 0, table_.size() * sizeof(u32));
}

void Graph::clear_events() {
  events_.resize(1);
  sc_count_ = sc_fence_count_ = 0;
  clocks_.resize(width_);  // the clock 0: nothing
  std::memset(clocks_.data(), 0, width_ * sizeof(u32));
  for (u32 thread = 0; thread < thread_count_; ++thread) {
    threads_[thread].events.clear();
    threads_[thread].creator = 0;
    threads_[thread].joiner = 0;
  }
  for (Location& location : locations_) {
    location.co_first = location.co_last = location.readers = 0;
  }
  for (ReadLine& line : lines_) {
    line.last = 0;
  }
}

void Graph::archive(Archive& archive) {
  archive.list(locations_, [&](Location& at) { archive(at.place, at.key, at.size, at.reads); });
  archive.list(lines_, [&](ReadLine& line) { archive(line.thread, line.next); });
  do {
    grow_table();
  } while (locations_.size() * 2 > table_.size());
}

u32 Graph::location_of(u64 place, u32 size, u128 initial, u64 name_of_initial) {
  const u64 key = mix64(place) ^ name_of_initial;
  const u32 mask = table_.size() - 1;
  u32 slot = static_cast<u32>(mix64(key)) & mask;
  while (table_[slot] != 0) {
    if (locations_[table_[slot]].key == key) {
      locations_[table_[slot]].initial = initial;
      return table_[slot];
    }
    slot = (slot + 1) & mask;
  }
  const u32 index = locations_.size();
  table_[slot] = index;
  locations_.push_back(Location{.place = place,
                                .key = key,
                                .initial = initial,
                                .size = size,
                                .co_first = 0,
                                .co_last = 0,
                                .readers = 0,
                                .reads = 0});
  if (locations_.size() * 2 > table_.size()) {
    grow_table();
  }
  return index;
}

void Graph::grow_table() {
  table_.resize(table_.size() * 2);
  std::memset(table_.data(), 0, table_.size() * sizeof(u32));
  const u32 mask = table_.size() - 1;
  for (u32 index = 1; index < locations_.size(); ++index) {
    u32 slot = static_cast<u32>(mix64(locations_[index].key)) & mask;
    while (table_[slot] != 0) {
      slot = (slot + 1) & mask;
    }
    table_[slot] = index;
  }
}

void Graph::widen(u32 threads) {
  if (threads <= width_) {
    return;
  }
  OwnedVec<Event> events;
  unwind(0, events);
  while (width_ < threads) {
    width_ *= 2;
  }
  clear_events();
  rewind(events);
}

EventId Graph::append(const Event& event) {
  thread_count_ = event.thread >= thread_count_ ? event.thread + 1u : thread_count_;
  if (event.thread >= width_ || (event.kind == Kind::kCreate && event.other >= width_)) {
    widen((event.kind == Kind::kCreate && event.other > event.thread ? event.other : event.thread) +
          1u);
  }
  const EventId id = events_.size();
  Event& added = events_.push_back(event);
  Line& line = threads_[added.thread];
  added.index = line.events.size() + 1;
  line.events.push_back(id);
  if (added.kind == Kind::kCreate) {
    thread_count_ = added.other >= thread_count_ ? added.other + 1u : thread_count_;
    threads_[added.other].creator = id;
  } else if (added.kind == Kind::kJoin) {
    threads_[added.other].joiner = id;
  } else if (added.kind == Kind::kWake) {
    added.next_woken = events_[added.store].woken;
    events_[added.store].woken = id;
  }
  added.woken = 0;
  sc_count_ += is_sc(added);
  sc_fence_count_ += is_sc_fence(added);
  make_clocks(added);
  return id;
}

EventId Graph::add(const Event& event, EventId after) {
  const EventId id = append(event);
  if (reads(event.kind)) {
    link_reader(id);
  }
  if (writes(event.kind)) {
    link_store(id, event.kind == Kind::kUpdate ? event.store : after);
    make_room(id);
  }
  return id;
}

EventId Graph::add_again(const Event& event) {
  const EventId id = append(event);
  if (reads(event.kind)) {
    link_reader(id);
  }
  if (writes(event.kind)) {
    EventId after = locations_[event.location].co_last;
    while (coherence_of(after) >= event.coherence) {
      after = events_[after].co_prev;
    }
    link_store(id, after);
    make_room(id);
  }
  return id;
}

void Graph::pop() {
  const EventId id = size();
  Event& event = events_[id];
  if (reads(event.kind)) {
    *reader_list(event) = event.next_reader;
    last_read(event) = event.last_read;
  }
  if (writes(event.kind)) {
    Location& location = locations_[event.location];
    (event.co_prev == kInitial ? location.co_first : events_[event.co_prev].co_next) =
        event.co_next;
    (event.co_next == kInitial ? location.co_last : events_[event.co_next].co_prev) = event.co_prev;
    for (EventId at = event.co_next; at != kInitial; at = events_[at].co_next) {
      --events_[at].coherence;
    }
  }
  if (event.kind == Kind::kCreate) {
    threads_[event.other].creator = 0;
  } else if (event.kind == Kind::kJoin) {
    threads_[event.other].joiner = 0;
  } else if (event.kind == Kind::kWake) {
    events_[event.store].woken = event.next_woken;
  }
  sc_count_ -= is_sc(event);
  sc_fence_count_ -= is_sc_fence(event);
  threads_[event.thread].events.pop_back();
  clocks_.resize(event.clocks);
  events_.pop_back();
}

void Graph::unwind(u32 left, Vec<Event>& events) {
  while (size() > left) {
    events.push_back(back());
    pop();
  }
}

void Graph::rewind(const Vec<Event>& events) {
  for (u32 i = events.size(); i > 0; --i) {
    add_again(events[i - 1]);
  }
}

EventId* Graph::reader_list(const Event& event) {
  return event.store == kInitial ? &locations_[event.location].readers
                                 : &events_[event.store].readers;
}

void Graph::link_reader(EventId id) {
  Event& event = events_[id];
  EventId* list = reader_list(event);
  event.next_reader = *list;
  *list = id;
  EventId& last = last_read(event);
  event.last_read = last;
  last = id;
}

EventId& Graph::last_read(const Event& event) {
  u32* link = &locations_[event.location].reads;
  while (*link != 0 && lines_[*link].thread != event.thread) {
    link = &lines_[*link].next;
  }
  if (*link == 0) {
    *link = lines_.size();
    lines_.push_back(ReadLine{0, event.thread, 0});
    return lines_.back().last;
  }
  return lines_[*link].last;
}

void Graph::link_store(EventId id, EventId after) {
  Event& event = events_[id];
  Location& location = locations_[event.location];
  const EventId next = co_next(event.location, after);
  event.readers = 0;
  event.co_prev = after;
  event.co_next = next;
  (after == kInitial ? location.co_first : events_[after].co_next) = id;
  (next == kInitial ? location.co_last : events_[next].co_prev) = id;
}

void Graph::make_room(EventId id) {
  events_[id].coherence = coherence_of(events_[id].co_prev) + 1;
  for (EventId at = events_[id].co_next; at != kInitial; at = events_[at].co_next) {
    ++events_[at].coherence;
  }
}

EventId Graph::update_of(u32 location, EventId store) const {
  const EventId next = co_next(location, store);
  return next != kInitial && events_[next].kind == Kind::kUpdate && events_[next].store == store
             ? next
             : 0;
}

EventId Graph::arrival_of(u32 thread, u32 location, u32 round) const {
  for (u32 index = event_count(thread); index > 0; --index) {
    const EventId id = event_of(thread, index);
    const Event& event = events_[id];
    if (event.kind == Kind::kArrive && event.location == location && event.arity == round) {
      return id;
    }
  }
  return 0;
}

u32 Graph::push_clock(u32 from) {
  const u32 clock = clocks_.size();
  clocks_.resize(clock + width_);
  std::memcpy(&clocks_[clock], &clocks_[from], width_ * sizeof(u32));
  return clock;
}

void Graph::join(u32 clock, u32 other) {
  u32* mine = &clocks_[clock];
  const u32* theirs = &clocks_[other];
  for (u32 i = 0; i < width_; ++i) {
    mine[i] = theirs[i] > mine[i] ? theirs[i] : mine[i];
  }
}

// Happens-before of C++20: an acquiring read learns what its store released, a relaxed one keeps it
// for the next acquire fence; a release fence lends its clock to the relaxed stores behind it; an
// update goes on with what the store it read released. Fences are for atomics alone. Who shares a
// lock learns from those who had it alone, not from others who shared it.
void Graph::make_clocks(Event& event) {
  const EventId before = previous(event);
  const Event& last = events_[before];
  const bool same_thread = before != 0 && last.thread == event.thread;
  const u32 hb = push_clock(before == 0 ? 0 : last.clocks);
  const u32 porf = push_clock(before == 0 ? 0 : last.clocks + width_);
  event.clocks = hb;
  event.pending = same_thread ? last.pending : 0;
  event.release_fence = same_thread ? last.release_fence : 0;
  event.sc_fence = is_sc_fence(event) ? size() : same_thread ? last.sc_fence : 0;
  event.released = 0;
  const EventId store = reads(event.kind) ? event.store : kInitial;
  const bool shares = is_sharing(event);
  event.unshared = shares && is_sharing(events_[store]) ? events_[store].unshared : store;
  const u32 continued = events_[store].released;
  const u32 from = shares ? events_[event.unshared].released : continued;
  if (store != kInitial) {
    join(porf, events_[store].clocks + width_);
  }
  if (event.kind == Kind::kJoin && last_of(event.other) != 0) {
    join(hb, events_[last_of(event.other)].clocks);
    join(porf, events_[last_of(event.other)].clocks + width_);
  }
  if (event.kind == Kind::kWake) {
    join(porf, events_[event.store].clocks + width_);
    if (acquires(event.order)) {
      join(hb, events_[event.store].clocks);
    }
  }
  if (from != 0 && acquires(event.order)) {
    join(hb, from);
  }
  if (event.kind == Kind::kFence && acquires(event.order) && event.pending != 0) {
    join(hb, event.pending);
  }
  clocks_[hb + event.thread] = event.index;
  clocks_[porf + event.thread] = event.index;
  if (from != 0 && !acquires(event.order) && !event.is_object) {
    const u32 pending = push_clock(from);
    if (event.pending != 0) {
      join(pending, event.pending);
    }
    event.pending = pending;
  }
  if (event.kind == Kind::kFence && releases(event.order)) {
    event.release_fence = size();
  }
  if (writes(event.kind)) {
    const EventId fence = event.is_object ? 0 : event.release_fence;
    event.released = releases(event.order) ? hb : fence != 0 ? events_[fence].clocks : 0;
    if (continued != 0) {
      const u32 released = push_clock(continued);
      if (event.released != 0) {
        join(released, event.released);
      }
      event.released = released;
    }
  }
}

bool Graph::is_observed(u32 thread, u32 location, EventId store) const {
  const EventId last = last_of(thread);
  if (last == 0) {
    return false;
  }
  const u32* seen = hb(last);
  const auto knows = [&](EventId id) { return seen[events_[id].thread] >= events_[id].index; };
  if (store != kInitial && knows(store)) {
    return true;
  }
  for (EventId reader = readers_of(location, store); reader != 0;
       reader = events_[reader].next_reader) {
    if (knows(reader)) {
      return true;
    }
  }
  return false;
}

}  // namespace heddle::graph
