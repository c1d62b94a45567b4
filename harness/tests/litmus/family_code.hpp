// Programs of any size, as the model-checking literature measures explorers with. Each is written
// once: for std::atomic, and for the enumerator to judge. Ideas and names: the test suites of
// Nidhugg and GenMC.
#pragma once

#include <array>
#include <atomic>

#include "base/types.hpp"

namespace heddle::litmus::family {

constexpr std::memory_order kRelaxed = std::memory_order_relaxed;
constexpr std::memory_order kAcquire = std::memory_order_acquire;
constexpr std::memory_order kRelease = std::memory_order_release;
constexpr std::memory_order kAcqRel = std::memory_order_acq_rel;
constexpr std::memory_order kSeqCst = std::memory_order_seq_cst;

constexpr u32 kThreadsMax = 16;

/// A `World` has the type Int, an atomic int that is 0 at first, fence(order), and
/// await(condition).
template <class World>
class Family {
 public:
  using Int = typename World::Int;

  explicit Family(u32 n) : n_(n) {}

  u32 threads() const { return n_; }

  /// Asked at the end.
  bool sound() const { return true; }

 protected:
  static int number(u32 thread) { return static_cast<int>(thread) + 1; }
  int size() const { return static_cast<int>(n_); }

  u32 n_;
};

/// Declares the constructor and the names of a template's base, which are not found by themselves.
#define HEDDLE_FAMILY         \
 public:                      \
  using Base = Family<World>; \
  using typename Base::Int;   \
  using Base::Base;           \
  using Base::n_;             \
  using Base::number;         \
  using Base::size

template <class World>
class FetchAdds : public Family<World> {
  HEDDLE_FAMILY;

  void run(u32 /*thread*/) { x_.fetch_add(1, kRelaxed); }

 private:
  Int x_;
};

template <class World>
class Writers : public Family<World> {
  HEDDLE_FAMILY;

  void run(u32 thread) { x_.store(number(thread), kRelaxed); }

 private:
  Int x_;
};

/// One writer, n readers.
template <class World>
class Readers : public Family<World> {
  HEDDLE_FAMILY;

  u32 threads() const { return n_ + 1; }

  void run(u32 thread) {
    if (thread == 0) {
      x_.store(42, kRelease);
    } else {
      x_.load(kAcquire);
    }
  }

 private:
  Int x_;
};

/// Thread i hands the number i on to i + 1.
template <class World>
class Casrot : public Family<World> {
  HEDDLE_FAMILY;

  void run(u32 thread) {
    int expected = static_cast<int>(thread);
    x_.compare_exchange_strong(expected, number(thread), kRelaxed, kRelaxed);
  }

 private:
  Int x_;
};

/// Thread 0 looks for the last zero of an array, the others make each element one more than the one
/// before.
template <class World>
class LastZero : public Family<World> {
  HEDDLE_FAMILY;

  u32 threads() const { return n_ + 1; }

  void run(u32 thread) {
    if (thread == 0) {
      for (u32 i = n_; array_[i].load(kAcquire) != 0; --i) {
      }
    } else {
      array_[thread].store(array_[thread - 1].load(kAcquire) + 1, kRelease);
    }
  }

 private:
  std::array<Int, kThreadsMax> array_;
};

/// Two threads race through the Fibonacci numbers, n steps each; one looks.
template <class World>
class Fibonacci : public Family<World> {
  HEDDLE_FAMILY;

  u32 threads() const { return 3; }

  void run(u32 thread) {
    if (thread == 2) {
      x_.load(kAcquire);
      y_.load(kAcquire);
      return;
    }
    Int& mine = thread == 0 ? x_ : y_;
    for (u32 i = 0; i < n_; ++i) {
      const int x = x_.load(kAcquire) + 1;  // both begin with 1
      const int y = y_.load(kAcquire) + 1;
      mine.store(x + y - 1, kRelease);
    }
  }

 private:
  Int x_;
  Int y_;
};

/// Threads insert four numbers each into a hash table with linear probing; from 12 threads on they
/// collide.
template <class World>
class Indexer : public Family<World> {
  HEDDLE_FAMILY;

  void run(u32 thread) {
    for (int i = 0; i < 4; ++i) {
      const int entry = i * 11 + static_cast<int>(thread);
      for (u32 slot = static_cast<u32>(entry) * 7 % kSlots;; slot = (slot + 1) % kSlots) {
        int expected = 0;
        if (table_[slot].compare_exchange_strong(expected, entry, kRelaxed, kRelaxed)) {
          break;
        }
      }
    }
  }

