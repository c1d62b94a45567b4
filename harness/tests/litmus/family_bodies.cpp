#include <cstring>
#include <thread>

#include "base/invariant.hpp"
#include "families.hpp"
#include "family_code.hpp"
#include "heddle/heddle.hpp"

namespace heddle::litmus {
namespace {

struct RealWorld {
  class Int : public std::atomic<int> {
   public:
    Int() : std::atomic<int>(0) {}
  };

  static void fence(std::memory_order order) { std::atomic_thread_fence(order); }

  template <class Condition>
  static void await(Condition holds) {
    while (!holds()) {
    }
  }
};

template <template <class> class Program>
void run(u32 n) {
  Program<RealWorld> program(n);
  std::thread threads[family::kThreadsMax];
  for (u32 i = 0; i < program.threads(); ++i) {
    threads[i] = std::thread([&program, i] { program.run(i); });
  }
  for (u32 i = 0; i < program.threads(); ++i) {
    threads[i].join();
  }
  HEDDLE_CHECK(program.sound());
}

}  // namespace

std::function<void()> body_of(const Member& member) {
  using namespace family;  // NOLINT(google-build-using-namespace)
  void (*body)(u32) = nullptr;
  const auto choose = [&](const char* name, void (*run)(u32)) {
    body = std::strcmp(name, member.family) == 0 ? run : body;
  };
#define HEDDLE_CHOOSE(name, program) choose(name, run<program>)
  HEDDLE_FOR_FAMILIES(HEDDLE_CHOOSE);
#undef HEDDLE_CHOOSE
  HEDDLE_INVARIANT(body != nullptr);
  return [body, n = member.n] { body(n); };
}

}  // namespace heddle::litmus
