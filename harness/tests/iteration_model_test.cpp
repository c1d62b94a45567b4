// Goal: contracts of iterations never object to an iteration that is right, and object to every one
// that no order of the operations explains. Method: random histories of a model of which each
// operation takes effect at once, some time between call and return; and the same with one step of
// the iteration changed, which a plain search through all orders judges as well.
#include <functional>
#include <map>
#include <optional>
#include <set>

#include "base/rng.hpp"
#include "iteration_helpers.hpp"

namespace {

using namespace heddle;           // NOLINT(google-build-using-namespace)
using namespace heddle::testing;  // NOLINT(google-build-using-namespace)
using contracts::Freshness;
using contracts::Unique;
using contracts::WeakConsistency;

constexpr u32 kReader = 0;
constexpr u32 kWriters = 2;
constexpr i64 kKeys = 3;
constexpr i64 kValues = 4;

struct Incarnation {
  u32 id;
  i64 value;
};

using Contents = std::map<i64, Incarnation>;
using Element = std::pair<i64, i64>;

/// A map with an operation that happens at once. Written anew, so that a mistake in the oracles'
/// own sequential map shows.
class Model {
 public:
  const Contents& contents() const { return contents_; }
  u32 births() const { return births_; }

  Value carry_out(const HistoryEntry& operation) {
    const i64 key = operation.arguments[0];
    const i64 value = operation.arguments[1];
    const auto at = contents_.find(key);
    const bool there = at != contents_.end();
    const auto before = there ? std::optional(at->second.value) : std::nullopt;
    switch (operation.role) {
      case Role::kAssign: put(key, value); return value_of(!there);
      case Role::kInsert:
        if (!there) {
          put(key, value);
        }
        return value_of(!there);
      case Role::kErase: contents_.erase(key); return value_of(there);
      case Role::kFind: return value_of(before);
      case Role::kContains: return value_of(there);
      case Role::kExchange: put(key, value); return value_of(before);
      case Role::kFindOrInsert:
        if (!there) {
          put(key, value);
        }
        return value_of(std::pair(there ? *before : value, there));
      case Role::kTake: contents_.erase(key); return value_of(before);
      case Role::kCompareExchange:
        if (before == value) {
          put(key, operation.arguments[2]);
        }
        return value_of(before == value);
      case Role::kCompareErase:
        if (before == value) {
          contents_.erase(key);
        }
        return value_of(before == value);
      case Role::kClear: contents_.clear(); return {};
      case Role::kSize: return value_of(contents_.size());
      default: return {};
    }
  }

 private:
  void put(i64 key, i64 value) {
    const auto [at, inserted] = contents_.try_emplace(key, Incarnation{births_, value});
    births_ += inserted ? 1 : 0;
    at->second.value = value;
  }

  Contents contents_;
  u32 births_ = 0;
};

// ---- iterators that are right ----

class Iterator {
 public:
  virtual ~Iterator() = default;
  virtual void open(const Model& model) = 0;
  /// Called after each operation of others.
  virtual void watch(const Model& model) = 0;
  virtual Value next(const Model& model, Rng& rng) = 0;
};

const Value kEnd = value_of(std::optional<int>());

template <class T>
const T& any_of(const std::vector<T>& candidates, Rng& rng) {
  return candidates[rng.below(static_cast<u32>(candidates.size()))];
}

/// As weak as its options allow.
class WeakIterator final : public Iterator {
 public:
  explicit WeakIterator(const WeakConsistency& options) : options_(options) {}

  void open(const Model& model) override {
    unborn_ = model.births();
    watch(model);
  }

  void watch(const Model& model) override {
    if (options_.clear_is_barrier && model.contents().empty()) {
      seen_.clear();
    }
    for (const auto& [key, incarnation] : model.contents()) {
      seen_.push_back({incarnation.id, {key, incarnation.value}});
    }
  }

  Value next(const Model& model, Rng& rng) override {
    if (options_.freshness == Freshness::kCurrent) {
      seen_.clear();
      watch(model);
    }
    std::vector<Seen> candidates;
    for (const Seen& seen : seen_) {
      if (may_yield(seen)) {
        candidates.push_back(seen);
      }
    }
    const bool at_end = !owes_something(model) && rng.below(2) == 0;
    if (candidates.empty() || at_end) {
      return kEnd;
    }
    const Seen& chosen = any_of(candidates, rng);
    yielded_.push_back(chosen);
    return value_of(chosen.element);
  }