 private:
  static constexpr u32 kSlots = 128;

  std::array<Int, kSlots> table_;
};

/// n - 1 threads push, one pops. Node i is named i + 1.
template <class World>
class TreiberStack : public Family<World> {
  HEDDLE_FAMILY;

  void run(u32 thread) {
    if (thread + 1 < n_) {
      push(number(thread));
    } else {
      pop();
    }
  }

 private:
  Int& next(int node) { return next_[static_cast<u32>(node - 1)]; }

  void push(int node) {
    int top = top_.load(kRelaxed);
    do {
      next(node).store(top, kRelaxed);
    } while (!top_.compare_exchange_strong(top, node, kRelease, kRelaxed));
  }

  void pop() {
    int top = top_.load(kAcquire);
    while (top != 0 &&
           !top_.compare_exchange_strong(top, next(top).load(kRelaxed), kAcquire, kAcquire)) {
    }
  }

  Int top_;
  std::array<Int, 4> next_;
};

/// n - 1 threads enqueue, one dequeues. Node 0 is the dummy, which is nobody's successor.
template <class World>
class MichaelScottQueue : public Family<World> {
  HEDDLE_FAMILY;

  void run(u32 thread) {
    if (thread + 1 < n_) {
      enqueue(number(thread));
    } else {
      dequeue();
    }
  }

 private:
  Int& next(int node) { return next_[static_cast<u32>(node)]; }

  void enqueue(int node) {
    for (;;) {
      int tail = tail_.load(kAcquire);
      int after = next(tail).load(kAcquire);
      if (after != 0) {
        tail_.compare_exchange_strong(tail, after, kRelease, kRelaxed);
      } else if (next(tail).compare_exchange_strong(after, node, kRelease, kRelaxed)) {
        tail_.compare_exchange_strong(tail, node, kRelease, kRelaxed);
        return;
      }
    }
  }

  void dequeue() {
    for (;;) {
      int head = head_.load(kAcquire);
      int tail = tail_.load(kAcquire);
      const int after = next(head).load(kAcquire);
      if (after == 0) {
        return;
      }
      if (head == tail) {
        tail_.compare_exchange_strong(tail, after, kRelease, kRelaxed);
      } else if (head_.compare_exchange_strong(head, after, kAcqRel, kRelaxed)) {
        return;
      }
    }
  }

  Int head_;
  Int tail_;
  std::array<Int, 4> next_;
};

/// Vyukov's bounded queue with two cells: n - 1 threads enqueue, one dequeues; neither waits for
/// the other. A cell's turn is counted from its place, so that all begin with 0.
template <class World>
class MpmcQueue : public Family<World> {
  HEDDLE_FAMILY;

  void run(u32 thread) {
    if (thread + 1 < n_) {
      enqueue();
    } else {
      dequeue();
    }
  }

 private:
  static constexpr int kCells = 2;

  void enqueue() {
    int position = tail_.load(kRelaxed);
    for (;;) {
      const int place = position % kCells;
      const int ahead = turn(place).load(kAcquire) + place - position;
      if (ahead < 0) {
        return;  // full
      }
      if (ahead > 0) {
        position = moved_on(tail_, position);
      } else if (tail_.compare_exchange_strong(position, position + 1, kRelaxed, kRelaxed)) {
        turn(place).store(position + 1 - place, kRelease);
        return;
      }
    }
  }

  void dequeue() {
    int position = head_.load(kRelaxed);
    for (;;) {
      const int place = position % kCells;
      const int ahead = turn(place).load(kAcquire) + place - (position + 1);
      if (ahead < 0) {
        return;  // empty
      }
      if (ahead > 0) {
        position = moved_on(head_, position);
      } else if (head_.compare_exchange_strong(position, position + 1, kRelaxed, kRelaxed)) {
        turn(place).store(position + kCells - place, kRelease);
        return;
      }
    }
  }

  Int& turn(int place) { return turns_[static_cast<u32>(place)]; }

  /// Somebody has taken `position`: it is in memory, or will be.
  static int moved_on(Int& end, int position) {
    int now = position;
    World::await([&] { return (now = end.load(kRelaxed)) != position; });
    return now;
  }

  Int head_;
  Int tail_;
  std::array<Int, kCells> turns_;
};

/// The owner pushes n elements and takes one, n thieves steal one each. Source: Le, Pop, Cohen,
/// Zappa Nardelli: Correct and Efficient Work-Stealing for Weak Memory Models (PPoPP 2013).
template <class World>
class ChaseLevDeque : public Family<World> {
  HEDDLE_FAMILY;

