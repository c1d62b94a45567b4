// In-target world. A memory model that keeps the whole execution as a graph, and lets loads read
// and stores follow whatever the model's predicate admits.
#pragma once

#include "exec/clock.hpp"
#include "exec/decision.hpp"
#include "exec/memory_model.hpp"
#include "graph/consistency.hpp"
#include "graph/graph.hpp"
#include "graph/spins.hpp"

namespace heddle::graph {

/// Which of the stores that may be read is read, and where stores go in coherence.
enum class Policy : u8 {
  kDecisions,  // the strategy decides: kReadsFrom, kCoherence
  kNewest,     // reads the newest, writes the newest; whoever explores takes care of the others
};

/// The rule of the finding that a location was accessed in two sizes. Only a graph objects to that.
constexpr const char* kMixedSizeRule = "mixed-size";

class GraphMemory final : public exec::MemoryModel {
 public:
  GraphMemory(Consistency& consistency, Policy policy)
      : consistency_(consistency), policy_(policy) {}

  Graph& graph() { return graph_; }
  const Graph& graph() const { return graph_; }
  Consistency& consistency() { return consistency_; }
  /// Events of the graph that the present execution has been through. The others come next, in
  /// their order; behind them new ones are added.
  u32 at() const { return at_; }
  /// The execution did something else than the graph says.
  bool diverged() const { return diverged_; }
  /// The execution was given up, and says more if it is run once more.
  bool must_begin_again() const { return begin_again_; }
  /// The execution was given up, because the strategy decided on what the model does not admit.
  bool refused() const { return refused_; }
  /// Some execution was cut short without knowing that its thread would only do the same again.
  bool is_bounded() const { return cut_ || spins_.is_bounded(); }
  /// Some execution had looks at the clock where it was not asked whether time has passed.
  bool has_looks_left_out() const { return looks_left_out_; }
  /// The present execution is one of those that count.
  void settle_looks();

  /// A read that is no event: the thread goes round a loop, which reads the same again and again.
  struct Repeated {
    EventId behind;  // the event of its thread that it came right behind, which any number may
    u32 location;
    EventId store;
  };
  /// Of the present execution, each thread's in their order.
  const Vec<Repeated>& repeated() const { return repeated_; }

  /// All that outlives executions, but for the events.
  void archive(Archive& archive);

  void begin_execution() override;
  u128 load(exec::Thread& thread, exec::SyncVar& variable, u32 size, Order order) override;
  bool store(exec::Thread& thread, exec::SyncVar& variable, u32 size, Order order,
             u128 value) override;
  exec::Updated update(exec::Thread& thread, exec::SyncVar& variable, u32 size, Order order,
                       const exec::Modification& modification) override;
  void fence(exec::Thread& thread, Order order) override;
  void look(exec::Thread& thread) override;
  bool waits_for_time(exec::Thread& thread) override;
  void synchronize(exec::Thread& thread, exec::SyncVar& object, exec::ObjectOperation operation,
                   Order order) override;
  u32 call(exec::Thread& thread) override;
  u32 last_event(const exec::Thread& thread) const override;
  bool interleaves() const override { return consistency_.interleaves(); }
  void find_past(u32 event, Vec<bool>& past) const override;
  u32 arrive(exec::Thread& thread, exec::SyncVar& barrier, u32 round) override;
  void follow_round(exec::Thread& thread, u32 arrival) override;
  void leave(exec::Thread& thread, u32 arrival) override;
  void create(exec::Thread& thread, exec::Thread& created) override;
  void join(exec::Thread& thread, exec::Thread& finished) override;
  void wake(exec::Thread& woken) override;
  void wake_up(exec::Thread& thread, Order order) override;
  u32 look_at_futex(exec::Thread& thread, exec::SyncVar& variable, u32 expected) override;
  bool still_reads(exec::Thread& thread, exec::SyncVar& variable) override;
  void end(exec::Thread& thread) override;
  void on_stuck() override;
  void note_bound() override { cut_ = true; }
  u64 steps_repeated() const override { return steps_repeated_; }
  u32 slot_of(const exec::Thread& creator, u32 nth) override;
  /// The last event of the thread if it is_waiting(), else 0.
  EventId waiting_of(u32 thread) const;
  /// One of `arity` values: the graph's, or else `value`.
  u32 choose(exec::Thread& thread, exec::DecisionKind kind, u32 arity, u32 value);
  /// Whose event comes next: what the graph says, or what is part of the last one. kNone: anyone's.
  ThreadId next_thread() const;
  /// Who adds the next event if no graph says so: `wanted`, or else the first thread. The end of
  /// the program comes last: whatever the others can do, they can do before it.
  static ThreadId first_to_run(const exec::SchedulePoint& point, ThreadId wanted = ThreadId::kNone);
  /// Who runs if the next event is that of a thread that cannot run yet: the first one, from behind
  /// the present thread on, that has something else to do than an event; or else the next one.
  static ThreadId who_makes_way(const exec::SchedulePoint& point);

