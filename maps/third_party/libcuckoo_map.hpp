// libcuckoo's map under the names that maps have here.
#pragma once

#include <cstddef>
#include <functional>
#include <libcuckoo/cuckoohash_map.hh>
#include <memory>
#include <optional>
#include <utility>

namespace maps::third_party {

/// Two buckets a key, a spin lock a bucket; who iterates holds all locks.
template <class Hash, std::size_t kSlots = libcuckoo::DEFAULT_SLOT_PER_BUCKET>
class libcuckoo_map {
 public:
  explicit libcuckoo_map(std::size_t size = libcuckoo::DEFAULT_SIZE) : map_(size) {}

  bool insert(int key, int value) { return map_.insert(key, value); }

  bool insert_or_assign(int key, int value) { return map_.insert_or_assign(key, value); }

  bool erase(int key) { return map_.erase(key); }

  std::optional<int> find(int key) const {
    int value = 0;
    return map_.find(key, value) ? std::optional(value) : std::nullopt;
  }

  bool contains(int key) const { return map_.contains(key); }

  void clear() { map_.clear(); }

  template <class F>
  void for_each(F f) {
    for (const auto& [key, value] : map_.lock_table()) {
      f(key, value);
    }
  }

 private:
  libcuckoo::cuckoohash_map<int, int, Hash, std::equal_to<int>,
                            std::allocator<std::pair<const int, int>>, kSlots>
      map_;
};

}  // namespace maps::third_party
