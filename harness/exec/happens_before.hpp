// In-target world. Happens-before of C++20 where each location is known by its newest store only:
// by the memory orders given, so that a race oracle on top is exact about what the program may rely
// on, although values are sequentially consistent.
#pragma once

#include "exec/sync_var.hpp"
#include "exec/thread.hpp"

namespace heddle::exec {

/// `released` is that of the store that the thread reads.
__attribute__((always_inline)) inline void note_load(Thread& thread, const VectorClock& released,
                                                     Order order) {
  if (acquires(order)) {
    thread.clock.learn(released);
  } else {
    thread.acquire_pending.join(released);
  }
}

/// `released` is what those learn who read this store.
__attribute__((always_inline)) inline void note_store(Thread& thread, VectorClock& released,
                                                      Order order) {
  // A store that is not an update ends every release sequence before it (C++20, [intro.races]).
  if (releases(order)) {
    released.assign(thread.clock);
    thread.tick();
  } else {
    released.assign(thread.release_fence);
  }
}

/// `released` is that of the store that is read, then that of the update.
__attribute__((always_inline)) inline void note_update(Thread& thread, VectorClock& released,
                                                       Order order) {
  note_load(thread, released, order);
  // An update goes on with the release sequences it read from, and may head one of its own.
  if (releases(order)) {
    released.join(thread.clock);
    thread.tick();
  } else {
    released.join(thread.release_fence);
  }
}

inline void note_fence(Thread& thread, Order order) {
  if (acquires(order)) {
    thread.clock.learn(thread.acquire_pending);
  }
  if (releases(order)) {
    thread.release_fence.assign(thread.clock);
    thread.tick();
  }
}

}  // namespace heddle::exec
