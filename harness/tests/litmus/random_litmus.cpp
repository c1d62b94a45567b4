#include "random_litmus.hpp"

#include "base/rng.hpp"

namespace heddle::litmus {
namespace {

constexpr u32 kThreads = 3;
constexpr u32 kLocations = 2;
constexpr u32 kOperationsMax = 3;  // a thread
constexpr u32 kRegistersEach = 3;  // a thread

class Maker {
 public:
  Maker(u64 seed, Flavour flavour) : rng_(seed), flavour_(flavour) {}

  Program program() {
    Program program;
    for (u32 i = 0; i < kThreads; ++i) {
      program.threads.push_back(thread(i));
    }
    return program;
  }

 private:
  Thread thread(u32 number) {
    first_register_ = number * kRegistersEach;
    registers_ = 0;
    Thread thread;
    const u32 operations = 1 + rng_.below(kOperationsMax);
    for (u32 i = 0; i < operations; ++i) {
      thread.push_back(operation());
    }
    if (flavour_ >= Flavour::kMutexes && rng_.below(4) != 0) {
      make_critical(thread);
    }
    return thread;
  }

  Operation operation() {
    if (flavour_ != Flavour::kAtomics && registers_ != 0 && rng_.below(6) == 0) {
      Operation assumption;
      assumption.action = Action::kAssume;
      assumption.condition = condition();
      return assumption;
    }
    Operation operation = rng_.below(7) == 0 ? fence() : access();
    if (flavour_ != Flavour::kAtomics && registers_ != 0 && rng_.below(5) == 0) {
      operation.guard = condition();
    }
    if (returns(operation.action)) {
      operation.result = static_cast<u8>(first_register_ + registers_++);
    }
    return operation;
  }

  Operation fence() {
    constexpr Order kOrders[] = {Order::kAcquire, Order::kRelease, Order::kAcqRel, Order::kSeqCst,
                                 Order::kSeqCst};
    Operation fence;
    fence.action = Action::kFence;
    fence.order = one_of(kOrders);
    return fence;
  }

  Operation access() {
    constexpr Action kActions[] = {Action::kLoad,     Action::kLoad,     Action::kLoad,
                                   Action::kStore,    Action::kStore,    Action::kStore,
                                   Action::kFetchAdd, Action::kExchange, Action::kCompareExchange};
    constexpr Order kOrders[] = {Order::kRelaxed, Order::kAcquire, Order::kRelease, Order::kAcqRel,
                                 Order::kSeqCst};
    constexpr Order kOfLoads[] = {Order::kRelaxed, Order::kAcquire, Order::kSeqCst};
    constexpr Order kOfStores[] = {Order::kRelaxed, Order::kRelease, Order::kSeqCst};
    Operation access;
    access.action = one_of(kActions);
    access.object = static_cast<u8>(rng_.below(kLocations));
    access.order = access.action == Action::kLoad    ? one_of(kOfLoads)
                   : access.action == Action::kStore ? one_of(kOfStores)
                                                     : one_of(kOrders);
    access.failure = one_of(kOfLoads);
    access.expected = static_cast<int>(rng_.below(2));
    access.operand.constant = 1 + static_cast<int>(rng_.below(2));
    if (access.action == Action::kStore && registers_ != 0 && rng_.below(4) == 0) {
      access.operand.reg = any_register();
    }
    return access;
  }

  Condition condition() {
    return {any_register(), rng_.below(2) == 0, static_cast<int>(rng_.below(2))};
  }

  u8 any_register() { return static_cast<u8>(first_register_ + rng_.below(registers_)); }

  /// Puts a part of the thread between lock and unlock.
  void make_critical(Thread& thread) {
    const u32 begin = rng_.below(static_cast<u32>(thread.size()));
    const u32 end = begin + 1 + rng_.below(static_cast<u32>(thread.size()) - begin);
    Operation lock;
    lock.action = Action::kLock;
    lock.object = static_cast<u8>(rng_.below(4) == 0);
    Operation unlock = lock;
    unlock.action = Action::kUnlock;
    if (flavour_ == Flavour::kTries && registers_ < kRegistersEach && rng_.below(4) != 0) {
      lock.action = Action::kTryLock;
      lock.result = static_cast<u8>(first_register_ + registers_++);
      unlock.guard = {lock.result, true, 1};
    }
    thread.insert(thread.begin() + end, unlock);
    thread.insert(thread.begin() + begin, lock);
  }

  template <class T, size_t kCount>
  T one_of(const T (&choices)[kCount]) {
    return choices[rng_.below(kCount)];
  }

  Rng rng_;
  Flavour flavour_;
  u32 first_register_ = 0;
  u32 registers_ = 0;  // that have a value
};

Order as_load(Order order) {
  return order == Order::kAcqRel    ? Order::kAcquire
         : order == Order::kRelease ? Order::kRelaxed
                                    : order;
}

Order as_store(Order order) {
  return order == Order::kAcqRel    ? Order::kRelease
         : order == Order::kAcquire ? Order::kRelaxed
                                    : order;
}

}  // namespace

Program random_program(u64 seed, Flavour flavour) { return Maker(seed, flavour).program(); }

Program with_order(const Program& program, Order order) {
  Program changed = program;
  for (Thread& thread : changed.threads) {
    for (Operation& operation : thread) {
      if (is_access(operation.action)) {
        operation.order = operation.action == Action::kLoad    ? as_load(order)
                          : operation.action == Action::kStore ? as_store(order)
                                                               : order;
        operation.failure = as_load(order);
      }
    }
  }
  return changed;
}

}  // namespace heddle::litmus
