#include "exec/memory_model.hpp"
#include "exec/sync_var.hpp"
#include "exec/thread.hpp"

namespace heddle::exec {
namespace {

class SequentialConsistency final : public MemoryModel {
 public:
  const char* name() const override { return "sc"; }

  __attribute__((always_inline)) u128 load(Thread& thread, SyncVar& variable, Order order,
                                           u128 newest) override {
    read(thread, variable, order);
    return newest;
  }

  __attribute__((always_inline)) void store(Thread& thread, SyncVar& variable, Order order,
                                            u128) override {
    // A store that is not an update ends every release sequence before it (C++20, [intro.races]).
    if (releases(order)) {
      variable.released.assign(thread.clock);
      thread.tick();
    } else {
      variable.released.assign(thread.release_fence);
    }
  }

  __attribute__((always_inline)) void update(Thread& thread, SyncVar& variable, Order order,
                                             u128) override {
    read(thread, variable, order);
    // An update goes on with the release sequences it read from, and may head one of its own.
    if (releases(order)) {
      variable.released.join(thread.clock);
      thread.tick();
    } else {
      variable.released.join(thread.release_fence);
    }
  }

  void fence(Thread& thread, Order order) override {
    if (acquires(order)) {
      thread.clock.learn(thread.acquire_pending);
    }
    if (releases(order)) {
      thread.release_fence.assign(thread.clock);
      thread.tick();
    }
  }

 private:
  __attribute__((always_inline)) static void read(Thread& thread, SyncVar& variable, Order order) {
    if (acquires(order)) {
      thread.clock.learn(variable.released);
    } else {
      thread.acquire_pending.join(variable.released);
    }
  }
};

}  // namespace

MemoryModel& sequential_consistency() {
  static constinit SequentialConsistency model;
  return model;
}

}  // namespace heddle::exec
