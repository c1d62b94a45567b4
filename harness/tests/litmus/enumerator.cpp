#include "enumerator.hpp"

#include <algorithm>
#include <string>

#include "base/invariant.hpp"

namespace heddle::litmus {
namespace {

/// Mutexes are locations after the others: 0 is free, 1 is held. Lock and unlock are updates.
constexpr u32 kObjectsMax = kLocationsMax + kMutexesMax;

constexpr u32 kNoEvent = ~u32{0};

/// An event in the making. Events are named by the order in which they came to be; the first ones
/// are the initial stores.
struct Made {
  Event event;
  u32 thread = kNoEvent;  // none: an initial store
  u32 source = kNoEvent;  // of a load: the store that it reads
  int value = 0;          // read or stored
};

struct Progress {
  u32 next = 0;  // operation
  bool stopped = false;
  std::string sources;  // what the loads so far read, by names that do not depend on the order of
                        // addition
};

/// A part of an execution, with reads-from but no coherence order yet.
struct Partial {
  std::vector<Made> events;
  std::array<Progress, kThreadsMax> threads;
  Registers registers = {};
  std::array<u32, kMutexesMax> mutex_end = {};  // the store that the next lock or unlock reads
};

class Enumeration {
 public:
  explicit Enumeration(const Program& program) : program_(program) {}

  Behaviours run() {
    Partial partial;
    for (u32 i = 0; i < kObjectsMax; ++i) {
      Made initial;
      initial.event.type = Event::Type::kWrite;
      initial.event.location = static_cast<u8>(i);
      partial.events.push_back(initial);
    }
    for (u32 i = 0; i < kMutexesMax; ++i) {
      partial.mutex_end[i] = kLocationsMax + i;
    }
    extend(partial);
    return behaviours_;
  }

 private:
  const Operation* next_operation(const Partial& partial, u32 thread) const {
    const Progress& progress = partial.threads[thread];
    const Thread& code = program_.threads[thread];
    return progress.stopped || progress.next == code.size() ? nullptr : &code[progress.next];
  }

  /// Adds what can be added, in every way. What reads nothing depends on nothing that others do:
  /// adding it at once loses no execution. The rest is tried in all orders, since a load must find
  /// its store there; orders that make no difference end in the same place.
  void extend(Partial partial) {
    while (add_what_has_no_choice(partial)) {
    }
    if (!visited_.insert(fingerprint(partial)).second) {
      return;
    }
    bool maximal = true;
    for (u32 thread = 0; thread < program_.threads.size(); ++thread) {
      const Operation* operation = next_operation(partial, thread);
      if (operation != nullptr) {
        maximal &= !extend_by(partial, thread, *operation);
      }
    }
    if (maximal) {
      finish(partial);
    }
  }

  bool add_what_has_no_choice(Partial& partial) {
    bool added = false;
    for (u32 thread = 0; thread < program_.threads.size(); ++thread) {
      const Operation* operation = next_operation(partial, thread);
      if (operation != nullptr && add_without_choice(partial, thread, *operation)) {
        added = true;
      }
    }
    return added;
  }

  bool add_without_choice(Partial& partial, u32 thread, const Operation& operation) {
    if (!holds(operation.guard, partial.registers)) {
      ++partial.threads[thread].next;
      return true;
    }
    switch (operation.action) {
      case Action::kStore:
        add_write(partial, thread, operation.object, operation.order, false,
                  value_of(operation.operand, partial.registers));
        break;
      case Action::kFence: add_fence(partial, thread, operation.order); break;
      case Action::kUnlock: add_unlock(partial, thread, operation.object); break;
      case Action::kAssume:
        partial.threads[thread].stopped = !holds(operation.condition, partial.registers);
        break;
      default: return false;
    }
    ++partial.threads[thread].next;
    return true;
  }

