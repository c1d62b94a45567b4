// Our maps and those of others side by side; README.md says what is measured, and what came out.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "counted_memory.hpp"
#include "maps_under_test.hpp"

namespace {

using Clock = std::chrono::steady_clock;

constexpr int kBatch = 64;         // operations between two looks at the clock
constexpr int kWalkInterval = 16;  // batches between two iterations of a thread
constexpr double kSecondsMin = 0.1;

constexpr int kSmall = 1 << 10;
constexpr int kMiddle = 1 << 15;
constexpr int kLarge = 1 << 20;

/// How many keys a map is tried with; kMiddle is among them if between.
struct Keys {
  int min = kSmall;
  int max = kLarge;
};

/// In percent; the rest are lookups.
struct Workload {
  const char* name;
  unsigned inserts;
  unsigned erases;
  bool iterates = false;
};

constexpr Workload kWorkloads[] = {
    {"read-mostly", 3, 2},       {"balanced", 25, 25},
    {"delete-heavy", 25, 50},    {"iterate-while-writing", 50, 50, true},
    {"without-erasures", 25, 0},
};

class Random {
 public:
  explicit Random(unsigned seed) : state_(seed * 0x9e3779b97f4a7c15U + 1) {}

  std::uint32_t next() {
    state_ ^= state_ << 13;
    state_ ^= state_ >> 7;
    state_ ^= state_ << 17;
    return static_cast<std::uint32_t>(state_ >> 32);
  }

 private:
  std::uint64_t state_;
};

/// Nanoseconds an operation, a sample a batch.
class Latencies {
 public:
  void add(Clock::duration batch) {
    samples_.push_back(static_cast<float>(std::chrono::nanoseconds(batch).count()) / kBatch);
  }

  double percentile(std::size_t percent) {
    const auto at = samples_.begin() + static_cast<std::ptrdiff_t>(samples_.size() * percent / 100);
    std::nth_element(samples_.begin(), at, samples_.end());
    return *at;
  }

 private:
  std::vector<float> samples_;
};

template <class Map>
bool promises(const Workload& workload) {
  return (bench::erasable<Map> || workload.erases == 0) &&
         (bench::iterable<Map> || !workload.iterates);
}

template <class Map>
std::unique_ptr<Map> make_filled(int keys) {
  auto map = std::make_unique<Map>();
  for (int key = 0; key < keys; key += 2) {
    map->insert(key, key);
  }
  return map;
}

/// By what a map gives back when it goes; what it has retired before is not its memory any more.
template <class Map>
double bytes_per_element(int keys) {
  static std::map<int, double> measured;
  const auto [at, is_new] = measured.try_emplace(keys);
  if (is_new) {
    auto map = make_filled<Map>(keys);
    const std::int64_t before = bench::bytes_of_this_thread();
    map = nullptr;
    at->second = static_cast<double>(before - bench::bytes_of_this_thread()) / (keys / 2);
  }
  return at->second;
}

template <class Map>
std::size_t rebuilds(const Map& map) {
  if constexpr (requires { map.dirty_rebuilds(); }) {
    return map.dirty_rebuilds();
  }
  return 0;
}

/// The map that the threads of the running benchmark share, with every other key in it.
template <class Map>
struct Shared {
  explicit Shared(int keys) : map(make_filled<Map>(keys)), rebuilds_before(rebuilds(*map)) {}

