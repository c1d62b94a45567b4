// Memory models as axioms on finished executions.
#pragma once

#include <utility>
#include <vector>

#include "litmus.hpp"
#include "relation.hpp"

namespace heddle::litmus {

enum class Model : u8 { kSc, kTso, kRc11 };

constexpr Model kModels[] = {Model::kSc, Model::kTso, Model::kRc11};

constexpr const char* name_of(Model model) {
  constexpr const char* kNames[] = {"sc", "tso", "rc11"};
  return kNames[static_cast<u8>(model)];
}

struct Event {
  enum class Type : u8 { kRead, kWrite, kFence };

  Type type = Type::kFence;
  u8 location = kNone;  // none: a fence
  Order order = Order::kRelaxed;
  bool of_update = false;
  bool of_mutex = false;
};

/// An execution, consistent or not: events, and which store each load read (rf), in which order the
/// stores to each location took effect (co). Both halves of an update are events.
struct Execution {
  explicit Execution(std::vector<Event> all)
      : events(std::move(all)), po(size()), rf(size()), rmw(size()), co(size()) {}

  u32 size() const { return static_cast<u32>(events.size()); }

  std::vector<Event> events;
  Relation po;  // initial stores come before all else
  Relation rf;
  Relation rmw;  // from the load of an update to its store
  Relation co;
};

/// Judges executions that differ in co only.
class Judge {
 public:
  explicit Judge(const Execution& execution);

  bool allows(const Execution& execution, Model model) const;

 private:
  bool sc(const Execution& execution, const Relation& fr) const;
  bool tso(const Execution& execution, const Relation& fr) const;
  bool rc11(const Execution& execution, const Relation& fr) const;
  Relation psc(const Execution& execution, const Relation& fr, const Relation& eco) const;

  EventSet seq_cst_;
  EventSet seq_cst_fences_;
  Relation same_location_;
  Relation happens_before_;
  Relation preserved_by_tso_;
};

}  // namespace heddle::litmus
