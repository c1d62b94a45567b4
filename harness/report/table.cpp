#include "report/table.hpp"

#include <algorithm>
#include <vector>

#include <fmt/format.h>

#include "report/places.hpp"
#include "target/history.hpp"

namespace heddle::report {
namespace {

using exec::Event;
using exec::EventKind;
using exec::Finding;
using exec::Order;

constexpr u32 kContext = 2;    // visible events shown on either side of a switch
constexpr u32 kRowsMax = 400;  // a table longer than this keeps its end
constexpr std::size_t kNumberWidth = 8;
constexpr std::size_t kPlaceWidth = 30;
constexpr std::size_t kColumnsMax = 6;

exec::Execution& engine() { return exec::engine(); }

const char* order_suffix(const Event& event) {
  switch (event.kind) {
    case EventKind::kLoad:
    case EventKind::kStore:
    case EventKind::kUpdate:
    case EventKind::kFailedCas:
    case EventKind::kFence: break;
    default: return "";
  }
  switch (event.order) {
    case Order::kRelaxed: return " rlx";
    case Order::kConsume:
    case Order::kAcquire: return " acq";
    case Order::kRelease: return " rel";
    case Order::kAcqRel: return " acq_rel";
    case Order::kSeqCst: return " sc";
  }
  return "";
}

std::string bytes_text(u64 bytes) { return fmt::format("{} byte{}", bytes, bytes == 1 ? "" : "s"); }

std::string finding_text(const Event& event, ObjectNames& names) {
  const Finding& finding = engine().finding();
  const bool first = event_at(finding.event) == &event;
  const std::string what =
      first ? finding.rule : exec::name_of(static_cast<exec::FindingKind>(event.value));
  return fmt::format("{}{}{}", what, event.address == 0 ? "" : ": ", names.name(event.address));
}

const Value& yielded_by(const Event& event) {
  return target::history().entries[static_cast<u32>(event.value)].result;
}

std::string event_text(const Event& event, ObjectNames& names) {
  const std::string word = exec::name_of(event.kind);
  switch (event.kind) {
    case EventKind::kFinding: return finding_text(event, names);
    case EventKind::kReturn: {
      const std::string value = target::text_of(target::history().entries[event.operation].result);
      return value.empty() ? "  done" : "  = " + value;
    }
    case EventKind::kYielded: return "  yields " + target::text_of(yielded_by(event));
    case EventKind::kProbe:
      return fmt::format("{} {}", word, reinterpret_cast<const char*>(event.address));
    case EventKind::kCreate:
    case EventKind::kJoin: return fmt::format("{} T{}", word, event.value);
    case EventKind::kAllocate:
      return fmt::format("{} {} ({})", word, names.name(event.address), bytes_text(event.value));
    case EventKind::kRead:
    case EventKind::kWrite:
      return fmt::format("{} {} ({})", word, names.name(event.address), bytes_text(event.size));
    case EventKind::kLoad:
    case EventKind::kStore:
    case EventKind::kUpdate:
    case EventKind::kFailedCas: {
      const bool reads = event.kind == EventKind::kLoad || event.kind == EventKind::kFailedCas;
      const bool pointer = event.value != event.shown;
      return fmt::format(
          "{} {} {} {}{}", word, names.name(event.address), reads ? "->" : ":=",
          pointer ? "&" + names.name(event.value) : std::to_string(static_cast<i64>(event.value)),
          order_suffix(event));
    }
    case EventKind::kTryLock:
      return fmt::format("{} {}{}", word, names.name(event.address),
                         event.value == 0 ? " (busy)" : "");
    case EventKind::kChoice: return fmt::format("{} {}", word, event.value);
    default:
      return fmt::format("{}{}{}{}", word, event.address == 0 ? "" : " ", names.name(event.address),
                         order_suffix(event));
  }
}

/// Which events get a row, and which of those are pointed at.
class Selection {
 public:
  explicit Selection(const TableOptions& options) : events_(engine().events()) {
    number_events(options.diverged_at);
    point_at_finding();
    show_overlooked();
    tell_operations();
    for (u32 i = 0; i < events_.size(); ++i) {
      shown_[i] = shown_[i] || always_shown(i);
      pointed_at_[i] = pointed_at_[i] || is_wrong_result(i);
    }
    show_switches();
  }

  bool shown(u32 index) const { return shown_[index]; }
  bool pointed_at(u32 index) const { return pointed_at_[index]; }
  /// Among the visible events, from 0.
  u32 number(u32 index) const { return numbers_[index]; }

  /// True if the row of the operation's call says all about it, down to the result.
  bool told(u32 operation) const { return operation < told_.size() && told_[operation]; }

  /// Visible, without a row, and not part of an operation that is told in one row.
  bool left_out(u32 index) const {
    const Event& event = events_[index];
    return exec::is_visible(event.kind) && !shown_[index] && !told(event.operation);
  }

