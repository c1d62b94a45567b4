#include "oracle/heap.hpp"

#include "oracle/describe.hpp"
#include "oracle/oracles.hpp"

namespace heddle::oracle {
namespace {

using exec::Execution;
using exec::Finding;
using exec::FindingKind;
using exec::Thread;
using memory::Block;
using memory::BlockState;

Finding& heap_finding(Thread& thread, const char* rule, uptr address, u32 block, uptr pc) {
  Execution& execution = exec::engine();
  Finding& finding = execution.new_finding();
  finding.kind = FindingKind::kHeap;
  finding.rule = rule;
  finding.thread = thread.id;
  finding.pc = pc;
  finding.address = address;
  finding.block = block;
  finding.message.clear();
  return finding;
}

/// Conservative reachability, as a leak checker's.
class Reachability {
 public:
  explicit Reachability(Execution& execution) : execution_(execution) {}

  void add_root(u64 word) {
    const u32 index = block_of(word);
    if (index == 0 || execution_.arena().block(index).state != BlockState::kLive ||
        reached(index)) {
      return;
    }
    marks_[index] = true;
    ++reached_count_;
    pending_.push_back(index);
  }

  void close() {
    while (!pending_.empty()) {
      const Block& block = execution_.arena().block(pending_.back());
      pending_.pop_back();
      const auto* words = reinterpret_cast<const u64*>(block.address);
      for (uptr i = 0; i < block.size / 8; ++i) {
        add_root(words[i]);
      }
    }
  }

  void start() {
    marks_.resize(execution_.arena().last_block() + 1);
    for (bool& mark : marks_) {
      mark = false;
    }
    pending_.clear();
    reached_count_ = 0;
  }

  bool reached(u32 index) const { return marks_[index]; }
  bool reached_all() const { return reached_count_ == execution_.arena().live_count(); }

 private:
  u32 block_of(u64 word) {
    // Where blocks can be: the arena, or another allocator's part of the user address space.
    if (!memory::in_heap(word) && (word < 0x5000'0000'0000 || word >= 0x7000'0000'0000)) {
      return 0;
    }
    return execution_.shadow().cell(word & ~uptr{7}).block;
  }

  Execution& execution_;
  Vec<bool> marks_;
  Vec<u32> pending_;
  u32 reached_count_ = 0;
};

/// A program may end while threads run, and libraries hold memory for it.
void add_roots_of_program(Execution& execution, Reachability& reachability) {
  for (u32 index = 1; index <= execution.arena().last_block(); ++index) {
    const Block& block = execution.arena().block(index);
    if (block.state == BlockState::kLive && block.by_library) {
      reachability.add_root(block.address);
    }
  }
  for (u32 i = 0; i < execution.thread_count(); ++i) {
    execution.each_word_of(execution.thread(to_thread_id(i)),
                           [&](u64 word) { reachability.add_root(word); });
  }
  reachability.close();
  if (reachability.reached_all()) {
    return;  // as always where only buffers of streams are left; there are many other roots
  }
  execution.surroundings()->each_root(
      [](void* roots, u64 word) { static_cast<Reachability*>(roots)->add_root(word); },
      &reachability);
}

class LeakOracle final : public exec::Oracle {
 public:
  // Nobody is asked to give back to the kernel what the end of the process does.
  static bool is_mapping(const Block& block) {
    return block.state == BlockState::kLive && block.kind == memory::AllocKind::kMap;
  }

