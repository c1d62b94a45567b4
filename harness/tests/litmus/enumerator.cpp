#include "enumerator.hpp"

#include <algorithm>
#include <memory>
#include <string>

#include "base/invariant.hpp"

namespace heddle::litmus {
namespace {

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
  std::shared_ptr<const Steps> steps;
  u32 next = 0;               // of the steps' operations
  std::vector<int> returned;  // by loads
  std::string sources;        // what was read, by names that do not depend on the order of addition
};

/// A part of an execution, with reads-from but no coherence order yet.
struct Partial {
  std::vector<Made> events;
  std::vector<Progress> threads;
  std::array<u32, kMutexesMax> mutex_end = {};  // the store that the next lock or unlock reads
};

class Enumeration {
 public:
  explicit Enumeration(const Threads& threads) : threads_(threads) {}

  Behaviours run() {
    Partial partial;
    for (u32 i = 0; i < objects(); ++i) {
      Made initial;
      initial.event.type = Event::Type::kWrite;
      initial.event.location = static_cast<u8>(i);
      partial.events.push_back(initial);
    }
    for (u32 i = 0; i < kMutexesMax; ++i) {
      partial.mutex_end[i] = mutex_location(i);
    }
    partial.threads.resize(threads_.codes.size());
    for (u32 thread = 0; thread < partial.threads.size(); ++thread) {
      look_ahead(partial, thread);
    }
    extend(partial);
    return behaviours_;
  }

 private:
  /// Mutexes are locations after the others: 0 is free, 1 is held. Lock and unlock are updates.
  u32 objects() const { return threads_.locations + kMutexesMax; }
  u8 mutex_location(u32 mutex) const { return static_cast<u8>(threads_.locations + mutex); }

  void look_ahead(Partial& partial, u32 thread) const {
    Progress& progress = partial.threads[thread];
    progress.steps = std::make_shared<const Steps>(threads_.codes[thread](progress.returned));
  }

