// The reference test in Relacy's own types, under its random scheduler: once with threads that are
// made and joined by the test, as Heddle's version has it, and once with Relacy's usual threads,
// which are there from the beginning of an execution to its end.
#include <relacy/relacy.hpp>

namespace {

struct State {
  rl::atomic<int> x;
  rl::mutex mutex;
  rl::var<int> counter;

  void initialise() {
    x($) = 0;
    counter($) = 0;
  }

  void work() {
    for (int i = 0; i < 5; ++i) {
      (void)x.load(rl::mo_acquire, $);
      x.store(i, rl::mo_release, $);
    }
    mutex.lock($);
    counter($) = counter($) + 1;
    mutex.unlock($);
  }

  void check() { RL_ASSERT(counter($) == 2); }
};

struct MadeAnew : rl::test_suite<MadeAnew, 1> {
  static const rl::thread_id_t dynamic_thread_count = 2;
  State state;

  static void* work(void* state) {
    static_cast<State*>(state)->work();
    return nullptr;
  }

  void before() { state.initialise(); }

  void thread(unsigned) {
    rl::dyn_thread first;
    rl::dyn_thread second;
    first.start(work, &state);
    second.start(work, &state);
    first.join();
    second.join();
    state.check();
  }
};

struct Static : rl::test_suite<Static, 2> {
  State state;

  void before() { state.initialise(); }
  void thread(unsigned) { state.work(); }
  void after() { state.check(); }
};

template <class Test>
bool run(unsigned executions) {
  std::ostringstream nowhere;
  rl::test_params parameters;
  parameters.iteration_count = executions;
  parameters.search_type = rl::sched_random;
  parameters.output_stream = &nowhere;
  parameters.progress_stream = &nowhere;
  return rl::simulate<Test>(parameters);
}

}  // namespace

bool run_relacy_threads_made_anew(unsigned executions) { return run<MadeAnew>(executions); }

bool run_relacy_static_threads(unsigned executions) { return run<Static>(executions); }
