// Whose turn it is: threads go through the events of the graph in its order.

#include "exec/execution.hpp"
#include "graph/memory.hpp"

namespace heddle::graph {

using exec::engine;
using exec::ObjectOperation;
using exec::Thread;

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

bool GraphMemory::has_notified(const Thread& thread) const {
  const Event& last = graph_[last_event(thread)];
  return chooses_waiter(last) || is_operation(last, ObjectOperation::kNotify);
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
