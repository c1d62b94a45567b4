// In-target world. One execution: threads on fibers, decisions, clocks, the trace.
#pragma once

#include <cerrno>
#include <utility>

#include "base/invariant.hpp"
#include "base/rng.hpp"
#include "exec/decision.hpp"
#include "exec/finding.hpp"
#include "exec/memory_model.hpp"
#include "exec/oracle.hpp"
#include "exec/surroundings.hpp"
#include "exec/sync_var.hpp"
#include "exec/thread.hpp"
#include "memory/arena.hpp"
#include "memory/rollback.hpp"

namespace heddle::exec {

struct Options {
  Strategy* strategy = nullptr;
  MemoryModel* model = nullptr;  // null: sequential consistency
  bool exhaustive = false;       // the strategy knows what comes next
  bool parks = true;             // who seems to spin runs only when others wrote or cannot run
  bool in_any_order = false;     // it stands for all that differ in unseen orders only
  u64 index = 0;                 // of the execution within its run, for the strategy
  u64 step_limit = 100'000;      // scheduling points; beyond, the livelock oracle judges
  bool trace = false;            // keep events and the digest
  bool preempt_all = false;      // plain accesses are scheduling points too
  bool look_at_steps = false;    // at the target's state, by its own code; see set_look()
  bool race_continue = false;    // a race is noted and the execution goes on
  const u64* raced = nullptr;    // plain_name()s of locations that are scheduling points too
  u32 raced_count = 0;
  Faults faults = kDefaultFaults;  // what may fail by decision
  // Asked each second of CPU time, in a signal handler; true ends the execution. May be null.
  bool (*should_stop)() = nullptr;
};

/// What an execution came to. Valid until the next run().
struct Outcome {
  const Finding* finding;  // kind kNone if there was none
  bool raced;              // the race oracle had a finding, if perhaps not this one
  bool blocked;            // some thread waits for good where heddle_assume() left it
  bool interrupted;        // Options::should_stop ended it, and nothing was found
  u64 steps;               // scheduling points
  u64 decisions;           // points with a choice
  u64 digest;              // of the visible events, if traced
  u64 events;              // visible events, if traced
};

constexpr u64 kNever = ~u64{0};  // a deadline that does not come
/// One that does not come in this execution: where it strikes is another one of an exhaustive
/// search.
constexpr u64 kInAnother = kNever - 1;
constexpr u64 kAtOnce = 0;  // the deadline of a lock operation that does not wait

/// How an attempt at a lock ended.
enum class LockResult : u8 {
  kAcquired,
  kRefused,         // somebody has it, and the deadline came
  kOwnerDied,       // acquired; the last owner finished holding it
  kNotRecoverable,  // not acquired, nor ever will be: nobody repaired what a dead owner left
};

struct MutexType {
  bool recursive = false;
  bool robust = false;
};

/// Which threads may be made to stand still.
enum class Freeze : u8 {
  kNever,
  kOthers,  // all but one
  kSome,    // any, but for one at least
};

using Body = void (*)(void* argument);

/// The logical thread that this OS thread executes; null outside of executions, and while the
/// runtime itself calls libraries that could come back through a hook.
extern __thread Thread* current_thread __attribute__((tls_model("local-exec")));

/// The engine. There is one, because hooks have nothing but the address they were given.
class Execution {
 public:
  /// Reserves address space, installs signal handlers. Call once, before the first run().
  void initialize();
  void add_oracle(Oracle& oracle);
  void set_access_oracle(AccessOracle& oracle) { access_oracle_ = &oracle; }
  AccessOracle& access_oracle() { return *access_oracle_; }
  void set_sanitizer(Sanitizer& sanitizer) { sanitizer_ = &sanitizer; }
  /// Null in builds without one.
  Sanitizer* sanitizer() { return sanitizer_; }
  /// Where blocks come from another allocator: called for those still live after an execution.
  void set_block_release(void (*release)(void*)) { release_block_ = release; }

  /// Called when an execution has ended, to give back what it took from the system, and before its
  /// end is judged, to make all blocks accessible again. Null: nothing.
  void set_undo(void (*undo)(), void (*open_blocks)()) {
    undo_ = undo;
    open_blocks_ = open_blocks;
  }

