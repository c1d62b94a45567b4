// Command-line world. Programs with a main of their own: the command runs inside of them.
#pragma once

#include <string>
#include <vector>

#include "target/registry.hpp"

namespace heddle::cli {

/// True for what can only be a file: a target's name has no slash.
bool is_path(const std::string& target);

/// What keeps `path` from being driven, in one line; empty if it is a program of heddle-cc.
std::string not_a_program(const std::string& path);

/// Becomes the program, which runs the command with the words given. Returns an exit code if it
/// cannot.
int drive(const target::Executable& executable, const std::vector<std::string>& words);

/// In a driven program: the path of the command that drives it.
const std::string& driving_command();

/// In a program that is being driven: registers it as the one target, and runs the command.
int run_driven(int (*main)(int, char**, char**), int argument_count, char** arguments);

}  // namespace heddle::cli
