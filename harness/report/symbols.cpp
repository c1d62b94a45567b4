#include "report/symbols.hpp"

#include <backtrace.h>
#include <cstdlib>
#include <cxxabi.h>
#include <filesystem>
#include <unordered_map>

namespace heddle::report {
namespace {

void ignore_error(void*, const char*, int) {}

backtrace_state* state() {
  static backtrace_state* the_state = ::backtrace_create_state(nullptr, 0, ignore_error, nullptr);
  return the_state;
}

// "ns::f<int>(int, char const*)" -> "ns::f<int>": a story has no room for argument types.
std::string without_arguments(const std::string& name) {
  int depth = 0;
  for (std::size_t i = 0; i < name.size(); ++i) {
    const char c = name[i];
    depth += c == '<' ? 1 : c == '>' ? -1 : 0;
    if (c == '(' && depth == 0 && name.compare(i, 21, "(anonymous namespace)") != 0 &&
        name.compare(i, 11, "(lambda at ") != 0) {
      return name.substr(0, i);
    }
  }
  return name;
}

void erase_all(std::string& text, const std::string& part) {
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at)) {
    text.erase(at, part.size());
  }
}

std::string readable(const char* name) {
  int status = 0;
  char* demangled = abi::__cxa_demangle(name, nullptr, nullptr, &status);
  std::string text = without_template_arguments(without_arguments(status == 0 ? demangled : name));
  std::free(demangled);
  erase_all(text, "(anonymous namespace)::");
  return text.starts_with("auto ") ? text.substr(5) : text;
}

std::string shortened(const char* file) {
  const std::filesystem::path path = std::filesystem::path(file).lexically_normal();
  std::error_code error;
  const std::string relative =
      path.lexically_proximate(std::filesystem::current_path(error)).string();
  return error || relative.starts_with("..") ? path.string() : relative;
}

int add_frame(void* out, uintptr_t, const char* file, int line, const char* function) {
  if (file != nullptr || function != nullptr) {
    static_cast<std::vector<Frame>*>(out)->push_back(
        Frame{function == nullptr ? "?" : readable(function),
              file == nullptr ? "" : shortened(file), line});
  }
  return 0;
}

}  // namespace

std::string Frame::place() const { return file.empty() ? "" : file + ":" + std::to_string(line); }

const std::vector<Frame>& frames_at(uptr return_address) {
  static std::unordered_map<uptr, std::vector<Frame>> cache;
  const auto [at, fresh] = cache.try_emplace(return_address);
  if (fresh && return_address != 0) {
    // A return address may be the first byte of the next line: look at the call before it.
    ::backtrace_pcinfo(state(), return_address - 1, add_frame, ignore_error, &at->second);
  }
  return at->second;
}

std::string without_template_arguments(const std::string& text) {
  std::string out;
  int depth = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool is_operator = i >= 8 && text.compare(i - 8, 8, "operator") == 0;
    if (text[i] == '<' && !is_operator) {
      out += depth++ == 0 ? "<" : "";
    } else if (text[i] == '>' && !is_operator && depth > 0) {
      out += --depth == 0 ? ">" : "";
    } else if (depth == 0) {
      out += text[i];
    }
  }
  return out;
}

bool is_users(const Frame& frame) {
  static const std::string_view foreign[] = {"/usr/include/", "/usr/lib/", "/c++/",
                                             "/include/heddle/"};
  for (const std::string_view part : foreign) {
    if (frame.file.find(part) != std::string::npos) {
      return false;
    }
  }
  return !frame.file.empty() && !frame.function.starts_with("std::") &&
         !frame.function.starts_with("__gnu_cxx::") && !frame.function.starts_with("heddle::");
}

Frame users_frame(uptr return_address, const std::vector<uptr>& callers) {
  Frame innermost;
  for (std::size_t i = 0; i <= callers.size(); ++i) {
    for (const Frame& frame : frames_at(i == 0 ? return_address : callers[i - 1])) {
      if (is_users(frame)) {
        return frame;
      }
      innermost = innermost.function.empty() ? frame : innermost;
    }
  }
  return innermost;
}

}  // namespace heddle::report
