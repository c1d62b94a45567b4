// In-target world, outside of executions. libFuzzer makes up the inputs.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "explore/session.hpp"

namespace heddle::fuzz {

/// True if libFuzzer is linked into this program (flavour "fuzz").
bool has_libfuzzer();

/// Runs libFuzzer's driver on `session` with `flags` (libFuzzer's own, and corpus folders). Each
/// input is a program, then a schedule. At a finding, `on_finding` is called; if it returns true
/// the process aborts the libFuzzer way (artefact written, exit code 77), else fuzzing goes on.
/// Does not return: libFuzzer leaves the process. `executions` counts along.
[[noreturn]] void run_libfuzzer(exploration::Session& session,
                                const std::vector<std::string>& flags,
                                const std::function<bool(const exec::Finding&)>& on_finding,
                                u64* executions);

}  // namespace heddle::fuzz
