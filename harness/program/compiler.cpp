// heddle-cc and heddle-c++: clang, with the instrumentation put in front of its arguments and,
// where an executable is linked, the runtime behind them. Drop-in: everything else is clang's own
// answer.
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <string_view>
#include <unistd.h>
#include <vector>

#include "compiler_table.hpp"

namespace {

#ifdef HEDDLE_IS_CXX
constexpr bool kIsCxx = true;
#else
constexpr bool kIsCxx = false;
#endif
constexpr const char* kName = kIsCxx ? "heddle-c++" : "heddle-cc";
constexpr int kUsage = 2;
constexpr const char* kSeveralWords = "SHELL:";  // CMake's mark of a flag with blanks

using Words = std::vector<std::string>;

[[noreturn]] void refuse(const std::string& what) {
  std::fprintf(stderr, "%s: %s\n", kName, what.c_str());
  std::exit(kUsage);
}

template <class... Names>
bool is_one_of(std::string_view word, Names... names) {
  return ((word == names) || ...);
}

/// Words of a response file, split as GCC and clang do: blanks, quotes, backslashes.
Words split(const std::string& text) {
  Words words;
  std::string word;
  bool in_word = false;
  char quote = '\0';
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '\\' && i + 1 < text.size()) {
      word += text[++i];
      in_word = true;
    } else if (quote != '\0' ? c == quote : c == '"' || c == '\'') {
      quote = quote == '\0' ? c : '\0';
      in_word = true;
    } else if (quote == '\0' && std::strchr(" \t\r\n\v\f", c) != nullptr) {
      if (in_word) {
        words.push_back(word);
      }
      word.clear();
      in_word = false;
    } else {
      word += c;
      in_word = true;
    }
  }
  if (in_word) {
    words.push_back(word);
  }
  return words;
}

/// What the arguments ask for. Response files are read for this only; clang gets them as they are.
class Request {
 public:
  void read(const Words& words, int depth = 0) {
    for (const std::string& word : words) {
      if (word.size() > 1 && word[0] == '@' && depth < 20) {
        std::ifstream file(word.substr(1), std::ios::binary);
        std::ostringstream text;
        if (file && text << file.rdbuf()) {
          read(split(text.str()), depth + 1);
          continue;
        }
      }
      read_word(word);
    }
  }

  bool has_input = false;
  bool stops_early = false;  // no link: -c, -S, -E, ...
  bool shared = false;
  bool partial = false;  // a relocatable object, or without libraries: nothing may be added
  bool fixed = false;    // -static
  bool thread_off = false;
  Words sanitizers;

 private:
  void read_word(const std::string& word) {
    if (value_follows_) {
      value_follows_ = false;
      return;
    }
    if (word.empty() || word[0] != '-' || word == "-") {
      has_input = true;
      return;
    }
    value_follows_ = is_one_of(
        word, "-o", "-x", "-I", "-D", "-U", "-L", "-l", "-include", "-imacros", "-isystem",
        "-iquote", "-idirafter", "-iprefix", "-iwithprefix", "-iwithprefixbefore", "-isysroot",
        "-include-pch", "-ivfsoverlay", "-MF", "-MT", "-MQ", "-MJ", "-Xclang", "-Xlinker",
        "-Xassembler", "-Xpreprocessor", "-Xanalyzer", "-mllvm", "-T", "-u", "-z", "-e", "-target",
        "-B", "-F", "-G", "-A", "-rpath", "-framework", "-arch", "--param", "--sysroot", "--output",
        "--language", "-resource-dir", "-working-directory", "-gcc-toolchain", "-dumpbase");
    stops_early |= is_one_of(word, "-c", "-S", "-E", "-M", "-MM", "-fsyntax-only", "--precompile",
                             "--analyze", "-emit-ast", "--compile", "--assemble", "--preprocess");
    shared |= is_one_of(word, "-shared", "--shared", "-Wl,-shared", "-Wl,--shared");
    partial |= is_one_of(word, "-r", "-nostdlib", "--no-standard-libraries", "-nostartfiles",
                         "-nodefaultlibs", "-Wl,-r", "-Wl,--relocatable", "-Wl,-i");
    fixed |= is_one_of(word, "-static", "--static", "-static-pie");
    const auto values_of = [&word](std::string_view name) {
      return word.starts_with(name) ? split_commas(word.substr(name.size())) : Words();
    };
    for (const std::string& name : values_of("-fsanitize=")) {
      sanitizers.push_back(name);
    }
    for (const std::string& name : values_of("-fno-sanitize=")) {
      thread_off |= name == "thread" || name == "all";
      std::erase(sanitizers, name);
    }
  }