 private:
  void number_events(u64 diverged_at) {
    shown_.resize(events_.size(), false);
    pointed_at_.resize(events_.size(), false);
    u32 number = 0;
    for (const Event& event : events_) {
      numbers_.push_back(number);
      if (exec::is_visible(event.kind) && number++ == diverged_at) {
        point_at(static_cast<u32>(numbers_.size() - 1));
      }
    }
  }

  void point_at(u32 index) {
    if (index < events_.size()) {
      shown_[index] = true;
      pointed_at_[index] = true;
    }
  }

  void point_at_finding() {
    const Finding& finding = engine().finding();
    if (!finding) {
      return;
    }
    point_at(finding.event);
    point_at(finding.other_event);
    for (u32 i = 0; i < events_.size(); ++i) {
      const Event& event = events_[i];
      if (event.kind == EventKind::kCall && event.operation == finding.operation) {
        point_at(i);
      }
      if (event.kind == EventKind::kAllocate || event.kind == EventKind::kFree) {
        select_life_of(engine().arena().block_at(event.address), i);
      }
    }
  }

  void select_life_of(u32 block, u32 event) {
    if (block != 0 && engine().arena().block(block).state == memory::BlockState::kLeaked) {
      point_at(event);
    } else if (block != 0 && block == engine().finding().block) {
      shown_[event] = true;
    }
  }

  void show_overlooked() {
    for (u32 i = 0; i < events_.size(); ++i) {
      if (const exec::Overlooked& overlooked = events_[i].overlooked) {
        for (const u32 index : {i, overlooked.newest, overlooked.store}) {
          if (index < events_.size()) {
            shown_[index] = true;
          }
        }
      }
    }
  }

  // An operation is told in one row if it returned before any other thread had a turn, and nothing
  // in it has a row of its own.
  void tell_operations() {
    told_.resize(target::history().entries.size(), false);
    for (u32 i = 0; i < events_.size(); ++i) {
      if (events_[i].kind == EventKind::kCall) {
        told_[events_[i].operation] = undisturbed(i);
      }
    }
  }

  bool undisturbed(u32 call) const {
    for (u32 i = call + 1; i < events_.size() && events_[i].thread == events_[call].thread; ++i) {
      if (events_[i].kind == EventKind::kReturn) {
        return true;
      }
      if (shown_[i] || !in_operations(i)) {
        return false;
      }
    }
    return false;
  }

  // What is not worth a row of its own where the operation around it is told.
  bool in_operations(u32 index) const {
    switch (events_[index].kind) {
      case EventKind::kFinding:
      case EventKind::kDetected:
      case EventKind::kCreate:
      case EventKind::kJoin: return false;
      default: return true;
    }
  }

  bool always_shown(u32 index) const {
    switch (events_[index].kind) {
      case EventKind::kCall: return true;
      case EventKind::kReturn:
      case EventKind::kYielded:
      case EventKind::kChoice: return !told(events_[index].operation);
      default: return !in_operations(index);
    }
  }

  bool is_wrong_result(u32 index) const {
    return shown_[index] && events_[index].kind == EventKind::kReturn &&
           events_[index].operation == engine().finding().operation;
  }

  void show_switches() {
    u32 begin = 0;
    for (u32 i = 1; i <= events_.size(); ++i) {
      if (i == events_.size() || events_[i].thread != events_[begin].thread) {
        show_ends(begin, i);
        begin = i;
      }
    }
  }

  void show_ends(u32 begin, u32 end) {
    u32 seen = 0;
    for (u32 i = begin; i < end && seen < kContext; ++i) {
      seen += show_end(i, i == begin);
    }
    seen = 0;
    for (u32 i = end; i > begin && seen < kContext; --i) {
      seen += show_end(i - 1, i == end);
    }
  }

  /// Counts visible events. Where plain accesses are scheduling points, they are switched at, too.
  u32 show_end(u32 index, bool outermost) {
    const Event& event = events_[index];
    const bool visible = exec::is_visible(event.kind);
    if (!told(event.operation) && (visible || (outermost && engine().options().preempt_all))) {
      shown_[index] = true;
    }
    return visible ? 1 : 0;
  }

  const Vec<Event>& events_;
  std::vector<bool> shown_;
  std::vector<bool> pointed_at_;
  std::vector<u32> numbers_;
  std::vector<bool> told_;  // by operation
};

class Table {
 public:
  Table(ObjectNames& names, const TableOptions& options)
      : names_(names),
        selection_(options),
        threads_(engine().thread_count()),
        // None took part where the execution died with its process.
        columns_(std::clamp<std::size_t>(threads_, 1, kColumnsMax)),
        has_places_(options.width > 80) {
    const std::size_t others = kNumberWidth + (has_places_ ? kPlaceWidth : 0);
    column_ = std::max<std::size_t>(15, (options.width - others) / columns_);
  }