  /// The thread for which the target's code looks at the target's state; null: none.
  void observe_by(Thread* thread) { observer_ = thread; }
  /// Who is to blame for a crash here; null outside of the target's code.
  Thread* blamed() { return current_thread != nullptr ? current_thread : observer_; }

  /// Set for a program with a main of its own.
  void set_surroundings(Surroundings& surroundings) { surroundings_ = &surroundings; }
  Surroundings* surroundings() { return surroundings_; }
  /// See there. To be called after an execution, before anything but the next one.
  void hand_back() {
    if (surroundings_ != nullptr) {
      surroundings_->hand_back();
    }
  }

  /// Runs `body(argument)` as thread 0 and every thread it makes, to the end or to a finding.
  /// Not reentrant. Afterwards heap and globals are as before.
  Outcome run(Body body, void* argument, const Options& options);

  // ---- for hooks, on a fiber of the execution ----

  /// A scheduling point: the thread is about to do `kind` at `address`. Returns when it is its
  /// turn.
  void point(Thread& thread, EventKind kind, uptr address, uptr pc) {
    thread.pending = kind;
    thread.pending_address = address;
    thread.pending_pc = pc;
    thread.plain_in_row = 0;
    if (__builtin_expect(++steps_ > alarm_at_, 0)) {
      alarm(thread);
    }
    if (runnable_.count() > 1 || thread.parked) {
      reschedule(thread);
    }
  }

  /// A plain access by instrumented code, of at most 8 bytes.
  void plain_access(Thread& thread, uptr address, u32 size, bool write, uptr pc) {
    const u32 shift = static_cast<u32>(address & 7);
    if (__builtin_expect(shift + size <= 8 && !careful_ && ++thread.plain_in_row <= kPlainInRowMax,
                         1)) {
      plain_granule(thread, address - shift, byte_mask(shift, size), write, pc);
    } else {
      plain_access_slow(thread, address, size, write, pc);
    }
  }
  void plain_access_slow(Thread& thread, uptr address, u32 size, bool write, uptr pc);
  void plain_range(Thread& thread, uptr address, uptr size, bool write, uptr pc);

  // T is u8, u16, u32, u64 or u128. Defined in atomics_inl.hpp.
  template <class T>
  T atomic_load(Thread& thread, T* address, Order order, uptr pc);
  template <class T>
  void atomic_store(Thread& thread, T* address, T value, Order order, uptr pc);
  /// `modify(old, argument)` computes the new value. Returns the old one.
  template <class T>
  T atomic_update(Thread& thread, T* address, T (*modify)(T, T), T argument, Order order, uptr pc);
  /// True on success; otherwise *expected is what was there.
  template <class T>
  bool atomic_cas(Thread& thread, T* address, T* expected, T desired, bool weak, Order success,
                  Order failure, uptr pc);
  /// The same where the memory model decides what is read; after the scheduling point.
  template <class T>
  bool modelled_cas(Thread& thread, T* address, T* expected, T desired, bool weak, Order success,
                    Order failure, uptr pc);
  /// Atomic accesses to objects of any size. A store is an exchange without `result`.
  void large_load(Thread& thread, void* object, uptr size, void* result, Order order, uptr pc);
  void large_exchange(Thread& thread, void* object, uptr size, const void* value, void* result,
                      Order order, uptr pc);
  /// True on success; otherwise `expected` holds what was there.
  bool large_cas(Thread& thread, void* object, uptr size, void* expected, const void* desired,
                 Order success, Order failure, uptr pc);
  void fence(Thread& thread, Order order, uptr pc);
  /// The program says that it synchronises here, by means of its own: with kAcquire the thread
  /// learns what was released at the address, with kRelease it releases.
  void annotate(Thread& thread, uptr address, Order order, uptr pc);
  /// Tells the memory model, if there is one.
  void note_operation(Thread& thread, SyncVar& object, ObjectOperation operation, Order order);

  Thread& create_thread(Thread& creator, void* (*entry)(void*), void* argument, uptr pc);
  /// The program ends as by exit(): with destructors of static objects, and an exit status to
  /// judge. When it does so is up to the scheduler; others may not have finished.
  [[noreturn]] void exit_program(Thread& thread, int status, uptr pc);
  /// As by _exit(): nothing of the program runs any more.
  [[noreturn]] void end_program(Thread& thread, int status, uptr pc);
  /// Called on the thread itself, after its entry returned, or it called pthread_exit: then the
  /// program goes on without thread 0.
  [[noreturn]] void finish_thread(Thread& thread, bool returned);
  /// False if the deadline came first.
  bool join(Thread& thread, Thread& target, u64 deadline_ns, uptr pc);

