// In-target world. An execution as a graph: its events, program order, reads-from, coherence, and
// the happens-before that follows from them. Knows nothing of how it is explored.
#pragma once

#include "base/vec.hpp"
#include "exec/decision.hpp"
#include "exec/memory_model.hpp"

namespace heddle {
class Archive;
}

namespace heddle::graph {

using exec::Order;

/// Events are numbered in order of addition from 1; that order is one in which the program can run,
/// since nothing is added before what it reads, or waits for. As a store, 0 is the initial one of
/// the location at hand.
using EventId = u32;
constexpr EventId kInitial = 0;

enum class Kind : u8 {
  kRead,    // a load, or a compare-exchange that fails
  kWrite,   // a store
  kUpdate,  // reads and writes with nothing in between; any operation on an object of which all
            // operations are totally ordered (a mutex, say) is one
  kFence,
  kCreate,  // of a thread
  kJoin,    // of a thread that has finished
  kWake,    // goes on because of an event of another thread, its `store`
  kChoice,  // of one of several values by the environment
  kCall,    // of an operation
  kArrive,  // at a barrier
};

struct Event {
  Kind kind;
  Order order;     // if it takes place; for reads of a compare-exchange, the failure's
  Order success;   // if a compare-exchange takes place
  bool is_object;  // of a location that is no memory: updates in a total order
  bool is_half;    // the reading half of an update
  bool is_fixed;   // exploration: it may read nothing else; see Explorer
  bool is_placed;  // exploration: it has no alternatives
  u16 thread;
  u16 other;  // the thread created or joined
  u32 index;  // in its thread, from 1
  u32 location;
  EventId store;    // a read's or update's: where its value is from
  u32 coherence;    // a write's or update's: how many come before it, the initial one with them
  EventId co_prev;  // a write's or update's neighbours in coherence; kInitial at either end
  EventId co_next;
  EventId readers;      // of a write or update: the latest of a list
  EventId next_reader;  // the one before in the list of readers of its store
  EventId last_read;    // the one before it that its thread read here
  EventId woken;        // the latest event that goes on because of this one
  EventId next_woken;   // the one before in that list
  EventId unshared;     // of a read: the store, or the last one before it that is not is_sharing()
  EventId release_fence;  // the last one of its thread up to here; 0: none
  EventId sc_fence;       // likewise
  u32 stamp;              // exploration: when it was first added
  u32 arity;              // of a choice; of an arrival, its round
  u32 revisits_tried;     // exploration: loads that were asked to read this instead
  u32 depth;              // exploration: of the execution that added it
  u32 clocks;             // where its clocks begin
  u32 released;           // clock: what those learn who acquire from it; 0: nothing
  u32 pending;            // clock: what an acquire fence of its thread would learn; 0: nothing
  u128 value;             // read by a read, written by all others, or chosen
  exec::Modification modification;  // of what reads and may write
};

/// All but what a graph makes of it as it is added, and what holds in this process only: a value,
/// and what an update does, may be addresses. An execution that follows the graph knows them.
void archive(Archive& archive, Event& event);
/// Of an event that was read from an archive: the rest, from the same one in an execution.
void learn_values(Event& event, const Event& seen);

constexpr bool reads(Kind kind) { return kind == Kind::kRead || kind == Kind::kUpdate; }
constexpr bool writes(Kind kind) { return kind == Kind::kWrite || kind == Kind::kUpdate; }
constexpr bool is_sc(const Event& event) {
  return event.order == Order::kSeqCst && event.kind <= Kind::kFence;
}
constexpr bool is_sc_fence(const Event& event) {
  return event.kind == Kind::kFence && is_sc(event);
}

/// An operation on an object that is not possible where a revisit puts it. Its thread waits; the
/// operation itself comes behind it.
constexpr bool is_waiting(const Event& event) {
  return event.kind == Kind::kRead && event.is_object;
}

constexpr bool is_choice(const Event& event, exec::DecisionKind kind) {
  return event.kind == Kind::kChoice && event.other == static_cast<u16>(kind);
}

/// A choice of whom to wake. It is part of the notification right before it in its thread: what
/// comes behind that in coherence may depend on it.
constexpr bool chooses_waiter(const Event& event) {
  return is_choice(event, exec::DecisionKind::kWaiter);
}

/// Of a choice whether a wait times out: it is one for the end of a thread.
constexpr bool is_of_join(const Event& choice) { return choice.modification.argument != 0; }

/// Of a choice whether time has passed: the how manieth look of its thread at the clock it is.
constexpr u32 look_of(const Event& event) { return static_cast<u32>(event.modification.argument); }

/// Of an event of an object.
constexpr exec::ObjectOperation operation_of(const Event& event) {
  return static_cast<exec::ObjectOperation>(event.modification.argument);
}
constexpr bool is_operation(const Event& event, exec::ObjectOperation operation) {
  return event.is_object && operation_of(event) == operation;
}

/// An operation of those who share a lock.
constexpr bool is_sharing(const Event& event) {
  return is_operation(event, exec::ObjectOperation::kLockShared) ||
         is_operation(event, exec::ObjectOperation::kTryLockShared) ||
         is_operation(event, exec::ObjectOperation::kUnlockShared);
}

struct Location {
  u64 place;  // what tells it apart from others of an execution
  u64 key;    // and from those of all executions
  u128 initial;
  u32 size;
  EventId co_first;
  EventId co_last;
  EventId readers;  // of the initial store
  u32 reads;        // the first ReadLine; 0: none
};

/// The reads of one thread at one location: the last one, which knows the one before.
struct ReadLine {
  EventId last;
  u16 thread;
  u32 next;  // the next one of the location
};

/// Costs are of one call; T is the number of threads, n that of events.
class Graph {
 public:
  Graph();
  ~Graph();
  Graph(const Graph&) = delete;
  Graph& operator=(const Graph&) = delete;
  /// Forgets events and locations. O(n + locations).
  void clear();
  /// Forgets the events. O(n).
  void clear_events();
  /// The locations, and the order in which threads came to read there. To be read by a graph
  /// without events.
  void archive(Archive& archive);

