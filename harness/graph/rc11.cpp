#include <cstring>
#include <initializer_list>

#include "graph/consistency.hpp"

namespace heddle::graph {
namespace {

bool is_sc_fence(const Event& event) { return event.kind == Kind::kFence && is_sc(event); }

bool is_access(const Event& event) { return event.kind <= Kind::kUpdate && !is_waiting(event); }

bool same_location(const Event& a, const Event& b) {
  return is_access(a) && is_access(b) && a.location == b.location;
}

/// Where in the coherence of its location a read or update stands with what it reads: stores beyond
/// are after it.
u32 position(const Graph& graph, const Event& event) {
  return event.kind == Kind::kRead ? graph.coherence_of(event.store) : event.coherence;
}

/// The words of the paper: scb is po ∪ po≠loc;hb;po≠loc ∪ hb|loc ∪ coherence ∪ from-reads; psc,
/// which must be acyclic, is psc_base ∪ psc_fence, where psc_base = ([SC] ∪ [SC fence];hb?);scb;
/// ([SC] ∪ hb?;[SC fence]) and psc_fence = [SC fence];(hb ∪ hb;eco;hb);[SC fence].
class Rc11 final : public Consistency {
 public:
  const char* name() const override { return "rc11"; }

  bool holds(const Graph& graph) override {
    u32 accesses = 0;
    u32 fences = 0;
    for (EventId id = 1; id <= graph.size(); ++id) {
      fences += is_sc_fence(graph[id]);
      accesses += is_sc(graph[id]);
    }
    return accesses < 2 || (fences == 0 ? !on_cycle(graph) : acyclic(graph));
  }

 private:
  // ---- Without SC fences psc is scb between SC accesses, and a cycle goes through the last event:
  // nothing comes after it in happens-before, so that it joins no other two.

  bool on_cycle(const Graph& graph) {
    const EventId last = graph.size();
    if (!is_sc(graph[last])) {
      return false;
    }
    start(graph);
    open_.push_back(last);
    while (!open_.empty()) {
      const EventId id = open_.back();
      open_.pop_back();
      visit_successors(graph, id);
      if (seen_[last]) {
        return true;
      }
    }
    return false;
  }

  void start(const Graph& graph) {
    seen_.resize(graph.size() + 1);
    std::memset(seen_.data(), 0, seen_.size());
    open_.clear();
  }

  void reach(EventId id) {
    if (!seen_[id]) {
      seen_[id] = true;
      open_.push_back(id);
    }
  }

  void visit_successors(const Graph& graph, EventId id) {
    const Event& event = graph[id];
    reach_first(graph, event.thread, event.index + 1, [](const Event&) { return true; });
    visit_later_stores(graph, event);
    const EventId other = first_elsewhere(graph, event);
    for (u32 thread = 0; thread < graph.thread_count(); ++thread) {
      if (thread == event.thread) {
        continue;
      }
      reach_first(graph, thread, first_after(graph, id, thread),
                  [&](const Event& later) { return same_location(event, later); });
      if (other != 0) {
        reach_past_other_location(graph, thread, first_after(graph, other, thread));
      }
    }
  }

  /// The first SC event of the thread from `index` on that suits; later ones are reached from it.
  template <class Suits>
  void reach_first(const Graph& graph, u32 thread, u32 index, Suits suits) {
    for (; index <= graph.event_count(thread); ++index) {
      const EventId id = graph.event_of(thread, index);
      if (is_sc(graph[id]) && suits(graph[id])) {
        reach(id);
        return;
      }
    }
  }

