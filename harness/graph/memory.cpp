#include "graph/memory.hpp"

#include "base/archive.hpp"
#include "exec/execution.hpp"
#include "exec/happens_before.hpp"
#include "graph/interleaving.hpp"
#include "graph/objects.hpp"

namespace heddle::graph {

using exec::engine;
using exec::ObjectOperation;
using exec::SyncVar;
using exec::Thread;
using exec::Updated;

void GraphMemory::archive(Archive& archive) {
  graph_.archive(archive);
  spins_.archive(archive);
  archive(cut_, looks_left_out_);
  archive.list(children_, [&](Child& child) { archive(child.creator, child.nth); });
}

void GraphMemory::begin_execution() {
  if (!engine().options().exhaustive) {
    graph_.clear();
  }
  at_ = 0;
  diverged_ = false;
  begin_again_ = false;
  refused_ = false;
  notifier_ = ThreadId::kNone;
  follower_ = ThreadId::kNone;
  spinners_.clear();
  unasked_.clear();
  repeated_.clear();
  progress_.clear();
  spins_.begin_execution();
  stamps_ = 0;
  steps_repeated_ = 0;
  for (EventId id = 1; id <= graph_.size(); ++id) {
    stamps_ = graph_[id].stamp > stamps_ ? graph_[id].stamp : stamps_;
  }
  newest_.clear();
  released_.resize(1);
  released_[0].clear();
  skip_waiting();
}

void GraphMemory::skip_waiting() {
  while (repeats() && is_waiting(graph_[at_ + 1])) {
    ++at_;
  }
}

EventId GraphMemory::waiting_of(u32 thread) const {
  const u32 count = graph_.event_count(thread);
  const EventId last = count == 0 ? 0 : graph_.event_of(thread, count);
  return last != 0 && is_waiting(graph_[last]) ? last : 0;
}

Event GraphMemory::event(const Thread& thread, Kind kind, Order order) const {
  Event event = {};
  event.kind = kind;
  event.order = order;
  event.success = order;
  event.thread = static_cast<u16>(to_index(thread.id));
  return event;
}

GraphMemory::Progress& GraphMemory::progress_of(ThreadId thread) {
  while (progress_.size() <= to_index(thread)) {
    progress_.push_back(Progress{});
  }
  return progress_[to_index(thread)];
}

// Whether plain writes were effects depends on what others had written before.
void GraphMemory::remember(ThreadId thread, u64 event) {
  u64& history = progress_of(thread).history;
  engine().settle_plain_writes(engine().thread(thread));
  history = mix64(history ^ event ^ mix64(engine().thread(thread).effects));
}

EventId GraphMemory::take(const Event& event, EventId after) {
  EventId id = ++at_;
  if (id > graph_.size()) {
    id = graph_.add(event, after);
    graph_[id].stamp = ++stamps_;
  } else if (graph_[id].kind != event.kind || graph_[id].location != event.location) {
    diverged_ = true;
    engine().abandon();
  } else {
    steps_repeated_ = engine().steps();
  }
  if (event.kind != Kind::kChoice) {
    graph_[id].value = event.value;
  }
  graph_[id].modification = event.modification;
  released_.resize(id + 1);
  released_[id].clear();
  pass_time(id);
  progress_of(to_thread_id(event.thread)).last = id;
  // That no time has passed is nothing to remember.
  if (!is_choice(event, exec::DecisionKind::kClock) || graph_[id].value != 0) {
    const u128 seen =
        reads(event.kind) ? graph_.value_of(event.location, graph_[id].store) : graph_[id].value;
    remember(to_thread_id(event.thread), mix64(name_of(seen) + static_cast<u64>(event.kind)));
  }
  skip_waiting();
  return id;
}

// The newest store is always admitted. How many older ones come into question is a matter of
// happens-before; that one of them is refused by the rest of the model is rare enough to take the
// next newer one then.
EventId GraphMemory::choose_store(Event& event, exec::DecisionKind decision) {
  const EventId newest = graph_.co_last(event.location);
  if (repeats()) {
    return reads(event.kind) ? graph_[at_ + 1].store : newest;
  }
  if (policy_ == Policy::kNewest) {
    return newest;
  }
  u32 count = 1;
  for (EventId at = newest; at != kInitial && !graph_.is_observed(event.thread, event.location, at);
       at = graph_[at].co_prev) {
    ++count;
  }
  for (u32 left = count == 1 ? 0 : engine().decide(decision, count); left > 0; --left) {
    EventId store = newest;
    for (u32 skip = left; skip > 0; --skip) {
      store = graph_[store].co_prev;
    }
    if (admits(event, store)) {
      return store;
    }
    refuse();
  }
  return newest;
}

// To read `store`, or to come behind it.
bool GraphMemory::admits(Event& event, EventId store) {
  if (event.kind != Kind::kWrite) {
    event.store = store;
    evaluate(graph_, event);
  }
  if (writes(event.kind) && graph_.update_of(event.location, store) != 0) {
    return false;
  }
  graph_.add(event, store);
  const bool holds = consistency_.holds(graph_);
  graph_.pop();
  return holds;
}

// Who tries all decisions has been to where another choice leads, or will come there.
void GraphMemory::refuse() {
  if (engine().options().exhaustive) {
    refused_ = true;
    engine().abandon();
  }
}

u128 GraphMemory::load(Thread& thread, SyncVar& variable, u32 size, Order order) {
  return read(thread, variable, size, order, order);
}

u128 GraphMemory::read(Thread& thread, SyncVar& variable, u32 size, Order order, Order learns,
                       const u32* awaited) {
  await_turn(thread);
  const bool counts = look_for_spin(thread, false);
  Event read = event(thread, Kind::kRead, order);
  read.location = atomic_at(thread, variable, size);
  if (counts) {
    repeat_read(thread, read);
    return read.value;
  }
  read.store = choose_store(read, exec::DecisionKind::kReadsFrom);
  const EventId newest = graph_.co_last(read.location);
  if (awaited != nullptr && graph_.value_of(read.location, read.store) == *awaited &&
      graph_.value_of(read.location, newest) != *awaited) {
    read.store = newest;
  }
  evaluate(graph_, read);
  const EventId id = take(read, kInitial);
  note_read(thread, read);
  note_load(thread, released(graph_[id].store), learns);
  trace(id, graph_[id].store);
  return graph_[id].value;
}

bool GraphMemory::store(Thread& thread, SyncVar& variable, u32 size, Order order, u128 value) {
  await_turn(thread);
  Event write = event(thread, Kind::kWrite, order);
  write.location = atomic_at(thread, variable, size);
  write.value = value;
  const EventId id = take(write, choose_store(write, exec::DecisionKind::kCoherence));
  ++thread.effects;
  note_store(thread, released(id), order);
  trace(id, graph_[id].co_prev);
  return becomes_newest(id);
}

Updated GraphMemory::update(Thread& thread, SyncVar& variable, u32 size, Order order,
                            const exec::Modification& modification) {
  await_turn(thread);
  const bool counts = look_for_spin(thread, true);
  Event update = event(thread, Kind::kUpdate, order);
  update.location = atomic_at(thread, variable, size);
  update.modification = modification;
  if (counts) {
    repeat_read(thread, update);
    return Updated{update.value, update.value, false, false};
  }
  update.store = choose_store(update, exec::DecisionKind::kReadsFrom);
  evaluate(graph_, update);
  const EventId id = take(update, update.store);
  const u128 old = graph_.value_of(update.location, update.store);
  note_read(thread, update);
  thread.effects += update.value != old;
  trace(id, update.store);
  if (update.kind == Kind::kRead) {
    note_load(thread, released(update.store), update.order);
    return Updated{old, old, false, false};
  }
  released_[id].assign(released_[update.store]);
  note_update(thread, released(id), order);
  return Updated{old, update.value, true, becomes_newest(id)};
}

EventId& GraphMemory::newest_of(u32 location) {
  while (newest_.size() <= location) {
    newest_.push_back(kInitial);
  }
  return newest_[location];
}

// Of those that this execution has come to.
bool GraphMemory::becomes_newest(EventId store) {
  const Event& event = graph_[store];
  EventId& newest = newest_of(event.location);
  if (event.coherence < graph_.coherence_of(newest)) {
    return false;
  }
  newest = store;
  return true;
}

// For reports: where what has just happened acted on a store that is not the newest one so far.
void GraphMemory::trace(EventId id, EventId acted_on) {
  if (!engine().tracing()) {
    return;
  }
  traced_.resize(id + 1);
  traced_[id] = engine().events().size();
  EventId newest = graph_.co_last(graph_[id].location);
  while (newest > at_) {
    newest = graph_[newest].co_prev;
  }
  if (newest != id && newest != acted_on) {
    engine().note_overlooked(exec::Overlooked{
        traced_[newest], acted_on == kInitial ? exec::Overlooked{}.store : traced_[acted_on]});
  }
}

void GraphMemory::fence(Thread& thread, Order order) {
  await_turn(thread);
  take(event(thread, Kind::kFence, order), kInitial);
  note_fence(thread, order);
}

void GraphMemory::synchronize(Thread& thread, SyncVar& object, ObjectOperation what, Order order) {
  await_turn(thread);
  Event operation = event(thread, Kind::kUpdate, order);
  operation.is_object = true;
  operation.location = object_of(thread, object, what);
  operation.store = repeats() ? graph_[at_ + 1].store : graph_.co_last(operation.location);
  operation.modification.argument = static_cast<u32>(what);
  evaluate(graph_, operation);
  const u128 before = graph_.value_of(operation.location, operation.store);
  // A lock that is taken and given back has no effect, if nothing was done meanwhile.
  if (locks(what) || unlocks(what)) {
    const u64 name = operation.value != before ? mix64(operation.location) : 0;
    progress_of(thread.id).held += locks(what) ? name : ~name + 1;
  } else {
    thread.effects += operation.value != before || what >= ObjectOperation::kEnqueue;
  }
  take(operation, operation.store);
  if (what == ObjectOperation::kNotify || what == ObjectOperation::kLeave) {
    await_notifier(thread);
  }
  const bool looks =
      locks(what) || what == ObjectOperation::kTryTake || what == ObjectOperation::kLook;
  if (looks && engine().options().exhaustive) {
    spins_.note_object(thread, operation.location, static_cast<u32>(occupancy_of(before)));
  }
}

void GraphMemory::wake(Thread& woken) {
  while (wakers_.size() <= to_index(woken.id)) {
    wakers_.push_back(0);
  }
  wakers_[to_index(woken.id)] = last_event(*exec::current_thread);
}

void GraphMemory::wake_up(Thread& thread, Order order) {
  await_turn(thread);
  Event wake = event(thread, Kind::kWake, order);
  wake.store = wakers_[to_index(thread.id)];
  take(wake, kInitial);
}

// A search has others store before the thread waits, see still_reads().
u32 GraphMemory::look_at_futex(Thread& thread, SyncVar& variable, u32 expected) {
  const u32* awaited = engine().options().exhaustive ? nullptr : &expected;
  return static_cast<u32>(read(thread, variable, 4, Order::kSeqCst, Order::kRelaxed, awaited));
}

// Only a search has others' events come in between. It is an event, so that it is found wherever
// the search moves others' stores and notifications.
bool GraphMemory::still_reads(Thread& thread, SyncVar& variable) {
  if (!engine().options().exhaustive) {
    return true;
  }
  const EventId seen = graph_[graph_.previous(graph_[last_event(thread)])].store;
  look_at_futex(thread, variable, 0);
  return graph_[last_event(thread)].store == seen;
}

u32 GraphMemory::slot_of(const Thread& creator, u32 nth) {
  for (u32 i = 0; i < children_.size(); ++i) {
    if (children_[i].creator == to_index(creator.id) && children_[i].nth == nth) {
      return i + 1;
    }
  }
  children_.push_back(Child{to_index(creator.id), nth});
  return children_.size();
}

void GraphMemory::on_stuck() {
  note_waiting();
  judge_spinners();
}

// Those who wait for an object might have come first elsewhere.
void GraphMemory::note_waiting() {
  for (u32 i = 0; engine().options().exhaustive && i < engine().thread_count(); ++i) {
    Thread& thread = engine().thread(to_thread_id(i));
    if (thread.state != exec::ThreadState::kBlocked ||
        awaited_by(thread) == ObjectOperation::kOther) {
      continue;
    }
    Event wait = event(thread, Kind::kUpdate, Order::kAcquire);
    wait.is_object = true;
    wait.location = location_of(thread, *thread.waits_at, 1, 0);
    wait.store = graph_.co_last(wait.location);
    wait.modification.argument = static_cast<u32>(awaited_by(thread));
    evaluate(graph_, wait);
    graph_[graph_.add(wait, kInitial)].stamp = ++stamps_;
    at_ = graph_.size();
  }
}

// Nothing of what the others have done reads what comes now.
void GraphMemory::end(Thread& thread) {
  await_turn(thread);
  if (!repeats()) {
    note_waiting();
  }
  for (u32 other = 0; other < engine().thread_count(); ++other) {
    if (is_outlived(thread, other)) {
      follow(thread, graph_.last_of(other), Order::kRelaxed);
    }
  }
}

void GraphMemory::follow(Thread& thread, EventId earlier, Order order) {
  await_turn(thread);
  Event wake = event(thread, Kind::kWake, order);
  wake.store = earlier;
  take(wake, kInitial);
}

// As an event that is still to come.
bool GraphMemory::is_outlived(const Thread& thread, u32 other) const {
  const u32 self = to_index(thread.id);
  if (repeats()) {
    const Event& next = graph_[at_ + 1];
    return next.kind == Kind::kWake && next.thread == self && graph_[next.store].thread == other;
  }
  const EventId last = graph_.last_of(other);
  const EventId own = graph_.last_of(self);
  return other != self && last != 0 && (own == 0 || graph_.porf(own)[other] < graph_[last].index);
}

// Those of one round come in no order.
u32 GraphMemory::arrive(Thread& thread, SyncVar& barrier, u32 round) {
  await_turn(thread);
  ++thread.effects;
  Event arrival = event(thread, Kind::kArrive, Order::kAcqRel);
  arrival.location = location_of(thread, barrier, 1, 0);
  arrival.arity = round;
  return take(arrival, kInitial);
}

// Who was in the round before is behind all others of it anyway.
void GraphMemory::follow_round(Thread& thread, u32 arrival) {
  const u32 location = graph_[arrival].location;
  const u32 round = graph_[arrival].arity;
  if (round == 0 || graph_.arrival_of(to_index(thread.id), location, round - 1) != 0) {
    return;
  }
  for (u32 other = 0; other < graph_.thread_count(); ++other) {
    if (const EventId earlier = graph_.arrival_of(other, location, round - 1)) {
      follow(thread, earlier, Order::kRelaxed);
    }
  }
}

void GraphMemory::leave(Thread& thread, u32 arrival) {
  const u32 location = graph_[arrival].location;
  const u32 round = graph_[arrival].arity;
  for (u32 other = 0; other < graph_.thread_count(); ++other) {
    const EventId fellow = graph_.arrival_of(other, location, round);
    if (fellow != 0 && fellow != arrival) {
      follow(thread, fellow, Order::kAcquire);
    }
  }
}

u32 GraphMemory::call(Thread& thread) {
  await_turn(thread);
  return take(event(thread, Kind::kCall, Order::kRelaxed), kInitial);
}

u32 GraphMemory::last_event(const Thread& thread) const {
  EventId id = at_;
  while (id != 0 && (graph_[id].thread != to_index(thread.id) || is_waiting(graph_[id]))) {
    --id;
  }
  return id;
}

void GraphMemory::find_past(u32 event, Vec<bool>& past) const {
  if (interleaves()) {
    find_interleaved_past(graph_, event, past);
    return;
  }
  past.resize(graph_.size() + 1);
  past[0] = false;
  for (EventId id = 1; id <= graph_.size(); ++id) {
    past[id] = id == event || graph_.happens_before(id, event);
  }
}

void GraphMemory::create(Thread& thread, Thread& created) {
  await_turn(thread);
  ++thread.effects;
  Event create = event(thread, Kind::kCreate, Order::kRelaxed);
  create.other = static_cast<u16>(to_index(created.id));
  take(create, kInitial);
}

// Thread 0 may go on behind its end, with that of the program.
void GraphMemory::join(Thread& thread, Thread& finished) {
  if (finished.state != exec::ThreadState::kFinished) {
    follow(thread, graph_.last_of(to_index(finished.id)), Order::kAcquire);
    return;
  }
  await_turn(thread);
  Event join = event(thread, Kind::kJoin, Order::kRelaxed);
  join.other = static_cast<u16>(to_index(finished.id));
  take(join, kInitial);
}

u32 GraphMemory::choose(Thread& thread, exec::DecisionKind kind, u32 arity, u32 value) {
  if (kind == exec::DecisionKind::kWaiter && has_notified(thread)) {
    notifier_ = thread.id;
  }
  await_turn(thread);
  notifier_ = ThreadId::kNone;
  Event choice = event(thread, Kind::kChoice, Order::kRelaxed);
  choice.arity = arity;
  choice.value = value;
  choice.other = static_cast<u16>(kind);
  choice.modification.argument =
      kind == exec::DecisionKind::kClock ? thread.looks : thread.pending == exec::EventKind::kJoin;
  const u32 chosen = static_cast<u32>(graph_[take(choice, kInitial)].value);
  if (kind == exec::DecisionKind::kWeakCas && chosen == 1) {
    spins_.note_chance(thread);
  } else if (kind == exec::DecisionKind::kClock && chosen == 1) {
    progress_of(thread.id).leapt_at = thread.looks;
  }
  thread.effects += kind != exec::DecisionKind::kWeakCas && kind != exec::DecisionKind::kClock;
  if (kind == exec::DecisionKind::kTimeOut) {
    await_turn(thread);  // the thread looks next at what others may have to change first
  }
  return chosen;
}

}  // namespace heddle::graph
