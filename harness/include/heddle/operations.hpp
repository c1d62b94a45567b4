// Operation targets: declare a data structure's operations, and Heddle makes up the programs.
#pragma once

#include <concepts>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>

#include "heddle/contract.hpp"
#include "heddle/specification.hpp"
#include "heddle/value.hpp"

namespace heddle {

/// Makes up one integer argument, uniformly in [low, high].
struct Ints {
  std::int64_t low;
  std::int64_t high;
};

/// How an operation is carried out, with its types forgotten.
class Invoker {
 public:
  virtual ~Invoker() = default;
  /// `cursor` is the thread's slot for the cursor the operation belongs to, if it does.
  virtual Value invoke(void* subject, void** cursor, const std::int64_t* arguments) = 0;
};

/// How the object under test comes and goes: once an execution, on the execution's main thread.
class Lifecycle {
 public:
  virtual ~Lifecycle() = default;
  virtual void* make() = 0;
  virtual void destroy(void* object) = 0;
};

/// A declared operation; the setters return it, to be chained.
struct Operation {
  static constexpr unsigned kArgumentsMax = 3;
  enum class Cursor : std::uint8_t { kNone, kOpens, kUses, kCloses };

  const char* name = "";
  Role meaning = Role::kOther;
  Cursor cursor_use = Cursor::kNone;
  unsigned cursor = 0;
  std::size_t cursor_bytes = 0;
  unsigned argument_count = 0;
  Ints arguments[kArgumentsMax] = {};
  unsigned frequency = 4;
  bool in_setup = true;
  bool is_action = false;
  std::unique_ptr<Invoker> invoker;

  /// What the operation means to contracts.
  Operation& means(Role role) {
    meaning = role;
    return *this;
  }
  /// How often it is drawn, relative to others (4 unless told); 0: only where nothing else can be.
  Operation& weight(unsigned relative) {
    frequency = relative;
    return *this;
  }
  /// Not among the operations that run before the threads start.
  Operation& not_in_setup() {
    in_setup = false;
    return *this;
  }
};

class Target;
class TargetImplementation;

/// A start state in the making: what runs before anything else of a program does.
class Start {
 public:
  Start(TargetImplementation& implementation, unsigned index)
      : implementation_(&implementation), index_(index) {}

  /// Runs the operation of that name, declared already, with these arguments. A cursor that is
  /// still open at the end is the first thread's from then on.
  template <std::convertible_to<std::int64_t>... Arguments>
  void run(const char* operation, Arguments... arguments) {
    const std::int64_t given[sizeof...(Arguments) + 1] = {static_cast<std::int64_t>(arguments)...,
                                                          0};
    add(operation, given, sizeof...(Arguments));
  }

 private:
  void add(const char* operation, const std::int64_t* arguments, unsigned count);

  TargetImplementation* implementation_;
  unsigned index_;
};

/// What a variant says of its seeded bug.
struct Seeded {
  unsigned threads = 2;     // of the smallest program that shows it
  unsigned operations = 1;  // of each of them
  const char* needs = "";   // faults, and the memory model if not sc, by the names of --faults and
                            // --model; the target has them, unless another model is asked for
  const char* source = "";  // a bug report or a paper; empty: made up
};

/// When a structure is looked at: with no operation under way, or in the midst of them.
enum class Moment { kAtRest, kAtAnyStep };

/// An iterator or the like: an object that a thread opens, uses in several operations, and closes,
/// while its other operations, and other threads', come in between. One a thread at a time;
/// what is still open when the thread's program ends is closed then.
template <class S, class C>
class CursorOperations {
 public:
  CursorOperations(Target& target, unsigned index) : target_(&target), index_(index) {}

  /// `function(cursor, arguments...)` -> a result for value_of().
  template <class Function, class... Generators>
  Operation& op(const char* name, Function function, Generators... generators);

 private:
  Target* target_;
  unsigned index_;
};

/// The object under test.
template <class S>
class Subject {
 public:
  explicit Subject(Target& target) : target_(&target) {}

  /// `function(subject, arguments...)` -> a result for value_of(), or void. A pointer to a member
  /// function will do. One generator an argument.
  template <class Function, class... Generators>
  Operation& op(const char* name, Function function, Generators... generators);

  /// `open(subject)` makes a C. Declares the operations `name.open` and `name.close`.
  template <class C, class Open>
  CursorOperations<S, C> cursor(const char* open_name, const char* close_name, Open open);

  /// Looks whether the structure is sound. Called when no thread is in an operation; a non-empty
  /// text is a finding of kind "contract". It reads alone: what it writes, but for its own local
  /// objects, may survive the execution. `function(subject)`, or `function(subject, Moment)`: that
  /// is called at each scheduling point, too, where the user asks for it (--invariant=steps).
  template <class Function>
  void invariant(Function function);
  /// The structure as text, for findings about it. As invariant(), it reads alone.
  template <class Function>
  void prints(Function function);

