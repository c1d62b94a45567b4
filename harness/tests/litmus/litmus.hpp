// Litmus tests as data: small programs of atomic operations, and what they may end with.
#pragma once

#include <array>
#include <compare>
#include <string>
#include <string_view>
#include <vector>

#include "base/types.hpp"

namespace heddle::litmus {

constexpr u32 kThreadsMax = 4;
constexpr u32 kLocationsMax = 4;   // x, y, z, w; 0 at first
constexpr u32 kMutexesMax = 2;     // m, n
constexpr u32 kRegistersMax = 12;  // a to l; each belongs to the one thread that uses it
constexpr u8 kNone = 0xff;

enum class Order : u8 { kRelaxed, kAcquire, kRelease, kAcqRel, kSeqCst };

constexpr bool acquires(Order order) {
  return order == Order::kAcquire || order == Order::kAcqRel || order == Order::kSeqCst;
}

constexpr bool releases(Order order) {
  return order == Order::kRelease || order == Order::kAcqRel || order == Order::kSeqCst;
}

enum class Action : u8 {
  kLoad,
  kStore,
  kFetchAdd,
  kExchange,
  kCompareExchange,  // strong; where it fails it is a load
  kFence,
  kTryLock,  // 1: it has the mutex now; 0: another thread has it
  kLock,
  kUnlock,
  kAssume,  // where the condition does not hold, the thread stops here for good
};

/// A register, if there is one, plus a constant.
struct Operand {
  u8 reg = kNone;
  int constant = 0;
};

/// Holds if there is no register.
struct Condition {
  u8 reg = kNone;
  bool equal = true;  // else: unequal
  int value = 0;
};

struct Operation {
  Action action = Action::kLoad;
  Order order = Order::kRelaxed;
  Order failure = Order::kRelaxed;  // of a compare-exchange
  u8 object = 0;                    // location or mutex
  u8 result = kNone;                // the register that gets what was read
  int expected = 0;                 // by a compare-exchange
  Operand operand;                  // what is stored, added, desired
  Condition condition;              // what is assumed
  Condition guard;                  // where it does not hold, the operation is passed over
};

using Thread = std::vector<Operation>;

struct Program {
  std::vector<Thread> threads;
};

using Registers = std::array<int, kRegistersMax>;

inline bool holds(const Condition& condition, const Registers& registers) {
  return condition.reg == kNone || (registers[condition.reg] == condition.value) == condition.equal;
}

inline int value_of(const Operand& operand, const Registers& registers) {
  return (operand.reg == kNone ? 0 : registers[operand.reg]) + operand.constant;
}

/// The end of an execution in which all threads finished. What is not used is 0.
struct Outcome {
  Registers registers = {};
  std::array<int, kLocationsMax> memory = {};

  auto operator<=>(const Outcome&) const = default;
};

/// As text, and back: "x=1(rlx); a:=y(acq) || lock(m); if(b!=0) y=b+1(rel); unlock(m)". Further
/// operations: add(x,1,rlx), swap(x,1,ar), cas(x,expected,desired,ar,rlx), fence(sc), assume(a==1);
/// the first three may have a result, "a:=add(x,1,rlx)"; "a:=trylock(m)" must.
Program parse(std::string_view text);
std::string to_text(const Program& program);

/// "a=1 b=0 x=1", without what the program does not use.
std::string to_text(const Program& program, const Outcome& outcome);

/// Whether an outcome is as "a=1 x=2" says; what is not mentioned does not matter.
bool fits(const Outcome& outcome, std::string_view partial);

/// Bits for the locations, and for the registers, that a program uses.
u32 locations_of(const Program& program);
u32 registers_of(const Program& program);

constexpr bool is_access(Action action) { return action <= Action::kCompareExchange; }

constexpr bool returns(Action action) {
  return (is_access(action) && action != Action::kStore) || action == Action::kTryLock;
}

}  // namespace heddle::litmus
