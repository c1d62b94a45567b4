// The reference test in Relacy's own types, under its random scheduler.
#include <relacy/relacy.hpp>

namespace {

struct Reference : rl::test_suite<Reference, 2> {
  rl::atomic<int> x;
  rl::mutex mutex;
  rl::var<int> counter;

  void before() {
    x($) = 0;
    counter($) = 0;
  }

  void thread(unsigned) {
    for (int i = 0; i < 5; ++i) {
      (void)x.load(rl::mo_acquire, $);
      x.store(i, rl::mo_release, $);
    }
    mutex.lock($);
    counter($) = counter($) + 1;
    mutex.unlock($);
  }

  void after() { RL_ASSERT(counter($) == 2); }
};

}  // namespace

bool run_relacy(unsigned executions) {
  std::ostringstream nowhere;
  rl::test_params parameters;
  parameters.iteration_count = executions;
  parameters.search_type = rl::sched_random;
  parameters.output_stream = &nowhere;
  parameters.progress_stream = &nowhere;
  return rl::simulate<Reference>(parameters);
}