  /// Deadlines are on the virtual clock; or kNever, or kAtOnce for an attempt.
  LockResult mutex_lock(Thread& thread, void* mutex, MutexType type, u64 deadline_ns, uptr pc);
  /// False if the thread does not own it.
  bool mutex_unlock(Thread& thread, void* mutex, uptr pc);
  /// Says that what a robust mutex protects was repaired; false if there is nothing to repair.
  bool mutex_make_consistent(Thread& thread, void* mutex, uptr pc);
  /// False if refused.
  bool lock_shared(Thread& thread, void* lock, u64 deadline_ns, uptr pc);
  bool lock_exclusive(Thread& thread, void* lock, u64 deadline_ns, uptr pc);
  /// Releases either kind of ownership of a reader-writer lock; false if the thread has none.
  bool rwlock_unlock(Thread& thread, void* lock, uptr pc);
  /// True if the thread has it exclusively.
  bool owns(const Thread& thread, void* lock);
  /// An object comes into being at `object`, in whatever was there before.
  void init_sync(Thread& thread, void* object, uptr size, const char* what, uptr pc);
  void destroy_sync(Thread& thread, void* object, const char* what, uptr pc);
  /// 0, ETIMEDOUT, or what became of the mutex meanwhile: EOWNERDEAD, ENOTRECOVERABLE.
  int condition_wait(Thread& thread, void* condition, void* mutex, u64 deadline_ns, uptr pc);
  void condition_notify(Thread& thread, void* condition, bool all, uptr pc);
  /// A semaphore's value is the first word of its object, as the C library has it.
  u32 semaphore_value(Thread& thread, void* semaphore, uptr pc);
  bool semaphore_wait(Thread& thread, void* semaphore, u64 deadline_ns, uptr pc);
  /// False if the value is at its maximum.
  bool semaphore_post(Thread& thread, void* semaphore, uptr pc);
  /// True for one thread of the round of `parties`, if somebody in it asks who that is.
  bool barrier_wait(Thread& thread, void* barrier, u32 parties, bool asks, uptr pc);
  /// 0 if woken, else EAGAIN or ETIMEDOUT.
  int futex_wait(Thread& thread, void* word, u32 expected, u64 deadline_ns, uptr pc);
  u32 futex_wake(Thread& thread, void* word, u32 count, uptr pc);
  /// Wakes `wake` waiters and lets up to `move` more wait at `other`. Returns how many in all.
  u32 futex_requeue(Thread& thread, void* word, u32 wake, void* other, u32 move, uptr pc);
  /// True if the caller must initialise; false if that is done.
  bool guard_acquire(Thread& thread, void* guard, uptr pc);
  void guard_release(Thread& thread, void* guard, bool done, uptr pc);
  void yield(Thread& thread, uptr pc);
  void sleep(Thread& thread, u64 until_ns, uptr pc);
  u64 virtual_now_ns() const { return virtual_now_; }
  /// It is at least `to_ns` now.
  void advance_clock(u64 to_ns) {
    virtual_now_ = to_ns > virtual_now_ ? to_ns : virtual_now_;
    clock_reads_ = 0;
  }
  /// What a thread that looks at the clock sees.
  u64 read_clock(Thread& thread, uptr pc);
  /// The first looks of a thread find no time passed, but for what has been waited. The next ones
  /// may: from a microsecond, growing a hundredfold each time, to three years. Exhaustive searches
  /// try that up to the kLooksAsked-th look, and behind it where the thread waits.
  static constexpr u32 kLooksAtOnce = 2;
  static constexpr u32 kLooksAsked = 6;
  static constexpr u64 kFirstLeapNs = 1'000;
  static constexpr u32 kGrowingLeaps = 7;
  static constexpr u32 kLeapsMax = 64;  // of a thread
  // No look sees a later time, for programs count nanoseconds in 63 bits.
  static constexpr u64 kLastNs = u64{7'300'000'000} * 1'000'000'000;
  /// Entropy: the same in each execution with the same decisions.
  u64 random_bits(Thread& thread, uptr pc);

  /// The block is the caller's to fill; null when memory is out.
  void* allocate(Thread& thread, uptr size, uptr alignment, memory::AllocKind kind, uptr pc);
  void adopt(Thread& thread, void* memory, uptr size, memory::AllocKind kind, uptr pc);
  /// A block from before the execution, which is about to be freed in it.
  void adopt_early(Thread& thread, void* memory, uptr size, memory::AllocKind kind);
  /// False if `address` is no live block (the oracle has been told). The memory stays mapped.
  bool deallocate(Thread& thread, void* address, memory::AllocKind kind, uptr pc);
  uptr size_of_block(void* address);

  /// From now on, at any point of an operation, some threads may be made to stand still by
  /// decision, until the others have finished; once an execution. Only if Options::faults has
  /// kFreeze.
  void may_freeze(Freeze freeze);
  /// From now on no operation may pass more scheduling points of its own; 0: no limit.
  void limit_own_steps(u32 most);
  const ThreadSet& frozen() const { return frozen_; }
  /// From now on called at each scheduling point if Options::look_at_steps; null: no more.
  void set_look(void (*look)(Thread& thread)) {
    look_ = options_.look_at_steps ? look : nullptr;
    set_alarm();
  }
  /// An operation begins, or has returned.
  void note_call(Thread& thread) { thread.own_steps = 0; }
  void note_return() { last_return_ = steps_; }

  /// The thread does not go on, in this execution.
  [[noreturn]] void block_for_good(Thread& thread);
  /// Plain writes that have changed memory are effects of the thread from now on.
  void settle_plain_writes(Thread& thread);
  /// What may fail from now on; what might so far.
  Faults set_faults(Faults faults) { return std::exchange(options_.faults, faults); }
  /// A value in [0, arity) chosen by the strategy.
  u32 choose(Thread& thread, u32 arity, uptr pc);
  u32 decide(DecisionKind kind, u32 arity);
  /// True if the environment fails in this way, here and now.
  bool fails_by_decision(DecisionKind kind) {
    return (options_.faults & fault(kind)) != 0 && decide(kind, 2) == 1;
  }
  void at_exit(void (*function)(void*), void* argument) {
    exits_.push_back(ThreadExit{function, argument});
  }

  /// Notes the finding. The first of an execution counts; unless it is a race and races may go on,
  /// the execution ends here and report() does not return.
  void report(Thread& thread, FindingKind kind, const char* rule, uptr pc, const char* message);
  /// For oracles that fill in more than report() takes: set fields, then commit_finding().
  Finding& new_finding();
  void commit_finding(Finding& finding);
  /// A sanitizer's report. It must be left to return, so the execution ends at the next event, with
  /// this as its finding.
  void sanitizer_report(const SanitizerReport& report);
  /// ThreadSanitizer's report of a race that the race oracle does not see; likewise.
  void sanitizer_race(const char* text, uptr pc);
  /// Ends the execution now, on whatever stack this is.
  [[noreturn]] void abandon();
  /// Threads that have not finished.
  u32 live_thread_count() const { return live_threads_; }
  bool should_stop() const {
    return running_ && options_.should_stop != nullptr && options_.should_stop();
  }
  /// The execution ends at its next step. For signal handlers.
  void interrupt() {
    interrupted_ = true;
    alarm_at_ = 0;
  }

  void record(Thread& thread, EventKind kind, uptr address, u32 size, u64 value, Order order,
              uptr pc) {
    if (__builtin_expect(options_.trace, 0)) {
      record_event(thread, kind, address, size, value, order, pc);
    }
  }

  /// For memory models: of the event that the thread is about to record.
  void note_overlooked(Overlooked overlooked) { overlooked_ = overlooked; }

  // ---- for oracles and reports ----

  Thread& thread(ThreadId id) { return threads_[to_index(id)]; }
  u32 thread_count() const { return thread_count_; }
  const ThreadSet& runnable() const { return runnable_; }
  SyncVar& variable(u32 index) { return variables_[index]; }
  /// A thread that has shared ownership; kNone if none has.
  ThreadId first_reader(const SyncVar& variable) {
    return variable.holds == 0 ? ThreadId::kNone : holds_[variable.holds].thread;
  }
  /// The synchronisation variable at `address`, whose granule's cell is `cell`; made at first use.
  SyncVar& variable_at(uptr address, memory::Cell& cell) {
    for (u32 index = cell.sync; index != 0; index = variables_[index].next) {
      if (variables_[index].address == address) {
        return variables_[index];
      }
    }
    return new_variable(address, cell);
  }
  memory::Shadow& shadow() { return shadow_; }
  memory::Arena& arena() { return arena_; }
  memory::Rollback& rollback() { return rollback_; }
  const Options& options() const { return options_; }
  const Finding& finding() const { return finding_; }
  bool tracing() const { return options_.trace; }
  u64 steps() const { return steps_; }
  const Vec<Event>& events() const { return events_; }
  const Vec<uptr>& event_frames() const { return event_frames_; }
  const Vec<Deviation>& deviations() const { return deviations_; }
  /// Where there were races, each place once; the first ones, if there were many.
  const Vec<uptr>& raced() const { return raced_; }
  u64 digest() const { return digest_; }
  u64 visible_events() const { return visible_events_; }
  bool running() const { return running_; }
  /// Calls `visit(word)` for each word in the stack and the thread-local variables of a thread that
  /// has not finished.
  template <class Visit>
  void each_word_of(Thread& thread, Visit visit) {
    if (thread.state == ThreadState::kFinished) {
      return;
    }
    const uptr top = memory::stack_slot(to_index(thread.id) + 1);
    uptr at = reinterpret_cast<uptr>(&thread == running_thread_ ? __builtin_frame_address(0)
                                                                : thread.context.handle);
    for (at &= ~uptr{7}; at < top; at += 8) {
      visit(*reinterpret_cast<const u64*>(at));
    }
    visit(reinterpret_cast<u64>(thread.argument));  // it may not have started
    for (const ThreadExit& specific : thread.specifics) {
      visit(reinterpret_cast<u64>(specific.object));
    }
    for (void* variable : thread.tls) {
      // A red zone follows each.
      for (at = reinterpret_cast<uptr>(variable); at != 0 && shadow_.cell(at).valid != 0; at += 8) {
        visit(*reinterpret_cast<const u64*>(at));
      }
    }
  }
  u64 executions() const { return executions_; }

 private:
  // So many plain accesses without a scheduling point make one, which counts for so many steps
  // towards the limit: a loop that spins on a plain variable must end.
  static constexpr u32 kPlainInRowMax = 20'000;
  static constexpr u32 kPlainInRowSteps = 20;
  // A thread that yields, or sees the same value at the same place, so often in a row is taken to
  // spin: it runs again when others wrote, or cannot run. Locks that spin a little before they
  // block (libstdc++: 16 times) must get through to their blocking.
  static constexpr u32 kSameReadsMax = 64;
  // Loops that look at several locations, or count, have no such fingerprint; they read a lot.
  static constexpr u32 kReadsInRowMax = 256;
  // Who spins on does so for 4,096 looks: locks of widely used libraries spin 1,000 to 2,000 times.
  static constexpr u32 kParkingsMissed = 64;

  /// What the C and C++ libraries keep once for each OS thread: {caught exceptions, uncaught count}
  /// and errno. Each logical thread has its own copy, swapped at switches.
  struct LibraryState {
    void* exceptions;
    int* error_number;
  };

  void reset(const Options& options);
  void start_thread(u32 slot, void* (*entry)(void*), void* argument);
  static void fiber_main();
  void run_exits(Vec<ThreadExit>& exits);
  void run_thread_exits(Thread& thread);
  void run_program_exits();
  void let_joiner_go(Thread& thread);
  void begin_exit(Thread& thread, uptr pc);
  [[noreturn]] void leave_program(Thread& thread, int status, uptr pc);
  [[noreturn]] void judge_and_leave(Thread& thread);
  // In line (at link time): behind a switch each return up to the target's code is mispredicted,
  // because the processor's stack of returns is the other fiber's.
  __attribute__((always_inline)) void reschedule(Thread& thread);
  __attribute__((always_inline)) void resume(Thread& from, Thread& to, bool leaving);
  void find_runnable();
  /// Who runs next. A `current` that waits can be chosen if its time-out may strike.
  ThreadId pick(ThreadId current, bool waits = false);
  ThreadId ask(const SchedulePoint& point);
  [[noreturn]] void leave(Thread& thread);
  void stop_soon();
  void stuck();
  /// A scheduling point at which there is more to look at than who runs next.
  void alarm(Thread& thread);
  void end_turn(Thread& thread);
  void judge_length(Thread& thread);
  void set_alarm();
  void freeze_others(Thread& thread);
  void freeze_thread(Thread& thread);
  void thaw();
  void leave_frozen();
  [[noreturn]] void no_progress(Thread& thread);
  static bool is_own_stack(const Thread& thread, uptr address) {
    return memory::in_stacks(address) && memory::stack_slot_of(address) == to_index(thread.id);
  }
  bool is_private(const Thread& thread, uptr address);
  bool is_raced(uptr address);
  void note_raced(uptr address);
  void note_plain_write(Thread& thread, uptr granule);
  static u64 load_granule(uptr granule) {
    u64 value = 0;
    std::memcpy(&value, reinterpret_cast<const void*>(granule), sizeof value);
    return value;
  }
  void plain_point(Thread& thread, bool write, uptr address, uptr pc);
  void note_finding(Finding& finding);
  void record_event(Thread& thread, EventKind kind, uptr address, u32 size, u64 value, Order order,
                    uptr pc);

  /// The thread waits for a notification at the variable from now on.
  void begin_wait(Thread& thread, SyncVar& variable, WaitKind wait);
  /// Until it is woken; false if the deadline came first.
  bool end_wait(Thread& thread, u64 deadline_ns);
  bool stop_waiting(Thread& thread);
  /// What is left of the deadline of an operation that begins.
  u64 patience(Thread& thread, u64 deadline_ns);
  bool may_give_up(const Thread& thread);
  /// Calls `visit(member)` for those in the queue of a barrier who arrived in this round.
  template <class Visit>
  void each_of_round(const SyncVar& barrier, u32 round, Visit visit);
  void complete_round(SyncVar& barrier);
  /// Says who is the serial thread, and lets the others go.
  void elect(Thread& elector, SyncVar& barrier, u32 parties);
  /// True if it was woken.
  bool block_until_scheduled(Thread& thread, WaitKind wait, SyncVar* at = nullptr,
                             u64 deadline_ns = kNever);
  void enqueue(Thread& thread, SyncVar& variable);
  bool dequeue(Thread& thread, SyncVar& variable);
  void wake(Thread& thread);
  void wake_all(SyncVar& variable);
  u32 count_waiters(const SyncVar& variable) const;
  ThreadId take_waiter(SyncVar& variable);
  /// True if who waits for a lock, semaphore or guard in this way could have it now.
  static bool is_open(const SyncVar& object, WaitKind wait);
  LockWaiters& waiters_of(SyncVar& variable);
  /// Waits for a lock, semaphore or guard; false if the deadline came first.
  bool wait_until_open(Thread& thread, SyncVar& variable, WaitKind wait, u64 deadline_ns = kNever);
  void admit(const SyncVar& variable, const ThreadSet& waiters);
  /// After each change of what is_open() says: who waits can run if and only if it could have it.
  void admit_waiters(const SyncVar& variable) {
    if (__builtin_expect(variable.lock_waiters != nullptr, 0)) {
      admit(variable, variable.lock_waiters->exclusive);
      admit(variable, variable.lock_waiters->shared);
    }
  }
  void note_write() {
    if (__builtin_expect(!parked_.empty(), 0) && turns_ == 0) {
      unpark_all();
    }
  }
  void unpark(Thread& thread);
  HEDDLE_RARE void unpark_all();
  void note_read(Thread& thread, uptr address, u64 value, uptr pc) {
    const u64 fingerprint = (pc ^ value * 0x9e3779b97f4a7c15ULL) + address * 3;
    thread.same_reads = fingerprint == thread.last_read ? thread.same_reads + 1 : 0;
    thread.last_read = fingerprint;
    if (__builtin_expect(
            thread.same_reads > kSameReadsMax || ++thread.reads_in_row > kReadsInRowMax, 0)) {
      park(thread);
    }
  }
  void note_progress(Thread& thread) {
    thread.persists = 0;
    thread.same_reads = 0;
    thread.reads_in_row = 0;
  }
  void refuse_large(Thread& thread, uptr size, uptr pc);
  HEDDLE_RARE void park(Thread& thread);
  bool persists(Thread& thread);
  void give_way(Thread& thread, EventKind kind, uptr pc);
  void let_time_pass(Thread& thread);
  /// Before the engine itself writes to a word of the target's.
  void log_word(void* word) {
    const uptr address = reinterpret_cast<uptr>(word);
    rollback_.before_write(address & ~uptr{7}, shadow_.cell(address & ~uptr{7}));
  }
  HEDDLE_RARE SyncVar& new_variable(uptr address, memory::Cell& cell);
  /// What every atomic access does first: judges it, and finds the variable at `address`.
  SyncVar& touch_atomic(Thread& thread, uptr address, u32 size, u8 flags, uptr pc);
  SyncVar& touch_granule(Thread& thread, uptr address, u32 size, u8 flags, uptr pc);
  SyncVar& touch_atomic_apart(Thread& thread, uptr address, u32 size, u8 flags, uptr pc);
  SyncVar& touch_sync(Thread& thread, void* object, uptr pc);
  void acquire_lock(Thread& thread, SyncVar& variable, EventKind kind, uptr pc);
  bool wait_for_lock(Thread& thread, SyncVar& variable, WaitKind wait, u64 deadline_ns, uptr pc);
  LockResult take_mutex(Thread& thread, SyncVar& variable, EventKind kind, uptr pc);
  void release_mutex(Thread& thread, SyncVar& variable, uptr pc);
  void leave_robust_mutexes(Thread& thread);
  /// Of the last block.
  void note_allocation(Thread& thread, uptr size, memory::AllocKind kind, uptr pc);
  u32* hold_of(SyncVar& variable, ThreadId id);
  void add_hold(SyncVar& variable, ThreadId id);
  void drop_hold(SyncVar& variable, ThreadId id);
  void forget_lock(SyncVar& variable);
  void overwrite_locks(memory::Cell& cell, uptr granule, u8 mask);
  void judge_freed_locks(Thread& thread, const memory::Cell& cell, uptr pc);
  /// What was released at the variable happens before what the thread does next.
  void look(Thread& thread);
  void acquire(Thread& thread, SyncVar& variable, ObjectOperation operation);
  void release(Thread& thread, SyncVar& variable, ObjectOperation operation);
  /// Beside what others released.
  void release_too(Thread& thread, SyncVar& variable, ObjectOperation operation);
  void acquire_readers(Thread& thread, SyncVar& variable);
  void release_reader(Thread& thread, SyncVar& variable);

  HEDDLE_RARE void unaddressable(Thread& thread, uptr address, u32 size, u8 flags, uptr pc);
  HEDDLE_RARE void ended_stack(Thread& thread, uptr address, u32 size, u8 flags, uptr pc);
  /// No more than the stack of a thread that has ended.
  bool is_ended_stack(const Thread& thread, uptr address) const {
    if (!memory::in_stacks(address) || is_own_stack(thread, address)) {
      return false;
    }
    const u32 owner = memory::stack_slot_of(address);
    return owner < thread_count_ && threads_[owner].state == ThreadState::kFinished;
  }
  static u8 byte_mask(u32 shift, u32 size) { return static_cast<u8>(((1u << size) - 1) << shift); }

  /// The thread is the first to touch this part of the block, or frees it: it must know of the
  /// allocation.
  void judge_block(Thread& thread, u32 block, uptr granule, memory::AccessEntry access, uptr pc) {
    if (block != 0 && arena_.block(block).thread != thread.id) {
      access_oracle_->on_block_of_another(thread, block, granule, access, pc);
    }
  }

  void plain_granule(Thread& thread, uptr granule, u8 mask, bool write, uptr pc) {
    const u8 flags = write ? memory::kWrite : memory::kRead;
    memory::Cell& cell = shadow_.cell(granule);
    if (__builtin_expect((mask & ~cell.valid) != 0, 0)) {
      const u32 first = static_cast<u32>(__builtin_ctz(mask));
      unaddressable(thread, granule + first, static_cast<u32>(__builtin_popcount(mask)), flags, pc);
      return;
    }
    if (write) {
      rollback_.before_write(granule, cell);
      if (__builtin_expect(cell.sync != 0, 0)) {
        overwrite_locks(cell, granule, mask);
      }
    }
    const memory::AccessEntry access(thread.epoch, thread.id, mask, flags);
    if (cell.sync == 0 && cell.count == 0 && (cell.flags & memory::kSpilled) == 0) {
      cell.entries[0] = access;  // the first to touch it: nobody to race with but who made it
      cell.count = 1;
      judge_block(thread, cell.block, granule, access, pc);
      return;
    }
    // Most accesses repeat one that is known already.
    if (cell.sync != 0 || !cell.renews(access)) {
      if (is_ended_stack(thread, granule)) {
        const u32 first = static_cast<u32>(__builtin_ctz(mask));
        ended_stack(thread, granule + first, static_cast<u32>(__builtin_popcount(mask)), flags, pc);
      }
      access_oracle_->on_plain(thread, granule, cell, access, pc);
    }
  }

  memory::Shadow shadow_;
  memory::Arena arena_{shadow_};
  memory::Rollback rollback_{shadow_};
  Options options_;
  bool careful_ = false;  // each plain access takes the long way: traced, or a scheduling point
  AccessOracle* access_oracle_ = nullptr;
  Sanitizer* sanitizer_ = nullptr;
  void (*release_block_)(void*) = nullptr;
  void (*undo_)() = nullptr;
  void (*open_blocks_)() = nullptr;
  Surroundings* surroundings_ = nullptr;
  Oracle* oracles_[16] = {};
  u32 oracle_count_ = 0;

  Thread* threads_ = nullptr;
  u32 thread_count_ = 0;
  u32 live_threads_ = 0;
  ThreadSet runnable_;
  ThreadSet parked_;
  ThreadSet frozen_;
  Freeze freeze_ = Freeze::kNever;
  Pool<SyncVar> variables_;
  Pool<SharedHold> holds_;
  Pool<LockWaiters> lock_waiters_;
  LibraryState library_ = {};
  fiber::Context outside_;
  Thread* running_thread_ = nullptr;
  Thread* observer_ = nullptr;
  bool running_ = false;
  bool blocked_ = false;
  bool stop_requested_ = false;  // there is a finding; the next event is the end
  bool interrupted_ = false;
  Body body_ = nullptr;
  void* body_argument_ = nullptr;
  Vec<ThreadExit> exits_;

  u64 executions_ = 0;
  u64 steps_ = 0;
  u64 alarm_at_ = 0;        // the last step without an alarm
  u64 steps_max_ = 0;       // the last one that judge_length() has nothing to say to
  u64 turn_ends_ = 0;       // the last step of the thread that runs, if others can
  u32 turns_ = 0;           // taken so far; 0: the strategy has its way
  bool prolonged_ = false;  // beyond the limit of steps, for the only thread that can run
  u32 own_steps_max_ = 0;
  void (*look_)(Thread&) = nullptr;
  u64 last_return_ = 0;  // step of the last return of an operation, or of the freeze
  u64 decisions_ = 0;
  u64 virtual_now_ = 0;
  u32 clock_reads_ = 0;  // since the clock was last advanced by a wait
  Rng entropy_;
  bool entropy_seeded_ = false;
  Vec<Deviation> deviations_;
  Vec<uptr> raced_;
  Finding finding_;
  Finding spare_finding_;

  Vec<Event> events_;
  Vec<uptr> event_frames_;
  Overlooked overlooked_;
  u64 digest_ = 0;
  u64 visible_events_ = 0;
};

extern constinit Execution the_engine;

inline Execution& engine() { return the_engine; }

/// True of the granule of errno: one place in memory, of which each thread has a value of its own.
inline bool is_errno(uptr granule) {
  return (reinterpret_cast<uptr>(&errno) & ~uptr{7}) == granule;
}

/// While it lives, hooks called by this OS thread act as if outside of any execution: the runtime
/// is calling into a library on its own account.
class RuntimeScope {
 public:
  RuntimeScope() : saved_(current_thread) { current_thread = nullptr; }
  ~RuntimeScope() { current_thread = saved_; }
  RuntimeScope(const RuntimeScope&) = delete;
  RuntimeScope& operator=(const RuntimeScope&) = delete;

 private:
  Thread* saved_;
};

}  // namespace heddle::exec