  u32 threads() const { return n_ + 1; }

  void run(u32 thread) {
    if (thread > 0) {
      steal();
      return;
    }
    for (int i = 0; i < size(); ++i) {
      push(i + 1);
    }
    take();
  }

 private:
  Int& slot(int index) { return slots_[static_cast<u32>(index)]; }

  void push(int value) {
    const int bottom = bottom_.load(kRelaxed);
    slot(bottom).store(value, kRelaxed);
    World::fence(kRelease);
    bottom_.store(bottom + 1, kRelaxed);
  }

  void take() {
    const int bottom = bottom_.load(kRelaxed) - 1;
    bottom_.store(bottom, kRelaxed);
    World::fence(kSeqCst);
    int top = top_.load(kRelaxed);
    if (top > bottom) {
      bottom_.store(bottom + 1, kRelaxed);
      return;
    }
    slot(bottom).load(kRelaxed);
    if (top == bottom) {
      top_.compare_exchange_strong(top, top + 1, kSeqCst, kRelaxed);
      bottom_.store(bottom + 1, kRelaxed);
    }
  }

  void steal() {
    int top = top_.load(kAcquire);
    World::fence(kSeqCst);
    if (top < bottom_.load(kAcquire)) {
      slot(top).load(kRelaxed);
      top_.compare_exchange_strong(top, top + 1, kSeqCst, kRelaxed);
    }
  }

  Int top_;
  Int bottom_;
  std::array<Int, 4> slots_;
};

/// One writer of two words, n readers that try once. Source: Boehm: Can Seqlocks Get Along with
/// Programming Language Memory Models? (MSPC 2012).
template <class World>
class Seqlock : public Family<World> {
  HEDDLE_FAMILY;

  u32 threads() const { return n_ + 1; }

  void run(u32 thread) {
    if (thread == 0) {
      write();
    } else {
      read();
    }
  }

  bool sound() const { return !torn_; }

 private:
  void write() {
    const int version = version_.load(kRelaxed);
    version_.store(version + 1, kRelaxed);
    World::fence(kRelease);
    first_.store(1, kRelaxed);
    second_.store(1, kRelaxed);
    version_.store(version + 2, kRelease);
  }

  void read() {
    const int version = version_.load(kAcquire);
    if (version % 2 != 0) {
      return;
    }
    const int first = first_.load(kRelaxed);
    const int second = second_.load(kRelaxed);
    World::fence(kAcquire);
    if (version_.load(kRelaxed) == version && first != second) {
      torn_ = true;
    }
  }

  Int version_;
  Int first_;
  Int second_;
  bool torn_ = false;
};

/// What a lock protects: not atomic, so that a lock that is none makes a data race.
class Counter {
 public:
  void add() { ++count_; }
  bool is(u32 count) const { return count_ == count; }

 private:
  u32 count_ = 0;
};

template <class World>
class TicketLock : public Family<World> {
  HEDDLE_FAMILY;

  void run(u32 /*thread*/) {
    const int ticket = next_.fetch_add(1, kRelaxed);
    World::await([&] { return owner_.load(kAcquire) == ticket; });
    counter_.add();
    owner_.store(ticket + 1, kRelease);
  }

  bool sound() const { return counter_.is(n_); }

 private:
  Int next_;
  Int owner_;
  Counter counter_;
};

/// Source: Mellor-Crummey, Scott: Algorithms for Scalable Synchronization on Shared-Memory
/// Multiprocessors (TOCS 1991).
template <class World>
class McsLock : public Family<World> {
  HEDDLE_FAMILY;

  void run(u32 thread) {
    const int me = number(thread);
    const int before = tail_.exchange(me, kAcqRel);
    if (before != 0) {
      node(before).next.store(me, kRelease);
      World::await([&] { return node(me).granted.load(kAcquire) != 0; });
    }
    counter_.add();
    unlock(me);
  }

  bool sound() const { return counter_.is(n_); }

 private:
  struct Node {
    Int next;
    Int granted;
  };

  void unlock(int me) {
    int next = node(me).next.load(kAcquire);
    if (next == 0) {
      int last = me;
      if (tail_.compare_exchange_strong(last, 0, kRelease, kRelaxed)) {
        return;
      }
      World::await([&] { return (next = node(me).next.load(kAcquire)) != 0; });
    }
    node(next).granted.store(1, kRelease);
  }

  Node& node(int name) { return nodes_[static_cast<u32>(name - 1)]; }

