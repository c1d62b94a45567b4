// std::unordered_map under Heddle: with a lock around it, and iterators that outlive the lock.
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <unordered_map>
#include <utility>
#include <vector>

#include "heddle/heddle.hpp"

namespace {

using heddle::Role;
using Entry = std::optional<std::pair<int, int>>;

/// Scattered, so that a rehash changes the order.
struct Scatter {
  std::size_t operator()(int key) const { return static_cast<std::size_t>(key) * 7919 % 101; }
};

/// Every operation under one lock.
class Locked {
 public:
  bool insert(int key, int value) {
    return under_lock([&] { return map_.insert_or_assign(key, value).second; });
  }
  bool erase(int key) {
    return under_lock([&] { return map_.erase(key) != 0; });
  }
  std::optional<int> find(int key) {
    return under_lock([&] {
      const auto at = map_.find(key);
      return at != map_.end() ? std::optional(at->second) : std::nullopt;
    });
  }
  std::size_t size() {
    return under_lock([&] { return map_.size(); });
  }
  void clear() {
    under_lock([&] { map_.clear(); });
  }

  /// Takes a copy under the lock, and yields that.
  class Copy {
   public:
    explicit Copy(Locked& owner) {
      owner.under_lock([&] { rest_.assign(owner.map_.begin(), owner.map_.end()); });
    }

    Entry next() {
      if (rest_.empty()) {
        return std::nullopt;
      }
      const Entry entry = rest_.back();
      rest_.pop_back();
      return entry;
    }

   private:
    std::vector<std::pair<int, int>> rest_;
  };

  /// Holds an iterator of the map and takes the lock for each step only.
  class Range {
   public:
    explicit Range(Locked& owner) : owner_(&owner) {
      owner.under_lock([&] { next_ = owner.map_.begin(); });
    }

    Entry next() {
      return owner_->under_lock([&]() -> Entry {
        if (next_ == owner_->map_.end()) {
          return std::nullopt;
        }
        last_ = next_++;
        return **last_;
      });
    }

    /// Erases through the iterator, whatever has become of its entry.
    bool erase_current() {
      return owner_->under_lock([&] {
        if (!last_.has_value()) {
          return false;
        }
        owner_->map_.erase(*std::exchange(last_, std::nullopt));
        return true;
      });
    }

   private:
    using Iterator = std::unordered_map<int, int, Scatter>::const_iterator;

    Locked* owner_;
    Iterator next_;
    std::optional<Iterator> last_;
  };

 private:
  template <class Work>
  auto under_lock(Work work) -> decltype(work()) {
    const std::lock_guard lock(mutex_);
    heddle::linearization_point();
    return work();
  }

  std::unordered_map<int, int, Scatter> map_;
  std::mutex mutex_;
};

struct Declared {
  heddle::Subject<Locked> subject;
  heddle::Ints key;
};

// Without erasures.
Declared declare_growing(heddle::Target& t, const char* description) {
  t.describe(description);
  auto s = t.subject<Locked>();
  const auto key = t.ints(0, 19);
  s.op("insert", &Locked::insert, key, t.ints(0, 99)).means(Role::kAssign).weight(8);
  s.op("find", &Locked::find, key).means(Role::kFind);
  s.op("size", &Locked::size).means(Role::kSize).weight(1);
  // libstdc++ has 13 buckets until the 14th entry.
  s.start("before a rehash", [](heddle::Start& start) {
    for (int i = 0; i < 13; ++i) {
      start.run("insert", i, i);
    }
  });
  return {s, key};
}

template <class Range>
heddle::CursorOperations<Locked, Range> add_range(heddle::Subject<Locked>& s,
                                                  const heddle::Contract& contract) {
  auto range = s.cursor<Range>("open", "close", [](Locked& m) { return Range(m); });
  range.op("next", &Range::next).means(Role::kNext).weight(12);
  s.follows(contract);
  return range;
}

HEDDLE_TARGET(unordered_map, t) {
  auto [s, key] =
      declare_growing(t, "std::unordered_map under one lock; iterations are over copies");
  s.op("erase", &Locked::erase, key).means(Role::kErase);
  s.op("clear", &Locked::clear).means(Role::kClear).weight(1);
  add_range<Locked::Copy>(s, heddle::contracts::snapshot());
}

// ---- iterators that outlive the lock ----

HEDDLE_VARIANT(unordered_map, iterates_over_rehash, "iteration", t) {
  auto [s, key] =
      declare_growing(t, "an iterator is used after insertions, which may have rehashed");
  add_range<Locked::Range>(s, heddle::contracts::go_range());
  t.seeded(
      {.threads = 1, .operations = 4, .source = "the standard: a rehash invalidates iterators"});
}

HEDDLE_VARIANT(unordered_map, iterates_over_erasure, "heap", t) {
  auto [s, key] = declare_growing(t, "an iterator is used after its entry was erased");
  s.op("erase", &Locked::erase, key).means(Role::kErase);
  add_range<Locked::Range>(s, heddle::contracts::go_range());
  t.seeded({.threads = 1,
            .operations = 3,
            .source = "the standard: erase invalidates iterators to the entry"});
}

HEDDLE_VARIANT(unordered_map, erases_twice, "heap", t) {
  auto [s, key] = declare_growing(t, "an entry is erased by an iterator, and by its key before");
  s.op("erase", &Locked::erase, key).means(Role::kErase);
  add_range<Locked::Range>(s, heddle::contracts::go_range())
      .op("erase_current", &Locked::Range::erase_current)
      .means(Role::kEraseCurrent)
      .weight(8);
  t.seeded({.threads = 1,
            .operations = 3,
            .source = "the standard: erase invalidates iterators to the entry"});
}

}  // namespace
