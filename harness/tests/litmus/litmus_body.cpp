#include "litmus_body.hpp"

#include <atomic>
#include <mutex>
#include <thread>

#include "heddle/heddle.h"

namespace heddle::litmus {
namespace {

std::memory_order standard(Order order) {
  constexpr std::memory_order kOrders[] = {std::memory_order_relaxed, std::memory_order_acquire,
                                           std::memory_order_release, std::memory_order_acq_rel,
                                           std::memory_order_seq_cst};
  return kOrders[static_cast<u8>(order)];
}

struct Machine {
  std::atomic<int> memory[kLocationsMax] = {};
  std::mutex mutexes[kMutexesMax];
  Registers registers = {};
};

int access(std::atomic<int>& location, const Operation& operation, int operand) {
  const std::memory_order order = standard(operation.order);
  switch (operation.action) {
    case Action::kLoad: return location.load(order);
    case Action::kFetchAdd: return location.fetch_add(operand, order);
    case Action::kExchange: return location.exchange(operand, order);
    case Action::kCompareExchange: {
      int found = operation.expected;
      location.compare_exchange_strong(found, operand, order, standard(operation.failure));
      return found;
    }
    default: location.store(operand, order); return 0;
  }
}

void execute(const Operation& operation, Machine& machine) {
  if (!holds(operation.guard, machine.registers)) {
    return;
  }
  switch (operation.action) {
    case Action::kFence: std::atomic_thread_fence(standard(operation.order)); break;
    case Action::kLock: machine.mutexes[operation.object].lock(); break;
    case Action::kUnlock: machine.mutexes[operation.object].unlock(); break;
    case Action::kTryLock:
      machine.registers[operation.result] = machine.mutexes[operation.object].try_lock();
      break;
    case Action::kAssume: heddle_assume(holds(operation.condition, machine.registers)); break;
    default: {
      const int operand = value_of(operation.operand, machine.registers);
      const int result = access(machine.memory[operation.object], operation, operand);
      if (operation.result != kNone) {
        machine.registers[operation.result] = result;
      }
    }
  }
}

void run(const Program& program, OutcomeSet& outcomes) {
  Machine machine;
  std::thread threads[kThreadsMax];
  for (u32 i = 0; i < program.threads.size(); ++i) {
    threads[i] = std::thread([&machine, &thread = program.threads[i]] {
      for (const Operation& operation : thread) {
        execute(operation, machine);
      }
    });
  }
  for (u32 i = 0; i < program.threads.size(); ++i) {
    threads[i].join();
  }
  Outcome outcome = {machine.registers, {}};
  const u32 locations = locations_of(program);
  for (u32 i = 0; i < kLocationsMax; ++i) {
    if ((locations >> i & 1) != 0) {
      outcome.memory[i] = machine.memory[i].load(std::memory_order_relaxed);
    }
  }
  outcomes.insert(outcome);
}

}  // namespace

std::function<void()> body_of(const Program& program, OutcomeSet& outcomes) {
  return [&program, &outcomes] { run(program, outcomes); };
}

}  // namespace heddle::litmus