  Int tail_;
  std::array<Node, 4> nodes_;
  Counter counter_;
};

/// Thread 0 writes, n - 1 threads read.
template <class World>
class ReaderWriterLock : public Family<World> {
  HEDDLE_FAMILY;

  void run(u32 thread) {
    if (thread == 0) {
      write();
    } else {
      read();
    }
  }

 private:
  static constexpr int kWriter = 100;

  void write() {
    for (int free = 0; !state_.compare_exchange_strong(free, kWriter, kAcquire, kRelaxed);
         free = 0) {
      World::await([&] { return state_.load(kRelaxed) == 0; });
    }
    counter_.add();
    state_.fetch_add(-kWriter, kRelease);
  }

  void read() {
    World::await([&] { return state_.load(kRelaxed) < kWriter; });
    while (state_.fetch_add(1, kAcquire) >= kWriter) {
      state_.fetch_add(-1, kRelaxed);
      World::await([&] { return state_.load(kRelaxed) < kWriter; });
    }
    static_cast<void>(counter_.is(0));
    state_.fetch_add(-1, kRelease);
  }

  Int state_;
  Counter counter_;
};

/// Two threads; in the critical section they store and load. `kStore` and `kLoad` are the orders of
/// all accesses: with release and acquire this is no lock under TSO and RC11.
template <class World, std::memory_order kStore, std::memory_order kLoad>
class PetersonWith : public Family<World> {
  HEDDLE_FAMILY;

  u32 threads() const { return 2; }

  void run(u32 thread) {
    const int me = static_cast<int>(thread);
    const u32 other = 1 - thread;
    flags_[thread].store(1, kStore);
    turn_.store(me, kStore);
    World::await([&] { return flags_[other].load(kLoad) != 1 || turn_.load(kLoad) != me; });
    critical_.store(me, kStore);
    critical_.load(kLoad);
    flags_[thread].store(0, kStore);
  }

 private:
  std::array<Int, 2> flags_;
  Int turn_;
  Int critical_;
};

template <class World>
using Peterson = PetersonWith<World, kRelease, kAcquire>;

template <class World>
using PetersonSeqCst = PetersonWith<World, kSeqCst, kSeqCst>;

/// A lock under all models: who comes second to the turn must know that the other is interested.
template <class World>
class PetersonFenced : public Family<World> {
  HEDDLE_FAMILY;

  u32 threads() const { return 2; }

  void run(u32 thread) {
    const int me = static_cast<int>(thread);
    const u32 other = 1 - thread;
    flags_[thread].store(1, kRelaxed);
    turn_.exchange(me, kAcqRel);
    World::fence(kSeqCst);
    World::await([&] { return flags_[other].load(kAcquire) != 1 || turn_.load(kAcquire) != me; });
    counter_.add();
    flags_[thread].store(0, kRelease);
  }

  bool sound() const { return counter_.is(2); }

 private:
  std::array<Int, 2> flags_;
  Int turn_;
  Counter counter_;
};

/// The heart of Dekker's algorithm: who sees that the other wants to, too, gives up.
template <class World>
class DekkerFenced : public Family<World> {
  HEDDLE_FAMILY;

  u32 threads() const { return 2; }

  void run(u32 thread) {
    flags_[thread].store(1, kRelaxed);
    World::fence(kSeqCst);
    if (flags_[1 - thread].load(kRelaxed) == 0) {
      critical_.store(number(thread), kRelaxed);
      critical_.load(kRelaxed);
    }
  }

 private:
  std::array<Int, 2> flags_;
  Int critical_;
};

#undef HEDDLE_FAMILY

/// Calls f(name, template) for each; a name's counts are in families.cpp.
#define HEDDLE_FOR_FAMILIES(f)          \
  f("fetch_adds", FetchAdds);           \
  f("writers", Writers);                \
  f("readers", Readers);                \
  f("casrot", Casrot);                  \
  f("lastzero", LastZero);              \
  f("fibonacci", Fibonacci);            \
  f("indexer", Indexer);                \
  f("treiber_stack", TreiberStack);     \
  f("ms_queue", MichaelScottQueue);     \
  f("mpmc_queue", MpmcQueue);           \
  f("chase_lev", ChaseLevDeque);        \
  f("seqlock", Seqlock);                \
  f("ticket_lock", TicketLock);         \
  f("mcs_lock", McsLock);               \
  f("rw_lock", ReaderWriterLock);       \
  f("peterson", Peterson);              \
  f("peterson_sc", PetersonSeqCst);     \
  f("peterson_fenced", PetersonFenced); \
  f("dekker_fenced", DekkerFenced)

}  // namespace heddle::litmus::family
