// The garbage collector that libcds' containers take as a parameter, in a header: libcds' own ones
// are compiled into libcds.so, where Heddle would see neither their loads nor what these order.
#pragma once

#include <cds/details/marked_ptr.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <mutex>
#include <stdexcept>
#include <type_traits>
#include <utility>
#include <vector>

namespace maps::third_party {

/// Hazard pointers with what the hash maps need of cds::gc::HP's interface. There is one domain for
/// the whole process. What is retired is looked at with each retirement, so that it goes as early
/// as it may. Threads:    eight at a time, without being attached; who comes ninth spins. A guard
/// belongs to
///             the thread that has made it.
/// Errors:     std::length_error if a thread wants a seventeenth guard.
/// Complexity: a retirement looks at all guards, for each retired node.
/// Source:     M. Michael, "Hazard Pointers", IEEE TPDS 2004.
///
/// Notes on orders. Either who protects sees that the pointer has changed, or who collects sees the
/// guard: each has a seq_cst fence between its store and its look (1). Who collects acquires what
/// was done under a guard that has been let go (2). libcds' lists go on by copying guards
/// downwards, from the next node's to the current one's to the previous one's. So who collects
/// looks at them downwards, too: upwards, it could come to each of the two when the node is in the
/// other one (3).
class libcds_hazard_pointers {
  struct slot {
    void set(void* p) noexcept {
      guarded.store(p, std::memory_order_release);          // (2)
      std::atomic_thread_fence(std::memory_order_seq_cst);  // (1)
    }

    std::atomic<void*> guarded;
    bool taken;  // the owner's only
  };

  struct block {
    std::array<slot, 16> slots;
    std::atomic<bool> owned;
  };

  /// A thread's part: slots that it takes from the lowest one on.
  class owner {
   public:
    owner() noexcept {
      for (std::size_t i = 0; blocks_[i].owned.exchange(true, std::memory_order_acquire);
           i = (i + 1) % blocks_.size()) {
        own_ = &blocks_[(i + 1) % blocks_.size()];
      }
    }

    owner(const owner&) = delete;
    owner& operator=(const owner&) = delete;

    ~owner() { own_->owned.store(false, std::memory_order_release); }

    slot& take() const {
      for (slot& each : own_->slots) {
        if (!std::exchange(each.taken, true)) {
          return each;
        }
      }
      throw std::length_error("libcds_hazard_pointers: too many guards");
    }

   private:
    block* own_ = blocks_.data();
  };

  struct retired_node {
    void* address;
    void (*dispose)(void*);
  };

 public:
  using guarded_pointer = void*;
  template <class Marked>
  using atomic_marked_ptr = std::atomic<Marked>;
  template <class T>
  using atomic_type = std::atomic<T>;

  class Guard {
   public:
    Guard() : slot_(take_slot()) {}
    Guard(const Guard&) = delete;
    Guard& operator=(const Guard&) = delete;
    ~Guard() { give_back(slot_); }

    template <class T>
    T protect(const std::atomic<T>& source) {
      return protect(source, [](T p) { return p; });
    }

    /// Guards what `address_of` makes of the value, until the value stays the same.
    template <class T, class F>
    T protect(const std::atomic<T>& source, F address_of) {
      T now = source.load(std::memory_order_relaxed);
      for (;;) {
        assign(address_of(now));
        const T again = source.load(std::memory_order_acquire);
        if (again == now) {
          return now;
        }
        now = again;
      }
    }

    template <class T>
    T* assign(T* p) noexcept {
      slot_.set(const_cast<std::remove_cv_t<T>*>(p));
      return p;
    }

    template <class T, int kMask>
    T* assign(cds::details::marked_ptr<T, kMask> p) noexcept {
      return assign(p.ptr());
    }

    std::nullptr_t assign(std::nullptr_t) noexcept {
      clear();
      return nullptr;
    }

    void copy(const Guard& other) noexcept { assign(other.get_native()); }

    void clear() noexcept { slot_.guarded.store(nullptr, std::memory_order_release); }

    template <class T>
    T* get() const noexcept {
      return static_cast<T*>(get_native());
    }

    guarded_pointer get_native() const noexcept {
      return slot_.guarded.load(std::memory_order_relaxed);
    }

   private:
    slot& slot_;
  };

  template <std::size_t kCount>
  class GuardArray {
   public:
    template <std::size_t kOther>
    struct rebind {
      using other = GuardArray<kOther>;
    };

    static constexpr std::size_t c_nCapacity = kCount;

    template <class T>
    T protect(std::size_t i, const std::atomic<T>& source) {
      return guards_[i].protect(source);
    }

    template <class T, class F>
    T protect(std::size_t i, const std::atomic<T>& source, F address_of) {
      return guards_[i].protect(source, address_of);
    }

    template <class P>
    auto assign(std::size_t i, P p) noexcept {
      return guards_[i].assign(p);
    }

    void copy(std::size_t to, std::size_t from) noexcept { guards_[to].copy(guards_[from]); }

    void clear(std::size_t i) noexcept { guards_[i].clear(); }

    template <class T>
    T* get(std::size_t i) const noexcept {
      return guards_[i].template get<T>();
    }

   private:
    std::array<Guard, kCount> guards_;
  };

  /// What get() and extract() return, which nobody calls here.
  template <class Node, class Value = Node, class Cast = void>
  class guarded_ptr;

  static void check_available_guards(std::size_t /*count*/) noexcept {}

  template <class Disposer, class T>
  static void retire(T* p) {
    {
      const std::lock_guard lock(mutex_);
      retired_.push_back({p, [](void* address) { Disposer()(static_cast<T*>(address)); }});
    }
    force_dispose();
  }

  /// Disposes of all that is retired and that nobody guards.
  static void force_dispose() {
    std::vector<retired_node> free;
    {
      const std::lock_guard lock(mutex_);
      std::atomic_thread_fence(std::memory_order_seq_cst);  // (1)
      const auto first_free = std::partition(retired_.begin(), retired_.end(), is_guarded);
      free.assign(first_free, retired_.end());
      retired_.erase(first_free, retired_.end());
    }
    for (const retired_node& each : free) {
      each.dispose(each.address);
    }
  }

 private:
  static slot& take_slot() {
    thread_local const owner own;
    return own.take();
  }

  static void give_back(slot& used) noexcept {
    used.guarded.store(nullptr, std::memory_order_release);  // (2)
    used.taken = false;
  }

  static bool is_guarded(const retired_node& node) noexcept {
    return std::any_of(blocks_.begin(), blocks_.end(), [&node](const block& each) {
      return std::any_of(each.slots.rbegin(), each.slots.rend(), [&node](const slot& one) {  // (3)
        return one.guarded.load(std::memory_order_acquire) == node.address;
      });
    });
  }

  static inline std::array<block, 8> blocks_;
  static inline std::mutex mutex_;
  static inline std::vector<retired_node> retired_;
};

}  // namespace maps::third_party