  void on_end(Execution& execution) override {
    if (execution.arena().live_count() == 0) {
      return;
    }
    static Reachability reachability(execution);
    reachability.start();
    for (u32 index = 1; index <= execution.arena().last_block(); ++index) {
      if (is_mapping(execution.arena().block(index))) {
        reachability.add_root(execution.arena().block(index).address);
      }
    }
    execution.rollback().each_written([](u64 word) { reachability.add_root(word); });
    if (execution.surroundings() != nullptr) {
      add_roots_of_program(execution, reachability);
    }
    reachability.close();
    u32 first = 0;
    u32 blocks = 0;
    uptr bytes = 0;
    for (u32 index = 1; index <= execution.arena().last_block(); ++index) {
      Block& block = execution.arena().block(index);
      if (block.state == BlockState::kLive && !reachability.reached(index)) {
        block.state = BlockState::kLeaked;
        first = first == 0 ? index : first;
        ++blocks;
        bytes += block.size;
      }
    }
    if (first == 0) {
      return;
    }
    const Block& block = execution.arena().block(first);
    Finding& finding =
        heap_finding(execution.thread(block.thread), "leak", block.address, first, block.alloc_pc);
    finding.message.add(
        "leak: %zu bytes in %u block%s still allocated at the end and not reachable; the first: ",
        static_cast<std::size_t>(bytes), blocks, blocks == 1 ? "" : "s");
    describe_location(finding.message, block.address);
    finding.event = block.alloc_event;
    execution.commit_finding(finding);
  }
};

/// What is wrong with an access to bytes that are not addressable; `elsewhere` is the rule for
/// memory that is no heap block's.
Finding& access_finding(Thread& thread, uptr address, u32 size, u8 flags, uptr pc,
                        const char* elsewhere) {
  Execution& execution = exec::engine();
  const u32 index = execution.arena().block_near(address);
  const char* rule = elsewhere;
  if (index != 0) {
    const Block& block = execution.arena().block(index);
    const bool inside = address >= block.address && address < block.address + block.size;
    rule =
        !inside || (address + size > block.address + block.size && block.state == BlockState::kLive)
            ? "buffer-overflow"
            : "use-after-free";
  }
  Finding& finding = heap_finding(thread, rule, address, index, pc);
  finding.message.add("%s%s: T%u %s %u byte%s of ", index != 0 ? "heap-" : "", rule,
                      to_index(thread.id), (flags & memory::kWrite) != 0 ? "writes" : "reads", size,
                      size == 1 ? "" : "s");
  describe_location(finding.message, address);
  if (index != 0) {
    const Block& block = execution.arena().block(index);
    finding.other_event = block.state == BlockState::kFreed ? block.free_event : block.alloc_event;
    if (block.state == BlockState::kFreed) {
      finding.message.add(", freed by T%u", to_index(block.freed_by));
    }
  }
  return finding;
}

Finding& free_finding(Thread& thread, uptr address, u32 index, uptr pc) {
  const char* rule = index != 0 ? "double-free" : "invalid-free";
  Finding& finding = heap_finding(thread, rule, address, index, pc);
  finding.message.add("heap-%s: T%u frees ", rule, to_index(thread.id));
  describe_location(finding.message, address);
  if (index != 0) {
    const Block& block = exec::engine().arena().block(index);
    finding.message.add(", already freed by T%u", to_index(block.freed_by));
    finding.other_event = block.free_event;
  }
  return finding;
}

}  // namespace

void report_unaddressable(Thread& thread, uptr address, u32 size, u8 flags, uptr pc) {
  const exec::SanitizerReport* report = nullptr;
  if (exec::Sanitizer* sanitizer = exec::engine().sanitizer()) {
    report = sanitizer->on_access(address, size, flags, pc);
    if (report == nullptr) {
      return;
    }
  }
  Finding& finding = access_finding(thread, address, size, flags, pc,
                                    report == nullptr ? "wild-access" : report->rule);
  finding.detail.clear();
  finding.detail.add("%s", report == nullptr ? "" : report->text);
  exec::engine().commit_finding(finding);
}

void report_ended_stack(Thread& thread, uptr address, u32 size, u8 flags, uptr pc) {
  Finding& finding = heap_finding(thread, "stack-use-after-return", address, 0, pc);
  finding.message.add("stack-use-after-return: T%u %s %u byte%s of ", to_index(thread.id),
                      (flags & memory::kWrite) != 0 ? "writes" : "reads", size,
                      size == 1 ? "" : "s");
  describe_location(finding.message, address);
  finding.message.add(", which has ended");
  exec::engine().commit_finding(finding);
}

void report_bad_free(Thread& thread, uptr address, u32 index, uptr pc) {
  const exec::SanitizerReport* report = nullptr;
  if (exec::Sanitizer* sanitizer = exec::engine().sanitizer()) {
    report = sanitizer->on_free(address);
    if (report == nullptr) {
      return;
    }
  }
  Finding& finding = free_finding(thread, address, index, pc);
  finding.detail.clear();
  finding.detail.add("%s", report == nullptr ? "" : report->text);
  exec::engine().commit_finding(finding);
}

Finding& sanitizer_finding(Thread& thread, const exec::SanitizerReport& report) {
  Finding& finding =
      access_finding(thread, report.address, report.size, report.flags, report.pc, report.rule);
  finding.detail.clear();
  finding.detail.add("%s", report.text);
  return finding;
}

void report_mismatched_free(Thread& thread, u32 index, uptr pc) {
  static constexpr const char* kObtained[] = {"malloc", "new", "new[]", "mmap"};
  const Block& block = exec::engine().arena().block(index);
  Finding& finding = heap_finding(thread, "mismatched-free", block.address, index, pc);
  finding.message.add("heap-mismatched-free: T%u frees in another way than by the one for %s: ",
                      to_index(thread.id), kObtained[static_cast<u8>(block.kind)]);
  describe_location(finding.message, block.address);
  finding.other_event = block.alloc_event;
  exec::engine().commit_finding(finding);
}

exec::Oracle& leak_oracle() {
  static LeakOracle oracle;
  return oracle;
}

}  // namespace heddle::oracle
