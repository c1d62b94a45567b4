// Command-line world. An execution as a table: a row an event, a column a thread.
#pragma once

#include <string>

#include "exec/execution.hpp"
#include "report/object_names.hpp"

namespace heddle::report {

struct TableOptions {
  unsigned width = 120;       // in columns of the terminal
  u64 diverged_at = ~u64{0};  // visible event to point at
};

/// The last execution, traced: its operations, both sides of each switch, and what the finding is
/// about. The numbers are those of the visible events, from 0.
std::string table(ObjectNames& names, const TableOptions& options);

}  // namespace heddle::report