  u32 size() const { return events_.size() - 1; }
  Event& operator[](EventId id) { return events_[id]; }
  const Event& operator[](EventId id) const { return events_[id]; }
  const Event& back() const { return events_[size()]; }
  Event& back() { return events_[size()]; }

  /// The location in this place that begins so, made if need be. `initial` is the same for equal
  /// names, but for addresses in another process. O(1) expected.
  u32 location_of(u64 place, u32 size, u128 initial, u64 name_of_initial);
  Location& location(u32 index) { return locations_[index]; }
  const Location& location(u32 index) const { return locations_[index]; }

  /// Adds `event`: of its fields, kind, order, thread, location, store, value and what exploration
  /// keeps must be set; a write comes right behind `after` in coherence, an update behind its
  /// store. O(T), and the number of stores behind it in coherence.
  EventId add(const Event& event, EventId after);
  /// Adds an event that unwind() took away, at the same place in coherence.
  EventId add_again(const Event& event);
  /// Takes the last event away. O(1), and the number of stores behind it in coherence.
  void pop();
  /// Takes all but the first `left` events away and appends them to `events`, the last one first.
  void unwind(u32 left, Vec<Event>& events);
  /// Undoes that.
  void rewind(const Vec<Event>& events);

  /// How many reads, writes, updates and fences are SC; and how many fences alone.
  u32 sc_count() const { return sc_count_; }
  u32 sc_fence_count() const { return sc_fence_count_; }

