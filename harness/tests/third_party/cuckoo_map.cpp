// Two threads insert, look up and erase in libcuckoo's map, whose first size is an argument.
#include <cassert>
#include <cstdlib>
#include <libcuckoo/cuckoohash_map.hh>
#include <thread>

int main(int, char** argv) {
  libcuckoo::cuckoohash_map<int, int> map(std::strtoul(argv[1], nullptr, 10));
  const auto work = [&map](int own) {
    for (int key = 0; key < 6; key++) {
      map.upsert(key, [](int& value) { value++; }, 1);
    }
    int value = 0;
    assert(map.find(2, value) && value > 0);
    map.erase(own);
  };
  std::thread other(work, 1);
  work(0);
  other.join();
  int value = 0;
  assert(map.find(2, value) && value == 2);
}
