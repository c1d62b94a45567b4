// What an explorer leaves for another process to go on with.
#include "base/archive.hpp"
#include "explore/explorer.hpp"

namespace heddle::exploration {

void Explorer::archive(Archive& archive) {
  const auto list = [&archive](Event& event) { graph::archive(archive, event); };
  memory_.archive(archive);
  archive(depth_);
  resumed_.clear();
  graph().unwind(0, resumed_);
  archive.list(resumed_, list);
  graph().rewind(resumed_);
  cuts_.archive(archive);
  archive.list(levels_, [&](Level& level) {
    archive(level.is_new, level.base);
    list(level.found);
    list(level.store);
    list(level.load);
  });
}

// The present graph, then those from which it was cut, the first one last.
void Explorer::show_graph(u32 nth) {
  if (nth > 0) {
    const u32 level = levels_.size() - nth;
    shrink_to(levels_[level].base);
    cuts_.show(graph(), level);
  }
  started_ = graph().size();
}

void Explorer::learn_values(u32 nth) {
  const u32 level = levels_.size() - nth;
  if (nth == 0) {
    for (EventId id = 1; id <= started_; ++id) {
      graph::learn_values(resumed_[started_ - id], graph()[id]);
    }
  } else {
    Event& load = levels_[level].load;
    graph::learn_values(load, graph()[graph().event_of(load.thread, load.index)]);
    cuts_.learn_values(graph(), level);
  }
  if (level > 0) {
    const Event& store = graph()[levels_[level - 1].base + 1];
    graph::learn_values(levels_[level - 1].store, store);
    graph::learn_values(levels_[level - 1].found, store);
  } else {
    graph().clear_events();
    graph().rewind(resumed_);
    started_ = graph().size();
  }
}

}  // namespace heddle::exploration
