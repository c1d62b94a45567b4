// The functions of heddle.h.
#include "heddle/heddle.h"

#include "exec/execution.hpp"
#include "target/registry.hpp"

using heddle::exec::engine;
using heddle::exec::EventKind;
using heddle::exec::FindingKind;
using heddle::exec::Order;
using heddle::exec::Thread;
using heddle::target::history;

namespace heddle::target {
namespace {

bool fired = false;

struct Entry {
  const void* object;
  ThreadId thread;
};
constinit Vec<Entry> entered;  // now
bool detector_on = true;
bool undecided = false;

}  // namespace

History& history() {
  static constinit History the_history;
  return the_history;
}

bool detector_fired() { return fired; }

void note_undecided() { undecided = true; }

bool judgement_undecided() { return undecided; }

void begin_execution(bool with_detector) {
  history().clear();
  entered.clear();
  detector_on = with_detector;
  fired = false;
  undecided = false;
}

}  // namespace heddle::target

#define PC reinterpret_cast<heddle::uptr>(__builtin_return_address(0))

extern "C" {

void heddle_check_failed(const char* condition, const char*, int) {
  Thread* thread = heddle::exec::current_thread;
  heddle::Text<600> message;
  message.add("check '%s' does not hold", condition);
  if (thread == nullptr) {
    heddle::environment_failure(message.data);
  }
  message.add(" in T%u", heddle::to_index(thread->id));
  engine().report(*thread, FindingKind::kCheck, "check", PC, message.data);
}

void heddle_assume(int holds) {
  Thread* thread = heddle::exec::current_thread;
  if (holds == 0 && thread != nullptr) {
    engine().block_for_good(*thread);
  }
}

unsigned heddle_choose(unsigned arity) {
  Thread* thread = heddle::exec::current_thread;
  return thread == nullptr || arity < 2 ? 0 : engine().choose(*thread, arity, PC);
}

int heddle_active(void) { return heddle::exec::current_thread != nullptr; }

void heddle_op_begin(const char* name) {
  Thread* thread = heddle::exec::current_thread;
  if (thread == nullptr) {
    return;
  }
  engine().point(*thread, EventKind::kCall, 0, PC);
  heddle::target::HistoryEntry entry = {};
  entry.thread = thread->id;
  entry.operation = heddle::target::kUntyped;
  entry.name = name;
  thread->operation = history().call(entry);
  engine().record(*thread, EventKind::kCall, 0, 0, 0, Order::kRelaxed, PC);
}

void heddle_op_end(void) {
  Thread* thread = heddle::exec::current_thread;
  if (thread == nullptr || thread->operation == heddle::memory::kNoOperation) {
    return;
  }
  history().come_back(thread->operation, heddle::Value{}, thread->epoch);
  engine().record(*thread, EventKind::kReturn, 0, 0, 0, Order::kRelaxed, PC);
  thread->operation = heddle::memory::kNoOperation;
}

void heddle_linearization_point(void) {
  Thread* thread = heddle::exec::current_thread;
  if (thread != nullptr && thread->operation != heddle::memory::kNoOperation) {
    history().entries[thread->operation].commit = ++history().commits;
    engine().record(*thread, EventKind::kCommit, 0, 0, 0, Order::kRelaxed, PC);
  }
}

void heddle_enter(const void* object, const char* what) {
  Thread* thread = heddle::exec::current_thread;
  if (thread == nullptr) {
    return;
  }
  for (const auto& entry : heddle::target::entered) {
    if (entry.object == object) {
      heddle::Text<200> message;
      message.add("T%u enters %s, which T%u has entered and not left", heddle::to_index(thread->id),
                  what, heddle::to_index(entry.thread));
      engine().report(*thread, FindingKind::kMisuse, "re-entry", PC, message.data);
    }
  }
  heddle::target::entered.push_back({object, thread->id});
}

void heddle_leave(const void* object) {
  auto& entered = heddle::target::entered;
  for (heddle::u32 i = 0; i < entered.size(); ++i) {
    if (entered[i].object == object) {
      entered[i] = entered.back();
      entered.pop_back();
      return;
    }
  }
}

void heddle_yielded(long long key, long long value) {
  Thread* thread = heddle::exec::current_thread;
  if (thread == nullptr || thread->operation == heddle::memory::kNoOperation) {
    return;
  }
  heddle::target::HistoryEntry entry = {};
  entry.thread = thread->id;
  entry.operation = heddle::target::kUntyped;
  entry.cursor = heddle::target::kNoCursor;
  entry.role = heddle::Role::kNext;
  entry.name = "yielded";
  entry.call_event = entry.last_event = history().entries[thread->operation].call_event;
  const heddle::u32 at = history().call(entry);
  history().delay_unseen_returns(thread->clock);
  history().come_back(at, heddle::value_of(std::pair(key, value)), thread->epoch);
  engine().record(*thread, EventKind::kYielded, 0, 0, at, Order::kRelaxed, PC);
}

void heddle_probe(const char* name) {
  if (Thread* thread = heddle::exec::current_thread) {
    engine().point(*thread, EventKind::kProbe, 0, PC);
    engine().record(*thread, EventKind::kProbe, reinterpret_cast<heddle::uptr>(name), 0, 0,
                    Order::kRelaxed, PC);
  }
}

void heddle_detector_fired(void) {
  heddle::target::fired = true;
  if (Thread* thread = heddle::exec::current_thread) {
    engine().record(*thread, EventKind::kDetected, 0, 0, 0, Order::kRelaxed, PC);
  }
}

int heddle_detector_on(void) {
  return heddle::exec::current_thread == nullptr || heddle::target::detector_on;
}

}  // extern "C"
