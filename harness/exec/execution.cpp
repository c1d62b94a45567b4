#include "exec/execution.hpp"

#include <cerrno>
#include <cstring>
#include <cxxabi.h>
#include <initializer_list>
#include <sys/single_threaded.h>

#include "base/rng.hpp"
#include "exec/faults.hpp"
#include "exec/naming.hpp"
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
  decisions_ = 0;
  virtual_now_ = kEpochNs;
  clock_reads_ = 0;
  entropy_seeded_ = false;
  holds_.reset();
  lock_waiters_.reset();
  deviations_.clear();
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
      fiber::abandon(i);
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
  thread.result = thread.entry(thread.argument);
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

bool Execution::join(Thread& thread, Thread& target, u64 deadline_ns, uptr pc) {
  point(thread, EventKind::kJoin, 0, pc);
  deadline_ns = patience(thread, deadline_ns);
  if (thread.expires) {
    thread.expires = false;
    return false;
  }
  bool finished = has_ended(target);
  if (!finished && deadline_ns != kAtOnce) {
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
  record(thread, EventKind::kJoin, 0, 0, to_index(target.id), Order::kRelaxed, pc);
  note_progress(thread);
  return true;
}

// Somebody must run: those that spin, then thread 0 if it waits for that.
void Execution::find_runnable() {
  if (!parked_.empty()) {
    unpark_all();
  } else if (!frozen_.empty()) {
    leave_frozen();
  } else if (threads_[0].wait == WaitKind::kEnd ||
             (threads_[0].wait == WaitKind::kAllOthers && live_threads_ == 1)) {
    wake(threads_[0]);
  } else {
    stuck();
  }
}

ThreadId Execution::pick(ThreadId current, bool waits) {
  while (runnable_.empty()) {
    find_runnable();
  }
  const bool can_stay = current != ThreadId::kNone && runnable_.contains(current);
  const ThreadId fallback = can_stay && !waits ? current : runnable_.first();
  if (runnable_.count() == 1) {
    return fallback;
  }
  const bool yielding = waits || (can_stay && threads_[to_index(current)].yielding);
  return ask(
      SchedulePoint{runnable_, can_stay ? current : ThreadId::kNone, fallback, yielding, steps_});
}

ThreadId Execution::ask(const SchedulePoint& point) {
  const ThreadId choice = options_.strategy->pick_thread(point);
  if (choice != point.fallback) {
    HEDDLE_INVARIANT(runnable_.contains(choice));
    deviations_.push_back(Deviation{decisions_, DecisionKind::kThread, to_index(choice)});
  }
  ++decisions_;
  return choice;
}

u32 Execution::decide(DecisionKind kind, u32 arity) {
  HEDDLE_INVARIANT(arity > 0);
  if (arity == 1) {
    return 0;
  }
  const u32 choice = options_.strategy->pick(kind, arity);
  HEDDLE_INVARIANT(choice < arity);
  if (choice != 0) {
    deviations_.push_back(Deviation{decisions_, kind, choice});
  }
  ++decisions_;
  return choice;
}

u32 Execution::choose(Thread& thread, u32 arity, uptr pc) {
  const u32 choice = decide(DecisionKind::kValue, arity);
  record(thread, EventKind::kChoice, 0, 0, choice, Order::kRelaxed, pc);
  return choice;
}

void Execution::reschedule(Thread& thread) {
  if (thread.persists != 0) {
    return;
  }
  const ThreadId next =
      thread.parked ? pick(thread.id)
                    : ask(SchedulePoint{runnable_, thread.id, thread.id, thread.yielding, steps_});
  if (next != thread.id) {
    resume(thread, threads_[to_index(next)], false);
  }
}

void Execution::resume(Thread& from, Thread& to, bool leaving) {
  std::memcpy(from.exception_state, library_.exceptions, sizeof from.exception_state);
  from.error_number = *library_.error_number;
  if (surroundings_ != nullptr) {
    surroundings_->switch_thread(from.id, to.id);
  }
  if (__builtin_expect(options_.exhaustive, 0)) {
    settle_plain_writes(from);
    from.now = std::exchange(virtual_now_, to.now);
    from.clock_reads = std::exchange(clock_reads_, to.clock_reads);
  }
  running_thread_ = &to;
  current_thread = &to;
  std::memcpy(library_.exceptions, to.exception_state, sizeof to.exception_state);
  *library_.error_number = to.error_number;
  tsan::switch_to(to.id);
  fiber::switch_to(from.context, to.context, leaving);
}

void Execution::leave(Thread& thread) {
  current_thread = nullptr;
  tsan::switch_outside();
  fiber::switch_to(thread.context, outside_, true);
  internal_bug("an ended execution was resumed", __FILE__, __LINE__);
}

void Execution::abandon() {
  HEDDLE_INVARIANT(running_);
  leave(*running_thread_);
}

void Execution::block_for_good(Thread& thread) {
  blocked_ = true;
  block_until_scheduled(thread, WaitKind::kForGood);
  internal_bug("a thread that was blocked for good was resumed", __FILE__, __LINE__);
}

void Execution::stuck() {
  for (u32 i = 0; i < thread_count_; ++i) {
    blocked_ = blocked_ || threads_[i].patient;
  }
  if (options_.model != nullptr) {
    options_.model->on_stuck();
  }
  if (blocked_) {
    abandon();
  }
  for (u32 i = 0; i < oracle_count_; ++i) {
    oracles_[i]->on_stuck(*this);
  }
  abandon();
}

void Execution::report(Thread& thread, FindingKind kind, const char* rule, uptr pc,
                       const char* message) {
  Finding& finding = new_finding();
  finding.kind = kind;
  finding.rule = rule;
  finding.thread = thread.id;
  finding.pc = pc;
  finding.message.clear();
  finding.message.add("%s", message);
  commit_finding(finding);
}

Finding& Execution::new_finding() {
  Finding& finding = finding_.kind == FindingKind::kNone ? finding_ : spare_finding_;
  finding.operation = memory::kNoOperation;
  finding.event = memory::kNoEvent;
  finding.other_event = memory::kNoEvent;
  return finding;
}

void Execution::commit_finding(Finding& finding) {
  const bool goes_on = finding.kind == FindingKind::kRace && options_.race_continue;
  if (goes_on && &finding == &spare_finding_) {
    return;  // the first race is told
  }
  note_finding(finding);
  if (!goes_on) {
    abandon();
  }
}

// Gives the finding an event of its own, unless it points to one or is about a whole operation.
void Execution::note_finding(Finding& finding) {
  if (options_.trace && finding.thread != ThreadId::kNone &&
      finding.operation == memory::kNoOperation && finding.event >= events_.size()) {
    finding.event = events_.size();
    record_event(thread(finding.thread), EventKind::kFinding, finding.address, 0,
                 static_cast<u64>(finding.kind), Order::kRelaxed, finding.pc);
  }
}

void Execution::sanitizer_report(const SanitizerReport& report) {
  if (running_thread_ == nullptr || stop_requested_) {
    return;
  }
  note_finding(access_oracle_->on_sanitizer_report(*running_thread_, report));
  stop_soon();
}

void Execution::sanitizer_race(const char* text, uptr pc) {
  const Thread* thread = running_thread_;
  const bool known = options_.race_continue && finding_.kind == FindingKind::kRace;
  if (thread == nullptr || stop_requested_ || known) {
    return;
  }
  Finding& finding = new_finding();
  finding.kind = FindingKind::kRace;
  finding.rule = "tsan-data-race";
  finding.thread = thread->id;
  finding.pc = pc;
  finding.message.clear();
  finding.message.add("ThreadSanitizer: data race in T%u", to_index(thread->id));
  finding.detail.clear();
  finding.detail.add("%s", text);
  note_finding(finding);
  if (!options_.race_continue) {
    stop_soon();
  }
}

void Execution::stop_soon() {
  stop_requested_ = true;
  set_alarm();
  options_.preempt_all = true;  // plain accesses reach point() too
  careful_ = true;
}

void Execution::plain_point(Thread& thread, bool write, uptr address, uptr pc) {
  const bool spins = thread.plain_in_row > kPlainInRowMax;
  if (!spins && is_private(thread, address)) {
    return;
  }
  if (spins) {  // perhaps: thousands of plain accesses in a row
    thread.yielding = true;
    steps_ += kPlainInRowSteps;
    park(thread);
  }
  point(thread, write ? EventKind::kWrite : EventKind::kRead, address, pc);
  thread.yielding = false;
}

bool Execution::is_raced(uptr address) {
  const u64 name = options_.raced_count == 0 ? 0 : plain_name(*this, address);
  for (u32 i = 0; i < options_.raced_count; ++i) {
    if (options_.raced[i] == name) {
      return true;
    }
  }
  return false;
}

// Optimisers keep more or less in frames from build to build; what only its owner has touched there
// is nobody else's business, and a switch before it would make seeds depend on the build.
bool Execution::is_private(const Thread& thread, uptr address) {
  if (stop_requested_ || !is_own_stack(thread, address)) {
    return false;
  }
  const memory::Cell& cell = shadow_.cell(address & ~uptr{7});
  if ((cell.flags & memory::kSpilled) != 0 || cell.sync != 0) {
    return false;
  }
  for (u32 i = 0; i < cell.count; ++i) {
    if (cell.entries[i].thread() != thread.id) {
      return false;
    }
  }
  return true;
}

void Execution::plain_access_slow(Thread& thread, uptr address, u32 size, bool write, uptr pc) {
  const bool is_point = options_.preempt_all || is_raced(address);
  if (is_point || ++thread.plain_in_row > kPlainInRowMax) {
    plain_point(thread, write, address, pc);
  }
  const u32 shift = static_cast<u32>(address & 7);
  if (shift + size <= 8) {
    plain_granule(thread, address - shift, byte_mask(shift, size), write, pc);
    if (write) {
      note_plain_write(thread, address - shift);
    }
  } else {
    plain_range(thread, address, size, write, pc);
  }
  if (is_point && write) {
    note_write();
    note_progress(thread);
  } else if (is_point && size <= sizeof(u64)) {
    u64 value = 0;
    std::memcpy(&value, reinterpret_cast<const void*>(address), size);
    note_read(thread, address, value, pc);
  }
  record(thread, write ? EventKind::kWrite : EventKind::kRead, address, size, 0, Order::kRelaxed,
         pc);
}

// What it writes may be what is there; its own stack is part of its state anyway. Nobody else has
// the turn before settle_plain_writes().
void Execution::note_plain_write(Thread& thread, uptr granule) {
  constexpr u32 kWritesMax = 64;
  if (!options_.exhaustive || is_own_stack(thread, granule)) {
    return;
  }
  for (const PlainWrite& write : thread.plain_writes) {
    if (write.granule == granule) {
      return;
    }
  }
  if (thread.plain_writes.size() == kWritesMax) {
    ++thread.effects;
    return;
  }
  thread.plain_writes.push_back(PlainWrite{granule, load_granule(granule)});
}

void Execution::settle_plain_writes(Thread& thread) {
  bool changed = false;
  for (const PlainWrite& write : thread.plain_writes) {
    changed = changed || load_granule(write.granule) != write.before;
  }
  thread.plain_writes.clear();
  thread.effects += changed;
}

void Execution::unaddressable(Thread& thread, uptr address, u32 size, u8 flags, uptr pc) {
  access_oracle_->on_unaddressable(thread, address, size, flags, pc);
}

void Execution::plain_range(Thread& thread, uptr address, uptr size, bool write, uptr pc) {
  uptr at = address;
  const uptr end = address + size;
  while (at < end) {
    const uptr granule = at & ~uptr{7};
    const uptr upto = end < granule + 8 ? end : granule + 8;
    const u32 shift = static_cast<u32>(at - granule);
    const u32 bytes = static_cast<u32>(upto - at);
    plain_granule(thread, granule, byte_mask(shift, bytes), write, pc);
    if (write) {
      note_plain_write(thread, granule);
    }
    at = upto;
  }
}

void* Execution::allocate(Thread& thread, uptr size, uptr alignment, memory::AllocKind kind,
                          uptr pc) {
  ++thread.effects;
  void* memory = arena_.allocate(thread.id, size, alignment);
  if (memory != nullptr) {
    memory::Block& block = arena_.block(arena_.last_block());
    block.kind = kind;
    block.epoch = thread.epoch;
    block.alloc_pc = pc;
    block.alloc_operation = thread.operation;
    block.alloc_event = events_.size();
    record(thread, EventKind::kAllocate, block.address, 0, size, Order::kRelaxed, pc);
  }
  return memory;
}

void Execution::adopt(Thread& thread, void* memory, uptr size, memory::AllocKind kind, uptr pc) {
  ++thread.effects;
  arena_.adopt(thread.id, memory, size);
  memory::Block& block = arena_.block(arena_.last_block());
  block.kind = kind;
  block.epoch = thread.epoch;
  block.alloc_pc = pc;
  block.alloc_operation = thread.operation;
  block.alloc_event = events_.size();
  record(thread, EventKind::kAllocate, block.address, 0, size, Order::kRelaxed, pc);
}

void Execution::adopt_early(Thread& thread, void* memory, uptr size, memory::AllocKind kind) {
  arena_.adopt_known(thread.id, memory, size);
  arena_.block(arena_.last_block()).kind = kind;
}

bool Execution::deallocate(Thread& thread, void* memory, memory::AllocKind kind, uptr pc) {
  ++thread.effects;
  const uptr address = reinterpret_cast<uptr>(memory);
  const u32 index = arena_.block_at(address);
  if (index == 0 || arena_.block(index).state == memory::BlockState::kFreed) {
    access_oracle_->on_bad_free(thread, address, index, pc);
    return false;
  }
  memory::Block& block = arena_.block(index);
  if (block.kind != kind) {
    access_oracle_->on_mismatched_free(thread, index, pc);
  }
  if (options_.preempt_all) {
    point(thread, EventKind::kFree, address, pc);
  }
  block.freed_by = thread.id;
  block.free_pc = pc;
  block.free_operation = thread.operation;
  block.free_event = events_.size();
  record(thread, EventKind::kFree, address, 0, block.size, Order::kRelaxed, pc);
  // To the race oracle a free is a write of every byte.
  judge_block(thread, index, address,
              {thread.epoch, thread.id, 0xff, memory::kWrite | memory::kFree}, pc);
  arena_.retire(index, [&](uptr at, memory::Cell& cell) {
    access_oracle_->on_free(thread, at, cell, pc);
    if (cell.sync != 0) {
      judge_freed_locks(thread, cell, pc);
    }
  });
  tsan::plain(address, block.size, true, pc);
  return true;
}

uptr Execution::size_of_block(void* address) {
  const u32 index = arena_.block_at(reinterpret_cast<uptr>(address));
  return index == 0 ? 0 : arena_.block(index).size;
}

}  // namespace heddle::exec
