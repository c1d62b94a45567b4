// One pin on an object that counts its pins. The last pin to go deletes the object.
#pragma once

#include <utility>

namespace maps {

/// Target has a member `pins`, a plain integer: the lock of the map's user protects it.
template <class Target>
class pin_ptr {
 public:
  pin_ptr() = default;

  explicit pin_ptr(Target* target) noexcept : target_(target) { ++target_->pins; }

  pin_ptr(pin_ptr&& other) noexcept : target_(other.forget()) {}

  pin_ptr& operator=(pin_ptr&& other) noexcept {
    std::swap(target_, other.target_);
    other.reset();
    return *this;
  }

  ~pin_ptr() { reset(); }

  pin_ptr share() const noexcept { return target_ != nullptr ? pin_ptr(target_) : pin_ptr(); }

  void reset() noexcept {
    Target* const target = forget();
    if (target != nullptr && --target->pins == 0) {
      delete target;
    }
  }

  /// Lets go without unpinning.
  Target* forget() noexcept { return std::exchange(target_, nullptr); }

  explicit operator bool() const noexcept { return target_ != nullptr; }

  Target* operator->() const noexcept { return target_; }

  Target& operator*() const noexcept { return *target_; }

 private:
  Target* target_ = nullptr;
};

}  // namespace maps
