#include <initializer_list>

#include "base/rare.hpp"
#include "exec/image.hpp"
#include "exec/thread_sanitizer.hpp"
#include "oracle/describe.hpp"
#include "oracle/heap.hpp"
#include "oracle/oracles.hpp"

namespace heddle::oracle {
namespace {

using exec::Execution;
using exec::Finding;
using exec::FindingKind;
using exec::SyncVar;
using exec::Thread;
using memory::AccessEntry;
using memory::Cell;

/// Entries beyond what a cell holds, as a list.
struct Spill {
  AccessEntry entry;
  u32 next;
};

bool conflict(u8 a, u8 b) {
  return ((a | b) & memory::kWrite) != 0 && (a & b & memory::kAtomic) == 0;
}

const char* word_for(u8 flags) {
  if ((flags & memory::kFree) != 0) {
    return "free";
  }
  if ((flags & memory::kAtomic) != 0) {
    return (flags & memory::kWrite) != 0 ? "atomic write" : "atomic read";
  }
  return (flags & memory::kWrite) != 0 ? "write" : "read";
}

class AccessJudge final : public exec::AccessOracle {
 public:
  __attribute__((always_inline)) void on_plain(Thread& thread, uptr granule, Cell& cell,
                                               AccessEntry now, uptr pc) override {
    if (cell.count != 1 || cell.sync != 0 || !surely_seen(thread, cell.entries[0])) {
      judge_plain(thread, granule, cell, now, pc);
    } else if (now.covers(cell.entries[0])) {
      cell.entries[0] = now;
    } else {
      cell.entries[1] = now;
      cell.count = 2;
    }
  }

  void on_free(Thread& thread, uptr granule, Cell& cell, uptr pc) override {
    if (__builtin_expect(cell.sync != 0 || !surely_seen(thread, cell), 0)) {
      const AccessEntry now(thread.epoch, thread.id, cell.valid, memory::kWrite | memory::kFree);
      judge(thread, granule, cell, now, pc);
      judge_atomics(thread, granule, cell, now, pc);
    }
  }

  __attribute__((always_inline)) void on_atomic(Thread& thread, SyncVar& variable, Cell& cell,
                                                u8 mask, u8 flags, uptr pc) override {
    if (__builtin_expect(!surely_seen(thread, cell), 0)) {
      const AccessEntry now(thread.epoch, thread.id, mask, flags);
      judge(thread, variable.address & ~uptr{7}, cell, now, pc);
    }
    auto& history = (flags & memory::kWrite) != 0 ? variable.atomic_writes : variable.atomic_reads;
    history.set(thread.id, thread.epoch);
  }

  void on_block_of_another(Thread& thread, u32 block, uptr granule, AccessEntry access,
                           uptr pc) override {
    const memory::Block& known = exec::engine().arena().block(block);
    const AccessEntry allocation(known.epoch, known.thread, 0xff, memory::kWrite);
    if (!known.by_library && !ordered(thread, allocation)) {  // how libraries share is not seen
      report_unknown_block(thread, known, granule, access, pc);
    }
  }

  void on_unaddressable(Thread& thread, uptr address, u32 size, u8 flags, uptr pc) override {
    report_unaddressable(thread, address, size, flags, pc);
  }

  void on_ended_stack(Thread& thread, uptr address, u32 size, u8 flags, uptr pc) override {
    report_ended_stack(thread, address, size, flags, pc);
  }

  void on_mismatched_free(Thread& thread, u32 block, uptr pc) override {
    report_mismatched_free(thread, block, pc);
  }

  void on_bad_free(Thread& thread, uptr address, u32 block, uptr pc) override {
    report_bad_free(thread, address, block, pc);
  }

  Finding& on_sanitizer_report(Thread& thread, const exec::SanitizerReport& report) override {
    return sanitizer_finding(thread, report);
  }

 private:
  /// True only if the access happens before what the thread does now, as is mostly so. Does not
  /// look far: what it denies must be judged.
  static bool surely_seen(const Thread& thread, AccessEntry entry) {
    return thread.clock.surely_has(entry.thread(), entry.epoch());
  }

  /// The same of all that the cell remembers: rarely more than one access.
  static bool surely_seen(const Thread& thread, const Cell& cell) {
#pragma clang loop unroll(disable)
    for (u32 i = 0; i < cell.count; ++i) {
      if (!surely_seen(thread, cell.entries[i])) {
        return false;
      }
    }
    return (cell.flags & memory::kSpilled) == 0;
  }

