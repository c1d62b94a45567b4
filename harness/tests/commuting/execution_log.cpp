#include "execution_log.hpp"

#include <algorithm>

#include "base/invariant.hpp"
#include "base/rng.hpp"
#include "exec/execution.hpp"

namespace heddle::testing {

ExecutionLog::ExecutionLog() { classes_.reserve(1 << 16); }

void ExecutionLog::begin() {
  for (u64& line : lines_) {
    line = 0;
  }
}

void ExecutionLog::note(u32 line, u64 what) {
  lines_[line] = mix64(lines_[line] ^ mix64(what + 1));
}

void ExecutionLog::note_unordered(u32 line, u64 what) { lines_[line] += mix64(what + 1); }

void ExecutionLog::end() {
  u64 hash = 0;
  for (const u64 line : lines_) {
    hash = mix64(hash ^ line) + 1;
  }
  ++ended_;
  const auto place = std::lower_bound(classes_.begin(), classes_.end(), hash);
  if (place == classes_.end() || *place != hash) {
    HEDDLE_INVARIANT(classes_.size() < classes_.capacity());
    classes_.insert(place, hash);
  }
}

u32 round_of_this_thread() { return exec::current_thread->round; }

}  // namespace heddle::testing
