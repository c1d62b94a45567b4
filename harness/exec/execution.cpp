#include "exec/execution.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <cxxabi.h>
#include <initializer_list>
#include <sys/single_threaded.h>
#include <unistd.h>

#include "exec/faults.hpp"
#include "exec/thread_sanitizer.hpp"
#include "exec/uncontrolled.hpp"

namespace __cxxabiv1 {
struct __cxa_eh_globals;
extern "C" __cxa_eh_globals* __cxa_get_globals() noexcept;
}  // namespace __cxxabiv1

namespace heddle::exec {
namespace {

constexpr u64 kEpochNs = 1'000'000'000ULL * 1'000'000'000ULL;  // virtual time starts in 2001

}  // namespace

__thread Thread* current_thread __attribute__((tls_model("local-exec"))) = nullptr;

constinit Execution the_engine;

void Execution::initialize() {
  memory::reserve_space();
  prepare_escapes();
  shadow_.initialize();
  threads_ = static_cast<Thread*>(os_map(sizeof(Thread) * kThreadCountMax));
  install_fault_handlers();
  tsan::initialize();
  // The C++ library leaves atomics out while this says that there is but one thread.
  __libc_single_threaded = 0;
}

void Execution::add_oracle(Oracle& oracle) {
  HEDDLE_INVARIANT(oracle_count_ < sizeof oracles_ / sizeof oracles_[0]);
  oracles_[oracle_count_++] = &oracle;
}

void Execution::reset(const Options& options) {
  options_ = options;
  careful_ = options.trace || options.exhaustive || options.preempt_all || options.raced_count != 0;
  begin_escapes();
  shadow_.next_execution();
  arena_.next_execution();
  clock_memory().reset();
  variables_.reset();
  runnable_.clear();
  parked_.clear();
  frozen_.clear();
  freeze_ = Freeze::kNever;
  last_return_ = 0;
  own_steps_max_ = 0;
  look_ = nullptr;
  thread_count_ = 0;
  live_threads_ = 0;
  steps_ = 0;
  steps_max_ = options.exhaustive ? options.step_limit / 2 : options.step_limit;
  turn_ends_ = options.exhaustive ? options.step_limit : options.step_limit / 2;
  turns_ = 0;
  prolonged_ = false;
  decisions_ = 0;
  virtual_now_ = kEpochNs;
  clock_reads_ = 0;
  entropy_seeded_ = false;
  holds_.reset();
  lock_waiters_.reset();
  deviations_.clear();
  raced_.clear();
  exits_.clear();
  stop_requested_ = false;
  interrupted_ = false;
  blocked_ = false;
  observer_ = nullptr;
  set_alarm();
  for (Finding* finding : {&finding_, &spare_finding_}) {
    finding->kind = FindingKind::kNone;
    finding->rule = "";
    finding->message.clear();
    finding->detail.clear();
    finding->second_opinion = "";
    finding->thread = ThreadId::kNone;
    finding->pc = 0;
    finding->address = 0;
    finding->block = 0;
    finding->operation = memory::kNoOperation;
    finding->event = memory::kNoEvent;
    finding->other_event = memory::kNoEvent;
  }
  events_.clear();
  event_frames_.clear();
  overlooked_ = Overlooked{};
  digest_ = 0;
  visible_events_ = 0;
}

Outcome Execution::run(Body body, void* argument, const Options& options) {
  HEDDLE_INVARIANT(!running_);
  reset(options);
  if (options_.model != nullptr) {
    options_.model->begin_execution();
  }
  options_.strategy->begin_execution(options.index);
  body_ = body;
  body_argument_ = argument;
  running_ = true;
  library_ = LibraryState{__cxxabiv1::__cxa_get_globals(), &errno};
  if (surroundings_ != nullptr) {
    surroundings_->before_execution();
  }
  const int saved_errno = errno;
  void* saved_exceptions[2];
  std::memcpy(saved_exceptions, library_.exceptions, sizeof saved_exceptions);

  start_thread(
      0,
      [](void* self) -> void* {
        auto& execution = *static_cast<Execution*>(self);
        execution.body_(execution.body_argument_);
        return nullptr;
      },
      this);
  Thread& first = threads_[0];
  first.start_clock();
  running_thread_ = &first;
  current_thread = &first;
  std::memcpy(library_.exceptions, first.exception_state, sizeof first.exception_state);
  tsan::switch_to(first.id);
  fiber::switch_to(outside_, first.context, false);

  current_thread = nullptr;
  running_thread_ = nullptr;
  running_ = false;
  std::memcpy(library_.exceptions, saved_exceptions, sizeof saved_exceptions);
  errno = saved_errno;
  for (u32 i = 0; i < thread_count_; ++i) {
    if (threads_[i].state != ThreadState::kFinished) {
      fiber::abandon(threads_[i].context);
    }
  }
  if (undo_ != nullptr) {
    undo_();
  }
  for (u32 index = 1; release_block_ != nullptr && index <= arena_.last_block(); ++index) {
    if (arena_.block(index).state != memory::BlockState::kFreed) {
      release_block_(reinterpret_cast<void*>(arena_.block(index).address));
    }
  }
  rollback_.undo();
  tsan::end_execution(thread_count_);
  if (surroundings_ != nullptr) {
    surroundings_->after_execution();
  }
  options_.strategy->end_execution(steps_);
  ++executions_;
  const bool raced = finding_.kind == FindingKind::kRace;
  if (raced && spare_finding_.kind != FindingKind::kNone &&
      spare_finding_.kind != FindingKind::kRace) {
    // The race was let through, and is known; what it may have led to is the finding.
    spare_finding_.detail.add("after: %s\n", finding_.message.data);
    finding_ = spare_finding_;
  }
  const bool interrupted = interrupted_ && !finding_;
  return Outcome{&finding_, raced,      blocked_, interrupted,
                 steps_,    decisions_, digest_,  visible_events_};
}

void Execution::start_thread(u32 slot, void* (*entry)(void*), void* argument) {
  Thread& thread = threads_[slot];
  thread.id = to_thread_id(slot);
  thread.state = ThreadState::kRunnable;
  thread.detached = false;
  thread.joined = false;
  thread.timed = false;
  thread.patient = false;
  thread.yielding = false;
  thread.parked = false;
  thread.has_persisted = false;
  thread.persists = 0;
  thread.wait = WaitKind::kNone;
  thread.waits_at = nullptr;
  thread.wait_next = ThreadId::kNone;
  thread.join_target = ThreadId::kNone;
  thread.joiner = ThreadId::kNone;
  thread.entry = entry;
  thread.argument = argument;
  thread.result = nullptr;
  thread.clock.clear();
  thread.acquire_pending.clear();
  thread.release_fence.clear();
  std::memset(thread.exception_state, 0, sizeof thread.exception_state);
  thread.error_number = 0;
  thread.pending = EventKind::kStart;
  thread.pending_address = 0;
  thread.pending_pc = 0;
  thread.last_read = 0;
  thread.same_reads = 0;
  thread.reads_in_row = 0;
  thread.plain_in_row = 0;
  thread.effects = 0;
  thread.plain_writes.clear();
  thread.children = 0;
  thread.now = virtual_now_;
  thread.clock_reads = 0;
  thread.tries = false;
  thread.expires = false;
  thread.looks = 0;
  thread.leaps = 0;
  thread.asks = false;
  thread.robust_locks = 0;
  thread.joins_given_up = 0;
  thread.cleanups.clear();
  thread.operation = memory::kNoOperation;
  thread.stack_objects = 0;
  thread.frames.clear();
  for (u32 i = 0; i < thread.tls.size(); ++i) {
    thread.tls[i] = nullptr;
  }
  thread.exits.clear();
  thread.specifics.clear();
  fiber::prepare(thread.context, slot, &Execution::fiber_main);
  tsan::start_thread(thread.id);
  tsan::release(reinterpret_cast<uptr>(&thread.clock));
  // Slots that are left out belong to threads that this execution has not made.
  for (; thread_count_ < slot; ++thread_count_) {
    threads_[thread_count_].id = to_thread_id(thread_count_);
    threads_[thread_count_].state = ThreadState::kFinished;
    threads_[thread_count_].joined = true;
  }
  thread_count_ = slot == thread_count_ ? slot + 1 : thread_count_;
  ++live_threads_;
  runnable_.insert(thread.id);
  options_.strategy->on_thread(thread.id);
}

Thread& Execution::create_thread(Thread& creator, void* (*entry)(void*), void* argument, uptr pc) {
  point(creator, EventKind::kCreate, 0, pc);
  const u32 slot =
      options_.exhaustive ? options_.model->slot_of(creator, creator.children++) : thread_count_;
  if (slot >= kThreadCountMax) {
    report(creator, FindingKind::kUnsupported, "too-many-threads", pc,
           options_.exhaustive ? "more than 1024 threads in all executions together"
                               : "more than 1024 threads in one execution");
  }
  start_thread(slot, entry, argument);
  Thread& thread = threads_[slot];
  thread.clock.assign(creator.clock);
  thread.start_clock();
  creator.tick();
  if (options_.model != nullptr) {
    options_.model->create(creator, thread);
  }
  record(creator, EventKind::kCreate, 0, 0, slot, Order::kRelaxed, pc);
  note_progress(creator);
  return thread;
}

void Execution::fiber_main() {
  Execution& execution = engine();
  Thread& thread = *execution.running_thread_;
  tsan::acquire(thread, reinterpret_cast<uptr>(&thread.clock));
  execution.record(thread, EventKind::kStart, 0, 0, 0, Order::kRelaxed, 0);
  void* result = thread.entry(thread.argument);
  if (current_thread == nullptr) {
    ::_exit(0);  // in a forked child, its only thread
  }
  thread.result = result;
  execution.finish_thread(thread, true);
}

void Execution::run_exits(Vec<ThreadExit>& exits) {
  while (!exits.empty()) {
    const ThreadExit last = exits.back();
    exits.pop_back();
    last.function(last.object);
  }
}

void Execution::run_thread_exits(Thread& thread) {
  run_exits(thread.exits);
  // Keys: at most four rounds, as POSIX has it (PTHREAD_DESTRUCTOR_ITERATIONS).
  for (u32 round = 0; round < 4; ++round) {
    bool any = false;
    for (u32 key = 0; key < thread.specifics.size(); ++key) {
      const ThreadExit specific = thread.specifics[key];
      if (specific.object != nullptr && specific.function != nullptr) {
        thread.specifics[key].object = nullptr;
        specific.function(specific.object);
        any = true;
      }
    }
    if (!any) {
      return;
    }
  }
}

void Execution::finish_thread(Thread& thread, bool returned) {
  run_thread_exits(thread);
  if (thread.robust_locks != 0) {
    point(thread, EventKind::kFinish, 0, 0);
    leave_robust_mutexes(thread);
  }
  if (thread.id == ThreadId{0}) {
    if (live_threads_ > 1) {
      if (!returned) {
        let_joiner_go(thread);
      }
      block_until_scheduled(thread, returned ? WaitKind::kEnd : WaitKind::kAllOthers);
      if (options_.model != nullptr) {
        options_.model->end(thread);
      }
    }
    run_program_exits();
  }
  record(thread, EventKind::kFinish, 0, 0, 0, Order::kRelaxed, 0);
  thread.state = ThreadState::kFinished;
  unpark(thread);
  runnable_.erase(thread.id);
  options_.strategy->on_finish(thread.id);
  --live_threads_;
  if (thread.id == ThreadId{0}) {
    judge_and_leave(thread);
  }
  let_joiner_go(thread);
  const ThreadId next = pick(ThreadId::kNone);
  resume(thread, threads_[to_index(next)], true);
  internal_bug("a finished thread was resumed", __FILE__, __LINE__);
}

void Execution::let_joiner_go(Thread& thread) {
  tsan::release(reinterpret_cast<uptr>(&thread.clock));
  note_write();
  if (thread.joiner != ThreadId::kNone) {
    wake(threads_[to_index(thread.joiner)]);
  }
}

void Execution::run_program_exits() {
  run_exits(exits_);
  if (surroundings_ != nullptr) {
    surroundings_->run_exits();
  }
}

void Execution::judge_and_leave(Thread& thread) {
  if (open_blocks_ != nullptr) {
    open_blocks_();
  }
  for (u32 i = 0; i < oracle_count_; ++i) {
    oracles_[i]->on_end(*this);
  }
  leave(thread);
}

namespace {

/// What is left of it for those who wait for the process.
constexpr int exit_code(int status) { return status & 0xff; }

}  // namespace

void Execution::exit_program(Thread& thread, int status, uptr pc) {
  begin_exit(thread, pc);
  run_exits(thread.exits);
  run_program_exits();
  if (exit_code(status) != 0) {
    leave_program(thread, status, pc);
  }
  judge_and_leave(thread);
}

void Execution::end_program(Thread& thread, int status, uptr pc) {
  begin_exit(thread, pc);
  leave_program(thread, status, pc);
}

void Execution::begin_exit(Thread& thread, uptr pc) {
  point(thread, EventKind::kExit, 0, pc);
  if (options_.model != nullptr) {
    options_.model->end(thread);
  }
  record(thread, EventKind::kExit, 0, 0, 0, Order::kRelaxed, pc);
}

void Execution::leave_program(Thread& thread, int status, uptr pc) {
  if (exit_code(status) != 0) {
    Text<100> message;
    message.add("the program exits with status %d in T%u", exit_code(status), to_index(thread.id));
    report(thread, FindingKind::kCheck, "exit-status", pc, message.data);
  }
  leave(thread);
}

namespace {

// Thread 0 has ended for all others when it waits for them.
bool has_ended(const Thread& thread) {
  return thread.state == ThreadState::kFinished || thread.wait == WaitKind::kAllOthers;
}

}  // namespace

// A search that tries everything would try for ever who goes on trying to join.
bool Execution::may_give_up(const Thread& thread) {
  constexpr u32 kGivenUpMax = 4;
  if (!options_.exhaustive || thread.joins_given_up < kGivenUpMax) {
    return true;
  }
  options_.model->note_bound();
  return false;
}

bool Execution::join(Thread& thread, Thread& target, u64 deadline_ns, uptr pc) {
  point(thread, EventKind::kJoin, 0, pc);
  if (deadline_ns < kInAnother) {
    if (may_give_up(thread) && decide(DecisionKind::kTimeOut, 2) == 1) {
      ++thread.joins_given_up;
      note_read(thread, to_index(target.id), 0, pc);
      advance_clock(deadline_ns);
      return false;
    }
    deadline_ns = options_.exhaustive ? kInAnother : std::max(deadline_ns, virtual_now_);
  }
  bool finished = has_ended(target);
  if (!finished) {
    thread.join_target = target.id;
    target.joiner = thread.id;
    finished = block_until_scheduled(thread, WaitKind::kJoin, nullptr, deadline_ns);
    thread.join_target = ThreadId::kNone;
    target.joiner = ThreadId::kNone;
  }
  if (!finished) {
    note_read(thread, to_index(target.id), 0, pc);
    advance_clock(deadline_ns);
    return false;
  }
  if (options_.model != nullptr) {
    options_.model->join(thread, target);
  }
  thread.clock.learn(target.clock);
  if (options_.exhaustive && target.now > virtual_now_) {
    advance_clock(target.now);
  }
  tsan::acquire(thread, reinterpret_cast<uptr>(&target.clock));
  target.joined = true;
  thread.joins_given_up = 0;
  record(thread, EventKind::kJoin, 0, 0, to_index(target.id), Order::kRelaxed, pc);
  note_progress(thread);
  return true;
}

}  // namespace heddle::exec
