#include "graph/memory.hpp"

#include <algorithm>
#include <cstring>

#include "base/archive.hpp"
#include "exec/execution.hpp"
#include "exec/happens_before.hpp"
#include "exec/image.hpp"
#include "exec/naming.hpp"
#include "graph/interleaving.hpp"

namespace heddle::graph {

using exec::engine;
using exec::ObjectOperation;
using exec::SyncVar;
using exec::Thread;
using exec::Updated;

namespace {

constexpr u128 kExclusive = u128{1} << 64;
constexpr u128 kInitialisedForGood = u128{1} << 65;

bool is_possible(ObjectOperation operation, u128 state) {
  switch (operation) {
    case ObjectOperation::kLock: return state == 0;
    case ObjectOperation::kLockShared: return state < kExclusive;
    case ObjectOperation::kTake: return state != 0;
    case ObjectOperation::kGuard: return state != kExclusive;
    default: return true;
  }
}

bool succeeds(ObjectOperation operation, u128 state) {
  switch (operation) {
    case ObjectOperation::kTryLock: return state == 0;
    case ObjectOperation::kTryLockShared: return state < kExclusive;
    case ObjectOperation::kTryTake: return state != 0;
    default: return true;
  }
}

/// The state of an object: how many share it or may take from it, or one of the above.
u128 state_after(ObjectOperation operation, u128 state) {
  switch (operation) {
    case ObjectOperation::kLock:
    case ObjectOperation::kTryLock: return kExclusive;
    case ObjectOperation::kUnlock: return 0;
    case ObjectOperation::kLockShared:
    case ObjectOperation::kTryLockShared:
    case ObjectOperation::kGive: return state + 1;
    case ObjectOperation::kUnlockShared:
    case ObjectOperation::kTake:
    case ObjectOperation::kTryTake: return state - 1;
    case ObjectOperation::kGuard: return state == 0 ? kExclusive : state;
    case ObjectOperation::kInitialise: return kInitialisedForGood;
    default: return state;
  }
}

constexpr bool locks(ObjectOperation operation) {
  return operation == ObjectOperation::kLock || operation == ObjectOperation::kTryLock ||
         operation == ObjectOperation::kLockShared || operation == ObjectOperation::kTryLockShared;
}

constexpr bool unlocks(ObjectOperation operation) {
  return operation == ObjectOperation::kUnlock || operation == ObjectOperation::kUnlockShared;
}

/// As one finds it who would have it.
enum class Occupancy : u8 { kFree, kShared, kTaken };

Occupancy occupancy_of(u128 state) {
  return state == 0           ? Occupancy::kFree
         : state < kExclusive ? Occupancy::kShared
                              : Occupancy::kTaken;
}

void evaluate_object(Event& event, u128 state) {
  const ObjectOperation operation = operation_of(event);
  const bool possible = is_possible(operation, state);
  const bool done = possible && succeeds(operation, state);
  event.kind = possible ? Kind::kUpdate : Kind::kRead;
  event.order = done ? event.success : Order::kRelaxed;
  event.value = done ? state_after(operation, state) : state;
}

}  // namespace

void evaluate(const Graph& graph, Event& event) {
  const u128 old = graph.value_of(event.location, event.store);
  if (event.is_object) {
    evaluate_object(event, old);
    return;
  }
  const exec::Modification& modification = event.modification;
  const bool writes =
      modification.apply != nullptr && (!modification.compares || old == modification.expected);
  event.kind = writes ? Kind::kUpdate : Kind::kRead;
  event.order = writes || !modification.compares ? event.success : modification.failure;
  event.value = writes ? modification.apply(modification, old) : old;
}

void GraphMemory::archive(Archive& archive) {
  graph_.archive(archive);
  spins_.archive(archive);
  archive(cut_);
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

namespace {

constexpr u32 kQueue = 0;  // in the place of a size

// The same in each process, but for memory that is the system's.
u64 name_of(uptr address) {
  const bool moves =
      !memory::in_space(address) && engine().shadow().cell(address & ~uptr{7}).block != 0;
  return moves ? exec::stable_name(engine(), address) : exec::without_bias(address);
}

u64 name_of(u128 value) {
  const u64 low = static_cast<u64>(value);
  return mix64(memory::in_space(low) ? low : exec::stable_value(engine(), low)) ^
         static_cast<u64>(value >> 64);
}

// Objects that are in the same place one after the other are different locations.
u64 place_of(const SyncVar& variable, u32 size) {
  return mix64(mix64(name_of(variable.address)) ^ variable.lifetimes) ^ size;
}

}  // namespace

// Locations outlive executions, so those that begin otherwise are different ones; but where the
// graph has the event already, they begin as they did then. What differs nevertheless is what was
// left in memory: a store comes first, and compilers leave the initialisation before it out.
u32 GraphMemory::location_of(Thread& thread, SyncVar& variable, u32 size, u128 initial) {
  if (variable.location == 0) {
    refuse_overlap(thread, variable, size);
    const u64 place = place_of(variable, size);
    if (repeats() && graph_.location(graph_[at_ + 1].location).place == place) {
      variable.location = graph_[at_ + 1].location;
      graph_.location(variable.location).initial = initial;
    } else {
      variable.location = graph_.location_of(place, size, initial, name_of(initial));
    }
  }
  if (graph_.location(variable.location).size != size) {
    refuse_mixed(thread, variable.location, variable.address, size);
  }
  return variable.location;
}

// Not all plain writes are seen: compilers leave those to objects out that only one thread knows.
// Then memory holds something else than the newest store, and that begins another life.
u32 GraphMemory::atomic_at(Thread& thread, SyncVar& variable, u32 size) {
  u128 newest = 0;
  std::memcpy(&newest, reinterpret_cast<const void*>(variable.address), size);
  const u32 location = variable.location;
  if (location != 0 && graph_.location(location).size == size &&
      graph_.value_of(location, newest_of(location)) != newest) {
    variable.location = 0;
    ++variable.lifetimes;
  }
  return location_of(thread, variable, size, newest);
}

// Another location has some of these bytes. Objects of 16 bytes begin in the granule before.
void GraphMemory::refuse_overlap(Thread& thread, const SyncVar& variable, u32 size) {
  const uptr end = variable.address + size;
  for (uptr granule = (variable.address & ~uptr{7}) - 8; granule < end; granule += 8) {
    for (u32 index = engine().shadow().cell(granule).sync; index != 0;
         index = engine().variable(index).next) {
      const SyncVar& other = engine().variable(index);
      if (other.location != 0 && other.address < end &&
          variable.address < other.address + graph_.location(other.location).size) {
        refuse_mixed(thread, other.location, variable.address, size);
      }
    }
  }
}

void GraphMemory::refuse_mixed(Thread& thread, u32 location, uptr address, u32 size) {
  EventId earlier = at_;
  while (earlier != 0 && graph_[earlier].location != location) {
    --earlier;
  }
  exec::Finding& finding = engine().new_finding();
  finding.kind = exec::FindingKind::kUnsupported;
  finding.rule = kMixedSizeRule;
  finding.thread = thread.id;
  finding.pc = thread.pending_pc;
  finding.address = address;
  if (engine().tracing() && earlier != 0) {
    finding.other_event = traced_[earlier];
  }
  finding.message.clear();
  finding.message.add("atomic accesses of %u and %u bytes to the same memory, under a memory model",
                      graph_.location(location).size, size);
  engine().commit_finding(finding);
}

ThreadId GraphMemory::next_thread() const {
  if (follower_ != ThreadId::kNone && notifier_ == ThreadId::kNone) {
    return follower_;
  }
  return repeats() ? to_thread_id(graph_[at_ + 1].thread) : notifier_;
}

// Others have events to go through first. If they do not get there, the program is another one.
void GraphMemory::await_turn(Thread& thread) {
  constexpr u32 kRoundsMax = 1000;
  u32 rounds = 0;
  u32 at = at_;
  while (next_thread() != ThreadId::kNone && next_thread() != thread.id) {
    rounds = at == at_ ? rounds + 1 : 0;
    at = at_;
    if (engine().runnable().count() < 2 || rounds > kRoundsMax) {
      diverged_ = true;
      engine().abandon();
    }
    engine().point(thread, thread.pending, thread.pending_address, thread.pending_pc);
  }
}

// Whom the notification before the thread's has woken is not known yet. Once it is, the thread goes
// on before anything else happens to the queue.
void GraphMemory::await_notifier(Thread& thread) {
  if (notifier_ == ThreadId::kNone) {
    return;
  }
  follower_ = thread.id;
  while (notifier_ != ThreadId::kNone) {
    engine().point(thread, thread.pending, thread.pending_address, thread.pending_pc);
  }
  follower_ = ThreadId::kNone;
}

GraphMemory::Progress& GraphMemory::progress_of(ThreadId thread) {
  while (progress_.size() <= to_index(thread)) {
    progress_.push_back(Progress{});
  }
  return progress_[to_index(thread)];
}

// The first one that it has not been through; kInitial if there is none.
EventId GraphMemory::next_event(const Thread& thread) const {
  EventId id = at_ + 1;
  while (id <= graph_.size() &&
         (graph_[id].thread != to_index(thread.id) || is_waiting(graph_[id]))) {
    ++id;
  }
  return id <= graph_.size() ? id : kInitial;
}

// Where the graph says how it goes on, it says whether time passes, too. That is asked at the first
// looks of a thread, whatever they are for, and wherever it is found to wait.
bool GraphMemory::waits_for_time(Thread& thread) {
  Progress& progress = progress_of(thread.id);
  const EventId next = next_event(thread);
  const bool chose = next != kInitial && is_choice(graph_[next], exec::DecisionKind::kClock) &&
                     look_of(graph_[next]) == thread.looks;
  Look& look = progress.looks[thread.looks % kLooksKept];
  look.key = mix64(progress.history ^ mix64(thread.looks)) | 1;
  look.may_choose = chose || next == kInitial;
  if (thread.looks <= exec::Execution::kLooksAsked) {
    spins_.note_poll(look.key);
  }
  return chose || (look.may_choose && spins_.is_poll(look.key));
}

// Who spins until a value or a time comes has to choose at its looks at the clock, in its last
// round, whether that has come. If it could not, or if it did, it goes on.
GraphMemory::Wait GraphMemory::judge_wait(const Thread& thread) {
  Progress& progress = progress_of(thread.id);
  const u64 state = mix64(spins_.state_of(thread)) ^ thread.effects;
  if (progress.state != state) {
    progress.state = state;
    progress.leaps = thread.leaps;
  }
  if (next_event(thread) != kInitial) {
    return Wait::kGoesOn;  // that was there before it was known that this is a loop
  }
  u32 look = spins_.looks_before_round(thread);
  if (look == thread.looks || thread.leaps - progress.leaps > exec::Execution::kGrowingLeaps) {
    return Wait::kForValue;
  }
  if (thread.leaps == exec::Execution::kLeapsMax) {
    cut_ = true;
    return Wait::kForTime;
  }
  if (look < exec::Execution::kLooksAtOnce || look < progress.leapt_at) {
    return Wait::kGoesOn;
  }
  look = std::max(look, thread.looks - std::min(thread.looks, kLooksKept));
  bool is_new = false;
  while (++look <= thread.looks) {
    const Look& made = progress.looks[look % kLooksKept];
    if (!made.may_choose) {
      return Wait::kGoesOn;
    }
    is_new = spins_.note_poll(made.key) || is_new;
  }
  return is_new ? Wait::kBeginAgain : Wait::kForTime;
}

void GraphMemory::look_for_spin(Thread& thread, bool tries_to_change) {
  if (!engine().options().exhaustive) {
    return;
  }
  engine().settle_plain_writes(thread);
  const Progress& progress = progress_of(thread.id);
  const u64 history = progress.history ^ mix64(thread.effects);
  const bool is_alone = engine().live_thread_count() == 1;
  const Spins::Verdict verdict =
      spins_.visit(thread, history, progress.held, thread.pending_pc, tries_to_change, is_alone);
  const bool stops = verdict == Spins::Verdict::kSpins || verdict == Spins::Verdict::kCut;
  const Wait wait = stops ? judge_wait(thread) : Wait::kForValue;
  if (wait == Wait::kGoesOn) {
    spins_.pass(thread, thread.pending_pc);
    return;
  }
  if (verdict == Spins::Verdict::kBeginAgain || wait == Wait::kBeginAgain) {
    begin_again_ = true;
    engine().abandon();
  }
  if (verdict == Spins::Verdict::kSpins && wait == Wait::kForValue) {
    spinners_.push_back(to_index(thread.id));
  }
  if (stops) {
    engine().block_for_good(thread);
  }
  if (engine().runnable().count() > 1 &&
      spins_.goes_in_circles(thread, history, progress.held, thread.pending_pc) &&
      next_event(thread) == kInitial) {
    engine().block_for_good(thread);
  }
}

void GraphMemory::note_read(const Thread& thread, const Event& event) {
  if (engine().options().exhaustive) {
    spins_.note_store(thread, event.location, behind_idle_updates(event.store, &thread));
  }
}

// Updates that left the value as it was, of one thread or of all, are no news.
// O(such updates behind one another).
EventId GraphMemory::behind_idle_updates(EventId store, const Thread* of) const {
  while (store != kInitial && graph_[store].kind == Kind::kUpdate && !graph_[store].is_object &&
         (of == nullptr || graph_[store].thread == to_index(of->id)) &&
         graph_[store].value == graph_.value_of(graph_[store].location, graph_[store].store)) {
    store = graph_[store].store;
  }
  return store;
}

// Each thread has a clock of its own, so that others' waits are none of its business; but what it
// has learned of is past.
void GraphMemory::pass_time(EventId id) {
  const Event& event = graph_[id];
  times_.resize(id + 1);
  const bool learns = (reads(event.kind) || event.kind == Kind::kWake) && event.store != kInitial;
  if (engine().options().exhaustive && learns && times_[event.store] > engine().virtual_now_ns()) {
    engine().advance_clock(times_[event.store]);
  }
  times_[id] = engine().virtual_now_ns();
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
  await_turn(thread);
  look_for_spin(thread, false);
  Event read = event(thread, Kind::kRead, order);
  read.location = atomic_at(thread, variable, size);
  read.store = choose_store(read, exec::DecisionKind::kReadsFrom);
  evaluate(graph_, read);
  const EventId id = take(read, kInitial);
  note_read(thread, read);
  note_load(thread, released(graph_[id].store), order);
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
  look_for_spin(thread, true);
  Event update = event(thread, Kind::kUpdate, order);
  update.location = atomic_at(thread, variable, size);
  update.modification = modification;
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

// Who waits for notifications, or explains itself by annotations, does so beside the object: it may
// be a variable, as a futex is.
u32 GraphMemory::object_of(Thread& thread, SyncVar& object, ObjectOperation operation) {
  if (operation >= ObjectOperation::kEnqueue) {
    if (object.queue == 0) {
      object.queue = graph_.location_of(place_of(object, kQueue), 1, 0, 0);
    }
    return object.queue;
  }
  // A semaphore has its value from before.
  const bool counts = operation == ObjectOperation::kTake ||
                      operation == ObjectOperation::kTryTake ||
                      operation == ObjectOperation::kLook || operation == ObjectOperation::kGive;
  return location_of(thread, object, 1, counts ? *reinterpret_cast<const u32*>(object.address) : 0);
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

// Only a search has others' events come in between. It is an event, so that it is found wherever
// the search moves others' stores and notifications.
bool GraphMemory::still_reads(Thread& thread, SyncVar& variable) {
  if (!engine().options().exhaustive) {
    return true;
  }
  const EventId seen = graph_[graph_.previous(graph_[last_event(thread)])].store;
  load(thread, variable, 4, Order::kSeqCst);
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

namespace {

/// What a blocked thread waits for, if that is an operation on an object.
ObjectOperation awaited_by(const Thread& thread) {
  switch (thread.wait) {
    case exec::WaitKind::kMutex:
    case exec::WaitKind::kExclusive: return ObjectOperation::kLock;
    case exec::WaitKind::kGuard: return ObjectOperation::kGuard;
    case exec::WaitKind::kShared: return ObjectOperation::kLockShared;
    case exec::WaitKind::kSemaphore: return ObjectOperation::kTake;
    default: return ObjectOperation::kOther;
  }
}

}  // namespace

// The operation that made the object what it is.
EventId GraphMemory::last_change(u32 location) const {
  EventId id = graph_.co_last(location);
  while (id != kInitial && graph_[id].value == graph_.value_of(location, graph_[id].store)) {
    id = graph_[id].store;
  }
  return id;
}

// Nobody has used the object since the thread, which gives back what it has before it looks again.
bool GraphMemory::finds_again(u32 thread, u32 location, u32 found) const {
  const EventId last = graph_.co_last(location);
  const Occupancy now = occupancy_of(graph_.value_of(location, last));
  const EventId change = last_change(location);
  const bool own = now != Occupancy::kFree && change != kInitial &&
                   graph_[change].thread == thread && locks(operation_of(graph_[change]));
  return graph_[last].thread == thread && static_cast<u32>(own ? Occupancy::kFree : now) == found &&
         !is_lent(location, thread);
}

// Held by somebody else who was cut while he held it, but gives it back in each of his rounds. What
// the others would do then is not known.
bool GraphMemory::is_lent(u32 location, u32 wanted_by) const {
  bool lent = false;
  for (const u32 spinner : spinners_) {
    spins_.each_object_of_round(spinner, [&](u32 looked_at, u32) {
      lent = lent || (looked_at == location && spinner != wanted_by);
    });
  }
  const EventId change = last_change(location);
  return lent && (change == kInitial || graph_[change].thread != wanted_by) &&
         graph_.value_of(location, graph_.co_last(location)) != 0;
}

// Nobody can go on. If all who are blocked for good spin, and on the newest values, it stays so.
void GraphMemory::judge_spinners() {
  u32 blocked = 0;
  bool may_go_on = false;
  for (u32 i = 0; i < engine().thread_count(); ++i) {
    const Thread& thread = engine().thread(to_thread_id(i));
    const bool waits = thread.state == exec::ThreadState::kBlocked;
    blocked += waits && thread.wait == exec::WaitKind::kForGood;
    const bool wants = waits && awaited_by(thread) != ObjectOperation::kOther;
    may_go_on = may_go_on || (waits && thread.patient) ||
                (wants && is_lent(thread.waits_at->location, to_index(thread.id)));
  }
  bool newest = !may_go_on && blocked != 0 && blocked == spinners_.size();
  for (const u32 thread : spinners_) {
    spins_.each_of_round(thread, [&](u32 location, EventId store) {
      newest =
          newest && behind_idle_updates(store) == behind_idle_updates(graph_.co_last(location));
    });
    spins_.each_object_of_round(thread, [&](u32 location, u32 found) {
      newest = newest && finds_again(thread, location, found);
    });
  }
  if (newest) {
    Thread& thread = engine().thread(to_thread_id(spinners_[0]));
    Text<200> message;
    message.add("livelock: T%u waits in a loop for a value that nobody will write",
                to_index(thread.id));
    engine().report(thread, exec::FindingKind::kLivelock, "step-limit", thread.pending_pc,
                    message.data);
  }
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

bool GraphMemory::has_notified(const Thread& thread) const {
  const Event& last = graph_[last_event(thread)];
  return chooses_waiter(last) || is_operation(last, ObjectOperation::kNotify);
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
  choice.modification.argument = kind == exec::DecisionKind::kClock ? thread.looks : 0;
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

namespace {

/// What a thread is about to do is no event of the graph.
bool is_silent(exec::EventKind pending) {
  switch (pending) {
    case exec::EventKind::kStart:
    case exec::EventKind::kYield:
    case exec::EventKind::kSleep:
    case exec::EventKind::kClock:
    case exec::EventKind::kProbe:
    case exec::EventKind::kRead:
    case exec::EventKind::kWrite: return true;
    default: return false;
  }
}

}  // namespace

ThreadId GraphMemory::who_makes_way(const exec::SchedulePoint& point) {
  ThreadId first = ThreadId::kNone;
  ThreadId silent = ThreadId::kNone;
  const u32 count = point.runnable.count();
  u32 up_to_current = 0;
  point.runnable.each([&](ThreadId id) {
    up_to_current += point.current != ThreadId::kNone && id <= point.current;
  });
  for (u32 i = count; i > 0; --i) {
    first = point.runnable.nth((up_to_current + i - 1) % count);
    silent = is_silent(engine().thread(first).pending) ? first : silent;
  }
  return silent == ThreadId::kNone ? first : silent;
}

ThreadId GraphMemory::first_to_run(const exec::SchedulePoint& point, ThreadId wanted) {
  ThreadId first = ThreadId::kNone;
  point.runnable.each([&](ThreadId id) {
    const bool exits = engine().thread(id).pending == exec::EventKind::kExit;
    first = !exits && (first == ThreadId::kNone || id == wanted) ? id : first;
  });
  return first == ThreadId::kNone ? point.runnable.first() : first;
}

}  // namespace heddle::graph
