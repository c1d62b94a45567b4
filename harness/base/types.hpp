// In-target world. The vocabulary of plain types that every room shares.
#pragma once

#include <cstddef>
#include <cstdint>

namespace heddle {

using u8 = std::uint8_t;
using u16 = std::uint16_t;
using u32 = std::uint32_t;
using u64 = std::uint64_t;
using i64 = std::int64_t;
using uptr = std::uintptr_t;
__extension__ using u128 = unsigned __int128;

/// A logical thread of the target, numbered in creation order; 0 runs the body.
enum class ThreadId : u16 { kNone = 0xffff };

constexpr u32 to_index(ThreadId id) { return static_cast<u32>(id); }

constexpr ThreadId to_thread_id(u32 index) { return static_cast<ThreadId>(index); }

/// Most logical threads that may be created in one execution.
constexpr u32 kThreadCountMax = 1024;

}  // namespace heddle
