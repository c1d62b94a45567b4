#include <cstring>

#include "base/invariant.hpp"
#include "families.hpp"
#include "family_code.hpp"

namespace heddle::litmus {
namespace {

/// Thrown by code that needs what a load returns and it is not known, and by code that waits.
struct Unknown {};
struct Waits {};

/// What the code of one thread does, while it runs with loads that return what they are told to.
struct Recording {
  Steps steps;
  std::span<const int> returned;
  u32 locations = 0;
};

Recording* recording = nullptr;

Order order_of(std::memory_order order) {
  switch (order) {
    case std::memory_order_relaxed: return Order::kRelaxed;
    case std::memory_order_release: return Order::kRelease;
    case std::memory_order_acq_rel: return Order::kAcqRel;
    case std::memory_order_seq_cst: return Order::kSeqCst;
    default: return Order::kAcquire;
  }
}

struct RecordingWorld {
  class Int {
   public:
    Int() : location_(static_cast<u8>(recording->locations++)) {}

    int load(std::memory_order order) const { return read(operation(Action::kLoad, order)); }

    void store(int value, std::memory_order order) {
      recording->steps.operations.push_back(operation(Action::kStore, order, value));
    }

    int fetch_add(int value, std::memory_order order) {
      return read(operation(Action::kFetchAdd, order, value));
    }

    int exchange(int value, std::memory_order order) {
      return read(operation(Action::kExchange, order, value));
    }

    bool compare_exchange_strong(int& expected, int desired, std::memory_order success,
                                 std::memory_order failure) {
      Operation exchange = operation(Action::kCompareExchange, success, desired);
      exchange.failure = order_of(failure);
      exchange.expected = expected;
      expected = read(exchange);
      return expected == exchange.expected;
    }

   private:
    Operation operation(Action action, std::memory_order order, int value = 0) const {
      Operation operation;
      operation.action = action;
      operation.order = order_of(order);
      operation.object = location_;
      operation.operand.constant = value;
      return operation;
    }

    static int read(const Operation& operation) {
      recording->steps.operations.push_back(operation);
      if (recording->returned.empty()) {
        throw Unknown();
      }
      const int value = recording->returned.front();
      recording->returned = recording->returned.subspan(1);
      return value;
    }

    u8 location_;
  };

  static void fence(std::memory_order order) {
    Operation fence;
    fence.action = Action::kFence;
    fence.order = order_of(order);
    recording->steps.operations.push_back(fence);
  }

  template <class Condition>
  static void await(Condition holds) {
    if (!holds()) {
      throw Waits();
    }
  }
};

template <template <class> class Program>
Steps steps_of(u32 n, u32 thread, std::span<const int> returned) {
  Recording own = {{}, returned, 0};
  recording = &own;
  try {
    Program<RecordingWorld>(n).run(thread);
  } catch (const Unknown&) {
  } catch (const Waits&) {
    own.steps.stopped = true;
  }
  return std::move(own.steps);
}

template <template <class> class Program>
Threads threads(u32 n) {
  Recording own;
  recording = &own;
  const u32 count = Program<RecordingWorld>(n).threads();
  Threads threads;
  threads.locations = own.locations;
  for (u32 i = 0; i < count; ++i) {
    threads.codes.emplace_back(
        [n, i](std::span<const int> returned) { return steps_of<Program>(n, i, returned); });
  }
  return threads;
}

}  // namespace

Threads threads_of(const Member& member) {
  using namespace family;  // NOLINT(google-build-using-namespace)
  Threads (*make)(u32) = nullptr;
  const auto choose = [&](const char* name, Threads (*threads)(u32)) {
    make = std::strcmp(name, member.family) == 0 ? threads : make;
  };
#define HEDDLE_CHOOSE(name, program) choose(name, threads<program>)
  HEDDLE_FOR_FAMILIES(HEDDLE_CHOOSE);
#undef HEDDLE_CHOOSE
  HEDDLE_INVARIANT(make != nullptr);
  return make(member.n);
}

}  // namespace heddle::litmus
