// In-target world. Exhaustive search: each class of executions once.
#pragma once

#include "base/rng.hpp"
#include "explore/cuts.hpp"
#include "explore/later_stores.hpp"
#include "explore/search.hpp"

namespace heddle::exploration {

/// Goes through the executions that differ in which store a load reads, or in how the stores of one
/// location follow each other; visits none of these classes twice, and starts none that the memory
/// model does not admit.
///
/// An execution follows the graph, then adds to it: always an event of the first thread that can
/// run, reading the newest store, writing the newest one. advance() takes the last event away until
/// one has an alternative: another store to read or another place in coherence; or, for a store,
/// a load already there that might read it instead (a revisit). The graph is then cut down to what
/// came before the load, or comes before the store; what is dropped must be as it would be added
/// again by default, so that one way only leads to each graph. What was dropped waits on a stack.
/// Memory: O(n), and what is dropped at each level of revisits within revisits.
/// Source: Kokologiannakis, Marmanis, Gladstein, Vafeiadis: Truly Stateless, Optimal Dynamic
/// Partial Order Reduction (POPL 2022). Differs: an update is one event; what an outer level
/// dropped is kept, not computed back; locks and their like are updates of which some cannot happen
/// yet. Who arrives at a barrier when its round is complete might have been in that round in the
/// place of another; so the completion of a round is the store that this other one reads then.
class Explorer final : public Search {
 public:
  explicit Explorer(graph::Consistency& consistency)
      : Search(consistency, graph::Policy::kNewest) {}

  void begin_again() override;
  bool advance() override;
  u32 depth() const override { return depth_; }

  void archive(Archive& archive) override;
  u32 unseen_graphs() const override { return levels_.size() + 1; }
  void show_graph(u32 nth) override;
  void learn_values(u32 nth) override;

  /// Goes on with one of the alternatives that directly lead from the last execution on, and
  /// forgets all other executions: one over the chance that it was this one; 0 if there are none.
  double descend(Rng& rng);

  ThreadId pick_thread(const exec::SchedulePoint& point) override;
  u32 pick(exec::DecisionKind kind, u32 arity) override;

 private:
  using Event = graph::Event;
  using EventId = graph::EventId;

  /// A revisit being explored.
  struct Level {
    bool is_new;  // the store was not placed yet
    u32 base;     // events that stay as they are at this level
    Event found;  // the store, with what it has tried, in the graph before the cut
    Event store;  // as placed last: behind co_prev
    Event load;
  };

  graph::Graph& graph() { return memory_.graph(); }
  const graph::Graph& graph() const { return memory_.graph(); }

  bool take_alternative();
  bool try_alternatives(Event event);
  bool try_stores(Event event);
  bool take_older_store(Event& event);
  bool try_places(Event& event);
  bool add_if_consistent(const Event& event, EventId after);
  bool admits_read(const Event& event);

  bool revisit(Event& store);
  EventId rival_of(const Event& event) const;
  void find_prefix(const Event& store);
  void find_prefix_of_round(const Event& arrival, EventId displaced);
  void add_to_prefix(EventId source);
  void collect_loads(const Event& store);
  void collect_arrivals(const Event& arrival);
  bool may_revisit(EventId load);
  bool may_drop(EventId load, EventId first, EventId last);
  bool added_by_default(EventId id);
  bool arrived_by_default(EventId id) const;
  bool is_newest_in_view(u32 location, EventId store);
  bool in_view(EventId id) const { return graph()[id].stamp <= view_ || in_prefix(id); }
  bool keeps(EventId id) const;
  bool in_prefix(EventId id) const { return prefix_[graph()[id].thread] >= graph()[id].index; }
  void enter(const Event& store, EventId load);
  bool place();
  bool find_place(Level& level);
  bool add_load(Event load);
  void add_displaced(const Event& arrival);
  Event leave();
  void shrink_to(u32 size);

  u32 started_ = 0;  // events before the present execution
  u32 depth_ = 0;
  OwnedVec<Level> levels_;
  Cuts cuts_;  // one for each level
  // Of the store at hand: what comes before it in (program order ∪ reads-from)⁺, by thread, and the
  // loads that it may revisit; then the stamps up to which events are kept, and looked at.
  OwnedVec<u32> prefix_;
  OwnedVec<EventId> loads_;
  LaterStores later_;
  u32 since_ = 0;
  u32 view_ = 0;
  OwnedVec<bool> keeps_;     // by event
  OwnedVec<Event> resumed_;  // the graph, as archived: unwound
};

}  // namespace heddle::exploration