  static Words split_commas(const std::string& text) {
    Words words;
    std::istringstream stream(text);
    for (std::string word; std::getline(stream, word, ',');) {
      words.push_back(word);
    }
    return words;
  }

  bool value_follows_ = false;
};

void check_sanitizers(const Request& request) {
  const bool has_asan = is_one_of(kFlavour, "asan", "fuzz");
  for (const std::string& name : request.sanitizers) {
    if (name == "thread") {
      refuse("-fsanitize=thread: leave it out, Heddle takes the place of ThreadSanitizer");
    }
    if (name == "address" && !has_asan) {
      refuse("-fsanitize=address: use the compilers of the preset asan");
    }
    if (is_one_of(name, "memory", "hwaddress", "leak", "dataflow", "fuzzer", "fuzzer-no-link",
                  "safe-stack", "shadow-call-stack", "kernel-address", "realtime", "type")) {
      refuse("-fsanitize=" + name + " cannot be combined with Heddle's instrumentation");
    }
  }
}

std::string library_folder() {
  std::error_code error;
  const auto self = std::filesystem::read_symlink("/proc/self/exe", error);
  return (self.parent_path().parent_path() / "lib" / "heddle").string();
}

void append(Words& words, const Words& more) {
  words.insert(words.end(), more.begin(), more.end());
}

/// Behind `--` everything is a file; a path that says so does without it.
Words without_dashes(Words words) {
  bool behind = false;
  Words plain;
  for (std::string& word : words) {
    if (!behind && word == "--") {
      behind = true;
    } else {
      plain.push_back(behind && word.starts_with("-") ? "./" + word : std::move(word));
    }
  }
  return plain;
}

Words instrumented(const Words& words, const Request& request) {
  const std::string library = library_folder();
  const bool links = !request.stops_early;
  const bool executable = links && !request.shared && !request.partial;
  if (executable && request.fixed) {
    refuse("-static: a program under Heddle is linked dynamically; leave -static out");
  }
  check_sanitizers(request);
  // User flags come later and win. What a step at hand has no use for is nobody's mistake. Without
  // any optimisation a search that wants to know when the state of a thread repeats is misled by
  // what is left over in its frames.
  Words result = {"--start-no-unused-arguments", "-O1"};
  for (std::size_t i = 0; i < std::size(kCompileFlags); ++i) {
    const std::string flag = kCompileFlags[i];
    if (request.thread_off && flag == "-Xclang") {
      ++i;
    } else if (flag.starts_with(kSeveralWords)) {
      append(result, split(flag.substr(std::strlen(kSeveralWords))));
    } else {
      result.push_back(flag);
    }
  }
  append(result, {"-idirafter", kInclude, "--end-no-unused-arguments"});
  if (executable) {
    result.push_back(library + "/begin.o");
  }
  const Words users = without_dashes(words);
  result.insert(result.end(), users.begin(), users.end());
  // Emulated TLS is a choice of each compilation, which link-time optimisation forgets.
  append(result, {"--start-no-unused-arguments", "-fno-lto"});
  if (executable) {
    // What libraries that are loaded later may ask for; nobody else defines it.
    append(result, {"-x", "none", library + "/end.o", library + "/program.o", "-lstdc++", "-lm",
                    "-ldl", "-lpthread", "-Wl,--export-dynamic-symbol=__tsan_*",
                    "-Wl,--export-dynamic-symbol=__emutls_get_address",
                    "-Wl,--export-dynamic-symbol=heddle_*"});
    append(result, kLinkRuntime);
  } else if (links && request.shared) {
    // The executable has the hooks. libgcc.a's emulated TLS would stay inside of the library.
    append(result,
           {"-Wl,--push-state,--no-as-needed", "-lgcc_s", "-Wl,--pop-state", "-Wl,-z,undefs"});
  } else if (links) {
    result.push_back("-fno-sanitize-link-runtime");  // that would come twice in the final link
  }
  result.push_back("--end-no-unused-arguments");
  return result;
}

}  // namespace

int main(int argc, char** argv) {
  const Words words(argv + 1, argv + argc);
  Request request;
  request.read(words);
  const bool native = std::strcmp(kFlavour, "native") == 0;
  Words arguments = native || !request.has_input ? words : instrumented(words, request);
  const char* chosen = std::getenv(kIsCxx ? "HEDDLE_CXX" : "HEDDLE_CC");
  std::string compiler =
      chosen != nullptr && *chosen != '\0' ? chosen : (kIsCxx ? kCxxCompiler : kCompiler);
  std::vector<char*> pointers = {compiler.data()};
  for (std::string& argument : arguments) {
    pointers.push_back(argument.data());
  }
  pointers.push_back(nullptr);
  ::execvp(compiler.c_str(), pointers.data());
  refuse("cannot run " + compiler + ": " + std::strerror(errno));
}