 private:
  struct Seen {
    u32 id;
    Element element;
  };

  bool may_yield(const Seen& seen) const {
    switch (options_.unique) {
      case Unique::kKey: return !has_yielded_key(seen.element.first);
      case Unique::kIncarnation: return !has_yielded(seen.id);
      case Unique::kExisting: return seen.id >= unborn_ || !has_yielded(seen.id);
      case Unique::kNone: return true;
    }
    return false;
  }

  bool has_yielded(u32 id) const {
    return std::any_of(yielded_.begin(), yielded_.end(), [&](const Seen& y) { return y.id == id; });
  }

  bool has_yielded_key(i64 key) const {
    return std::any_of(yielded_.begin(), yielded_.end(),
                       [&](const Seen& y) { return y.element.first == key; });
  }

  bool owes_something(const Model& model) const {
    return options_.must_yield &&
           std::any_of(model.contents().begin(), model.contents().end(), [&](const auto& entry) {
             return entry.second.id < unborn_ && !has_yielded_key(entry.first);
           });
  }

  const WeakConsistency options_;
  u32 unborn_ = 0;
  std::vector<Seen> seen_;
  std::vector<Seen> yielded_;
};

std::vector<Element> elements_of(const Contents& contents) {
  std::vector<Element> elements;
  for (const auto& [key, incarnation] : contents) {
    elements.emplace_back(key, incarnation.value);
  }
  return elements;
}

class SnapshotIterator final : public Iterator {
 public:
  void open(const Model& model) override { left_ = elements_of(model.contents()); }
  void watch(const Model&) override {}
  Value next(const Model&, Rng& rng) override {
    if (left_.empty()) {
      return kEnd;
    }
    const Element element = any_of(left_, rng);
    left_.erase(std::find(left_.begin(), left_.end(), element));
    return value_of(element);
  }

 private:
  std::vector<Element> left_;
};

/// Refuses after a change; one of values is one if `overwriting`, and time may run out then.
class VersionedIterator final : public Iterator {
 public:
  explicit VersionedIterator(bool overwriting) : overwriting_(overwriting) {}

  void open(const Model& model) override {
    opened_ = elements_of(model.contents());
    births_ = model.births();
    left_.open(model);
  }
  void watch(const Model& model) override {
    const std::vector<Element> now = elements_of(model.contents());
    const auto same_key = [](const Element& a, const Element& b) { return a.first == b.first; };
    const bool same_keys = births_ == model.births() && now.size() == opened_.size() &&
                           std::equal(now.begin(), now.end(), opened_.begin(), same_key);
    stale_ |= !same_keys || (overwriting_ && now != opened_);
  }
  Value next(const Model& model, Rng& rng) override {
    if (stale_) {
      return value_of(Refusal::kStale);
    }
    if (overwriting_ && rng.below(8) == 0) {
      return value_of(Refusal::kTimedOut);
    }
    return left_.next(model, rng);
  }

 private:
  const bool overwriting_;
  std::vector<Element> opened_;
  u32 births_ = 0;
  bool stale_ = false;
  SnapshotIterator left_;
};

// ---- histories ----

using Entries = std::vector<HistoryEntry>;

/// Threads take turns at random; an operation is called, takes effect, and returns in turns of its
/// own.
class Generator {
 public:
  Generator(Iterator& iterator, Rng& rng, std::vector<Role> roles)
      : iterator_(iterator), rng_(rng), roles_(std::move(roles)) {}

  Entries run() {
    setup();
    while (turns_left()) {
      const u32 thread = rng_.below(kWriters + 1);
      thread == kReader ? reader() : writer(thread);
    }
    return std::move(entries_);
  }

 private:
  static constexpr u32 kOperations = 3;  // of each writer
  static constexpr u32 kSteps = 5;       // of the reader

  struct Thread {
    enum class Phase : u8 { kIdle, kCalled, kDone };
    Phase phase = Phase::kIdle;
    u32 operations = 0;
    std::size_t entry = 0;
    bool finished = false;
  };

  bool turns_left() const {
    return std::any_of(std::begin(threads_), std::end(threads_),
                       [](const Thread& thread) { return !thread.finished; });
  }

