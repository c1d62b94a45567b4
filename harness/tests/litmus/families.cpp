#include "families.hpp"

namespace heddle::litmus {
namespace {

constexpr std::nullopt_t kUnknown = std::nullopt;

/// The same under all models.
constexpr Member always(const char* family, u32 n, Origin origin, u64 complete, bool small) {
  return {family, n, origin, {complete, complete, complete}, small};
}

constexpr Member kMembers[] = {
    // n! orders of updates, or of stores.
    always("fetch_adds", 2, Origin::kHand, 2, true),
    always("fetch_adds", 5, Origin::kHand, 120, true),
    always("fetch_adds", 7, Origin::kHand, 5040, false),
    always("fetch_adds", 8, Origin::kHand, 40320, false),
    always("writers", 2, Origin::kHand, 2, true),
    always("writers", 6, Origin::kHand, 720, true),
    always("writers", 7, Origin::kHand, 5040, true),
    // 2^n: each reader sees the store, or not.
    always("readers", 2, Origin::kHand, 4, true),
    always("readers", 8, Origin::kHand, 256, true),
    always("readers", 13, Origin::kHand, 8192, false),
    always("readers", 15, Origin::kHand, 32768, false),
    // One location of which a thread meets one store only: the model does not matter.
    always("casrot", 2, Origin::kGenMC, 2, true),
    always("casrot", 3, Origin::kGenMC, 5, true),
    always("casrot", 4, Origin::kGenMC, 14, true),
    always("casrot", 5, Origin::kGenMC, 43, true),
    always("casrot", 6, Origin::kGenMC, 144, true),
    always("casrot", 7, Origin::kGenMC, 523, true),
    always("casrot", 8, Origin::kGenMC, 2048, true),
    always("casrot", 9, Origin::kGenMC, 8597, false),
    // GenMC has 5, 10 and 15; with the others it is (n + 3) * 2^(n - 2).
    always("lastzero", 2, Origin::kComputed, 5, true),
    always("lastzero", 3, Origin::kComputed, 12, true),
    always("lastzero", 4, Origin::kComputed, 28, true),
    always("lastzero", 5, Origin::kGenMC, 64, true),
    always("lastzero", 6, Origin::kComputed, 144, true),
    always("lastzero", 10, Origin::kGenMC, 3328, false),
    always("lastzero", 15, Origin::kGenMC, 147456, false),
    always("fibonacci", 1, Origin::kComputed, 11, true),
    {"fibonacci", 2, Origin::kComputed, {140, 153, 153}, true},
    {"fibonacci", 3, Origin::kComputed, {1698, 2258, 2258}, true},
    {"fibonacci", 5, Origin::kGenMC, {218243, kUnknown, 525630}, false},
    // Entries i * 11 + thread meet in three slots for each pair of threads that are 11 apart: 8
    // ways
    // for each of n - 11 pairs. No second collision up to 22 threads. GenMC has 12 and 15.
    always("indexer", 2, Origin::kHand, 1, false),
    always("indexer", 11, Origin::kHand, 1, false),
    always("indexer", 12, Origin::kHand, 8, false),
    always("indexer", 13, Origin::kHand, 64, false),
    always("indexer", 15, Origin::kHand, 4096, false),
    always("indexer", 16, Origin::kHand, 32768, false),
    always("treiber_stack", 2, Origin::kComputed, 2, true),
    always("treiber_stack", 3, Origin::kComputed, 20, true),
    always("treiber_stack", 4, Origin::kComputed, 600, true),
    always("ms_queue", 2, Origin::kComputed, 4, true),
    always("ms_queue", 3, Origin::kComputed, 128, true),
    always("mpmc_queue", 2, Origin::kComputed, 2, true),
    always("mpmc_queue", 3, Origin::kComputed, 14, true),
    {"mpmc_queue", 4, Origin::kComputed, {756, 756, 864}, true},
    always("chase_lev", 1, Origin::kComputed, 8, true),
    {"chase_lev", 2, Origin::kComputed, {117, 117, 123}, true},
    {"chase_lev", 3, Origin::kComputed, {3016, 3016, 3178}, false},
    always("seqlock", 1, Origin::kComputed, 11, true),
    always("seqlock", 2, Origin::kComputed, 121, true),
    always("seqlock", 3, Origin::kComputed, 1331, false),
    always("seqlock", 4, Origin::kComputed, 14641, false),
    // n! orders of tickets.
    always("ticket_lock", 2, Origin::kHand, 2, true),
    always("ticket_lock", 3, Origin::kHand, 6, true),
    always("ticket_lock", 4, Origin::kHand, 24, true),
    always("ticket_lock", 5, Origin::kHand, 120, false),
    // Of two, the second comes after the first is gone, or before that: then the first sees it at
    // once, or only when it can not set the lock free.
    always("mcs_lock", 2, Origin::kHand, 6, true),
    always("mcs_lock", 3, Origin::kComputed, 66, true),
    always("mcs_lock", 4, Origin::kComputed, 1080, false),
    always("rw_lock", 2, Origin::kComputed, 6, true),
    always("rw_lock", 3, Origin::kComputed, 652, false),
    {"peterson", 2, Origin::kGenMC, {4, 22, 22}, true},
    always("peterson_sc", 2, Origin::kGenMC, 4, true),
    always("peterson_fenced", 2, Origin::kComputed, 4, true),
    always("dekker_fenced", 2, Origin::kGenMC, 3, true),
};

}  // namespace

std::span<const Member> members() { return kMembers; }

}  // namespace heddle::litmus