  /// A contract that judges the history; each of several does.
  void follows(const Contract& contract);
  /// How far threads may depend on each other. What is more than kBlocking is tested by making some
  /// of them stand still, wherever they are, until the others have finished. kWaitFree also: that
  /// no operation passes more than `own_steps_max` scheduling points of its own.
  void promises(Progress progress, unsigned own_steps_max = 1000);

  /// Something that may happen at any time, between any two steps of any thread: memory is
  /// reclaimed, an epoch ends. It runs a few times, on a thread of its own.
  template <class Function>
  Operation& action(const char* name, Function function);

  /// A state that programs may start in: `declare(start)` says which operations lead to it. Each
  /// program starts in one of the declared states, or as the subject is made.
  template <class Declare>
  void start(const char* name, Declare declare);

  /// Operations take effect one after another, each between its call and its return; judged by
  /// contracts::consistent(). `M`: a Model of what they answer then. Without one that is a map
  /// where operations have roles of a map, else an S that one thread uses.
  template <class M = void>
  void linearizable();
  /// The same, but only the order of each thread's own operations counts.
  template <class M = void>
  void sequentially_consistent();
  /// The same, but operations may change places as long as some operation is under way.
  template <class M = void>
  void quiescently_consistent();

 private:
  template <class M>
  void follows_order(Consistency consistency);

  Target* target_;
};

/// What a HEDDLE_TARGET body declares into.
class Target {
 public:
  explicit Target(TargetImplementation& implementation) : implementation_(&implementation) {}

  Ints ints(std::int64_t low, std::int64_t high) const { return Ints{low, high}; }

  /// The object under test: a default-constructed S, or what `make()` returns by unique_ptr.
  template <class S>
  Subject<S> subject();
  template <class S, class Make>
  Subject<S> subject(Make make);

  /// One sentence for `heddle list`.
  void describe(const char* text);
  /// For a target that is wrong on purpose: the oracle that must find it ("race", "heap", ...).
  /// Variants say so in HEDDLE_VARIANT.
  void expects(const char* oracle);
  /// Numbers of threads and of operations that programs are made of.
  void threads(unsigned least, unsigned most);
  void operations_per_thread(unsigned most);
  void setup_operations(unsigned most);
  /// Of a variant: how much it takes to see its bug, and where it was seen.
  void seeded(const Seeded& seeded);
  /// Races are noted, not the end of the execution: the program's own misuse detector gets its
  /// chance.
  void continue_on_race();
  /// Plain accesses are scheduling points: for code that synchronises with plain variables.
  void preempt_at_plain_accesses();

  // For the templates below.
  const TargetImplementation& implementation() const { return *implementation_; }
  Operation& add_operation(const char* name, std::unique_ptr<Invoker> invoker);
  void set_subject(std::unique_ptr<Lifecycle> lifecycle);
  unsigned add_cursor();
  void add_contract(const Contract& contract);
  using Describe = std::function<std::string(void* subject)>;
  void set_invariant(Describe at_rest, Describe at_any_step);
  void set_printer(Describe print);
  void set_progress(Progress progress, unsigned own_steps_max);
  Start add_start(const char* name);

 private:
  TargetImplementation* implementation_;
};

// ---- implementation ----
// No std::make_unique: for each operation of each subject it is a dozen more templates, which take
// a third of the time of a compilation.

namespace erased {

template <class Function, class Receiver, std::size_t... I>
Value call(Function& function, Receiver& receiver, const std::int64_t* arguments,
           std::index_sequence<I...>) {
  using Result = decltype(std::invoke(function, receiver, arguments[I]...));
  if constexpr (std::is_void_v<Result>) {
    std::invoke(function, receiver, arguments[I]...);
    return Value{};
  } else {
    return value_of(std::invoke(function, receiver, arguments[I]...));
  }
}

template <class S, class Function, std::size_t Count>
class OnSubject final : public Invoker {
 public:
  explicit OnSubject(Function function) : function_(std::move(function)) {}
  Value invoke(void* subject, void**, const std::int64_t* arguments) override {
    return call(function_, *static_cast<S*>(subject), arguments, std::make_index_sequence<Count>());
  }

 private:
  Function function_;
};

template <class C, class Function, std::size_t Count>
class OnCursor final : public Invoker {
 public:
  explicit OnCursor(Function function) : function_(std::move(function)) {}
  Value invoke(void*, void** cursor, const std::int64_t* arguments) override {
    return call(function_, *static_cast<C*>(*cursor), arguments, std::make_index_sequence<Count>());
  }

 private:
  Function function_;
};

template <class S, class C, class Open>
class Opens final : public Invoker {
 public:
  explicit Opens(Open open) : open_(std::move(open)) {}
  Value invoke(void* subject, void** cursor, const std::int64_t*) override {
    *cursor = new C(open_(*static_cast<S*>(subject)));
    return Value{};
  }

