// What operations answer when they run one after another: what histories are held against.
#pragma once

#include <concepts>
#include <cstdint>
#include <memory>
#include <string_view>
#include <utility>

#include "heddle/value.hpp"

namespace heddle {

/// A sequential object as a user writes it, for linearizable<Model>(): a default-constructed one is
/// how executions begin; apply() does an operation and says what it answers. Value{} means that any
/// answer will do. A `std::uint64_t hash() const` is welcome: it makes long searches shorter. There
/// are some in models/.
template <class M>
concept Model = std::default_initializable<M> && std::copyable<M> && std::equality_comparable<M> &&
                requires(M model, std::string_view operation, const std::int64_t* arguments) {
                  { model.apply(operation, arguments) } -> std::same_as<Value>;
                };

/// The same with its type forgotten.
class Specification {
 public:
  class State {
   public:
    virtual ~State() = default;
    virtual std::unique_ptr<State> copy() const = 0;
    virtual Value apply(std::string_view operation, const std::int64_t* arguments) = 0;
    /// Of two states of one specification: true only if no operation can tell them apart from now
    /// on. False costs time, no more.
    virtual bool equals(const State& other) const = 0;
    /// The same for states that are equal.
    virtual std::uint64_t hash() const = 0;
  };

  virtual ~Specification() = default;
  virtual std::unique_ptr<State> start() const = 0;
};

template <Model M>
class ModelSpecification final : public Specification {
  class ModelState final : public State {
   public:
    explicit ModelState(M model) : model_(std::move(model)) {}
    std::unique_ptr<State> copy() const override { return std::make_unique<ModelState>(model_); }
    Value apply(std::string_view operation, const std::int64_t* arguments) override {
      return model_.apply(operation, arguments);
    }
    bool equals(const State& other) const override {
      return model_ == static_cast<const ModelState&>(other).model_;
    }
    std::uint64_t hash() const override {
      if constexpr (requires(const M& model) { model.hash(); }) {
        return model_.hash();
      } else {
        return 0;
      }
    }

   private:
    M model_;
  };

 public:
  std::unique_ptr<State> start() const override { return std::make_unique<ModelState>(M()); }
};

}  // namespace heddle