  void setup() {
    for (u32 i = rng_.below(6); i > 0; --i) {
      const Role role = rng_.below(4) == 0 ? Role::kErase : Role::kAssign;
      call(1, operation(1, role, rng_.below(kKeys)));
      take_effect(1);
      come_back(1);
    }
    threads_[1].operations = 0;
  }

  HistoryEntry operation(u32 thread, Role role, i64 key) {
    return entry_of(thread, role, {key, 1 + rng_.below(kValues), 1 + rng_.below(kValues)}, 0, 0);
  }

  void writer(u32 number) {
    Thread& thread = threads_[number];
    switch (thread.phase) {
      case Thread::Phase::kIdle:
        thread.finished = thread.operations == kOperations;
        if (!thread.finished) {
          call(number, operation(number, any_of(roles_, rng_), rng_.below(kKeys)));
        }
        break;
      case Thread::Phase::kCalled: take_effect(number); break;
      case Thread::Phase::kDone: come_back(number); break;
    }
  }

  void reader() {
    Thread& thread = threads_[kReader];
    if (thread.finished) {
      return;
    }
    switch (thread.phase) {
      case Thread::Phase::kIdle:
        call(kReader,
             entry_of(kReader, thread.operations == 0 ? Role::kOpen : Role::kNext, {}, 0, 0));
        break;
      case Thread::Phase::kCalled: take_effect(kReader); break;
      case Thread::Phase::kDone:
        come_back(kReader);
        thread.finished = thread.operations > kSteps ||
                          (thread.operations > 1 && !entries_[thread.entry].result.has_ints());
        break;
    }
  }

  void call(u32 number, HistoryEntry entry) {
    entry.called = ++clock_;
    threads_[number].entry = entries_.size();
    threads_[number].phase = Thread::Phase::kCalled;
    ++threads_[number].operations;
    entries_.push_back(entry);
  }

  void take_effect(u32 number) {
    HistoryEntry& entry = entries_[threads_[number].entry];
    entry.commit = ++commits_;
    if (entry.role == Role::kOpen) {
      iterator_.open(model_);
      opened_ = true;
    } else if (entry.role == Role::kNext) {
      entry.result = iterator_.next(model_, rng_);
    } else {
      entry.result = model_.carry_out(entry);
      if (opened_) {
        iterator_.watch(model_);
      }
    }
    threads_[number].phase = Thread::Phase::kDone;
  }

  void come_back(u32 number) {
    HistoryEntry& entry = entries_[threads_[number].entry];
    entry.returned_at = ++clock_;
    entry.returned = true;
    threads_[number].phase = Thread::Phase::kIdle;
  }

  Iterator& iterator_;
  Rng& rng_;
  std::vector<Role> roles_;
  Model model_;
  Thread threads_[kWriters + 1];
  Entries entries_;
  bool opened_ = false;
  u64 clock_ = 0;
  u64 commits_ = 0;
};

const std::vector<Role> kPointRoles = {
    Role::kAssign,       Role::kInsert,       Role::kErase, Role::kFind,
    Role::kContains,     Role::kExchange,     Role::kTake,  Role::kCompareExchange,
    Role::kCompareErase, Role::kFindOrInsert, Role::kErase, Role::kAssign,
    Role::kClear};

bool is_step(const HistoryEntry& entry) { return entry.role == Role::kNext; }

/// Changes one step of the iteration; false if there is none to change.
bool mutate(Entries& entries, Rng& rng) {
  std::vector<std::size_t> steps;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    if (is_step(entries[i])) {
      steps.push_back(i);
    }
  }
  if (steps.empty()) {
    return false;
  }
  const std::size_t at = any_of(steps, rng);
  Value& result = entries[at].result;
  const Value& other = entries[any_of(steps, rng)].result;
  switch (rng.below(6)) {
    case 0: entries.erase(entries.begin() + static_cast<std::ptrdiff_t>(at)); break;
    case 1: result = kEnd; break;
    case 2: result = other; break;
    case 3: result = value_of(Element{rng.below(kKeys + 1), 1 + rng.below(kValues)}); break;
    case 4: result.words[0] = rng.below(kKeys); break;
    default: result.words[1] = 1 + rng.below(kValues + 1); break;
  }
  return true;
}

// ---- all orders ----

/// What must be put in an order: an operation of a writer, or a moment of the iteration.
struct Item {
  const HistoryEntry* operation = nullptr;  // else a moment
  u64 from = 0;
  u64 to = 0;
  const HistoryEntry* step = nullptr;  // that the moment belongs to; null: another one
};

