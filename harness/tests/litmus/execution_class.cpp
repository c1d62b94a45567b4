#include "execution_class.hpp"

#include <map>

namespace heddle::litmus {
namespace {

using graph::Event;
using graph::EventId;
using graph::Graph;
using graph::Kind;

class Canonical {
 public:
  explicit Canonical(const Graph& graph) : graph_(graph) {
    place_thread(0);
    for (size_t i = 0; i < events_.size(); ++i) {
      if (graph_[events_[i]].kind == Kind::kCreate) {
        place_thread(graph_[events_[i]].other);
      }
    }
  }

  ExecutionClass words() {
    ExecutionClass words;
    for (const EventId id : events_) {
      const Event& event = graph_[id];
      words.insert(words.end(), {thread_numbers_.at(event.thread), static_cast<u32>(event.kind),
                                 partner_of(event)});
      if (event.location != 0) {
        words.push_back(number_of_location(event.location));
      }
      if (writes(event.kind)) {
        words.push_back(number_of(event.co_prev));
      }
    }
    return words;
  }

 private:
  void place_thread(u32 thread) {
    thread_numbers_.emplace(thread, thread_numbers_.size());
    for (u32 index = 1; index <= graph_.event_count(thread); ++index) {
      const EventId id = graph_.event_of(thread, index);
      if (!is_waiting(graph_[id])) {
        events_.push_back(id);
        numbers_.emplace(id, events_.size());
      }
    }
  }

  // Whose value it has, or whom it concerns.
  u32 partner_of(const Event& event) const {
    switch (event.kind) {
      case Kind::kRead:
      case Kind::kUpdate:
      case Kind::kWake: return number_of(event.store);
      case Kind::kCreate:
      case Kind::kJoin: return thread_numbers_.at(event.other);
      case Kind::kChoice: return static_cast<u32>(event.value);
      default: return 0;
    }
  }

  u32 number_of(EventId id) const { return id == graph::kInitial ? 0 : numbers_.at(id); }

  u32 number_of_location(u32 location) {
    return locations_.emplace(location, locations_.size()).first->second;
  }

  const Graph& graph_;
  std::vector<EventId> events_;
  std::map<EventId, u32> numbers_;  // from 1
  std::map<u32, u32> thread_numbers_;
  std::map<u32, u32> locations_;
};

}  // namespace

ExecutionClass class_of(const Graph& graph) { return Canonical(graph).words(); }

}  // namespace heddle::litmus