  /// False: the thread has to wait.
  bool extend_by(const Partial& partial, u32 thread, const Operation& operation) {
    if (operation.action == Action::kLock) {
      return extend_by_lock(partial, thread, operation.object);
    }
    for (u32 source = 0; source < partial.events.size(); ++source) {
      const Event& event = partial.events[source].event;
      if (event.type == Event::Type::kWrite && event.location == operation.object) {
        Partial longer = partial;
        add_access(longer, thread, operation, source);
        extend(std::move(longer));
      }
    }
    return true;
  }

  bool extend_by_lock(const Partial& partial, u32 thread, u32 mutex) {
    const u32 end = partial.mutex_end[mutex];
    if (partial.events[end].value != 0) {
      return false;
    }
    Partial longer = partial;
    add_read(longer, thread, Order::kAcquire, true, end);
    longer.mutex_end[mutex] =
        add_write(longer, thread, mutex_location(mutex), Order::kRelaxed, true, 1);
    ++longer.threads[thread].next;
    extend(std::move(longer));
    return true;
  }

  static u8 mutex_location(u32 mutex) { return static_cast<u8>(kLocationsMax + mutex); }

  static void add_unlock(Partial& partial, u32 thread, u32 mutex) {
    const u32 end = partial.mutex_end[mutex];
    HEDDLE_INVARIANT(partial.events[end].thread == thread && partial.events[end].value == 1);
    add_read(partial, thread, Order::kRelaxed, true, end);
    partial.mutex_end[mutex] =
        add_write(partial, thread, mutex_location(mutex), Order::kRelease, true, 0);
  }

  static void add_access(Partial& partial, u32 thread, const Operation& operation, u32 source) {
    const int read = partial.events[source].value;
    const bool fails = operation.action == Action::kCompareExchange && read != operation.expected;
    const bool updates = operation.action != Action::kLoad && !fails;
    int stored = value_of(operation.operand, partial.registers);
    if (operation.action == Action::kFetchAdd) {
      stored += read;
    }
    add_read(partial, thread, fails ? operation.failure : operation.order, updates, source);
    if (updates) {
      add_write(partial, thread, operation.object, operation.order, true, stored);
    }
    if (operation.result != kNone) {
      partial.registers[operation.result] = read;
    }
    ++partial.threads[thread].next;
  }

  static void add_fence(Partial& partial, u32 thread, Order order) {
    add(partial, {{Event::Type::kFence, kNone, order, false}, thread, kNoEvent, 0});
  }

  static void add_read(Partial& partial, u32 thread, Order order, bool of_update, u32 source) {
    const Made& store = partial.events[source];
    const u8 location = store.event.location;
    partial.threads[thread].sources += name(partial, source);
    add(partial, {{Event::Type::kRead, location, order, of_update}, thread, source, store.value});
  }

  static u32 add_write(Partial& partial, u32 thread, u8 location, Order order, bool of_update,
                       int value) {
    return add(partial,
               {{Event::Type::kWrite, location, order, of_update}, thread, kNoEvent, value});
  }

  static u32 add(Partial& partial, const Made& made) {
    HEDDLE_INVARIANT(partial.events.size() < kEventsMax);
    partial.events.push_back(made);
    return static_cast<u32>(partial.events.size() - 1);
  }

  /// A store by its thread and its place there, as two characters.
  static std::string name(const Partial& partial, u32 store) {
    const u32 thread = partial.events[store].thread;
    const auto before = std::count_if(partial.events.begin(), partial.events.begin() + store,
                                      [thread](const Made& made) { return made.thread == thread; });
    return {static_cast<char>('0' + (thread == kNoEvent ? kThreadsMax : thread)),
            static_cast<char>('0' + before)};
  }

  static std::string fingerprint(const Partial& partial) {
    std::string text;
    for (const Progress& progress : partial.threads) {
      text += progress.sources + "|";
    }
    return text;
  }

  void finish(const Partial& partial) {
    const Execution execution = without_coherence(partial);
    order_stores(partial, Judge(execution), execution, 0);
  }

