// Threads that wait in a loop, for a value or for a time: when they stop, and whether for good.

#include <algorithm>

#include "base/rng.hpp"
#include "exec/execution.hpp"
#include "graph/memory.hpp"
#include "graph/objects.hpp"

namespace heddle::graph {

using exec::engine;
using exec::ObjectOperation;
using exec::Thread;

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
  const bool asks = chose || (look.may_choose && spins_.is_poll(look.key));
  if (!asks && look.may_choose) {
    unasked_.push_back(look.key);
  }
  return asks;
}

void GraphMemory::settle_looks() {
  for (const u64 look : unasked_) {
    looks_left_out_ = looks_left_out_ || !spins_.is_poll(look);
  }
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

bool GraphMemory::look_for_spin(Thread& thread, bool tries_to_change) {
  if (!engine().options().exhaustive) {
    return false;
  }
  engine().settle_plain_writes(thread);
  const Progress& progress = progress_of(thread.id);
  const u64 history = progress.history ^ mix64(thread.effects);
  const bool is_alone = engine().live_thread_count() == 1;
  const Spins::Verdict verdict =
      spins_.visit(thread, history, progress.held, thread.pending_pc, tries_to_change, is_alone);
  if (verdict == Spins::Verdict::kCounts) {
    return true;
  }
  const bool stops = verdict == Spins::Verdict::kSpins || verdict == Spins::Verdict::kCut;
  const Wait wait = stops ? judge_wait(thread) : Wait::kForValue;
  if (wait == Wait::kGoesOn) {
    spins_.pass(thread, thread.pending_pc);
    return false;
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
  return false;
}

void GraphMemory::look(Thread& thread) {
  if (look_for_spin(thread, false)) {
    engine().block_for_good(thread);
  }
}

// What may be read once more behind the same, any number of times: nothing that has been read
// since then is new, so it closes no cycle that was not there. That others might have written
// meanwhile is found where its earlier rounds read that. So whoever spins for a while before it
// does something else gets there, without an event for each of its rounds.
void GraphMemory::repeat_read(Thread& thread, Event& read) {
  const Spins::Read before = spins_.read_before(thread);
  Progress& progress = progress_of(thread.id);
  read.store = before.store;
  const bool same_place = before.location == read.location && before.store <= at_;
  if (same_place) {
    evaluate(graph_, read);
  }
  if (!same_place || read.kind != Kind::kRead || ++progress.repeated > kRepeatedMax) {
    engine().block_for_good(thread);
  }
  repeated_.push_back(Repeated{progress.last, read.location, read.store});
}

void GraphMemory::note_read(const Thread& thread, const Event& event) {
  if (engine().options().exhaustive) {
    spins_.note_store(thread, event.location, behind_idle_updates(event.store, &thread),
                      event.store);
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

}  // namespace heddle::graph
