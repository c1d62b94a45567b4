#include <cstring>
#include <initializer_list>

#include "graph/consistency.hpp"

namespace heddle::graph {
namespace {

bool is_access(const Event& event) { return event.kind <= Kind::kUpdate && !is_waiting(event); }

bool same_location(const Event& a, const Event& b) {
  return is_access(a) && is_access(b) && a.location == b.location;
}

/// The words of the paper: scb is po ∪ po≠loc;hb;po≠loc ∪ hb|loc ∪ coherence ∪ from-reads; psc,
/// which must be acyclic, is psc_base ∪ psc_fence, where psc_base = ([SC] ∪ [SC fence];hb?);scb;
/// ([SC] ∪ hb?;[SC fence]) and psc_fence = [SC fence];(hb ∪ hb;eco;hb);[SC fence].
///
/// A new cycle leaves the last event by coherence or from-reads, since nothing happens after it. So
/// one search from there finds it: to the event itself, if it is SC, or to an SC fence that it
/// happens after. What lies behind a place in a thread, or in coherence, is gone through once.
class Rc11 final : public Consistency {
 public:
  const char* name() const override { return "rc11"; }

  bool holds(const Graph& graph) override {
    if (graph.sc_count() < 2) {
      return true;
    }
    const EventId last = graph.size();
    const bool behind_fence = is_behind_fence(graph, last);
    if (!is_sc(graph[last]) && !behind_fence) {
      return true;
    }
    begin(graph);
    reach_later_stores(graph, last);
    if (leads_back(graph, is_sc(graph[last]))) {
      return false;
    }
    // What was reached so far leads to no such fence.
    if (behind_fence) {
      reach_later_readers(graph, last);
    }
    return !leads_back(graph, false);
  }

 private:
  /// What was reached of a thread: all from an index on.
  struct Behind {
    u32 fences;  // SC ones
    u32 events;  // that happen after an SC fence that was reached
  };

  /// What was reached of a location: all from a place in coherence on.
  struct Later {
    u32 round;
    u32 stores;
    u32 read;  // stores of which the readers were reached by eco
  };

  static constexpr u32 kNone = ~u32{0};

  static bool is_behind_fence(const Graph& graph, EventId id) {
    for (u32 thread = 0; graph.sc_fence_count() > 0 && thread < graph.thread_count(); ++thread) {
      const u32 index = graph.hb(id)[thread];
      if (index != 0 && graph[graph.event_of(thread, index)].sc_fence != 0) {
        return true;
      }
    }
    return false;
  }

  void begin(const Graph& graph) {
    ++round_;
    open_.clear();
    while (reached_.size() <= graph.size()) {
      reached_.push_back(0);
    }
    behind_.clear();
    for (u32 thread = 0; thread < graph.thread_count(); ++thread) {
      const u32 end = graph.event_count(thread) + 1;
      behind_.push_back(Behind{end, end});
    }
  }

  bool leads_back(const Graph& graph, bool to_itself) {
    const EventId last = graph.size();
    while (!open_.empty()) {
      const EventId id = open_.back();
      open_.pop_back();
      if (id == last ? to_itself : is_sc_fence(graph[id]) && graph.happens_before(id, last)) {
        return true;
      }
      if (is_sc_fence(graph[id])) {
        visit_all_behind(graph, id);
      } else {
        visit_successors(graph, id);
      }
    }
    return false;
  }

  void reach(const Graph& graph, EventId id) {
    if (is_sc(graph[id]) && reached_[id] != round_) {
      reached_[id] = round_;
      open_.push_back(id);
    }
  }

  // Of an SC fence.
  void visit_all_behind(const Graph& graph, EventId id) {
    for (u32 thread = 0; thread < graph.thread_count(); ++thread) {
      const u32 first = first_after(graph, id, thread);
      for (u32& index = behind_[thread].events; index > first;) {
        const EventId later = graph.event_of(thread, --index);
        reach(graph, later);
        if (is_access(graph[later])) {
          reach_later_stores(graph, later);
          reach_later_readers(graph, later);
        }
      }
    }
  }

  // Of an SC access.
  void visit_successors(const Graph& graph, EventId id) {
    const Event& event = graph[id];
    reach_later_stores(graph, id);
    reach_first(graph, event.thread, event.index + 1, [](const Event&) { return true; });
    const EventId other = first_elsewhere(graph, event);
    for (u32 thread = 0; thread < graph.thread_count(); ++thread) {
      if (thread == event.thread) {
        continue;
      }
      reach_first(graph, thread, first_after(graph, id, thread),
                  [&](const Event& later) { return same_location(event, later); });
      const u32 from = other == 0 ? kNone : first_after(graph, other, thread);
      if (from <= graph.event_count(thread)) {
        reach_past_other_location(graph, thread, from);
      }
    }
  }

