#include "report/symbols.hpp"

#include <backtrace.h>
#include <filesystem>
#include <unordered_map>

#include "report/function_name.hpp"

namespace heddle::report {
namespace {

void ignore_error(void*, const char*, int) {}

backtrace_state* state() {
  static backtrace_state* the_state = ::backtrace_create_state(nullptr, 0, ignore_error, nullptr);
  return the_state;
}

std::string shortened(const char* file) {
  const std::filesystem::path path = std::filesystem::path(file).lexically_normal();
  if (path.is_relative()) {
    // To the folder that it was compiled in (ccache does that), which tells nobody anything.
    std::string text = path.string();
    while (text.starts_with("../")) {
      text.erase(0, 3);
    }
    return text;
  }
  std::error_code error;
  const std::string relative =
      path.lexically_proximate(std::filesystem::current_path(error)).string();
  return error || relative.starts_with("..") ? path.string() : relative;
}

int add_frame(void* out, uintptr_t, const char* file, int line, const char* function) {
  if (file != nullptr || function != nullptr) {
    static_cast<std::vector<Frame>*>(out)->push_back(
        Frame{function == nullptr ? "?" : function_name(function),
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

bool is_users(const Frame& frame) {
  static const std::string_view foreign[] = {"/usr/include/", "/usr/lib/", "/c++/",
                                             "/include/heddle/"};
  for (const std::string_view part : foreign) {
    if (frame.file.find(part) != std::string::npos) {
      return false;
    }
  }
  // What turns a lambda into a function pointer calls itself "__invoke".
  return !frame.file.empty() && !frame.function.ends_with("__invoke") &&
         !frame.function.starts_with("std::") && !frame.function.starts_with("__gnu_cxx::") &&
         !frame.function.starts_with("heddle::");
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
