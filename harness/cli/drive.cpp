#include "cli/drive.hpp"

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <dlfcn.h>
#include <elf.h>
#include <filesystem>
#include <memory>
#include <unistd.h>

#include "cli/commands.hpp"
#include "cli/output.hpp"
#include "process/around.hpp"
#include "process/phase.hpp"

namespace heddle::cli {
namespace {

constexpr char kSeparator = '\x1f';
constexpr const char* kSection = ".heddle_program";
constexpr const char* kVersion = "1 ";  // of the mark, and of what the variable holds

using File = std::unique_ptr<std::FILE, decltype([](std::FILE* file) { std::fclose(file); })>;

template <class T>
bool read_at(const File& file, std::uint64_t offset, T* out, std::size_t count = 1) {
  return std::fseek(file.get(), static_cast<long>(offset), SEEK_SET) == 0 &&
         std::fread(out, sizeof(T), count, file.get()) == count;
}

/// The text of the mark that heddle-cc links into programs; empty if there is none.
std::string mark_of(const File& file) {
  Elf64_Ehdr header = {};
  if (!read_at(file, 0, &header) || std::memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 ||
      header.e_ident[EI_CLASS] != ELFCLASS64 || header.e_shentsize != sizeof(Elf64_Shdr) ||
      header.e_shstrndx >= header.e_shnum) {
    return "";
  }
  std::vector<Elf64_Shdr> sections(header.e_shnum);
  if (!read_at(file, header.e_shoff, sections.data(), sections.size())) {
    return "";
  }
  for (const Elf64_Shdr& section : sections) {
    char name[32] = {};
    if (section.sh_size > 0 && section.sh_size < 100 &&
        read_at(file, sections[header.e_shstrndx].sh_offset + section.sh_name, name,
                std::strlen(kSection) + 1) &&
        std::strcmp(name, kSection) == 0) {
      std::string text(section.sh_size, '\0');
      return read_at(file, section.sh_offset, text.data(), text.size()) ? text : "";
    }
  }
  return "";
}

struct Program {
  int (*main)(int, char**, char**);
  int argument_count;
  char** arguments;
};

Program the_program;
std::string the_command;

void run_main() {
  const int status = the_program.main(the_program.argument_count, the_program.arguments, ::environ);
  if (exec::current_thread == nullptr) {
    std::exit(status);  // of a child that main() forked
  }
  exec::engine().exit_program(*exec::current_thread, status,
                              reinterpret_cast<uptr>(the_program.main) + 1);
}

// The C library's own calls of exit(), as by err(), come here.
void on_real_exit(int status, void*) {
  if (exec::Thread* thread = exec::current_thread) {
    exec::engine().exit_program(*thread, status, 0);
  }
}

std::vector<std::string> split(const std::string& text) {
  std::vector<std::string> words(1);
  for (const char c : text) {
    if (c == kSeparator) {
      words.emplace_back();
    } else {
      words.back() += c;
    }
  }
  return words;
}

/// Whether allocations go past Heddle, to functions that the program has of its own.
bool has_own_allocator() {
  return ::dlsym(RTLD_DEFAULT, "malloc") != reinterpret_cast<void*>(&std::malloc) ||
         ::dlsym(RTLD_DEFAULT, "calloc") != reinterpret_cast<void*>(&std::calloc) ||
         ::dlsym(RTLD_DEFAULT, "realloc") != reinterpret_cast<void*>(&std::realloc) ||
         ::dlsym(RTLD_DEFAULT, "free") != reinterpret_cast<void*>(&std::free);
}

}  // namespace

bool is_path(const std::string& target) { return target.find('/') != std::string::npos; }

std::string not_a_program(const std::string& path) {
  std::error_code error;
  if (std::filesystem::is_directory(path, error)) {
    return path + ": is a folder, not a program";
  }
  const File file(std::fopen(path.c_str(), "rbe"));
  if (file == nullptr) {
    return path + ": " + std::strerror(errno);
  }
  const std::string mark = mark_of(file);
  if (mark.empty()) {
    return path + ": is no program for Heddle; build it with heddle-cc or heddle-c++";
  }
  if (!mark.starts_with(kVersion)) {
    return path + ": was built by another version of Heddle; build it again";
  }
  if (::access(path.c_str(), X_OK) != 0) {
    return path + ": " + std::strerror(errno);
  }
  return "";
}

const std::string& driving_command() { return the_command; }

int drive(const target::Executable& executable, const std::vector<std::string>& words) {
  if (const std::string what = not_a_program(executable.path); !what.empty()) {
    complain(what);
    return kUsage;
  }
  std::string value = program_path() + kSeparator + executable.path;
  for (const std::string& word : words) {
    value += kSeparator + word;
  }
  ::setenv(process::kDriveVariable, value.c_str(), 1);
  std::vector<char*> arguments = {const_cast<char*>(executable.path.c_str())};
  for (const std::string& argument : executable.arguments) {
    arguments.push_back(const_cast<char*>(argument.c_str()));
  }
  arguments.push_back(nullptr);
  ::execv(executable.path.c_str(), arguments.data());
  complain("cannot run " + executable.path + ": " + std::strerror(errno));
  return kEnvironment;
}

int run_driven(int (*main)(int, char**, char**), int argument_count, char** arguments) {
  process::the_phase = process::Phase::kDriven;
  std::vector<std::string> words = split(std::getenv(process::kDriveVariable));
  ::unsetenv(process::kDriveVariable);
  the_program = Program{main, argument_count, arguments};
  target::Executable executable{words.at(1), {arguments + 1, arguments + argument_count}};
  if (has_own_allocator()) {
    complain(executable.path + ": has a malloc() of its own; build it for Heddle without");
    ::_exit(kUsage);
  }
  const std::string name = std::filesystem::path(executable.path).filename().string();
  target::set_program(std::make_unique<target::Definition>(name, run_main, std::move(executable)));
  exploration::prepare_process();
  ::on_exit(on_real_exit, nullptr);
  process::around().take(argument_count, arguments);
  exec::engine().set_surroundings(process::around());

  the_command = words.front();
  words.erase(words.begin() + 1);
  std::vector<char*> pointers;
  for (std::string& word : words) {
    pointers.push_back(word.data());
  }
  pointers.push_back(nullptr);
  const int code = run_command(static_cast<int>(words.size()), pointers.data());
  std::fflush(stdout);
  ::_exit(code);  // the program's own objects are not this process's to destroy
}

}  // namespace heddle::cli
