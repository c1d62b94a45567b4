// What an explorer leaves for another process to go on with.
#include "base/archive.hpp"
#include "explore/explorer.hpp"

namespace heddle::exploration {

void Explorer::archive(Archive& archive) {
  if (!archive.reads()) {
    set_aside();
  }
  const auto list = [&archive](Event& event) { graph::archive(archive, event); };
  memory_.archive(archive);
  archive(depth_);
  archive.list(saved_, list);
  archive.list(levels_, [&](Level& level) {
    archive(level.is_new, level.outer, level.base);
    list(level.store);
    list(level.load);
  });
  if (!archive.reads()) {
    leave();
  }
}

// As if it were an outer graph: all are kept alike.
void Explorer::set_aside() {
  Level level = {};
  level.outer = saved_.size();
  levels_.push_back(level);
  for (EventId id = 1; id <= graph().size(); ++id) {
    saved_.push_back(graph()[id]);
  }
  saved_.push_back(Event{});
}

void Explorer::show_graph(u32 level) {
  const u32 end = level + 1 < levels_.size() ? levels_[level + 1].outer : saved_.size();
  graph().clear_events();
  for (u32 i = levels_[level].outer; i + 1 < end; ++i) {
    graph().add_again(saved_[i]);
  }
  started_ = graph().size();
}

void Explorer::learn_values(u32 level) {
  const auto learn = [](Event& event, const Event& seen) {
    event.value = seen.value;
    event.modification = seen.modification;
  };
  const u32 outer = levels_[level].outer;
  for (u32 i = 0; i < started_; ++i) {
    learn(saved_[outer + i], graph()[i + 1]);
  }
  if (level > 0) {
    const Event& store = graph()[levels_[level - 1].base + 1];
    learn(levels_[level - 1].store, store);
    learn(saved_[outer - 1], store);
  }
  if (level + 1 < levels_.size()) {
    Event& load = levels_[level].load;
    learn(load, graph()[graph().event_of(load.thread, load.index)]);
  } else {
    leave();
    started_ = graph().size();
  }
}

}  // namespace heddle::exploration