  // From-reads and coherence.
  void visit_later_stores(const Graph& graph, const Event& event) {
    EventId at =
        event.kind == Kind::kRead ? graph.co_next(event.location, event.store) : event.co_next;
    while (at != kInitial && !is_sc(graph[at])) {
      at = graph[at].co_next;
    }
    if (at != kInitial) {
      reach(at);
    }
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

  /// The first SC event behind one of another location, both from `index` on.
  void reach_past_other_location(const Graph& graph, u32 thread, u32 index) {
    if (index > graph.event_count(thread)) {
      return;
    }
    const Event& first = graph[graph.event_of(thread, index)];
    bool all_same = true;
    for (u32 at = index + 1; at <= graph.event_count(thread); ++at) {
      const EventId id = graph.event_of(thread, at);
      const Event& event = graph[id];
      if (is_sc(event) && !(all_same && same_location(first, event))) {
        reach(id);
        return;
      }
      all_same = all_same && same_location(first, event);
    }
  }

  // ---- With SC fences: all of psc, row by row.

  bool acyclic(const Graph& graph) {
    nodes_.clear();
    for (EventId id = 1; id <= graph.size(); ++id) {
      if (is_sc(graph[id])) {
        nodes_.push_back(id);
      }
    }
    const u32 count = nodes_.size();
    edges_.resize(count * count);
    std::memset(edges_.data(), 0, edges_.size());
    for (u32 from = 0; from < count; ++from) {
      make_row(graph, from);
    }
    return sorts(count);
  }

  void make_row(const Graph& graph, u32 from) {
    const EventId source = nodes_[from];
    start(graph);
    if (is_sc_fence(graph[source])) {
      for (EventId id = 1; id <= graph.size(); ++id) {
        if (id == source || graph.happens_before(source, id)) {
          open_.push_back(id);
        }
      }
    } else {
      open_.push_back(source);
    }
    for (const EventId id : open_) {
      mark_scb(graph, id);
    }
    for (u32 to = 0; to < nodes_.size(); ++to) {
      const bool fence = is_sc_fence(graph[nodes_[to]]);
      edges_[from * nodes_.size() + to] =
          seen_[nodes_[to]] || (fence && sees_marked(graph, nodes_[to]));
    }
    if (is_sc_fence(graph[source])) {
      add_fence_edges(graph, from);
    }
  }

  /// Marks what comes after `id` in scb.
  void mark_scb(const Graph& graph, EventId id) {
    const Event& event = graph[id];
    const EventId other = first_elsewhere(graph, event);
    for (EventId to = 1; to <= graph.size(); ++to) {
      const Event& later = graph[to];
      seen_[to] = seen_[to] || (later.thread == event.thread && later.index > event.index) ||
                  (same_location(event, later) && graph.happens_before(id, to)) ||
                  (same_location(event, later) && writes(later.kind) &&
                   later.coherence > position(graph, event)) ||
                  (other != 0 && is_after_elsewhere(graph, other, to));
    }
  }

  /// po≠loc in front of `to`, and before that happens-before from `other`.
  static bool is_after_elsewhere(const Graph& graph, EventId other, EventId to) {
    const Event& event = graph[to];
    u32 index = event.index - 1;
    while (index != 0 && same_location(graph[graph.event_of(event.thread, index)], event)) {
      --index;
    }
    return index != 0 && graph.happens_before(other, graph.event_of(event.thread, index));
  }

  /// Something marked happens before `to`.
  bool sees_marked(const Graph& graph, EventId to) const {
    for (EventId id = 1; id <= graph.size(); ++id) {
      if (seen_[id] && graph.happens_before(id, to)) {
        return true;
      }
    }
    return false;
  }

  // psc_fence. What open_ holds happens after the fence, which comes first there, or is it.
  void add_fence_edges(const Graph& graph, u32 from) {
    const EventId source = nodes_[from];
    std::memset(seen_.data(), 0, seen_.size());
    for (const EventId id : open_) {
      if (id != source && is_access(graph[id])) {
        mark_eco(graph, graph[id]);
      }
    }
    for (u32 to = 0; to < nodes_.size(); ++to) {
      if (is_sc_fence(graph[nodes_[to]]) &&
          (graph.happens_before(source, nodes_[to]) || sees_marked(graph, nodes_[to]))) {
        edges_[from * nodes_.size() + to] = true;
      }
    }
  }

  /// Marks what comes after `event` in (reads-from ∪ coherence ∪ from-reads)⁺.
  void mark_eco(const Graph& graph, const Event& event) {
    const u32 place = position(graph, event);
    for (EventId to = 1; to <= graph.size(); ++to) {
      const Event& later = graph[to];
      if (!same_location(event, later)) {
        continue;
      }
      const bool store_after = writes(later.kind) && later.coherence > place;
      const bool reads_after =
          reads(later.kind) && (writes(event.kind) ? graph.coherence_of(later.store) >= place
                                                   : graph.coherence_of(later.store) > place);
      seen_[to] = seen_[to] || store_after || reads_after;
    }
  }

  /// True if the nodes can be sorted along the edges.
  bool sorts(u32 count) {
    left_.clear();
    for (u32 i = 0; i < count; ++i) {
      left_.push_back(i);
    }
    for (bool removed = true; removed && !left_.empty();) {
      removed = false;
      for (u32 i = 0; i < left_.size();) {
        if (has_predecessor(left_[i], count)) {
          ++i;
        } else {
          left_[i] = left_.back();
          left_.pop_back();
          removed = true;
        }
      }
    }
    return left_.empty();
  }

  bool has_predecessor(u32 node, u32 count) const {
    for (const u32 other : left_) {
      if (edges_[other * count + node]) {
        return true;
      }
    }
    return false;
  }

  Vec<bool> seen_;
  Vec<EventId> open_;
  Vec<EventId> nodes_;
  Vec<bool> edges_;
  Vec<u32> left_;
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