  EventId co_last(u32 location) const { return locations_[location].co_last; }
  /// The next store in coherence; kInitial if there is none.
  EventId co_next(u32 location, EventId store) const {
    return store == kInitial ? locations_[location].co_first : events_[store].co_next;
  }
  EventId readers_of(u32 location, EventId store) const {
    return store == kInitial ? locations_[location].readers : events_[store].readers;
  }
  /// Calls `visit(id)` for the reads at the location beyond `known`, which is a clock.
  /// O(threads that have read there + visits).
  template <class Visit>
  void each_read_beyond(const u32* known, u32 location, Visit visit) const {
    for (u32 line = locations_[location].reads; line != 0; line = lines_[line].next) {
      for (EventId id = lines_[line].last;
           id != 0 && events_[id].index > known[lines_[line].thread]; id = events_[id].last_read) {
        visit(id);
      }
    }
  }
  u128 value_of(u32 location, EventId store) const {
    return store == kInitial ? locations_[location].initial : events_[store].value;
  }
  u32 coherence_of(EventId store) const { return store == kInitial ? 0 : events_[store].coherence; }
  /// The update that reads `store`, and thus follows it in coherence; 0 if none does.
  EventId update_of(u32 location, EventId store) const;

  u32 thread_count() const { return thread_count_; }
  u32 event_count(u32 thread) const {
    return thread < thread_count_ ? threads_[thread].events.size() : 0;
  }
  EventId event_of(u32 thread, u32 index) const { return threads_[thread].events[index - 1]; }
  EventId last_of(u32 thread) const {
    const u32 count = event_count(thread);
    return count == 0 ? creator_of(thread) : event_of(thread, count);
  }
  /// The thread's arrival in this round of a barrier; 0 if there is none.
  /// O(its events).
  EventId arrival_of(u32 thread, u32 location, u32 round) const;
  EventId creator_of(u32 thread) const {
    return thread < thread_count_ ? threads_[thread].creator : 0;
  }
  EventId joiner_of(u32 thread) const { return threads_[thread].joiner; }
  /// Program order, over the creation of the thread. 0 for the first event of all.
  EventId previous(const Event& event) const {
    return event.index > 1 ? event_of(event.thread, event.index - 1) : creator_of(event.thread);
  }
  EventId next(const Event& event) const {
    return event.index < event_count(event.thread) ? event_of(event.thread, event.index + 1) : 0;
  }

  /// Happens-before; not of an event and itself. O(1).
  bool happens_before(EventId a, EventId b) const {
    return a != b && hb(b)[events_[a].thread] >= events_[a].index;
  }
  /// The last event of each thread that is the event itself or happens-before it.
  const u32* hb(EventId id) const { return &clocks_[events_[id].clocks]; }
  /// The same for (program order ∪ reads-from)⁺.
  const u32* porf(EventId id) const { return &clocks_[events_[id].clocks + width_]; }
  u32 width() const { return width_; }

  /// The store is one that a new read or write of the thread must not overlook: it happens-before
  /// the access, or has been read by something that does. O(readers of the store).
  bool is_observed(u32 thread, u32 location, EventId store) const;

  /// How many threads may have events; grows by itself.
  void widen(u32 threads);

 private:
  struct Line {
    Vec<EventId> events;
    EventId creator;
    EventId joiner;
  };

  EventId append(const Event& event);
  void make_clocks(Event& event);
  u32 push_clock(u32 from);
  void join(u32 clock, u32 other);
  void link_reader(EventId id);
  void link_store(EventId id, EventId after);
  void make_room(EventId id);
  EventId* reader_list(const Event& event);
  EventId& last_read(const Event& event);
  void grow_table();

  OwnedVec<Event> events_;
  OwnedVec<u32> clocks_;
  u32 width_ = 4;
  Line* threads_;
  u32 thread_count_ = 0;
  u32 sc_count_ = 0;
  u32 sc_fence_count_ = 0;
  OwnedVec<Location> locations_;
  OwnedVec<ReadLine> lines_;
  OwnedVec<u32> table_;  // locations by key, open addressing; 0: free
};

}  // namespace heddle::graph