/// True if some order of the items that respects their intervals, and the answers of operations,
/// satisfies `good(order)`.
class AllOrders {
 public:
  using Order = std::vector<const Item*>;

  AllOrders(const std::vector<Item>& items, std::function<bool(const Order&)> good)
      : items_(items), placed_(items.size()), good_(std::move(good)) {}

  bool some() {
    if (order_.size() == items_.size()) {
      return good_(order_);
    }
    for (std::size_t i = 0; i < items_.size(); ++i) {
      if (!placed_[i] && may_be_next(items_[i])) {
        placed_[i] = true;
        order_.push_back(&items_[i]);
        if (answers_fit() && some()) {
          return true;
        }
        order_.pop_back();
        placed_[i] = false;
      }
    }
    return false;
  }

 private:
  bool may_be_next(const Item& item) const {
    for (std::size_t i = 0; i < items_.size(); ++i) {
      if (!placed_[i] && items_[i].to < item.from) {
        return false;
      }
    }
    return true;
  }

  bool answers_fit() const {
    Model model;
    for (const Item* item : order_) {
      if (item->operation != nullptr &&
          !(model.carry_out(*item->operation) == item->operation->result)) {
        return false;
      }
    }
    return true;
  }

  const std::vector<Item>& items_;
  std::vector<bool> placed_;
  std::function<bool(const Order&)> good_;
  Order order_;
};

bool concerns(const HistoryEntry& entry, std::optional<i64> key) {
  return entry.role != Role::kOpen && !is_step(entry) &&
         (!key.has_value() || entry.role == Role::kClear || entry.arguments[0] == *key);
}

std::vector<Item> operations_on(const Entries& entries, std::optional<i64> key) {
  std::vector<Item> items;
  for (const HistoryEntry& entry : entries) {
    if (concerns(entry, key)) {
      items.push_back(Item{&entry, entry.called, entry.returned_at, nullptr});
    }
  }
  return items;
}

/// The iteration of a history up to its end.
struct Seen {
  const HistoryEntry* open = nullptr;
  std::vector<const HistoryEntry*> steps;
  bool complete = false;
};

Seen iteration_in(const Entries& entries) {
  Seen seen;
  for (const HistoryEntry& entry : entries) {
    if (entry.role == Role::kOpen) {
      seen.open = &entry;
    }
    if (is_step(entry) && (seen.steps.empty() || seen.steps.back()->result.has_ints())) {
      seen.steps.push_back(&entry);
    }
  }
  seen.complete = !seen.steps.empty() && seen.steps.back()->result == kEnd;
  return seen;
}

/// Whether weak consistency allows what an iteration saw of a key, by the definition.
class WeakByDefinition {
 public:
  WeakByDefinition(const Entries& entries, i64 key, const WeakConsistency& options)
      : iteration_(iteration_in(entries)),
        key_(key),
        options_(options),
        items_(operations_on(entries, key)) {
    items_.push_back(Item{nullptr, iteration_.open->called, iteration_.open->returned_at, nullptr});
    bool yielded = false;
    for (const HistoryEntry* step : iteration_.steps) {
      if (step->result.has_ints() && step->result.words[0] == key) {
        yielded = true;
        const bool current = options.freshness == Freshness::kCurrent;
        items_.push_back(Item{nullptr, current ? step->called : iteration_.open->called,
                              step->returned_at, step});
      }
    }
    if (!yielded && iteration_.complete && options.must_yield) {
      const HistoryEntry* end = iteration_.steps.back();
      items_.push_back(Item{nullptr, iteration_.open->called, end->returned_at, end});
    }
  }

  bool allows() {
    return AllOrders(items_, [this](const AllOrders::Order& order) { return good(order); }).some();
  }

 private:
  bool good(const AllOrders::Order& order) const {
    Model model;
    std::optional<u32> unborn;
    std::map<u32, u32> times;  // that an incarnation was yielded
    u32 yields = 0;
    std::set<u64> clears;  // that have happened: their returns
    for (const Item* item : order) {
      if (item->operation != nullptr) {
        model.carry_out(*item->operation);
        if (item->operation->role == Role::kClear) {
          clears.insert(item->operation->returned_at);
        }
      } else if (item->step == nullptr) {
        unborn = model.births();
      } else if (!item->step->result.has_ints()) {
        if (model.contents().count(key_) != 0) {
          return false;
        }
      } else {
        const auto at = model.contents().find(key_);
        if (!unborn.has_value() || at == model.contents().end() ||
            at->second.value != item->step->result.words[1] || !cleared(clears, *item->step)) {
          return false;
        }
        ++yields;
        ++times[at->second.id];
      }
    }
    return unique(yields, times, unborn.value_or(0));
  }

