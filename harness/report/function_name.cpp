#include "report/function_name.hpp"

#include <cstdlib>
#include <cxxabi.h>
#include <regex>
#include <string_view>

namespace heddle::report {
namespace {

constexpr std::string_view kOperator = "operator";

void replace_all(std::string& text, const std::string& part, const std::string& by) {
  for (std::size_t at = text.find(part); at != std::string::npos;
       at = text.find(part, at + by.size())) {
    text.replace(at, part.size(), by);
  }
}

// A plain C name may be the code of a type.
std::string demangled(const std::string& name) {
  if (!name.starts_with("_Z")) {
    return name;
  }
  int status = 0;
  char* readable = abi::__cxa_demangle(name.c_str(), nullptr, nullptr, &status);
  std::string text = status == 0 ? readable : name;
  std::free(readable);
  return text;
}

/// The length of the symbol of an operator at `at` that consists of brackets: "operator<<=" has 3.
std::size_t operator_symbol(const std::string& text, std::size_t at) {
  if (!std::string_view(text).substr(0, at).ends_with(kOperator)) {
    return 0;
  }
  for (const std::string_view symbol :
       {"()", "<=>", "<<=", ">>=", "<<", ">>", "<=", ">=", "->*", "->", "<", ">"}) {
    if (text.compare(at, symbol.size(), symbol) == 0) {
      return symbol.size();
    }
  }
  return 0;
}

/// Without what stands between the brackets, which stay if `keep` is set.
std::string without_bracketed(const std::string& text, char open, char close, bool keep) {
  std::string out;
  int depth = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (const std::size_t length = operator_symbol(text, i); length != 0) {
      out += depth == 0 ? text.substr(i, length) : "";
      i += length - 1;
    } else if (text[i] == open) {
      out += depth++ == 0 && keep ? std::string(1, open) : "";
    } else if (text[i] == close && depth > 0) {
      out += --depth == 0 && keep ? std::string(1, close) : "";
    } else if (depth == 0) {
      out += text[i];
    }
  }
  return out;
}

/// "{lambda(int)#1}" and "$_1" are counted by place: the next edit renumbers them.
void rename_lambdas(std::string& text) {
  static const std::regex counted(R"(\{lambda[^}]*\}|\$_\d+)");
  text = std::regex_replace(text, counted, "lambda");
  replace_all(text, "lambda::operator()", "lambda");
}

/// Without the return type, which the names of function templates begin with.
std::string without_return_type(const std::string& text) {
  // "operator bool" and "operator< <>" have spaces of their own.
  const std::size_t space = text.rfind(' ', text.find(kOperator));
  return space == std::string::npos ? text : text.substr(space + 1);
}

}  // namespace

std::string without_template_arguments(const std::string& text) {
  return without_bracketed(text, '<', '>', true);
}

std::string function_name(const std::string& name) {
  std::string text = demangled(name);
  text = text.substr(0, text.find(" [clone"));
  replace_all(text, "(anonymous namespace)::", "");
  text = without_bracketed(without_template_arguments(text), '(', ')', false);
  replace_all(text, " const::", "::");
  rename_lambdas(text);
  for (const std::string_view qualifier : {" &&", " &", " volatile", " const"}) {
    if (text.ends_with(qualifier)) {
      text.erase(text.size() - qualifier.size());
    }
  }
  return without_return_type(text);
}

}  // namespace heddle::report
