#include "litmus.hpp"

#include <cctype>

#include "base/invariant.hpp"

namespace heddle::litmus {
namespace {

constexpr std::string_view kLocations = "xyzw";
constexpr std::string_view kMutexes = "mn";
constexpr std::string_view kRegisters = "abcdefghijkl";
constexpr std::string_view kOrders[] = {"rlx", "acq", "rel", "ar", "sc"};

/// Reads a program from its text. The texts are ours: what is not one is a bug of the test.
class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  Program program() {
    Program program;
    do {
      program.threads.push_back(thread());
    } while (accept("||"));
    HEDDLE_INVARIANT(at_end() && program.threads.size() <= kThreadsMax);
    return program;
  }

  bool at_end() {
    skip_space();
    return text_.empty();
  }

  /// Reads "a=1" and says whether it is so.
  bool equation(const Outcome& outcome) {
    const char name = letter();
    expect("=");
    const int value = number();
    const size_t reg = kRegisters.find(name);
    return value == (reg != kRegisters.npos ? outcome.registers[reg]
                                            : outcome.memory[index(kLocations, name)]);
  }

 private:
  Thread thread() {
    Thread thread;
    do {
      thread.push_back(operation());
    } while (accept(";"));
    return thread;
  }

  Operation operation() {
    Operation operation;
    if (accept("if(")) {
      operation.guard = condition();
    }
    if (accept("fence(")) {
      operation.action = Action::kFence;
      operation.order = order();
      expect(")");
    } else if (accept("lock(")) {
      operation.action = Action::kLock;
      mutex(operation);
    } else if (accept("unlock(")) {
      operation.action = Action::kUnlock;
      mutex(operation);
    } else if (accept("assume(")) {
      operation.action = Action::kAssume;
      operation.condition = condition();
    } else {
      access(operation);
    }
    return operation;
  }

  void access(Operation& operation) {
    if (text_.size() > 2 && text_.substr(1, 2) == ":=") {
      operation.result = index(kRegisters, letter());
      expect(":=");
    }
    if (accept("add(")) {
      operation.action = Action::kFetchAdd;
      update(operation);
    } else if (accept("swap(")) {
      operation.action = Action::kExchange;
      update(operation);
    } else if (accept("cas(")) {
      operation.action = Action::kCompareExchange;
      update(operation);
    } else if (accept("trylock(")) {
      operation.action = Action::kTryLock;
      mutex(operation);
    } else {
      load_or_store(operation);
    }
  }

  void load_or_store(Operation& operation) {
    operation.object = index(kLocations, letter());
    if (accept("=")) {
      operation.action = Action::kStore;
      operation.operand = operand();
    }
    expect("(");
    operation.order = order();
    expect(")");
  }

  void update(Operation& operation) {
    operation.object = index(kLocations, letter());
    expect(",");
    if (operation.action == Action::kCompareExchange) {
      operation.expected = number();
      expect(",");
    }
    operation.operand = operand();
    expect(",");
    operation.order = order();
    if (operation.action == Action::kCompareExchange) {
      expect(",");
      operation.failure = order();
    }
    expect(")");
  }

  void mutex(Operation& operation) {
    operation.object = index(kMutexes, letter());
    expect(")");
  }

  Condition condition() {
    Condition condition;
    condition.reg = index(kRegisters, letter());
    condition.equal = accept("==");
    if (!condition.equal) {
      expect("!=");
    }
    condition.value = number();
    expect(")");
    return condition;
  }

  Operand operand() {
    Operand operand;
    skip_space();
    if (std::isalpha(text_.front())) {
      operand.reg = index(kRegisters, letter());
      if (!accept("+")) {
        return operand;
      }
    }
    operand.constant = number();
    return operand;
  }

  Order order() {
    for (u8 i = 0; i < std::size(kOrders); ++i) {
      if (accept(kOrders[i])) {
        return Order{i};
      }
    }
    internal_bug("no memory order", __FILE__, __LINE__);
  }

  int number() {
    skip_space();
    HEDDLE_INVARIANT(!text_.empty() && std::isdigit(text_.front()));
    int number = 0;
    for (; !text_.empty() && std::isdigit(text_.front()); text_.remove_prefix(1)) {
      number = 10 * number + (text_.front() - '0');
    }
    return number;
  }

  char letter() {
    skip_space();
    HEDDLE_INVARIANT(!text_.empty());
    const char letter = text_.front();
    text_.remove_prefix(1);
    return letter;
  }

  static u8 index(std::string_view names, char name) {
    const size_t index = names.find(name);
    HEDDLE_INVARIANT(index != names.npos);
    return static_cast<u8>(index);
  }

