// A hash map of chained nodes with the interface and the rules of std::unordered_map: iterators are
// pointers to nodes, and what they survive is the caller's business.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <iterator>
#include <memory>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "../common/probe.hpp"

namespace maps {

/// The seeded bugs, one mistake each. README.md names the oracle that finds each of them.
enum class chained_map_bug {
  none,
  rehash_drops_rest_of_chain,
  rehash_unlinks_before_allocating,
  rehash_makes_new_nodes,
  counts_before_allocating,
  erase_reads_freed_node,
  erase_shrinks,
  find_moves_to_front,
};

/// The default hash: std::hash, mixed, because the low bits choose the bucket.
struct chained_map_hash {
  template <class Key>
  std::size_t operator()(const Key& key) const {
    const std::uint64_t bits = std::hash<Key>{}(key) * 0x9e3779b97f4a7c15U;
    return static_cast<std::size_t>(bits ^ (bits >> 32));
  }
};

/// Shape:      Key is copyable; T is made in place and need not be copyable nor movable.
/// Threads:    none of its own, as for containers of the standard library: calls of const members
///             may overlap, and nothing may overlap with any other call.
/// Iteration:  insertion may rehash, and only insertion and rehash() do. A rehash ends iterations:
///             they remain good to read from, but what they pass afterwards is left open. Erasure
///             ends those on the erased node only. References survive all but the erasure of
///             theirs.
/// Errors:     if an allocation or a copy fails, the map is as before.
/// Complexity: O(1) on average; an insertion that rehashes and a step of an iteration O(buckets).
template <class Key, class T, class Hash = chained_map_hash, class KeyEqual = std::equal_to<Key>,
          chained_map_bug Bug = chained_map_bug::none>
class chained_map {
  using bug = chained_map_bug;
  struct node;
  template <class Value>
  class iterator_to;

 public:
  using value_type = std::pair<const Key, T>;
  using iterator = iterator_to<value_type>;
  using const_iterator = iterator_to<const value_type>;

  /// At least one bucket; a power of two is made of it.
  explicit chained_map(std::size_t bucket_count = 8, Hash hash = {}, KeyEqual equal = {})
      : hash_(std::move(hash)),
        equal_(std::move(equal)),
        buckets_(std::bit_ceil(bucket_count), nullptr) {}

  chained_map(const chained_map&) = delete;
  chained_map& operator=(const chained_map&) = delete;

  ~chained_map() { clear(); }

  std::size_t size() const noexcept { return count_; }

  bool empty() const noexcept { return count_ == 0; }

  iterator begin() noexcept { return {this, first_from(0)}; }

  const_iterator begin() const noexcept { return {this, first_from(0)}; }

  iterator end() noexcept { return {this, nullptr}; }

  const_iterator end() const noexcept { return {this, nullptr}; }

  bool contains(const Key& key) const { return find_node(hash_(key), key) != nullptr; }

  iterator find(const Key& key) { return {this, find_node(hash_(key), key)}; }

  const_iterator find(const Key& key) const { return {this, find_node(hash_(key), key)}; }

  /// Makes a T of `arguments` unless there is one under `key`. Returns where it is, and true if it
  /// is new.
  template <class... Arguments>
  std::pair<iterator, bool> try_emplace(const Key& key, Arguments&&... arguments) {
    const std::size_t hash = hash_(key);
    if (node* const found = find_node(hash, key)) {
      return {{this, found}, false};
    }
    if constexpr (Bug == bug::counts_before_allocating) {
      ++count_;
    }
    auto added = std::make_unique<node>(hash, key, std::forward<Arguments>(arguments)...);
    if (is_full()) {
      rehash(2 * bucket_count());
    }
    if constexpr (Bug != bug::counts_before_allocating) {
      ++count_;
    }
    link(*added);
    return {{this, added.release()}, true};
  }

  /// As try_emplace(), but a value that is there already is overwritten.
  template <class Value>
  std::pair<iterator, bool> insert_or_assign(const Key& key, Value&& value) {
    const auto result = try_emplace(key, std::forward<Value>(value));
    if (!result.second) {
      result.first->second = std::forward<Value>(value);
    }
    return result;
  }

  /// Returns the position behind the erased one.
  iterator erase(iterator position) noexcept(Bug != bug::erase_shrinks) {
    node** const at = link_to(position.node_);
    if constexpr (Bug == bug::erase_reads_freed_node) {
      *at = position.node_->next;
      --count_;
      delete position.node_;
      return ++position;
    }
    const iterator behind = std::next(position);
    *at = position.node_->next;
    --count_;
    delete position.node_;
    if constexpr (Bug == bug::erase_shrinks) {
      if (2 * count_ < bucket_count()) {
        rehash(1);
      }
    }
    return behind;
  }

  /// Returns how many there were, none or one.
  std::size_t erase(const Key& key) {
    const iterator position = find(key);
    if (position == end()) {
      return 0;
    }
    erase(position);
    return 1;
  }

  /// The buckets remain.
  void clear() noexcept {
    for (node*& head : buckets_) {
      while (head != nullptr) {
        delete std::exchange(head, head->next);
      }
    }
    count_ = 0;
  }

  std::size_t bucket_count() const noexcept { return buckets_.size(); }

  /// More entries a bucket than this make an insertion rehash.
  float max_load_factor() const noexcept { return max_load_factor_; }

  void max_load_factor(float entries_per_bucket) noexcept { max_load_factor_ = entries_per_bucket; }