  bool cleared(const std::set<u64>& clears, const HistoryEntry& step) const {
    return !options_.clear_is_barrier ||
           std::all_of(items_.begin(), items_.end(), [&](const Item& item) {
             return item.operation == nullptr || item.operation->role != Role::kClear ||
                    item.to > step.called || clears.count(item.to) != 0;
           });
  }

  bool unique(u32 yields, const std::map<u32, u32>& times, u32 unborn) const {
    for (const auto& [id, count] : times) {
      if (count > 1 && (options_.unique == Unique::kIncarnation ||
                        (options_.unique == Unique::kExisting && id < unborn))) {
        return false;
      }
    }
    return options_.unique != Unique::kKey || yields <= 1;
  }

  Seen iteration_;
  i64 key_;
  WeakConsistency options_;
  std::vector<Item> items_;
};

bool weak_allows(const Entries& entries, const WeakConsistency& options) {
  for (i64 key = 0; key <= kKeys; ++key) {
    if (!WeakByDefinition(entries, key, options).allows()) {
      return false;
    }
  }
  return true;
}

/// Whether the elements are those of one moment of the opening; and, if `versioned`, no step but a
/// refused one comes after a change.
bool snapshot_allows(const Entries& entries, bool versioned) {
  const Seen iteration = iteration_in(entries);
  std::vector<Item> items = operations_on(entries, std::nullopt);
  items.push_back(Item{nullptr, iteration.open->called, iteration.open->returned_at, nullptr});
  if (versioned) {
    for (const HistoryEntry* step : iteration.steps) {
      items.push_back(Item{nullptr, step->called, step->returned_at, step});
    }
  }
  std::vector<Element> elements;
  for (const HistoryEntry* step : iteration.steps) {
    if (step->result.has_ints()) {
      elements.emplace_back(step->result.words[0], step->result.words[1]);
    }
  }
  std::sort(elements.begin(), elements.end());
  const auto good = [&](const AllOrders::Order& order) {
    Model model;
    bool changed = false;
    bool opened = false;
    for (const Item* item : order) {
      if (item->operation != nullptr) {
        const std::vector<Element> before = elements_of(model.contents());
        model.carry_out(*item->operation);
        changed |= opened && elements_of(model.contents()) != before;
      } else if (item->step == nullptr) {
        opened = true;
        const std::vector<Element> now = elements_of(model.contents());
        if (iteration.complete
                ? now != elements
                : !std::includes(now.begin(), now.end(), elements.begin(), elements.end())) {
          return false;
        }
      } else if (!opened || (!item->step->result.refused() && changed)) {
        return false;
      } else if (item->step->result == value_of(Refusal::kStale) && !changed) {
        return false;
      }
    }
    return true;
  };
  return AllOrders(items, good).some();
}

// ---- the tests ----

std::string text_of(const Entries& entries) {
  std::string text;
  for (const HistoryEntry& entry : entries) {
    text += "T" + std::to_string(to_index(entry.thread)) + " [" + std::to_string(entry.called) +
            ", " + std::to_string(entry.returned_at) + "] " + entry.name + "(";
    for (u32 i = 0; i < entry.argument_count; ++i) {
      text += (i == 0 ? "" : ", ") + std::to_string(entry.arguments[i]);
    }
    text += ") = ";
    for (u32 i = 0; i < entry.result.count; ++i) {
      text += std::to_string(entry.result.words[i]) + " ";
    }
    text += entry.result.refused() ? "refused\n" : "\n";
  }
  return text;
}

using Rules = std::map<std::string, u32>;

void expect_each(const Rules& rules, const std::set<std::string>& names) {
  for (const std::string& name : names) {
    const auto found = rules.find(name);
    EXPECT_GE(found == rules.end() ? 0 : found->second, 20u) << name;
  }
  for (const auto& [name, count] : rules) {
    EXPECT_TRUE(names.count(name) != 0) << name << ", " << count << " times";
  }
}

