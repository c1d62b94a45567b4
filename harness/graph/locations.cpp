// The locations that events act on, and what tells them apart.

#include <cstring>

#include "base/rng.hpp"
#include "exec/execution.hpp"
#include "exec/image.hpp"
#include "exec/naming.hpp"
#include "graph/memory.hpp"

namespace heddle::graph {

using exec::engine;
using exec::ObjectOperation;
using exec::SyncVar;
using exec::Thread;

u64 name_of(u128 value) {
  const u64 low = static_cast<u64>(value);
  return mix64(memory::in_space(low) ? low : exec::stable_value(engine(), low)) ^
         static_cast<u64>(value >> 64);
}

namespace {

constexpr u32 kQueue = 0;  // in the place of a size

// The same in each process, but for memory that is the system's.
u64 name_of_address(uptr address) {
  if (memory::in_space(address)) {
    return address;
  }
  if (engine().shadow().cell(address & ~uptr{7}).block != 0) {
    return exec::stable_name(engine(), address);
  }
  const u64 early = exec::early_name(address);
  return early != 0 ? early : exec::without_bias(address);
}

// Objects that are in the same place one after the other are different locations.
u64 place_of(const SyncVar& variable, u32 size) {
  return mix64(mix64(name_of_address(variable.address)) ^ variable.lifetimes) ^ size;
}

}  // namespace

// Locations outlive executions, so those that begin otherwise are different ones; but where the
// graph has the event already, they begin as they did then. What differs nevertheless is what was
// left in memory: a store comes first, and compilers leave the initialisation before it out.
u32 GraphMemory::location_of(Thread& thread, SyncVar& variable, u32 size, u128 initial) {
  if (variable.location == 0) {
    refuse_overlap(thread, variable, size);
    const u64 place = place_of(variable, size);
    if (repeats() && graph_.location(graph_[at_ + 1].location).place == place) {
      variable.location = graph_[at_ + 1].location;
      graph_.location(variable.location).initial = initial;
    } else {
      variable.location = graph_.location_of(place, size, initial, name_of(initial));
    }
  }
  if (graph_.location(variable.location).size != size) {
    refuse_mixed(thread, variable.location, variable.address, size);
  }
  return variable.location;
}

// Not all plain writes are seen: compilers leave those to objects out that only one thread knows.
// Then memory holds something else than the newest store, and that begins another life.
u32 GraphMemory::atomic_at(Thread& thread, SyncVar& variable, u32 size) {
  u128 newest = 0;
  std::memcpy(&newest, reinterpret_cast<const void*>(variable.address), size);
  const u32 location = variable.location;
  if (location != 0 && graph_.location(location).size == size &&
      graph_.value_of(location, newest_of(location)) != newest) {
    variable.location = 0;
    ++variable.lifetimes;
  }
  return location_of(thread, variable, size, newest);
}

// Another location has some of these bytes. Objects of 16 bytes begin in the granule before.
void GraphMemory::refuse_overlap(Thread& thread, const SyncVar& variable, u32 size) {
  const uptr end = variable.address + size;
  for (uptr granule = (variable.address & ~uptr{7}) - 8; granule < end; granule += 8) {
    for (u32 index = engine().shadow().cell(granule).sync; index != 0;
         index = engine().variable(index).next) {
      const SyncVar& other = engine().variable(index);
      if (other.location != 0 && other.address < end &&
          variable.address < other.address + graph_.location(other.location).size) {
        refuse_mixed(thread, other.location, variable.address, size);
      }
    }
  }
}

void GraphMemory::refuse_mixed(Thread& thread, u32 location, uptr address, u32 size) {
  EventId earlier = at_;
  while (earlier != 0 && graph_[earlier].location != location) {
    --earlier;
  }
  exec::Finding& finding = engine().new_finding();
  finding.kind = exec::FindingKind::kUnsupported;
  finding.rule = kMixedSizeRule;
  finding.thread = thread.id;
  finding.pc = thread.pending_pc;
  finding.address = address;
  if (engine().tracing() && earlier != 0) {
    finding.other_event = traced_[earlier];
  }
  finding.message.clear();
  finding.message.add("atomic accesses of %u and %u bytes to the same memory, under a memory model",
                      graph_.location(location).size, size);
  engine().commit_finding(finding);
}

// Who waits for notifications, or explains itself by annotations, does so beside the object: it may
// be a variable, as a futex is.
u32 GraphMemory::object_of(Thread& thread, SyncVar& object, ObjectOperation operation) {
  if (operation >= ObjectOperation::kEnqueue) {
    if (object.queue == 0) {
      object.queue = graph_.location_of(place_of(object, kQueue), 1, 0, 0);
    }
    return object.queue;
  }
  // A semaphore has its value from before.
  const bool counts = operation == ObjectOperation::kTake ||
                      operation == ObjectOperation::kTryTake ||
                      operation == ObjectOperation::kLook || operation == ObjectOperation::kGive;
  return location_of(thread, object, 1, counts ? *reinterpret_cast<const u32*>(object.address) : 0);
}

}  // namespace heddle::graph
