// In-target world. Containers that never touch malloc, so that hooks may grow them.
#pragma once

#include <type_traits>

#include "base/invariant.hpp"
#include "base/rare.hpp"
#include "base/types.hpp"

namespace heddle {

/// Maps `bytes` of zeroed memory straight from the kernel; never fails (exit code 5 instead).
void* os_map(std::size_t bytes);
/// The same, of which most may never be touched.
void* os_reserve(std::size_t bytes);
/// The same at a place that nothing else is at; null if that cannot be.
void* os_reserve_at(void* wanted, std::size_t bytes);
/// A file, to read.
const void* os_map_file(int file, std::size_t bytes);
/// As os_reserve(); processes that this one forks see each other's writes.
void* os_share(std::size_t bytes);
/// Gives such memory back.
void os_unmap(void* memory, std::size_t bytes);
/// Moves a mapping to a larger one, keeping its bytes.
void* os_remap(void* old_memory, std::size_t old_bytes, std::size_t new_bytes);

/// A growable array of trivially copyable elements. clear() keeps the memory for the next
/// execution; elements move when it grows, so hold indices, not pointers.
template <class T>
class Vec {
  static_assert(std::is_trivially_copyable_v<T> && std::is_trivially_destructible_v<T>);

 public:
  u32 size() const { return size_; }
  bool empty() const { return size_ == 0; }
  T* data() { return data_; }
  const T* data() const { return data_; }
  T* begin() { return data_; }
  T* end() { return data_ + size_; }
  const T* begin() const { return data_; }
  const T* end() const { return data_ + size_; }
  T& operator[](u32 index) { return data_[index]; }
  const T& operator[](u32 index) const { return data_[index]; }
  T& back() { return data_[size_ - 1]; }
  void clear() { size_ = 0; }
  void pop_back() { --size_; }

  T& push_back(const T& value) {
    if (size_ == capacity_) {
      const T copy = value;  // `value` may live in the array that is about to move
      grow(size_ + 1);
      return data_[size_++] = copy;
    }
    return data_[size_++] = value;
  }

  /// Gives the memory back, too.
  void release() {
    if (data_ != nullptr) {
      os_unmap(data_, mapped_bytes_);
    }
    *this = Vec{};
  }

  /// New elements have unspecified values.
  void resize(u32 size) {
    if (size > capacity_) {
      grow(size);
    }
    size_ = size;
  }

 private:
  HEDDLE_RARE void grow(u32 needed) {
    std::size_t bytes = capacity_ == 0 ? 4096 : std::size_t{capacity_} * sizeof(T) * 2;
    while (bytes / sizeof(T) < needed) {
      bytes *= 2;
    }
    bytes = (bytes + 4095) & ~std::size_t{4095};
    void* memory = capacity_ == 0 ? os_map(bytes) : os_remap(data_, mapped_bytes_, bytes);
    data_ = static_cast<T*>(memory);
    mapped_bytes_ = bytes;
    capacity_ = static_cast<u32>(bytes / sizeof(T));
  }

  T* data_ = nullptr;
  u32 size_ = 0;
  u32 capacity_ = 0;
  std::size_t mapped_bytes_ = 0;
};

/// One that gives its memory back at its end.
template <class T>
class OwnedVec : public Vec<T> {
 public:
  OwnedVec() = default;
  ~OwnedVec() { this->release(); }
  OwnedVec(const OwnedVec&) = delete;
  OwnedVec& operator=(const OwnedVec&) = delete;
};

/// Objects with stable addresses, handed out in order and taken back all at once. They lie in one
/// stretch of address space, of which only what was used costs memory.
/// Index 0 is never handed out, so that 0 can mean "none".
template <class T>
class Pool {
  static_assert(std::is_trivially_destructible_v<T>);
  static constexpr u32 kObjectsMax = 1u << 22;

 public:
  /// The object keeps what its last user left in it; the caller resets what it needs.
  u32 take() {
    if (__builtin_expect(objects_ == nullptr || count_ + 1 == kObjectsMax, 0)) {
      start();
    }
    return ++count_;
  }

  T& operator[](u32 index) { return objects_[index]; }
  u32 count() const { return count_; }
  void reset() { count_ = 0; }

 private:
  HEDDLE_RARE void start() {
    if (objects_ != nullptr) {
      environment_failure("an execution synchronises on more than four million objects");
    }
    objects_ = static_cast<T*>(os_reserve(sizeof(T) * kObjectsMax));
  }

  T* objects_ = nullptr;
  u32 count_ = 0;
};

}  // namespace heddle