  std::string text() {
    std::vector<u32> rows;
    for (u32 i = 0; i < engine().events().size(); ++i) {
      if (selection_.shown(i)) {
        rows.push_back(i);
      }
    }
    if (rows.empty()) {
      return "";
    }
    add_head();
    const std::size_t skip = rows.size() > kRowsMax ? rows.size() - kRowsMax : 0;
    if (skip != 0) {
      text_ +=
          fmt::format("          ... {} rows before; of these only what `>` points at\n", skip);
    }
    for (std::size_t row = 0; row < rows.size(); ++row) {
      if (row >= skip) {
        add_gap(row == 0 ? 0 : rows[row - 1] + 1, rows[row]);
      }
      if (row >= skip || selection_.pointed_at(rows[row])) {
        add_row(rows[row]);
      }
    }
    add_gap(rows.back() + 1, engine().events().size());
    add_legend();
    return text_;
  }

 private:
  void add_head() {
    text_ = "   event ";
    for (std::size_t i = 0; i < columns_; ++i) {
      const bool shared = i + 1 == columns_ && threads_ > columns_;
      text_ += fmt::format("{:<{}}", fmt::format("T{}{}", i, shared ? " and on" : ""), column_);
    }
    text_ += has_places_ ? "where" : "";
    end_line();
  }

  void add_gap(u32 begin, u32 end) {
    u32 left_out = 0;
    ThreadId thread = ThreadId::kNone;
    for (u32 i = begin; i < end; ++i) {
      if (selection_.left_out(i)) {
        thread = engine().events()[i].thread;
        ++left_out;
      }
    }
    if (left_out != 0) {
      text_ += fmt::format("          ... {} event{} of {}\n", left_out, left_out == 1 ? "" : "s",
                           thread_name(thread));
    }
  }

  void add_row(u32 index) {
    const Event& event = engine().events()[index];
    const std::size_t own = std::min<std::size_t>(to_index(event.thread), columns_ - 1);
    text_ +=
        fmt::format("{}{:>6}  {}", selection_.pointed_at(index) ? " >" : "  ",
                    exec::is_visible(event.kind) ? std::to_string(selection_.number(index)) : "",
                    std::string(own * column_, ' '));
    const std::string cell = event.kind == EventKind::kCall
                                 ? call_text(index)
                                 : event_text(event, names_) + overlooked_text(event.overlooked);
    const std::string place = has_places_ ? users_frame(place_of(event)).place() : "";
    const std::size_t room = (columns_ - own) * column_;
    text_ += fmt::format("{:<{}}{}{}", cell, room, cell.size() < room ? "" : " ", place);
    end_line();
    pointed_ |= selection_.pointed_at(index);
    committed_ |= event.kind == EventKind::kCommit;
    overlooked_ |= static_cast<bool>(event.overlooked);
  }

  /// " (T1's #4, older than T2's #7)": the store that was read, or comes before, and the newest
  /// one.
  std::string overlooked_text(const exec::Overlooked& overlooked) const {
    return !overlooked ? ""
                       : fmt::format(" ({}, older than {})", store_text(overlooked.store),
                                     store_text(overlooked.newest));
  }

  std::string store_text(u32 index) const {
    const Event* store = event_at(index);
    return store == nullptr
               ? "initial"
               : fmt::format("{}'s #{}", thread_name(store->thread), selection_.number(index));
  }

  /// With the values that it chose, if this is the operation's only row.
  std::string call_text(u32 index) const {
    const u32 operation = engine().events()[index].operation;
    const bool told = selection_.told(operation);
    std::string text = operation_text(operation, told);
    for (u32 i = index; told && i < engine().events().size(); ++i) {
      const Event& event = engine().events()[i];
      if (event.operation != operation) {
        break;
      }
      text += event.kind == EventKind::kChoice ? fmt::format(", choose {}", event.value) : "";
    }
    return text;
  }

  void add_legend() {
    if (pointed_ || committed_ || overlooked_) {
      text_ += "\n";
    }
    if (pointed_) {
      text_ += "  > = what it is about\n";
    }
    if (committed_) {
      text_ += "  commit = the operation takes effect\n";
    }
    if (overlooked_) {
      text_ +=
          "  older than = stale: the newer store does not happen before this, nor has anything "
          "that "
          "does read it,\n    so that the memory model lets it be overlooked (#: number of the "
          "event)\n";
    }
  }

  void end_line() {
    text_.erase(text_.find_last_not_of(' ') + 1);
    text_ += "\n";
  }

  ObjectNames& names_;
  Selection selection_;
  std::size_t threads_;
  std::size_t columns_;
  std::size_t column_;
  bool has_places_;
  bool pointed_ = false;
  bool committed_ = false;
  bool overlooked_ = false;
  std::string text_;
};

}  // namespace

std::string table(ObjectNames& names, const TableOptions& options) {
  return Table(names, options).text();
}

}  // namespace heddle::report