  bool accept(std::string_view token) {
    skip_space();
    if (!text_.starts_with(token)) {
      return false;
    }
    text_.remove_prefix(token.size());
    skip_space();
    return true;
  }

  void expect(std::string_view token) {
    const bool found = accept(token);
    HEDDLE_INVARIANT(found);
  }

  void skip_space() {
    while (!text_.empty() && text_.front() == ' ') {
      text_.remove_prefix(1);
    }
  }

  std::string_view text_;
};

std::string name(Order order) { return std::string(kOrders[static_cast<u8>(order)]); }

std::string name(std::string_view names, u8 index) { return std::string(1, names[index]); }

std::string to_text(const Condition& condition) {
  return name(kRegisters, condition.reg) + (condition.equal ? "==" : "!=") +
         std::to_string(condition.value) + ")";
}

std::string to_text(const Operand& operand) {
  if (operand.reg == kNone) {
    return std::to_string(operand.constant);
  }
  return name(kRegisters, operand.reg) +
         (operand.constant == 0 ? "" : "+" + std::to_string(operand.constant));
}

std::string access_text(const Operation& operation) {
  const std::string location = name(kLocations, operation.object);
  const std::string order = name(operation.order) + ")";
  switch (operation.action) {
    case Action::kLoad: return location + "(" + order;
    case Action::kStore: return location + "=" + to_text(operation.operand) + "(" + order;
    case Action::kFetchAdd:
      return "add(" + location + "," + to_text(operation.operand) + "," + order;
    case Action::kExchange:
      return "swap(" + location + "," + to_text(operation.operand) + "," + order;
    default:
      return "cas(" + location + "," + std::to_string(operation.expected) + "," +
             to_text(operation.operand) + "," + name(operation.order) + "," +
             name(operation.failure) + ")";
  }
}

std::string to_text(const Operation& operation) {
  const std::string guard =
      operation.guard.reg == kNone ? "" : "if(" + to_text(operation.guard) + " ";
  const std::string result =
      operation.result == kNone ? "" : name(kRegisters, operation.result) + ":=";
  switch (operation.action) {
    case Action::kFence: return guard + "fence(" + name(operation.order) + ")";
    case Action::kTryLock:
      return guard + result + "trylock(" + name(kMutexes, operation.object) + ")";
    case Action::kLock: return guard + "lock(" + name(kMutexes, operation.object) + ")";
    case Action::kUnlock: return guard + "unlock(" + name(kMutexes, operation.object) + ")";
    case Action::kAssume: return guard + "assume(" + to_text(operation.condition);
    default: return guard + result + access_text(operation);
  }
}

template <class Visit>
void for_each_operation(const Program& program, Visit visit) {
  for (const Thread& thread : program.threads) {
    for (const Operation& operation : thread) {
      visit(operation);
    }
  }
}

void add_equation(std::string& text, char name, int value) {
  text += (text.empty() ? "" : " ") + std::string(1, name) + "=" + std::to_string(value);
}

}  // namespace

Program parse(std::string_view text) { return Parser(text).program(); }

std::string to_text(const Program& program) {
  std::string text;
  for (const Thread& thread : program.threads) {
    text += text.empty() ? "" : " || ";
    for (const Operation& operation : thread) {
      text += (&operation == &thread.front() ? "" : "; ") + to_text(operation);
    }
  }
  return text;
}

std::string to_text(const Program& program, const Outcome& outcome) {
  std::string text;
  for (u32 i = 0; i < kRegistersMax; ++i) {
    if ((registers_of(program) >> i & 1) != 0) {
      add_equation(text, kRegisters[i], outcome.registers[i]);
    }
  }
  for (u32 i = 0; i < kLocationsMax; ++i) {
    if ((locations_of(program) >> i & 1) != 0) {
      add_equation(text, kLocations[i], outcome.memory[i]);
    }
  }
  return text;
}

bool fits(const Outcome& outcome, std::string_view partial) {
  Parser parser(partial);
  bool fits = true;
  while (!parser.at_end()) {
    fits &= parser.equation(outcome);
  }
  return fits;
}

u32 locations_of(const Program& program) {
  u32 used = 0;
  for_each_operation(program, [&](const Operation& operation) {
    used |= is_access(operation.action) ? 1u << operation.object : 0;
  });
  return used;
}

u32 registers_of(const Program& program) {
  u32 used = 0;
  for_each_operation(program, [&](const Operation& operation) {
    used |= operation.result != kNone ? 1u << operation.result : 0;
  });
  return used;
}

}  // namespace heddle::litmus