  static Execution without_coherence(const Partial& partial) {
    std::vector<Event> events;
    for (const Made& made : partial.events) {
      events.push_back(made.event);
    }
    Execution execution(std::move(events));
    for (u32 b = 0; b < execution.size(); ++b) {
      const Made& later = partial.events[b];
      for (u32 a = 0; a < b; ++a) {
        const u32 thread = partial.events[a].thread;
        if (later.thread != kNoEvent && (thread == kNoEvent || thread == later.thread)) {
          execution.po.add(a, b);
        }
      }
      if (later.source != kNoEvent) {
        execution.rf.add(later.source, b);
      }
      if (later.event.type == Event::Type::kWrite && later.event.of_update) {
        execution.rmw.add(b - 1, b);
      }
    }
    return execution;
  }

  /// Tries every order of the stores to each location from this one on.
  void order_stores(const Partial& partial, const Judge& judge, const Execution& execution,
                    u8 location) {
    if (location == kObjectsMax) {
      count(partial, judge, execution);
      return;
    }
    std::vector<u32> stores;
    for (u32 i = kObjectsMax; i < execution.size(); ++i) {
      const Event& event = execution.events[i];
      if (event.type == Event::Type::kWrite && event.location == location) {
        stores.push_back(i);
      }
    }
    std::vector<u32> order = {location};  // the initial store
    append_store(partial, execution, stores, order, [&] {
      Execution ordered = execution;
      for (size_t i = 0; i + 1 < order.size(); ++i) {
        ordered.co.add(order[i], order[i + 1]);
      }
      ordered.co = ordered.co.closure();
      order_stores(partial, judge, ordered, location + 1);
    });
  }

  /// Goes on with an order of stores in all ways, but for those that no model allows: a thread's
  /// own stores stay in order, and an update comes right after the store that it read.
  template <class Done>
  static void append_store(const Partial& partial, const Execution& execution,
                           const std::vector<u32>& stores, std::vector<u32>& order,
                           const Done& done) {
    if (order.size() == stores.size() + 1) {
      done();
      return;
    }
    const auto missing = [&order](u32 store) {
      return std::find(order.begin(), order.end(), store) == order.end();
    };
    for (const u32 store : stores) {
      const bool in_order = std::none_of(stores.begin(), stores.end(), [&](u32 other) {
        return execution.po.has(other, store) && missing(other);
      });
      const bool adjacent =
          !execution.events[store].of_update || partial.events[store - 1].source == order.back();
      if (missing(store) && in_order && adjacent) {
        order.push_back(store);
        append_store(partial, execution, stores, order, done);
        order.pop_back();
      }
    }
  }

  void count(const Partial& partial, const Judge& judge, const Execution& execution) {
    bool complete = true;
    for (u32 thread = 0; thread < program_.threads.size(); ++thread) {
      const Progress& progress = partial.threads[thread];
      complete &= !progress.stopped && progress.next == program_.threads[thread].size();
    }
    for (const Model model : kModels) {
      if (judge.allows(execution, model)) {
        Behaviour& behaviour = behaviours_[static_cast<u8>(model)];
        ++(complete ? behaviour.complete : behaviour.blocked);
        if (complete) {
          behaviour.outcomes.insert(outcome(partial, execution));
        }
      }
    }
  }

  static Outcome outcome(const Partial& partial, const Execution& execution) {
    Outcome outcome = {partial.registers, {}};
    for (u32 i = 0; i < execution.size(); ++i) {
      const Event& event = execution.events[i];
      const bool last = event.type == Event::Type::kWrite && execution.co.successors(i) == 0;
      if (last && event.location < kLocationsMax) {
        outcome.memory[event.location] = partial.events[i].value;
      }
    }
    return outcome;
  }

  const Program& program_;
  std::set<std::string> visited_;
  Behaviours behaviours_;
};

}  // namespace

Behaviours enumerate(const Program& program) { return Enumeration(program).run(); }

}  // namespace heddle::litmus
