// The parts of libstdc++'s trees and lists that are no templates. The library has them in a
// compiled form whose accesses nobody sees; code under test calls these here instead
// (instrumentation/library_calls.cpp). They are instrumented as it is. Source for the trees:
// Cormen, Leiserson, Rivest, Stein: Introduction to Algorithms, chapter 13.
#include <list>
#include <map>

namespace {

using Node = std::_Rb_tree_node_base;
using Link = Node* Node::*;

constexpr Link kLeft = &Node::_M_left;
constexpr Link kRight = &Node::_M_right;

Link other(Link side) { return side == kLeft ? kRight : kLeft; }

Node* farthest(Node* node, Link side) {
  while (node->*side != nullptr) {
    node = node->*side;
  }
  return node;
}

/// The next node on a side, in order. Behind the last one comes the header; whose own neighbours
/// are not asked for.
Node* neighbour(Node* node, Link side) {
  if (node->*side != nullptr) {
    return farthest(node->*side, other(side));
  }
  Node* above = node->_M_parent;
  while (node == above->*side) {
    node = above;
    above = above->_M_parent;
  }
  // From the root, the way leads into the header and back to the root, if that is the last one.
  return node->*side != above ? above : node;
}

/// A tree: the header's parent is the root, its left and right are the first and the last node. The
/// root's parent is the header.
class Tree {
 public:
  explicit Tree(Node& header) : header_(&header) {}

  void insert(Node* node, Node* parent, Link side) {
    node->_M_parent = parent;
    node->_M_left = nullptr;
    node->_M_right = nullptr;
    node->_M_color = std::_S_red;
    if (parent == header_) {
      root() = node;
      header_->_M_left = node;
      header_->_M_right = node;
    } else {
      parent->*side = node;
      if (parent == header_->*side) {
        header_->*side = node;
      }
    }
    mend_red(node);
    root()->_M_color = std::_S_black;
  }

  void erase(Node* node) {
    for (const Link side : {kLeft, kRight}) {
      if (header_->*side == node) {  // it has nothing on that side, so there is a neighbour above
        header_->*side = neighbour(node, other(side));
      }
    }
    Node* child = nullptr;
    Node* above = nullptr;  // of the child, which may be null
    std::_Rb_tree_color gone = node->_M_color;
    if (node->_M_left == nullptr || node->_M_right == nullptr) {
      child = node->_M_left == nullptr ? node->_M_right : node->_M_left;
      above = node->_M_parent;
      put_in_place_of(node, child);
    } else {
      Node* heir = farthest(node->_M_right, kLeft);
      gone = heir->_M_color;
      child = heir->_M_right;
      above = heir;
      if (heir->_M_parent != node) {
        above = heir->_M_parent;
        put_in_place_of(heir, child);
        adopt(heir, kRight, node->_M_right);
      }
      put_in_place_of(node, heir);
      adopt(heir, kLeft, node->_M_left);
      heir->_M_color = node->_M_color;
    }
    if (gone == std::_S_black) {
      mend_black(child, above);
    }
  }

 private:
  Node*& root() { return header_->_M_parent; }

  static bool is_red(const Node* node) { return node != nullptr && node->_M_color == std::_S_red; }

  static void adopt(Node* parent, Link side, Node* child) {
    parent->*side = child;
    if (child != nullptr) {
      child->_M_parent = parent;
    }
  }

  /// `child`, which may be null, becomes what `node` is to its parent.
  void put_in_place_of(Node* node, Node* child) {
    if (node == root()) {
      root() = child;
      if (child != nullptr) {
        child->_M_parent = header_;
      }
    } else {
      Node* parent = node->_M_parent;
      adopt(parent, parent->_M_left == node ? kLeft : kRight, child);
    }
  }

  /// Downwards on `side`; its child on the other one comes up.
  void rotate(Node* node, Link side) {
    Node* child = node->*other(side);
    adopt(node, other(side), child->*side);
    put_in_place_of(node, child);
    adopt(child, side, node);
  }

  // Red, as its parent may be.
  void mend_red(Node* node) {
    while (node != root() && is_red(node->_M_parent)) {
      Node* parent = node->_M_parent;
      Node* above = parent->_M_parent;
      const Link side = above->_M_left == parent ? kLeft : kRight;
      Node* uncle = above->*other(side);
      if (is_red(uncle)) {
        parent->_M_color = std::_S_black;
        uncle->_M_color = std::_S_black;
        above->_M_color = std::_S_red;
        node = above;
        continue;
      }
      if (parent->*other(side) == node) {
        rotate(parent, side);
        parent = node;
      }
      parent->_M_color = std::_S_black;
      above->_M_color = std::_S_red;
      rotate(above, other(side));
      return;
    }
  }

