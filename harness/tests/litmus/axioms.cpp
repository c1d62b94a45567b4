#include "axioms.hpp"

namespace heddle::litmus {
namespace {

template <class Predicate>
EventSet set_of(const Execution& execution, Predicate predicate) {
  EventSet set = 0;
  for (u32 i = 0; i < execution.size(); ++i) {
    set |= u64{predicate(execution.events[i])} << i;
  }
  return set;
}

EventSet set_of(const Execution& execution, Event::Type type) {
  return set_of(execution, [type](const Event& event) { return event.type == type; });
}

Relation same_location(const Execution& execution) {
  Relation result(execution.size());
  for (u32 a = 0; a < execution.size(); ++a) {
    const u8 location = execution.events[a].location;
    for (u32 b = 0; b < execution.size(); ++b) {
      if (location != kNone && location == execution.events[b].location) {
        result.add(a, b);
      }
    }
  }
  return result;
}

/// sw = [release];([F];po)?;rs;rf;(po;[F])?;[acquire], with the release sequences of C++20:
/// rs = [W];(rf;rmw)*, so that a later store of the same thread does not continue one. Fences are
/// for atomics: they make no release or acquire of what a mutex does by itself.
Relation synchronizes_with(const Execution& execution) {
  const EventSet fences = set_of(execution, Event::Type::kFence);
  const EventSet writes = set_of(execution, Event::Type::kWrite);
  const EventSet release = set_of(execution, [](const Event& event) {
    return event.type != Event::Type::kRead && releases(event.order);
  });
  const EventSet acquire = set_of(execution, [](const Event& event) {
    return event.type != Event::Type::kWrite && acquires(event.order);
  });
  const Relation release_sequence =
      execution.rf.then(execution.rmw).closure().or_same().from(writes);
  const EventSet atomics = set_of(execution, [](const Event& event) { return !event.of_mutex; });
  const Relation before = execution.po.from(fences).to(atomics).or_same();
  const Relation after = execution.po.from(atomics).to(fences).or_same();
  return before.then(release_sequence).then(execution.rf).then(after).from(release).to(acquire);
}

/// What x86 keeps of the program's order: all but a store before a load. Locked instructions, full
/// fences and what stores with seq_cst are compiled to drain the store buffer.
Relation preserved_by_tso(const Execution& execution) {
  const EventSet reads = set_of(execution, Event::Type::kRead);
  const EventSet writes = set_of(execution, Event::Type::kWrite);
  const EventSet drains_before = set_of(execution, [](const Event& event) {
    return event.of_update || (event.type == Event::Type::kFence && event.order == Order::kSeqCst);
  });
  const EventSet drains_after =
      drains_before | set_of(execution, [](const Event& event) {
        return event.type == Event::Type::kWrite && event.order == Order::kSeqCst;
      });
  const Relation& po = execution.po;
  const Relation of_accesses = po.from(reads | writes).to(reads | writes);
  return (of_accesses - of_accesses.from(writes).to(reads)) | po.to(drains_before) |
         po.from(drains_after);
}

}  // namespace

Judge::Judge(const Execution& execution)
    : seq_cst_(set_of(execution, [](const Event& event) { return event.order == Order::kSeqCst; })),
      seq_cst_fences_(seq_cst_ & set_of(execution, Event::Type::kFence)),
      same_location_(same_location(execution)),
      happens_before_((execution.po | synchronizes_with(execution)).closure()),
      preserved_by_tso_(preserved_by_tso(execution)) {}

bool Judge::allows(const Execution& execution, Model model) const {
  const Relation fr = execution.rf.inverse().then(execution.co);
  const bool atomic = (execution.rmw & fr.then(execution.co)).empty();
  if (!atomic) {
    return false;
  }
  switch (model) {
    case Model::kSc: return sc(execution, fr);
    case Model::kTso: return tso(execution, fr);
    case Model::kRc11: return rc11(execution, fr);
  }
}

bool Judge::sc(const Execution& execution, const Relation& fr) const {
  return (execution.po | execution.rf | execution.co | fr).acyclic();
}

/// Source: Owens, Sarkar, Sewell: A Better x86 Memory Model: x86-TSO (TPHOLs 2009), in the form of
/// Alglave, Maranget, Tautschnig: Herding Cats (TOPLAS 2014).
bool Judge::tso(const Execution& execution, const Relation& fr) const {
  const Relation external = execution.rf - execution.po;
  const Relation coherent = execution.rf | execution.co | fr;
  return ((execution.po & same_location_) | coherent).acyclic() &&
         (preserved_by_tso_ | external | execution.co | fr).acyclic();
}

/// Source: Lahav, Vafeiadis, Kang, Hur, Dreyer: Repairing Sequential Consistency in C/C++11 (PLDI
/// 2017).
bool Judge::rc11(const Execution& execution, const Relation& fr) const {
  const Relation eco = (execution.rf | execution.co | fr).closure();
  const bool coherent = happens_before_.irreflexive() && (happens_before_.inverse() & eco).empty();
  return coherent && (execution.po | execution.rf).acyclic() && psc(execution, fr, eco).acyclic();
}

/// Who must come before whom in the order of seq_cst events.
Relation Judge::psc(const Execution& execution, const Relation& fr, const Relation& eco) const {
  const Relation& hb = happens_before_;
  const Relation elsewhere = execution.po - same_location_;
  const Relation scb =
      execution.po | elsewhere.then(hb).then(elsewhere) | (hb & same_location_) | execution.co | fr;
  const Relation identity = Relation::identity(execution.size(), seq_cst_);
  const Relation base = (identity | hb.or_same().from(seq_cst_fences_))
                            .then(scb)
                            .then(identity | hb.or_same().to(seq_cst_fences_));
  const Relation fence = (hb | hb.then(eco).then(hb)).from(seq_cst_fences_).to(seq_cst_fences_);
  return base | fence;
}

}  // namespace heddle::litmus
