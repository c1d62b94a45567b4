// Relations on the events of an execution, so that axioms read as they do on paper.
#pragma once

#include <array>
#include <bit>

#include "base/types.hpp"

namespace heddle::litmus {

constexpr u32 kEventsMax = 64;

/// A set of events, a bit for each.
using EventSet = u64;

class Relation {
 public:
  explicit Relation(u32 events) : events_(events) {}

  static Relation identity(u32 events, EventSet on) {
    Relation result(events);
    for (u32 a = 0; a < events; ++a) {
      result.rows_[a] = on & (u64{1} << a);
    }
    return result;
  }

  void add(u32 a, u32 b) { rows_[a] |= u64{1} << b; }
  bool has(u32 a, u32 b) const { return (rows_[a] >> b & 1) != 0; }
  EventSet successors(u32 a) const { return rows_[a]; }

  Relation& operator|=(const Relation& other) {
    for (u32 a = 0; a < events_; ++a) {
      rows_[a] |= other.rows_[a];
    }
    return *this;
  }

  Relation operator|(const Relation& other) const { return Relation(*this) |= other; }

  Relation operator&(const Relation& other) const {
    Relation result(*this);
    for (u32 a = 0; a < events_; ++a) {
      result.rows_[a] &= other.rows_[a];
    }
    return result;
  }

  Relation operator-(const Relation& other) const {
    Relation result(*this);
    for (u32 a = 0; a < events_; ++a) {
      result.rows_[a] &= ~other.rows_[a];
    }
    return result;
  }

  /// this ; other
  Relation then(const Relation& other) const {
    Relation result(events_);
    for (u32 a = 0; a < events_; ++a) {
      for (EventSet middle = rows_[a]; middle != 0; middle &= middle - 1) {
        result.rows_[a] |= other.rows_[static_cast<u32>(std::countr_zero(middle))];
      }
    }
    return result;
  }

  /// [from] ; this
  Relation from(EventSet set) const {
    Relation result(events_);
    for (u32 a = 0; a < events_; ++a) {
      result.rows_[a] = (set >> a & 1) != 0 ? rows_[a] : 0;
    }
    return result;
  }

  /// this ; [to]
  Relation to(EventSet set) const {
    Relation result(*this);
    for (u32 a = 0; a < events_; ++a) {
      result.rows_[a] &= set;
    }
    return result;
  }

  Relation inverse() const {
    Relation result(events_);
    for (u32 a = 0; a < events_; ++a) {
      for (EventSet set = rows_[a]; set != 0; set &= set - 1) {
        result.add(static_cast<u32>(std::countr_zero(set)), a);
      }
    }
    return result;
  }

  /// this?
  Relation or_same() const { return *this | identity(events_, ~EventSet{0}); }

  /// this+
  Relation closure() const {
    Relation result(*this);
    for (u32 middle = 0; middle < events_; ++middle) {
      for (u32 a = 0; a < events_; ++a) {
        if (result.has(a, middle)) {
          result.rows_[a] |= result.rows_[middle];
        }
      }
    }
    return result;
  }

  bool empty() const {
    EventSet any = 0;
    for (u32 a = 0; a < events_; ++a) {
      any |= rows_[a];
    }
    return any == 0;
  }

  bool irreflexive() const {
    for (u32 a = 0; a < events_; ++a) {
      if (has(a, a)) {
        return false;
      }
    }
    return true;
  }

  bool acyclic() const { return closure().irreflexive(); }

 private:
  u32 events_;
  std::array<EventSet, kEventsMax> rows_ = {};
};

}  // namespace heddle::litmus
