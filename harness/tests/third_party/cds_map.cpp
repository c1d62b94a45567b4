// Two threads insert, update, look up and erase in libcds' striped hash map, which grows meanwhile.
// Of what is wholly in its headers it is the one that erases: reclamation is in a library.
#include <cassert>
#include <cds/container/striped_map.h>
#include <cds/container/striped_map/std_map.h>
#include <functional>
#include <map>
#include <thread>

using Map = cds::container::StripedMap<
    std::map<int, int>, cds::opt::hash<std::hash<int>>, cds::opt::less<std::less<int>>,
    cds::opt::mutex_policy<cds::container::striped_set::striping<>>,
    cds::opt::resizing_policy<cds::container::striped_set::load_factor_resizing<1>>>;

int main() {
  Map map(1);
  const auto work = [&map](int own) {
    for (int key = 0; key < 20; ++key) {
      map.insert(key, key * 10);
    }
    assert(map.erase(own));
    map.update(30, [](bool, auto& entry) { entry.second = 300; });
    int found = 0;
    assert(map.find(2, [&found](auto& entry) { found = entry.second; }) && found == 20);
  };
  std::thread other(work, 1);
  work(0);
  other.join();
  assert(map.contains(30) && map.size() >= 19);
}