const WeakConsistency kWeak[] = {
    {},
    {.unique = Unique::kIncarnation},
    {.unique = Unique::kExisting},
    {.unique = Unique::kNone},
    {.freshness = Freshness::kCurrent},
    {.freshness = Freshness::kCurrent, .unique = Unique::kIncarnation},
    {.must_yield = false, .unique = Unique::kNone},
    {.unique = Unique::kNone, .clear_is_barrier = true},
};

TEST(IterationModel, WeaklyConsistentExactlyByTheDefinition) {
  constexpr u32 kCases = 24'000;
  std::vector<const Contract*> contracts;
  for (const WeakConsistency& options : kWeak) {
    contracts.push_back(&contracts::weakly_consistent(options));
  }
  Rng rng(1);
  Rules rules;
  for (u32 i = 0; i < kCases; ++i) {
    const u32 kind = i % std::size(kWeak);
    WeakIterator iterator(kWeak[kind]);
    Entries entries = Generator(iterator, rng, kPointRoles).run();
    ASSERT_EQ(judge(*contracts[kind], entries).message, "") << kind << "\n" << text_of(entries);
    if (!mutate(entries, rng)) {
      continue;
    }
    const Verdict verdict = judge(*contracts[kind], entries);
    ASSERT_EQ(verdict.rule.empty(), weak_allows(entries, kWeak[kind]))
        << kind << ": " << verdict.message << "\n"
        << text_of(entries);
    ++rules[verdict.rule];
  }
  expect_each(rules, {"", "skipped", "repeated", "resurrected", "stale", "torn", "phantom"});
}

TEST(IterationModel, ScanIsWeakWithRepetitions) {
  constexpr u32 kCases = 4'000;
  const WeakConsistency options{.unique = Unique::kNone};
  Rng rng(2);
  for (u32 i = 0; i < kCases; ++i) {
    WeakIterator iterator(options);
    Entries entries = Generator(iterator, rng, kPointRoles).run();
    ASSERT_EQ(judge(contracts::redis_scan(), entries).message, "") << text_of(entries);
    if (mutate(entries, rng)) {
      ASSERT_EQ(judge(contracts::redis_scan(), entries).rule.empty(), weak_allows(entries, options))
          << text_of(entries);
    }
  }
}

TEST(IterationModel, SnapshotExactlyByTheDefinition) {
  constexpr u32 kCases = 20'000;
  Rng rng(3);
  Rules rules;
  for (u32 i = 0; i < kCases; ++i) {
    SnapshotIterator iterator;
    Entries entries = Generator(iterator, rng, kPointRoles).run();
    ASSERT_EQ(judge(contracts::snapshot(), entries).message, "") << text_of(entries);
    if (!mutate(entries, rng)) {
      continue;
    }
    const Verdict verdict = judge(contracts::snapshot(), entries);
    ASSERT_EQ(verdict.rule.empty(), snapshot_allows(entries, false)) << verdict.message << "\n"
                                                                     << text_of(entries);
    ++rules[verdict.rule];
  }
  expect_each(rules, {"", "skipped", "repeated", "resurrected", "stale", "torn", "phantom",
                      "inconsistent"});
}

TEST(IterationModel, WeakIterationsAreSeldomSnapshots) {
  constexpr u32 kCases = 6'000;
  Rng rng(4);
  Rules rules;
  for (u32 i = 0; i < kCases; ++i) {
    WeakIterator iterator({});
    const Entries entries = Generator(iterator, rng, kPointRoles).run();
    const Verdict verdict = judge(contracts::snapshot(), entries);
    ASSERT_EQ(verdict.rule.empty(), snapshot_allows(entries, false)) << verdict.message << "\n"
                                                                     << text_of(entries);
    ++rules[verdict.rule];
  }
  EXPECT_GE(rules["inconsistent"], 20u);
}

// Overwriting a value by the same one is a change to versioned(), which the model does not see.
const std::vector<Role> kSurelyChanging = {Role::kInsert, Role::kErase,    Role::kTake,
                                           Role::kFind,   Role::kContains, Role::kClear};

