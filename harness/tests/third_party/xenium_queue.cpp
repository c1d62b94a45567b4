// Two threads push and pop in xenium's Michael-Scott queue, under hazard pointers.
#include <cassert>
#include <thread>
#include <xenium/michael_scott_queue.hpp>
#include <xenium/policy.hpp>
#include <xenium/reclamation/hazard_pointer.hpp>

using Hazards = xenium::reclamation::hazard_pointer<>;
using Queue = xenium::michael_scott_queue<int, xenium::policy::reclaimer<Hazards>>;

int main() {
  Queue queue;
  int popped[2] = {0, 0};
  const auto work = [&](int own) {
    int value = 0;
    for (int i = 1; i <= 3; i++) {
      queue.push(i);
      if (queue.try_pop(value)) {
        popped[own] += value;
      }
    }
  };
  std::thread other(work, 1);
  work(0);
  other.join();
  int left = 0;
  for (int value = 0; queue.try_pop(value);) {
    left += value;
  }
  assert(popped[0] + popped[1] + left == 12);
}
