#include "interleavings.hpp"

#include <string>

#include "base/invariant.hpp"

namespace heddle::litmus {
namespace {

constexpr char kInitial = '-';

/// A store on its way: to which location, what, and by whom.
struct Store {
  u8 location;
  int value;
  char name;
};

/// The machine between two steps.
struct State {
  std::array<u32, kThreadsMax> next = {};
  std::array<bool, kThreadsMax> stopped = {};
  std::array<std::vector<Store>, kThreadsMax> buffers;
  Outcome values;
  std::array<char, kLocationsMax> last_store = {kInitial, kInitial, kInitial, kInitial};
  std::array<bool, kMutexesMax> held = {};
  // What tells executions apart: for each thread the stores that it read, for each location and
  // mutex the operations that changed it.
  std::array<std::string, kThreadsMax> read;
  std::array<std::string, kLocationsMax> stored;
  std::array<std::string, kMutexesMax> locked;
};

class Interleaver {
 public:
  Interleaver(const Program& program, Model model)
      : program_(program), buffered_(model == Model::kTso) {
    HEDDLE_INVARIANT(model != Model::kRc11);
  }

  Behaviour run() {
    go_on(State());
    behaviour_.complete = complete_.size();
    behaviour_.blocked = blocked_.size();
    return behaviour_;
  }

 private:
  void go_on(const State& state) {
    if (!visited_.insert(whole_name(state)).second) {
      return;
    }
    bool stuck = true;
    for (u32 thread = 0; thread < program_.threads.size(); ++thread) {
      if (!state.buffers[thread].empty()) {
        State after = state;
        drain_one(after, thread);
        go_on(after);
        stuck = false;
      }
      if (can_step(state, thread)) {
        State after = state;
        step(after, thread);
        go_on(after);
        stuck = false;
      }
    }
    if (stuck) {
      finish(state);
    }
  }

  bool finished(const State& state, u32 thread) const {
    return state.next[thread] == program_.threads[thread].size();
  }

  bool can_step(const State& state, u32 thread) const {
    if (state.stopped[thread] || finished(state, thread)) {
      return false;
    }
    const Operation& operation = program_.threads[thread][state.next[thread]];
    if (!holds(operation.guard, state.values.registers)) {
      return true;
    }
    const bool waits = operation.action == Action::kLock && state.held[operation.object];
    const bool must_drain = drains(operation, visible(state, thread, operation.object).value);
    return !waits && !(must_drain && !state.buffers[thread].empty());
  }

  /// Whether the operation takes effect in memory at once. `before`: what it finds there.
  static bool drains(const Operation& operation, int before) {
    switch (operation.action) {
      case Action::kLoad:
      case Action::kAssume: return false;
      case Action::kStore:
      case Action::kFence: return operation.order == Order::kSeqCst;
      case Action::kCompareExchange: return before == operation.expected;
      default: return true;
    }
  }

  /// What a thread sees in a location: its own latest store, if that is not in memory yet.
  static Store visible(const State& state, u32 thread, u8 location) {
    const std::vector<Store>& buffer = state.buffers[thread];
    for (auto store = buffer.rbegin(); store != buffer.rend(); ++store) {
      if (store->location == location) {
        return *store;
      }
    }
    return {location, state.values.memory[location], state.last_store[location]};
  }

  void step(State& state, u32 thread) const {
    const Operation& operation = program_.threads[thread][state.next[thread]];
    const char name = static_cast<char>('A' + thread * 10 + state.next[thread]);
    ++state.next[thread];
    if (!holds(operation.guard, state.values.registers)) {
      return;
    }
    switch (operation.action) {
      case Action::kFence: break;
      case Action::kAssume:
        state.stopped[thread] = !holds(operation.condition, state.values.registers);
        break;
      case Action::kLock:
        state.held[operation.object] = true;
        state.locked[operation.object] += name;
        break;
      case Action::kUnlock:
        state.held[operation.object] = false;
        state.locked[operation.object] += name;
        break;
      case Action::kTryLock:
        state.values.registers[operation.result] = !state.held[operation.object];
        state.held[operation.object] = true;
        state.locked[operation.object] += name;
        break;
      case Action::kStore: store(state, thread, operation, name); break;
      default: load_or_update(state, thread, operation, name);
    }
  }

  void store(State& state, u32 thread, const Operation& operation, char name) const {
    const Store store = {operation.object, value_of(operation.operand, state.values.registers),
                         name};
    if (buffered_ && operation.order != Order::kSeqCst) {
      state.buffers[thread].push_back(store);
    } else {
      take_effect(state, store);
    }
  }

  static void load_or_update(State& state, u32 thread, const Operation& operation, char name) {
    Registers& registers = state.values.registers;
    const Store before = visible(state, thread, operation.object);
    const int operand = value_of(operation.operand, registers);
    state.read[thread] += before.name;
    if (operation.result != kNone) {
      registers[operation.result] = before.value;
    }
    if (operation.action == Action::kFetchAdd) {
      take_effect(state, {operation.object, before.value + operand, name});
    } else if (operation.action == Action::kExchange ||
               (operation.action == Action::kCompareExchange &&
                before.value == operation.expected)) {
      take_effect(state, {operation.object, operand, name});
    }
  }

  static void drain_one(State& state, u32 thread) {
    std::vector<Store>& buffer = state.buffers[thread];
    take_effect(state, buffer.front());
    buffer.erase(buffer.begin());
  }

  static void take_effect(State& state, const Store& store) {
    state.values.memory[store.location] = store.value;
    state.last_store[store.location] = store.name;
    state.stored[store.location] += store.name;
  }

  void finish(const State& state) {
    bool complete = true;
    for (u32 thread = 0; thread < program_.threads.size(); ++thread) {
      complete &= finished(state, thread) && !state.stopped[thread];
    }
    if (complete) {
      complete_.insert(name(state));
      behaviour_.outcomes.insert(state.values);
    } else {
      blocked_.insert(name(state));
    }
  }

  static std::string name(const State& state) {
    std::string name;
    for (const std::string& part : state.read) {
      name += part + "|";
    }
    for (const std::string& part : state.stored) {
      name += part + "|";
    }
    for (const std::string& part : state.locked) {
      name += part + "|";
    }
    return name;
  }

  static std::string whole_name(const State& state) {
    std::string whole = name(state);
    for (u32 thread = 0; thread < kThreadsMax; ++thread) {
      whole += std::to_string(state.next[thread]) + ":";
      for (const Store& store : state.buffers[thread]) {
        whole += store.name;
      }
    }
    return whole;
  }

  const Program& program_;
  bool buffered_;
  std::set<std::string> visited_;
  std::set<std::string> complete_;
  std::set<std::string> blocked_;
  Behaviour behaviour_;
};

}  // namespace

Behaviour interleave(const Program& program, Model model) {
  return Interleaver(program, model).run();
}

}  // namespace heddle::litmus