  /// The first event of the thread from `index` on that suits, and the first SC one; later ones are
  /// reached from there.
  template <class Suits>
  void reach_first(const Graph& graph, u32 thread, u32 index, Suits suits) {
    bool is_first = true;
    for (; index <= graph.event_count(thread); ++index) {
      const EventId id = graph.event_of(thread, index);
      if (suits(graph[id])) {
        if (is_first) {
          reach_fences_behind(graph, id);
        }
        is_first = false;
        reach(graph, id);
        if (is_sc(graph[id])) {
          return;
        }
      }
    }
  }

  /// Behind one of another location, both from `index` on.
  void reach_past_other_location(const Graph& graph, u32 thread, u32 index) {
    const Event& first = graph[graph.event_of(thread, index)];
    bool all_same = true;
    reach_first(graph, thread, index + 1, [&](const Event& event) {
      all_same = all_same && same_location(first, event);
      return !all_same;
    });
  }

  void reach_fences_behind(const Graph& graph, EventId id) {
    for (u32 thread = 0; graph.sc_fence_count() > 0 && thread < graph.thread_count(); ++thread) {
      const u32 first = first_after(graph, id, thread);
      u32& end = behind_[thread].fences;
      while (first < end) {
        const EventId fence = graph[graph.event_of(thread, end - 1)].sc_fence;
        end = fence == 0 ? 1 : graph[fence].index;
        if (end >= first && fence != 0) {
          reach(graph, fence);
        }
      }
    }
  }

  // Coherence and from-reads.
  void reach_later_stores(const Graph& graph, EventId id) {
    const Event& event = graph[id];
    u32& reached = later_than(event.location).stores;
    const EventId first =
        event.kind == Kind::kRead ? graph.co_next(event.location, event.store) : event.co_next;
    for (EventId at = first; at != kInitial && graph[at].coherence < reached;
         at = graph[at].co_next) {
      reach(graph, at);
      reach_fences_behind(graph, at);
    }
    const u32 from = graph.coherence_of(first);
    reached = first != kInitial && from < reached ? from : reached;
  }

  // The rest of eco: stores come before those who read them, and before those who read later ones.
  void reach_later_readers(const Graph& graph, EventId id) {
    const Event& event = graph[id];
    u32& reached = later_than(event.location).read;
    const EventId first =
        event.kind == Kind::kRead ? graph.co_next(event.location, event.store) : id;
    for (EventId at = first; at != kInitial && graph[at].coherence < reached;
         at = graph[at].co_next) {
      for (EventId reader = graph[at].readers; reader != 0; reader = graph[reader].next_reader) {
        reach_fences_behind(graph, reader);
      }
    }
    const u32 from = graph.coherence_of(first);
    reached = first != kInitial && from < reached ? from : reached;
  }

  Later& later_than(u32 location) {
    while (later_.size() <= location) {
      later_.push_back(Later{});
    }
    if (later_[location].round != round_) {
      later_[location] = Later{round_, kNone, kNone};
    }
    return later_[location];
  }

  /// The first event behind it in its thread that is of another location, or of none.
  static EventId first_elsewhere(const Graph& graph, const Event& event) {
    EventId id = graph.next(event);
    while (id != 0 && same_location(graph[id], event)) {
      id = graph.next(graph[id]);
    }
    return id;
  }

  /// The index of the first event of the thread that `id` happens before; one past the end if none
  /// does. O(log n).
  static u32 first_after(const Graph& graph, EventId id, u32 thread) {
    const Event& event = graph[id];
    if (thread == event.thread) {
      return event.index + 1;
    }
    u32 low = 1;
    u32 high = graph.event_count(thread) + 1;
    while (low < high) {
      const u32 middle = (low + high) / 2;
      if (graph.hb(graph.event_of(thread, middle))[event.thread] >= event.index) {
        high = middle;
      } else {
        low = middle + 1;
      }
    }
    return low;
  }

  u32 round_ = 0;
  Vec<u32> reached_;  // by event: the round in which it was reached as an SC one
  Vec<EventId> open_;
  Vec<Behind> behind_;  // by thread
  Vec<Later> later_;    // by location
};

}  // namespace

Consistency& rc11() {
  static Rc11 consistency;
  return consistency;
}

Consistency* consistency_of(const char* name) {
  for (Consistency* consistency : {&sequential_consistency(), &total_store_order(), &rc11()}) {
    if (std::strcmp(consistency->name(), name) == 0) {
      return consistency;
    }
  }
  return nullptr;
}

}  // namespace heddle::graph