  static const Operation* next_operation(const Partial& partial, u32 thread) {
    const Progress& progress = partial.threads[thread];
    const Thread& operations = progress.steps->operations;
    return progress.next == operations.size() ? nullptr : &operations[progress.next];
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
    for (u32 thread = 0; thread < partial.threads.size(); ++thread) {
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
    for (u32 thread = 0; thread < partial.threads.size(); ++thread) {
      const Operation* operation = next_operation(partial, thread);
      if (operation != nullptr && add_without_choice(partial, thread, *operation)) {
        added = true;
      }
    }
    return added;
  }

  bool add_without_choice(Partial& partial, u32 thread, const Operation& operation) {
    switch (operation.action) {
      case Action::kStore:
        add_write(partial, thread, operation.object, operation.order, false,
                  operation.operand.constant);
        break;
      case Action::kFence: add_fence(partial, thread, operation.order); break;
      default: return false;
    }
    ++partial.threads[thread].next;
    return true;
  }

  /// False: the thread has to wait.
  bool extend_by(const Partial& partial, u32 thread, const Operation& operation) {
    if (operation.action == Action::kLock || operation.action == Action::kTryLock) {
      return extend_by_lock(partial, thread, operation);
    }
    if (operation.action == Action::kUnlock) {
      Partial longer = partial;
      add_unlock(longer, thread, operation.object);
      extend(std::move(longer));
      return true;
    }
    for (u32 source = 0; source < partial.events.size(); ++source) {
      const Event& event = partial.events[source].event;
      if (event.type == Event::Type::kWrite && event.location == operation.object) {
        Partial longer = partial;
        add_access(longer, thread, operation, source);
        if (coherent(longer)) {
          extend(std::move(longer));
        }
      }
    }
    return true;
  }

  bool extend_by_lock(const Partial& partial, u32 thread, const Operation& operation) {
    const u32 end = partial.mutex_end[operation.object];
    const bool free = partial.events[end].value == 0;
    const bool tries = operation.action == Action::kTryLock;
    if (!free && !tries) {
      return false;
    }
    Partial longer = partial;
    add_read(longer, thread, free ? Order::kAcquire : Order::kRelaxed, true, end);
    longer.mutex_end[operation.object] =
        add_write(longer, thread, mutex_location(operation.object), Order::kRelaxed, true, 1);
    ++longer.threads[thread].next;
    if (tries) {
      return_value(longer, thread, free);
    }
    extend(std::move(longer));
    return true;
  }

  /// Whether the threads meet the stores to each location in orders that fit together: what one has
  /// read or written, it does not go back from under any model. Without this, a loop might read the
  /// same stores round and round.
  bool coherent(const Partial& partial) const {
    Relation before(static_cast<u32>(partial.events.size()));
    std::vector<u32> met(partial.threads.size() * objects(), kNoEvent);
    for (u32 i = objects(); i < partial.events.size(); ++i) {
      const Made& made = partial.events[i];
      if (made.event.type == Event::Type::kFence) {
        continue;
      }
      const u32 store = made.event.type == Event::Type::kRead ? made.source : i;
      u32& last = met[made.thread * objects() + made.event.location];
      if (store >= objects()) {
        before.add(made.event.location, store);
      }
      if (last != kNoEvent && last != store) {
        before.add(last, store);
      }
      last = store;
    }
    return before.acyclic();
  }

  void add_unlock(Partial& partial, u32 thread, u32 mutex) const {
    const u32 end = partial.mutex_end[mutex];
    HEDDLE_INVARIANT(partial.events[end].value == 1);
    add_read(partial, thread, Order::kRelaxed, true, end);
    partial.mutex_end[mutex] =
        add_write(partial, thread, mutex_location(mutex), Order::kRelease, true, 0);
    ++partial.threads[thread].next;
  }

  void add_access(Partial& partial, u32 thread, const Operation& operation, u32 source) const {
    const int read = partial.events[source].value;
    const bool fails = operation.action == Action::kCompareExchange && read != operation.expected;
    const bool updates = operation.action != Action::kLoad && !fails;
    const int added = operation.action == Action::kFetchAdd ? read : 0;
    add_read(partial, thread, fails ? operation.failure : operation.order, updates, source);
    if (updates) {
      add_write(partial, thread, operation.object, operation.order, true,
                operation.operand.constant + added);
    }
    ++partial.threads[thread].next;
    return_value(partial, thread, read);
  }

  void return_value(Partial& partial, u32 thread, int value) const {
    partial.threads[thread].returned.push_back(value);
    look_ahead(partial, thread);
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

  /// A store by its thread, if it has one, and its place there, as two characters.
  static std::string name(const Partial& partial, u32 store) {
    const u32 thread = partial.events[store].thread;
    const auto before = std::count_if(partial.events.begin(), partial.events.begin() + store,
                                      [thread](const Made& made) { return made.thread == thread; });
    return {thread == kNoEvent ? '-' : static_cast<char>('0' + thread),
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

  Execution without_coherence(const Partial& partial) const {
    std::vector<Event> events;
    for (const Made& made : partial.events) {
      Event& event = events.emplace_back(made.event);
      event.of_mutex = event.location != kNone && event.location >= mutex_location(0);
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
    if (location == objects()) {
      count(partial, judge, execution);
      return;
    }
    std::vector<u32> stores;
    for (u32 i = objects(); i < execution.size(); ++i) {
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
    for (u32 thread = 0; thread < partial.threads.size(); ++thread) {
      complete &=
          next_operation(partial, thread) == nullptr && !partial.threads[thread].steps->stopped;
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
    Outcome outcome;
    for (const Progress& progress : partial.threads) {
      for (u32 i = 0; i < kRegistersMax; ++i) {
        outcome.registers[i] += progress.steps->registers[i];  // 0 in all threads but one
      }
    }
    for (u32 i = 0; i < execution.size(); ++i) {
      const Event& event = execution.events[i];
      const bool last = event.type == Event::Type::kWrite && execution.co.successors(i) == 0;
      if (last && event.location < kLocationsMax) {
        outcome.memory[event.location] = partial.events[i].value;
      }
    }
    return outcome;
  }

  const Threads& threads_;
  std::set<std::string> visited_;
  Behaviours behaviours_;
};

Steps steps_of(const Thread& thread, std::span<const int> returned) {
  Steps steps;
  for (const Operation& operation : thread) {
    if (!holds(operation.guard, steps.registers)) {
      continue;
    }
    if (operation.action == Action::kAssume) {
      steps.stopped = !holds(operation.condition, steps.registers);
      if (steps.stopped) {
        break;
      }
      continue;
    }
    Operation step = operation;
    step.operand = {kNone, value_of(operation.operand, steps.registers)};
    steps.operations.push_back(step);
    if (returns(operation.action)) {
      if (returned.empty()) {
        break;
      }
      if (operation.result != kNone) {
        steps.registers[operation.result] = returned.front();
      }
      returned = returned.subspan(1);
    }
  }
  return steps;
}

}  // namespace

Behaviours enumerate(const Threads& threads) { return Enumeration(threads).run(); }

Behaviours enumerate(const Program& program) {
  Threads threads;
  for (const Thread& thread : program.threads) {
    threads.codes.emplace_back(
        [&thread](std::span<const int> returned) { return steps_of(thread, returned); });
  }
  return enumerate(threads);
}

}  // namespace heddle::litmus