 private:
  /// A thread, by who made it and when.
  struct Child {
    u32 creator;
    u32 nth;
  };

  /// At the clock.
  struct Look {
    u64 key;          // tells it from all others
    bool may_choose;  // whether time has passed
  };
  static constexpr u32 kLooksKept = 8;

  static constexpr u32 kRepeatedMax = 16'384;

  struct Progress {
    u64 history;             // a hash of what it has read and written so far
    u64 held;                // and of the locks that it has
    Look looks[kLooksKept];  // the last ones
    u32 leapt_at;            // the last one that found that time has passed
    u64 state;               // where it was last found to spin
    u32 leaps;               // it had made when it first came there
    u32 repeated;            // reads that were no events
    EventId last;            // event so far
  };

  /// What a thread that spins waits for.
  enum class Wait : u8 { kForValue, kForTime, kGoesOn, kBeginAgain };

  Event event(const exec::Thread& thread, Kind kind, Order order) const;
  u32 location_of(exec::Thread& thread, exec::SyncVar& variable, u32 size, u128 initial);
  u32 atomic_at(exec::Thread& thread, exec::SyncVar& variable, u32 size);
  void refuse_overlap(exec::Thread& thread, const exec::SyncVar& variable, u32 size);
  void refuse_mixed(exec::Thread& thread, u32 location, uptr address, u32 size);
  u32 object_of(exec::Thread& thread, exec::SyncVar& object, exec::ObjectOperation operation);
  /// The graph's next event if there is one, with what this execution adds to it; else `event`,
  /// added. `after` as in Graph::add.
  EventId take(const Event& event, EventId after);
  void pass_time(EventId id);
  void remember(ThreadId thread, u64 event);
  void await_turn(exec::Thread& thread);
  void await_notifier(exec::Thread& thread);
  bool has_notified(const exec::Thread& thread) const;
  /// Does not return if the thread waits for a value that it has not found. True if it is to go
  /// on as if that were so, but cannot be left waiting: it counts.
  bool look_for_spin(exec::Thread& thread, bool tries_to_change);
  /// `read`, or an update that is one there, as it was one round ago, and no event. Does not return
  /// if it cannot be.
  void repeat_read(exec::Thread& thread, Event& read);
  EventId next_event(const exec::Thread& thread) const;
  Wait judge_wait(const exec::Thread& thread);
  EventId behind_idle_updates(EventId store, const exec::Thread* of = nullptr) const;
  void note_read(const exec::Thread& thread, const Event& event);
  void note_waiting();
  bool is_outlived(const exec::Thread& thread, u32 other) const;
  void follow(exec::Thread& thread, EventId event, Order order);
  EventId last_change(u32 location) const;
  bool finds_again(u32 thread, u32 location, u32 found) const;
  bool is_lent(u32 location, u32 wanted_by) const;
  void judge_spinners();
  /// A hash of all that the thread has read in this execution.
  Progress& progress_of(ThreadId thread);
  void skip_waiting();
  bool repeats() const { return at_ < graph_.size(); }
  /// `learns`: how its thread learns of what was before the store. `awaited`, if there is one: not
  /// read from stores that have been replaced by others.
  u128 read(exec::Thread& thread, exec::SyncVar& variable, u32 size, Order order, Order learns,
            const u32* awaited = nullptr);
  /// The store that a read reads, or that a write comes behind in coherence.
  EventId choose_store(Event& event, exec::DecisionKind decision);
  bool admits(Event& event, EventId store);
  void refuse();
  EventId& newest_of(u32 location);
  bool becomes_newest(EventId store);
  void trace(EventId id, EventId acted_on);
  exec::VectorClock& released(EventId store) { return released_[store]; }

  Graph graph_;
  Consistency& consistency_;
  Policy policy_;
  u32 at_ = 0;
  bool diverged_ = false;
  bool begin_again_ = false;
  bool refused_ = false;
  bool cut_ = false;                     // some execution
  bool looks_left_out_ = false;          // in some execution
  ThreadId notifier_ = ThreadId::kNone;  // who chooses next whom it has notified
  ThreadId follower_ = ThreadId::kNone;  // who notifies, or stops waiting, right behind it
  u64 steps_repeated_ = 0;
  Spins spins_;
  OwnedVec<Progress> progress_;  // by thread
  OwnedVec<Repeated> repeated_;
  OwnedVec<u64> unasked_;   // looks at the clock, by their keys
  OwnedVec<u32> spinners_;  // threads that were blocked as such
  u32 stamps_ = 0;
  OwnedVec<Child> children_;  // slot - 1: whoever was first
  OwnedVec<EventId> wakers_;  // by thread: what woke it
  OwnedVec<EventId> newest_;  // by location: the store that memory holds
  // Of each event, for the clocks of the oracles; [0]: of initial stores.
  OwnedVec<exec::VectorClock> released_;
  OwnedVec<u64> times_;   // when each event was
  OwnedVec<u32> traced_;  // where each event is in the trace
};

/// Tells values apart. The same in each process: an address is named by what is there.
u64 name_of(u128 value);

}  // namespace heddle::graph
