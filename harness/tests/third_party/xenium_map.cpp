// Two threads insert, look up and erase in xenium's Harris-Michael hash map, under epochs.
#include <cassert>
#include <thread>
#include <xenium/harris_michael_hash_map.hpp>
#include <xenium/policy.hpp>
#include <xenium/reclamation/generic_epoch_based.hpp>

using Map =
    xenium::harris_michael_hash_map<int, int,
                                    xenium::policy::reclaimer<xenium::reclamation::epoch_based<>>,
                                    xenium::policy::buckets<2>>;

int main() {
  Map map;
  const auto work = [&map](int own) {
    for (int key = 0; key < 3; key++) {
      map.emplace(key, key * 10);
    }
    map.erase(own);
    const auto found = map.find(2);
    assert(found != map.end() && found->second == 20);
  };
  std::thread other(work, 1);
  work(0);
  other.join();
  assert(map.contains(2) && !map.contains(0) + !map.contains(1) >= 1);
}