  // Ways through `node`, which may be null, have a black node less than others.
  void mend_black(Node* node, Node* above) {
    while (node != root() && !is_red(node)) {
      const Link side = above->_M_left == node ? kLeft : kRight;
      Node* sibling = above->*other(side);
      if (is_red(sibling)) {
        sibling->_M_color = std::_S_black;
        above->_M_color = std::_S_red;
        rotate(above, side);
        sibling = above->*other(side);
      }
      if (!is_red(sibling->_M_left) && !is_red(sibling->_M_right)) {
        sibling->_M_color = std::_S_red;
        node = above;
        above = above->_M_parent;
        continue;
      }
      if (!is_red(sibling->*other(side))) {
        (sibling->*side)->_M_color = std::_S_black;
        sibling->_M_color = std::_S_red;
        rotate(sibling, other(side));
        sibling = above->*other(side);
      }
      sibling->_M_color = above->_M_color;
      above->_M_color = std::_S_black;
      (sibling->*other(side))->_M_color = std::_S_black;
      rotate(above, side);
      return;
    }
    if (node != nullptr) {
      node->_M_color = std::_S_black;
    }
  }

  Node* header_;
};

}  // namespace

extern "C" {

Node* heddle_checked__ZSt18_Rb_tree_incrementPSt18_Rb_tree_node_base(Node* node) {
  return neighbour(node, kRight);
}

const Node* heddle_checked__ZSt18_Rb_tree_incrementPKSt18_Rb_tree_node_base(const Node* node) {
  return neighbour(const_cast<Node*>(node), kRight);
}

Node* heddle_checked__ZSt18_Rb_tree_decrementPSt18_Rb_tree_node_base(Node* node) {
  // Only the header is red and its parent's parent.
  const bool is_header = node->_M_color == std::_S_red && node->_M_parent->_M_parent == node;
  return is_header ? node->_M_right : neighbour(node, kLeft);
}

const Node* heddle_checked__ZSt18_Rb_tree_decrementPKSt18_Rb_tree_node_base(const Node* node) {
  return heddle_checked__ZSt18_Rb_tree_decrementPSt18_Rb_tree_node_base(const_cast<Node*>(node));
}

void heddle_checked__ZSt29_Rb_tree_insert_and_rebalancebPSt18_Rb_tree_node_baseS0_RS_(
    bool left, Node* node, Node* parent, Node& header) {
  Tree(header).insert(node, parent, left ? kLeft : kRight);
}

Node* heddle_checked__ZSt28_Rb_tree_rebalance_for_erasePSt18_Rb_tree_node_baseRS_(Node* node,
                                                                                  Node& header) {
  Tree(header).erase(node);
  return node;
}

using Item = std::__detail::_List_node_base;

void heddle_checked__ZNSt8__detail15_List_node_base7_M_hookEPS0_(Item* item, Item* position) {
  item->_M_next = position;
  item->_M_prev = position->_M_prev;
  position->_M_prev->_M_next = item;
  position->_M_prev = item;
}

void heddle_checked__ZNSt8__detail15_List_node_base9_M_unhookEv(Item* item) {
  item->_M_prev->_M_next = item->_M_next;
  item->_M_next->_M_prev = item->_M_prev;
}

/// From `first` up to before `last`, to before `item`.
void heddle_checked__ZNSt8__detail15_List_node_base11_M_transferEPS0_S1_(Item* item, Item* first,
                                                                         Item* last) {
  if (item == last) {
    return;
  }
  Item* final = last->_M_prev;
  first->_M_prev->_M_next = last;
  last->_M_prev = first->_M_prev;
  first->_M_prev = item->_M_prev;
  item->_M_prev->_M_next = first;
  final->_M_next = item;
  item->_M_prev = final;
}

void heddle_checked__ZNSt8__detail15_List_node_base10_M_reverseEv(Item* item) {
  Item* at = item;
  do {
    Item* next = at->_M_next;
    at->_M_next = at->_M_prev;
    at->_M_prev = next;
    at = next;
  } while (at != item);
}

void heddle_checked__ZNSt8__detail15_List_node_base4swapERS0_S1_(Item& a, Item& b) {
  // From `first` to `last`, which were between the ends of `from`.
  const auto take = [](Item& list, Item* first, Item* last, const Item& from) {
    const bool empty = first == &from;
    list._M_next = empty ? &list : first;
    list._M_prev = empty ? &list : last;
    list._M_next->_M_prev = &list;
    list._M_prev->_M_next = &list;
  };
  Item* first = a._M_next;
  Item* last = a._M_prev;
  take(a, b._M_next, b._M_prev, b);
  take(b, first, last, a);
}

}  // extern "C"