  /// A thread's own accesses are: its epoch is its own component of its clock.
  static bool ordered(const Thread& thread, AccessEntry entry) {
    return entry.epoch() <= thread.clock.get(entry.thread());
  }

  /// Reports if `now` races with `entry`, which does not happen before it.
  void judge_unordered(Thread& thread, uptr granule, AccessEntry entry, AccessEntry now, uptr pc) {
    if ((entry.mask() & now.mask()) != 0 && conflict(entry.flags(), now.flags())) {
      report_race(thread, granule, entry, now, pc);
    }
  }

  /// Compares `now` with the remembered accesses.
  HEDDLE_RARE void judge(Thread& thread, uptr granule, Cell& cell, AccessEntry now, uptr pc) {
    if ((cell.flags & memory::kSpilled) != 0) {
      judge_spilled(thread, granule, cell, now, pc);
    }
    for (u32 i = 0; i < cell.count; ++i) {
      if (!ordered(thread, cell.entries[i])) {
        judge_unordered(thread, granule, cell.entries[i], now, pc);
      }
    }
  }

  /// The same for a plain access, which is remembered in the place of those that it covers.
  HEDDLE_RARE void judge_plain(Thread& thread, uptr granule, Cell& cell, AccessEntry now, uptr pc) {
    if ((cell.flags & memory::kSpilled) != 0) {
      judge_spilled(thread, granule, cell, now, pc);
    } else {
      judge_and_replace(thread, granule, cell, now, pc);
    }
    judge_atomics(thread, granule, cell, now, pc);
    insert(cell, now);
  }

  void judge_and_replace(Thread& thread, uptr granule, Cell& cell, AccessEntry now, uptr pc) {
    u32 kept = 0;
    for (u32 i = 0; i < cell.count; ++i) {
      const AccessEntry entry = cell.entries[i];
      if (!ordered(thread, entry)) {
        judge_unordered(thread, granule, entry, now, pc);
      } else if (now.covers(entry)) {
        continue;
      }
      cell.entries[kept++] = entry;
    }
    cell.count = static_cast<u8>(kept);
  }

  void judge_spilled(Thread& thread, uptr granule, Cell& cell, AccessEntry now, uptr pc) {
    const bool replaces = (now.flags() & memory::kAtomic) == 0;
    u32 kept = 0;
    for (u32 index = cell.entries[0].epoch(); index != 0;) {
      Spill& spill = spills()[index];
      const u32 next = spill.next;
      const AccessEntry entry = spill.entry;
      const bool is_ordered = ordered(thread, entry);
      if (!is_ordered) {
        judge_unordered(thread, granule, entry, now, pc);
      }
      if (!(is_ordered && replaces && now.covers(entry))) {
        spill.next = kept;
        kept = index;
      }
      index = next;
    }
    set_list(cell, kept);
  }

  static void set_list(Cell& cell, u32 head) {
    cell.entries[0] = AccessEntry(head, ThreadId{0}, 0, 0);
  }

  void insert(Cell& cell, AccessEntry now) {
    const bool spilled = (cell.flags & memory::kSpilled) != 0;
    if (__builtin_expect(!spilled && cell.count < Cell::kEntries, 1)) {
      cell.entries[cell.count++] = now;
    } else {
      insert_spilled(cell, now);
    }
  }

  HEDDLE_RARE void insert_spilled(Cell& cell, AccessEntry now) {
    if ((cell.flags & memory::kSpilled) == 0) {
      u32 list = 0;
      for (u32 i = 0; i < Cell::kEntries; ++i) {
        list = push(cell.entries[i], list);
      }
      set_list(cell, list);
      cell.count = 0;
      cell.flags |= memory::kSpilled;
    }
    set_list(cell, push(now, cell.entries[0].epoch()));
  }

  u32 push(AccessEntry entry, u32 next) {
    const u32 index = spills().take();
    spills()[index] = Spill{entry, next};
    return index;
  }

  /// The list belongs to the execution whose stamp made it.
  Pool<Spill>& spills() {
    const u32 stamp = exec::engine().shadow().stamp();
    if (stamp != spills_stamp_) {
      spills_stamp_ = stamp;
      spills_.reset();
    }
    return spills_;
  }