  /// At least `bucket_count` buckets, and enough of them for all entries.
  void rehash(std::size_t bucket_count) {
    if constexpr (Bug == bug::rehash_makes_new_nodes) {
      replace_nodes();
    }
    while (static_cast<float>(bucket_count) * max_load_factor_ < static_cast<float>(count_)) {
      bucket_count *= 2;
    }
    MAPS_PROBE("chained_map.migrate.begin");
    std::vector<node*> old;
    if constexpr (Bug == bug::rehash_unlinks_before_allocating) {
      old = std::exchange(buckets_, std::vector<node*>(1, nullptr));
      buckets_ = std::vector<node*>(std::bit_ceil(bucket_count), nullptr);
    } else {
      old = std::vector<node*>(std::bit_ceil(bucket_count), nullptr);
      std::swap(old, buckets_);
    }
    for (node* head : old) {
      move_chain(head);
    }
    MAPS_PROBE("chained_map.migrate.end");
  }

  /// The first broken structure invariant in words, or an empty string.
  std::string validate() const {
    std::size_t reachable = 0;
    for (std::size_t i = 0; i < buckets_.size(); ++i) {
      for (const node* each = buckets_[i]; each != nullptr; each = each->next) {
        ++reachable;
        if (index(each->hash) != i) {
          return "a node is in a bucket that its hash does not lead to";
        }
        if (find_node(each->hash, each->entry.first) != each) {
          return "a key is there twice";
        }
      }
    }
    return reachable == count_ ? "" : "the number of nodes is not the size";
  }

 private:
  struct node {
    template <class... Arguments>
    node(std::size_t hash_of_key, const Key& key, Arguments&&... arguments)
        : hash(hash_of_key),
          entry(std::piecewise_construct, std::forward_as_tuple(key),
                std::forward_as_tuple(std::forward<Arguments>(arguments)...)) {}

    node* next = nullptr;
    std::size_t hash;
    value_type entry;
  };

  std::size_t index(std::size_t hash) const noexcept { return hash & (buckets_.size() - 1); }

  bool is_full() const noexcept {
    return static_cast<float>(count_) >= max_load_factor_ * static_cast<float>(buckets_.size());
  }

  // The first node in the buckets from `bucket` on.
  node* first_from(std::size_t bucket) const noexcept {
    MAPS_PROBE("chained_map.next.bucket");
    while (bucket < buckets_.size() && buckets_[bucket] == nullptr) {
      ++bucket;
    }
    return bucket < buckets_.size() ? buckets_[bucket] : nullptr;
  }

  node* find_node(std::size_t hash, const Key& key) const {
    node* each = buckets_[index(hash)];
    while (each != nullptr && !(each->hash == hash && equal_(each->entry.first, key))) {
      each = each->next;
    }
    if constexpr (Bug == bug::find_moves_to_front) {
      if (each != nullptr) {
        auto* const self = const_cast<chained_map*>(this);
        *self->link_to(each) = each->next;
        self->link(*each);
      }
    }
    return each;
  }

  // The pointer that leads to `each`.
  node** link_to(const node* each) noexcept {
    node** at = &buckets_[index(each->hash)];
    while (*at != each) {
      at = &(*at)->next;
    }
    return at;
  }

  void link(node& added) noexcept {
    node*& head = buckets_[index(added.hash)];
    added.next = std::exchange(head, &added);
  }

  void move_chain(node* head) noexcept {
    MAPS_PROBE("chained_map.migrate.bucket");
    while (head != nullptr) {
      node* const next = head->next;
      link(*head);
      if constexpr (Bug == bug::rehash_drops_rest_of_chain) {
        return;
      }
      head = next;
    }
  }

  void replace_nodes()
    requires(Bug == bug::rehash_makes_new_nodes)
  {
    for (node*& head : buckets_) {
      for (node** at = &head; *at != nullptr; at = &(*at)->next) {
        const std::unique_ptr<node> old(*at);
        *at = new node(*old);
      }
    }
  }

  [[no_unique_address]] Hash hash_;
  [[no_unique_address]] KeyEqual equal_;
  std::vector<node*> buckets_;  // a power of two
  std::size_t count_ = 0;
  float max_load_factor_ = 1;
};

/// A forward iterator. Not one to be kept over what the map's contract says ends it.
template <class Key, class T, class Hash, class KeyEqual, chained_map_bug Bug>
template <class Value>
class chained_map<Key, T, Hash, KeyEqual, Bug>::iterator_to {
 public:
  using iterator_category = std::forward_iterator_tag;
  using value_type = std::remove_const_t<Value>;
  using difference_type = std::ptrdiff_t;
  using pointer = Value*;
  using reference = Value&;

  iterator_to() = default;

  operator const_iterator() const noexcept  // NOLINT(google-explicit-constructor): as std's do
    requires(!std::is_const_v<Value>)
  {
    return {owner_, node_};
  }

  reference operator*() const noexcept { return node_->entry; }

  pointer operator->() const noexcept { return &node_->entry; }

  iterator_to& operator++() noexcept {
    MAPS_PROBE("chained_map.next");
    node_ =
        node_->next != nullptr ? node_->next : owner_->first_from(owner_->index(node_->hash) + 1);
    return *this;
  }

  iterator_to operator++(int) noexcept {
    const iterator_to before = *this;
    ++*this;
    return before;
  }

  friend bool operator==(const iterator_to& a, const iterator_to& b) noexcept {
    return a.node_ == b.node_;
  }

 private:
  friend class chained_map;

  iterator_to(const chained_map* owner, node* at) noexcept : owner_(owner), node_(at) {}

  const chained_map* owner_ = nullptr;
  node* node_ = nullptr;
};

}  // namespace maps
