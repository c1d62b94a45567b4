// Boost's hash maps, which know no threads, each under one lock.
#pragma once

#include <boost/unordered/unordered_flat_map.hpp>
#include <boost/unordered_map.hpp>
#include <mutex>
#include <shared_mutex>

#include "locked_map.hpp"

namespace maps::third_party {

/// Open addressing in groups of fifteen slots.
template <class Hash>
using boost_flat_map =
    locked_map<boost::unordered_flat_map<int, int, Hash>, std::mutex, std::lock_guard<std::mutex>>;

/// Nodes, as in std::unordered_map.
template <class Hash>
using boost_node_map =
    locked_map<boost::unordered_map<int, int, Hash>, std::mutex, std::lock_guard<std::mutex>>;

/// The same; but readers share the lock.
template <class Hash>
using boost_shared_map = locked_map<boost::unordered_map<int, int, Hash>, std::shared_mutex,
                                    std::shared_lock<std::shared_mutex>>;

}  // namespace maps::third_party