  /// A plain access against the atomic ones of every variable in the granule.
  void judge_atomics(Thread& thread, uptr granule, Cell& cell, AccessEntry now, uptr pc) {
    Execution& execution = exec::engine();
    for (u32 index = cell.sync; index != 0; index = execution.variable(index).next) {
      SyncVar& variable = execution.variable(index);
      const u32 shift = static_cast<u32>(variable.address & 7);
      const u32 bytes = variable.size + shift <= 8 ? variable.size : 8 - shift;
      const u8 mask = static_cast<u8>(((1u << bytes) - 1) << shift);
      if ((mask & now.mask()) == 0) {
        continue;
      }
      for (const u8 kind : {memory::kWrite, memory::kRead}) {
        const auto& history =
            kind == memory::kWrite ? variable.atomic_writes : variable.atomic_reads;
        const ThreadId other = history.first_unseen(thread.clock);
        if (other != ThreadId::kNone && other != thread.id &&
            conflict(now.flags(), static_cast<u8>(kind | memory::kAtomic))) {
          const AccessEntry earlier{history.get(other), other, mask,
                                    static_cast<u8>(kind | memory::kAtomic)};
          report_race(thread, granule, earlier, now, pc);
        }
      }
    }
  }

  void report_race(Thread& thread, uptr granule, AccessEntry earlier, AccessEntry now, uptr pc) {
    if (exec::is_errno(granule)) {
      return;
    }
    Execution& execution = exec::engine();
    Finding& finding = execution.new_finding();
    finding.kind = FindingKind::kRace;
    finding.rule =
        ((earlier.flags() | now.flags()) & memory::kFree) != 0 ? "race-with-free" : "data-race";
    finding.thread = thread.id;
    finding.pc = pc;
    const u32 first_byte =
        static_cast<u32>(__builtin_ctz(static_cast<u32>(earlier.mask() & now.mask())));
    finding.address = granule + first_byte;
    finding.block = execution.shadow().cell(granule).block;
    finding.other_event = find_event(earlier, finding.address);
    finding.message.clear();
    finding.message.add("data race on ");
    describe_location(finding.message, finding.address);
    finding.message.add(": %s by T%u is not ordered with the %s by T%u before it",
                        word_for(now.flags()), to_index(now.thread()), word_for(earlier.flags()),
                        to_index(earlier.thread()));
    if (exec::tsan::kPresent && &finding == &execution.finding()) {
      const char* opinion = exec::tsan::opinion_on(granule, now, pc);
      finding.second_opinion = opinion != nullptr ? "agrees" : "silent";
      finding.detail.add("ThreadSanitizer %s\n%s", opinion != nullptr ? "agrees:" : "is silent.",
                         opinion != nullptr ? opinion : "");
    }
    execution.commit_finding(finding);
  }

  HEDDLE_RARE void report_unknown_block(Thread& thread, const memory::Block& block, uptr granule,
                                        AccessEntry now, uptr pc) {
    Execution& execution = exec::engine();
    Finding& finding = execution.new_finding();
    finding.kind = FindingKind::kRace;
    finding.rule = "race-with-allocation";
    finding.thread = thread.id;
    finding.pc = pc;
    finding.address = granule + static_cast<u32>(__builtin_ctz(now.mask()));
    finding.block = execution.shadow().cell(granule).block;
    finding.other_event = block.alloc_event;
    finding.message.clear();
    finding.message.add("data race on ");
    describe_location(finding.message, finding.address);
    finding.message.add(": %s by T%u is not ordered with the allocation by T%u before it",
                        word_for(now.flags()), to_index(now.thread()), to_index(block.thread));
    execution.commit_finding(finding);
  }

  /// The trace's last event of that thread that touched the byte in that way.
  static u32 find_event(AccessEntry earlier, uptr address) {
    const auto& events = exec::engine().events();
    const bool write = (earlier.flags() & memory::kWrite) != 0;
    for (u32 i = events.size(); i > 0; --i) {
      const exec::Event& event = events[i - 1];
      const uptr bytes = event.kind == exec::EventKind::kFree ? event.value : event.size;
      const bool writes =
          event.kind == exec::EventKind::kWrite || event.kind == exec::EventKind::kStore ||
          event.kind == exec::EventKind::kUpdate || event.kind == exec::EventKind::kFree;
      if (event.thread == earlier.thread() && writes == write && address - event.address < bytes) {
        return i - 1;
      }
    }
    return memory::kNoEvent;
  }

  Pool<Spill> spills_;
  u32 spills_stamp_ = 0;
};

}  // namespace

exec::AccessOracle& access_oracle() {
  static constinit AccessJudge judge;
  return judge;
}

}  // namespace heddle::oracle
