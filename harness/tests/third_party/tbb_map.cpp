// Two threads insert, look up and erase in oneTBB's concurrent_hash_map, which grows. Its own
// allocator is in a library that Heddle does not see into.
#include <tbb/concurrent_hash_map.h>

#include <cassert>
#include <memory>
#include <thread>
#include <utility>

using Map = tbb::concurrent_hash_map<int, int, tbb::tbb_hash_compare<int>,
                                     std::allocator<std::pair<const int, int>>>;

int main() {
  Map map;
  const auto work = [&map](int own) {
    for (int key = 0; key < 8; key++) {
      {
        Map::accessor written;
        if (map.insert(written, key)) {
          written->second = 0;
        }
        written->second++;
      }
      Map::const_accessor read;
      if (map.find(read, 1 - own)) {
        assert(read->second > 0);
      }
    }
    map.erase(own);
  };
  std::thread other(work, 1);
  work(0);
  other.join();
  Map::const_accessor last;
  assert(map.find(last, 2) && last->second == 2);
}
