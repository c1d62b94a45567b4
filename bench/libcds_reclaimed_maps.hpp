// libcds' maps whose nodes its library reclaims, by hazard pointers.
#pragma once

#include <cds/gc/hp.h>
#include <cds/init.h>
#include <cds/threading/model.h>

#include <cstddef>

#include "../maps/third_party/libcds_reclaimed_maps.hpp"

namespace bench {

struct libcds_library {
  libcds_library() { cds::Initialize(); }
  ~libcds_library() { cds::Terminate(); }
};

/// The library, from its first use to the end of the process, and the calling thread's part in it.
class libcds_attached_thread {
 public:
  libcds_attached_thread() {
    static const libcds_library initialized;
    static const cds::gc::HP hazard_pointers(16);
    cds::threading::Manager::attachThread();
  }

  ~libcds_attached_thread() { cds::threading::Manager::detachThread(); }
};

template <class Hash>
using libcds_feldman_map = maps::third_party::libcds_feldman_map<cds::gc::HP, Hash>;
template <class Hash, std::size_t kBuckets>
using libcds_michael_map =
    maps::third_party::libcds_reclaimed_michael_map<cds::gc::HP, Hash, kBuckets>;
template <class Hash, std::size_t kBuckets>
using libcds_split_list_map =
    maps::third_party::libcds_reclaimed_split_list_map<cds::gc::HP, Hash, kBuckets>;

}  // namespace bench

template <>
struct maps::third_party::libcds_thread<cds::gc::HP> {
  static void attach() { thread_local const bench::libcds_attached_thread attached; }
};
