// In-target world. Threads that wait by looking again and again.
#pragma once

#include "base/key_table.hpp"
#include "exec/thread.hpp"

namespace heddle {
class Archive;
}

namespace heddle::graph {

/// Tells when a thread goes round without getting anywhere: it comes back to a read in the state in
/// which it was there before, having changed nothing meanwhile. If it did nothing but look, the
/// execution in which it has not been round is there, too. If it also tried to change something
/// (failed rounds of a lock-free algorithm, which are executions of their own), it is let go on
/// until a round reads the very stores of the one before. The state is expensive to know, so it is
/// looked at only where code is known to loop; where it turns out to, the execution must begin once
/// more. What is left over in frames may make two states look different that are not, and is not
/// the same in each execution: so the first verdict after a history of the thread's events stands.
class Spins {
 public:
  enum class Verdict : u8 {
    kGoesOn,
    kSpins,
    kCut,
    kBeginAgain,
    kCounts,  // its rounds read the same and nothing else happens; that may end without others
  };
  /// What a read did.
  struct Read {
    u32 location;
    u32 store;
  };

  Spins() = default;
  ~Spins();
  Spins(const Spins&) = delete;
  Spins& operator=(const Spins&) = delete;

  void begin_execution();
  /// What was said so far.
  void archive(Archive& archive);
  /// The thread is about to read at `pc`, perhaps to change what it reads.
  /// O(reads since its last effect), at most kVisitsMax.
  /// `history` tells what the thread has read so far from all else that it could have read, `held`
  /// the locks that it has from all others. Who is alone may count as far as it likes.
  Verdict visit(const exec::Thread& thread, u64 history, u64 held, uptr pc, bool tries_to_change,
                bool is_alone);
  /// It goes on whatever visit() said.
  void pass(const exec::Thread& thread, uptr pc);
  /// What it does next fails for no reason of the program's. It might not, the next time: to go
  /// round is nothing new, but no livelock either.
  void note_chance(const exec::Thread& thread);
  /// Where visit() says kCounts: what it read here one round ago.
  Read read_before(const exec::Thread& thread) const {
    const Line& line = lines_[to_index(thread.id)];
    return Read{line.visits[line.again].location, line.visits[line.again].read};
  }
  /// How often it had looked at the clock when the round began after which visit() stops it.
  u32 looks_before_round(const exec::Thread& thread) const;
  /// What tells apart where the thread was when visit() stopped it from all other places and times.
  u64 state_of(const exec::Thread& thread) const { return lines_[to_index(thread.id)].state; }
  /// Of a look at the clock, by what tells it from all others: it is one of a thread that waits
  /// for a value in the meantime. False if that was known.
  bool note_poll(u64 look);
  bool is_poll(u64 look) { return polls_.find(look) != nullptr; }
  /// To be asked where visit() lets the thread go on and others can run: it has come back to `pc`
  /// again and again in the same state, though it has changed something. That may go on for as long
  /// as no other thread runs. O(1), but for threads that come back often.
  bool goes_in_circles(const exec::Thread& thread, u64 history, u64 held, uptr pc);
  /// What it read there, `read`; that is no news if `store` is none.
  void note_store(const exec::Thread& thread, u32 location, u32 store, u32 read);
  /// How it found an object of which all operations are ordered.
  void note_object(const exec::Thread& thread, u32 location, u32 found);
  /// Calls `visit(location, store)` for what a thread that spins read in its last round.
  template <class Visit>
  void each_of_round(u32 thread, Visit visit) const {
    const Line& line = lines_[thread];
    for (u32 i = line.round; i < line.visits.size(); ++i) {
      if (line.visits[i].store != kOfObject) {
        visit(line.visits[i].location, line.visits[i].store);
      }
    }
  }
  /// Calls `visit(location, found)` for the objects that it looked at.
  template <class Visit>
  void each_object_of_round(u32 thread, Visit visit) const {
    const Line& line = lines_[thread];
    for (u32 i = line.round; i < line.visits.size(); ++i) {
      if (line.visits[i].store == kOfObject) {
        visit(line.visits[i].location, line.visits[i].found);
      }
    }
  }
  /// Some thread was cut short by the number of its rounds alone, with its state changing.
  bool is_bounded() const { return bounded_; }

 private:
  // Rounds of a loop that read the very same stores, and change nothing but the thread's own state
  // (a counter, say); or that change something, and the thread comes back in the same state.
  static constexpr u32 kRoundsMax = 256;
  static constexpr u32 kVisitsMax = 1024;
  static constexpr u32 kOfObject = ~u32{0};  // in the place of a store

  struct Visit {
    uptr pc;
    u64 state;  // 0: not looked at
    u32 location;
    u32 store;   // that it read there, but for idle updates
    u32 read;    // with these
    u32 found;   // of an object
    u32 rounds;  // that read the same, one after the other, up to here
    u32 looks;   // at the clock, up to here
    bool tries_to_change;
    bool by_chance;
  };

  struct Line {
    u64 effects;
    u32 round;       // where the last round of one that spins begins
    bool counts;     // and goes round for ever the same
    u32 again;       // if so, the visit of that round in the place where it is now
    bool by_chance;  // the next visit is
    u64 state;       // at the last visit of a loop
    Vec<Visit> visits;
  };

  /// What was said of a visit.
  struct Known {
    u64 key;
    u32 length;  // of the round that ended there
    Verdict verdict;
  };

  struct Poll {
    u64 key;
  };

  /// A thread at a read, in the present execution.
  struct Circle {
    u64 key;
    u32 execution;
    u32 visits;
    u64 state;
    u32 alike;  // looks at the state that found it as it was at the one before
  };

  bool is_loop(uptr pc) const;
  Verdict judge(Line& line, uptr pc, u64 state, u32 rounds);
  static bool is_again(Line& line, uptr pc);
  Circle& circle_of(u64 key);
  Line& line_of(const exec::Thread& thread);
  static bool has_chance(const Vec<Visit>& visits, u32 from);
  static bool only_looked(const Vec<Visit>& visits, u32 from);
  static bool repeats(const Vec<Visit>& visits, u32 from);
  static u32 rounds_at(const Vec<Visit>& visits, uptr pc);
  static void forget_half(Vec<Visit>& visits);

  Line* lines_ = nullptr;
  u32 lines_used_ = 0;
  OwnedVec<uptr> loops_;
  KeyTable<Known> known_;
  KeyTable<Circle> circles_;
  KeyTable<Poll> polls_;
  u32 execution_ = 0;
  bool bounded_ = false;
};

}  // namespace heddle::graph