  std::unique_ptr<Map> map;
  std::size_t rebuilds_before;
};

template <class Map>
std::unique_ptr<Shared<Map>> shared;

template <class Map>
void run_batch(Map& map, const Workload& workload, Random& random, int keys) {
  for (int i = 0; i < kBatch; ++i) {
    const int key =
        static_cast<int>(std::uint64_t{random.next()} * static_cast<unsigned>(keys) >> 32);
    const unsigned percent = random.next() % 100;
    if (percent < workload.inserts) {
      benchmark::DoNotOptimize(map.insert(key, key));
    } else if (percent < workload.inserts + workload.erases) {
      if constexpr (bench::erasable<Map>) {
        benchmark::DoNotOptimize(map.erase(key));
      }
    } else {
      benchmark::DoNotOptimize(map.find(key));
    }
  }
}

/// Iterates once; the time that took goes to `time`. Returns the number of elements.
template <class Map>
std::int64_t walk(Map& map, Clock::duration& time) {
  const Clock::time_point start = Clock::now();
  std::int64_t elements = 0;
  bench::for_each(map, [&elements](int, int value) {
    benchmark::DoNotOptimize(value);
    ++elements;
  });
  time += Clock::now() - start;
  return elements;
}

/// What one thread says for all.
template <class Map>
void report_map(benchmark::State& state, const Shared<Map>& in) {
  state.counters["bytes_per_element"] = bytes_per_element<Map>(static_cast<int>(state.range(0)));
  if constexpr (requires { in.map->dirty_rebuilds(); }) {
    const auto operations = static_cast<double>(state.iterations() * state.threads()) * kBatch;
    const auto count = static_cast<double>(rebuilds(*in.map) - in.rebuilds_before);
    state.counters["rebuilds_per_1000"] = count * 1000 / operations;
  }
}

template <class Map>
void run(benchmark::State& state, const Workload& workload) {
  const auto keys = static_cast<int>(state.range(0));
  if (state.thread_index() == 0) {
    shared<Map> = std::make_unique<Shared<Map>>(keys);
  }
  Random random(static_cast<unsigned>(state.thread_index()) + 1);
  Latencies latencies;
  Clock::duration walking{};
  std::int64_t walked = 0;
  [[maybe_unused]] int batches = 0;
  for (auto _ : state) {
    const Clock::time_point start = Clock::now();
    run_batch(*shared<Map>->map, workload, random, keys);
    latencies.add(Clock::now() - start);
    if constexpr (bench::iterable<Map>) {
      if (workload.iterates && ++batches % kWalkInterval == 0) {
        walked += walk(*shared<Map>->map, walking);
      }
    }
  }
  using benchmark::Counter;
  state.SetItemsProcessed(state.iterations() * kBatch);
  state.counters["p50_ns"] = Counter(latencies.percentile(50), Counter::kAvgThreads);
  state.counters["p95_ns"] = Counter(latencies.percentile(95), Counter::kAvgThreads);
  if (walked > 0) {
    const auto ns = static_cast<double>(std::chrono::nanoseconds(walking).count());
    state.counters["walk_ns"] = Counter(ns / static_cast<double>(walked), Counter::kAvgThreads);
  }
  if (state.thread_index() == 0) {
    report_map(state, *shared<Map>);
    shared<Map> = nullptr;
  }
}

template <class Map>
void add(const std::string& name, Keys keys = {}) {
  for (const Workload& workload : kWorkloads) {
    if (!promises<Map>(workload)) {
      continue;
    }
    auto* const benchmark = benchmark::RegisterBenchmark(
        (name + "/" + workload.name).c_str(),
        [&workload](benchmark::State& state) { run<Map>(state, workload); });
    benchmark->ArgName("keys")->RangeMultiplier(32)->Range(keys.min, keys.max);
    benchmark->ThreadRange(1, 2)->UseRealTime()->MinTime(kSecondsMin);
  }
}

#if HEDDLE_BENCH_XENIUM
/// To take a snapshot and give it back, with nothing else going on.
void take_snapshot(benchmark::State& state) {
  const auto filled = make_filled<bench::snapshot_map>(static_cast<int>(state.range(0)));
  for (auto _ : state) {
    benchmark::DoNotOptimize(filled->snapshot().begin());
  }
}
#endif

void add_ours() {
  add<bench::chained_map>("chained_map");
  add<bench::deferred_map>("deferred_map");
  add<bench::dict_map>("dict_map");
  add<bench::go_map>("go_map");
  add<bench::swiss_map>("swiss_map");
  add<bench::hash_trie_map>("hash_trie_map");
  add<bench::rwlock_map>("rwlock_map");
  add<bench::sharded_map>("sharded_map");
  add<bench::sync_map>("sync_map");
  add<bench::transfer_map>("transfer_map");
  add<bench::versioned_map>("versioned_map");
#if HEDDLE_BENCH_XENIUM
  add<bench::relocating_map>("relocating_map");
  add<bench::split_ordered_map>("split_ordered_map");
  // A write copies the whole map, also while it is filled.
  add<bench::snapshot_map>("snapshot_map", {.max = kMiddle});
  benchmark::RegisterBenchmark("snapshot_map/snapshot", take_snapshot)
      ->ArgName("keys")
      ->RangeMultiplier(32)
      ->Range(kSmall, kMiddle)
      ->MinTime(kSecondsMin);
#endif
}

// With a fixed number of buckets: two for each element, but for the small map.
template <class ForMiddle, class ForLarge>
void add_fixed(const std::string& name) {
  add<ForMiddle>(name, {.max = kMiddle});
  add<ForLarge>(name, {.min = kLarge});
}

void add_others() {
  add<bench::unordered_map>("unordered_map");
#if HEDDLE_BENCH_BOOST
  add<bench::boost_flat_map>("boost_flat_map");
  add<bench::boost_node_map>("boost_node_map");
  add<bench::boost_shared_map>("boost_shared_map");
#endif
#if HEDDLE_BENCH_LIBCDS
  add<bench::libcds_striped_map>("libcds_striped_map");
#endif
#ifdef HEDDLE_BENCH_LIBCDS_LIBRARY
  add<bench::libcds_feldman_trie>("libcds_feldman_map");
  add_fixed<bench::libcds_michael<kMiddle>, bench::libcds_michael<kLarge>>("libcds_michael_map");
  add<bench::libcds_split_list>("libcds_split_list_map");
#endif
#if HEDDLE_BENCH_LIBCUCKOO
  add<bench::libcuckoo_map>("libcuckoo_map");
#endif
#if HEDDLE_BENCH_TBB
  add<bench::tbb_hash_map>("tbb_hash_map");
  add<bench::tbb_unordered_map>("tbb_unordered_map");
#endif
#if HEDDLE_BENCH_XENIUM
  add_fixed<bench::xenium_harris_michael_map<kMiddle>, bench::xenium_harris_michael_map<kLarge>>(
      "xenium_harris_michael_map");
  add<bench::xenium_vyukov_map>("xenium_vyukov_map");
#endif
}

}  // namespace

int main(int argc, char** argv) {
  // Two minutes at most, unless the caller wants more: the middle size.
  std::string filter = "--benchmark_filter=/keys:" + std::to_string(kMiddle) + "(/|$)";
  std::vector<char*> arguments(argv, argv + argc);
  arguments.insert(arguments.begin() + 1, filter.data());  // a later one counts
  int count = static_cast<int>(arguments.size());
  benchmark::Initialize(&count, arguments.data());
  if (benchmark::ReportUnrecognizedArguments(count, arguments.data())) {
    return 1;
  }
  add_ours();
  add_others();
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
}
