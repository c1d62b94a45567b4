// What tests of iteration contracts share.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <initializer_list>
#include <string>
#include <vector>

#include "exec/finding.hpp"
#include "target/history.hpp"

namespace heddle::testing {

using target::HistoryEntry;

constexpr u64 kNever = target::kNotReturned;

inline const char* name_of(Role role) {
  switch (role) {
    case Role::kAssign: return "assign";
    case Role::kInsert: return "insert";
    case Role::kErase: return "erase";
    case Role::kFind: return "find";
    case Role::kContains: return "contains";
    case Role::kExchange: return "exchange";
    case Role::kFindOrInsert: return "find_or_insert";
    case Role::kTake: return "take";
    case Role::kCompareExchange: return "compare_exchange";
    case Role::kCompareErase: return "compare_erase";
    case Role::kSize: return "size";
    case Role::kClear: return "clear";
    case Role::kClearEach: return "clear_each";
    case Role::kOpen: return "open";
    case Role::kNext: return "next";
    case Role::kEraseCurrent: return "erase_current";
    case Role::kIterate: return "iterate";
    default: return "other";
  }
}

/// Takes effect, where that is asked, at its return.
inline HistoryEntry entry_of(u32 thread, Role role, std::initializer_list<i64> arguments, u64 from,
                             u64 to) {
  HistoryEntry entry = {};
  entry.thread = to_thread_id(thread);
  entry.role = role;
  entry.name = name_of(role);
  entry.argument_count = static_cast<u8>(arguments.size());
  std::copy(arguments.begin(), arguments.end(), entry.arguments);
  entry.called = from;
  entry.returned_at = to;
  entry.returned = to != kNever;
  entry.commit = to;
  return entry;
}

struct Verdict {
  std::string rule;  // empty: nothing found
  std::string message;
};

inline Verdict judge(const Contract& contract, const std::vector<HistoryEntry>& entries) {
  static target::History history;
  static exec::Finding finding;
  history.clear();
  for (const HistoryEntry& entry : entries) {
    history.entries.push_back(entry);
  }
  if (!contract.violated(history, finding)) {
    return {};
  }
  EXPECT_LT(finding.operation, history.entries.size());
  EXPECT_EQ(std::string(finding.message.data).find("0x"), std::string::npos);
  EXPECT_EQ(std::string(finding.message.data).find('\n'), std::string::npos);
  return {finding.rule, finding.message.data};
}

}  // namespace heddle::testing