 private:
  Open open_;
};

template <class C>
class Closes final : public Invoker {
 public:
  Value invoke(void*, void** cursor, const std::int64_t*) override {
    delete static_cast<C*>(*cursor);
    *cursor = nullptr;
    return Value{};
  }
};

template <class S, class Make>
class Made final : public Lifecycle {
 public:
  explicit Made(Make make) : make_(std::move(make)) {}
  void* make() override { return std::unique_ptr<S>(make_()).release(); }
  void destroy(void* object) override { delete static_cast<S*>(object); }

 private:
  Make make_;
};

template <class... Generators>
void set_arguments(Operation& operation, Generators... generators) {
  static_assert(sizeof...(Generators) <= Operation::kArgumentsMax, "at most three arguments");
  const Ints given[sizeof...(Generators) + 1] = {generators..., Ints{}};
  operation.argument_count = sizeof...(Generators);
  for (unsigned i = 0; i < operation.argument_count; ++i) {
    operation.arguments[i] = given[i];
  }
}

}  // namespace erased

template <class S>
Subject<S> Target::subject() {
  return subject<S>([] { return std::make_unique<S>(); });
}

template <class S, class Make>
Subject<S> Target::subject(Make make) {
  set_subject(std::unique_ptr<Lifecycle>(new erased::Made<S, Make>(std::move(make))));
  return Subject<S>(*this);
}

template <class S>
template <class Function, class... Generators>
Operation& Subject<S>::op(const char* name, Function function, Generators... generators) {
  Operation& operation = target_->add_operation(
      name, std::unique_ptr<Invoker>(
                new erased::OnSubject<S, Function, sizeof...(Generators)>(std::move(function))));
  erased::set_arguments(operation, generators...);
  return operation;
}

template <class S>
template <class C, class Open>
CursorOperations<S, C> Subject<S>::cursor(const char* open_name, const char* close_name,
                                          Open open) {
  const unsigned index = target_->add_cursor();
  Operation& opens = target_->add_operation(
      open_name, std::unique_ptr<Invoker>(new erased::Opens<S, C, Open>(std::move(open))));
  opens.cursor = index;
  opens.cursor_use = Operation::Cursor::kOpens;
  opens.means(Role::kOpen).not_in_setup();
  Operation& closes =
      target_->add_operation(close_name, std::unique_ptr<Invoker>(new erased::Closes<C>()));
  closes.cursor = index;
  closes.cursor_use = Operation::Cursor::kCloses;
  closes.means(Role::kClose).not_in_setup().weight(1);
  return CursorOperations<S, C>(*target_, index);
}

template <class S, class C>
template <class Function, class... Generators>
Operation& CursorOperations<S, C>::op(const char* name, Function function,
                                      Generators... generators) {
  Operation& operation = target_->add_operation(
      name, std::unique_ptr<Invoker>(
                new erased::OnCursor<C, Function, sizeof...(Generators)>(std::move(function))));
  erased::set_arguments(operation, generators...);
  operation.cursor = index_;
  operation.cursor_bytes = sizeof(C);
  operation.cursor_use = Operation::Cursor::kUses;
  return operation.not_in_setup();
}

template <class S>
template <class Function>
void Subject<S>::invariant(Function function) {
  if constexpr (std::is_invocable_v<Function, S&, Moment>) {
    const auto at = [function](Moment moment) -> Target::Describe {
      return [function, moment](void* subject) {
        return std::string(function(*static_cast<S*>(subject), moment));
      };
    };
    target_->set_invariant(at(Moment::kAtRest), at(Moment::kAtAnyStep));
  } else {
    target_->set_invariant(
        [function](void* subject) { return std::string(function(*static_cast<S*>(subject))); },
        nullptr);
  }
}

template <class S>
template <class Function>
void Subject<S>::prints(Function function) {
  target_->set_printer(
      [function](void* subject) { return std::string(function(*static_cast<S*>(subject))); });
}

template <class S>
void Subject<S>::follows(const Contract& contract) {
  target_->add_contract(contract);
}

template <class S>
void Subject<S>::promises(Progress progress, unsigned own_steps_max) {
  target_->set_progress(progress, own_steps_max);
}

template <class S>
template <class Function>
Operation& Subject<S>::action(const char* name, Function function) {
  Operation& operation = op(name, std::move(function));
  operation.is_action = true;
  return operation;
}

template <class S>
template <class Declare>
void Subject<S>::start(const char* name, Declare declare) {
  Start start = target_->add_start(name);
  declare(start);
}

template <class S>
template <class M>
void Subject<S>::follows_order(Consistency consistency) {
  if constexpr (std::is_void_v<M>) {
    follows(contracts::consistent(consistency, target_->implementation()));
  } else {
    follows(contracts::consistent(consistency, target_->implementation(),
                                  std::make_unique<ModelSpecification<M>>()));
  }
}

template <class S>
template <class M>
void Subject<S>::linearizable() {
  follows_order<M>(Consistency::kLinearizable);
}

template <class S>
template <class M>
void Subject<S>::sequentially_consistent() {
  follows_order<M>(Consistency::kSequential);
}

template <class S>
template <class M>
void Subject<S>::quiescently_consistent() {
  follows_order<M>(Consistency::kQuiescent);
}

}  // namespace heddle