TEST(IterationModel, VersionedNeverObjectsToWhatAnOrderExplains) {
  constexpr u32 kCases = 10'000;
  Rng rng(5);
  Rules rules;
  for (u32 i = 0; i < kCases; ++i) {
    VersionedIterator iterator(true);
    Entries entries = Generator(iterator, rng, kSurelyChanging).run();
    ASSERT_EQ(judge(contracts::versioned(), entries).message, "") << text_of(entries);
    if (!mutate(entries, rng)) {
      continue;
    }
    const Verdict verdict = judge(contracts::versioned(), entries);
    ASSERT_TRUE(verdict.rule.empty() || !snapshot_allows(entries, true)) << verdict.message << "\n"
                                                                         << text_of(entries);
    ++rules[verdict.rule];
  }
  EXPECT_GE(rules["unnoticed"], 20u);
  EXPECT_GE(rules["unfounded"], 1u);
}

TEST(IterationModel, FailFastIsNeverObjectedTo) {
  constexpr u32 kCases = 10'000;
  const Contract& complete = contracts::fail_fast({.complete = true});
  Rng rng(6);
  Rules rules;
  for (u32 i = 0; i < kCases; ++i) {
    VersionedIterator iterator(false);
    Entries entries = Generator(iterator, rng, kSurelyChanging).run();
    ASSERT_EQ(judge(contracts::fail_fast(), entries).message, "") << text_of(entries);
    ASSERT_EQ(judge(complete, entries).message, "") << text_of(entries);
    if (mutate(entries, rng)) {
      const Verdict verdict = judge(complete, entries);
      ASSERT_TRUE(verdict.rule.empty() || !snapshot_allows(entries, true))
          << verdict.message << "\n"
          << text_of(entries);
      ++rules[verdict.rule];
    }
  }
  EXPECT_GE(rules["unnoticed"], 20u);
}

TEST(IterationModel, SizeOfARightMapIsRight) {
  constexpr u32 kCases = 4'000;
  std::vector<Role> roles = kPointRoles;
  roles.insert(roles.end(), 5, Role::kSize);
  Rng rng(7);
  u32 wrong = 0;
  for (u32 i = 0; i < kCases; ++i) {
    SnapshotIterator iterator;
    Entries entries = Generator(iterator, rng, roles).run();
    ASSERT_EQ(judge(contracts::quiescent_size(), entries).message, "") << text_of(entries);
    for (HistoryEntry& entry : entries) {
      entry.result.words[0] += entry.role == Role::kSize ? 1 : 0;
    }
    wrong += judge(contracts::quiescent_size(), entries).rule == "wrong-size" ? 1 : 0;
  }
  EXPECT_GE(wrong, 100u);
}

/// By commits, the order in which the model did it all.
bool go_range_allows(Entries entries) {
  const Seen iteration = iteration_in(entries);
  std::sort(entries.begin(), entries.end(),
            [](const HistoryEntry& a, const HistoryEntry& b) { return a.commit < b.commit; });
  Model model;
  u32 unborn = 0;
  std::set<u32> yielded;
  for (const HistoryEntry& entry : entries) {
    const auto at = model.contents().find(entry.result.words[0]);
    if (entry.role == Role::kOpen) {
      unborn = model.births();
    } else if (!is_step(entry)) {
      model.carry_out(entry);
    } else if (entry.result == kEnd) {
      return std::all_of(model.contents().begin(), model.contents().end(), [&](const auto& living) {
        return living.second.id >= unborn || yielded.count(living.second.id) != 0;
      });
    } else if (at == model.contents().end() || at->second.value != entry.result.words[1] ||
               !yielded.insert(at->second.id).second) {
      return false;
    }
  }
  return true;
}

TEST(IterationModel, GoRangeExactlyByTheDefinition) {
  constexpr u32 kCases = 20'000;
  const WeakConsistency options{.freshness = Freshness::kCurrent, .unique = Unique::kIncarnation};
  Rng rng(8);
  Rules rules;
  for (u32 i = 0; i < kCases; ++i) {
    WeakIterator iterator(options);
    Entries entries = Generator(iterator, rng, kPointRoles).run();
    ASSERT_TRUE(go_range_allows(entries)) << text_of(entries);
    ASSERT_EQ(judge(contracts::go_range(), entries).message, "") << text_of(entries);
    if (!mutate(entries, rng)) {
      continue;
    }
    const Verdict verdict = judge(contracts::go_range(), entries);
    ASSERT_EQ(verdict.rule.empty(), go_range_allows(entries)) << verdict.message << "\n"
                                                              << text_of(entries);
    ++rules[verdict.rule];
  }
  expect_each(rules, {"", "skipped", "repeated", "resurrected", "stale", "torn", "phantom"});
}

}  // namespace
