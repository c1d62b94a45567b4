// Command-line world. Names of functions, short enough for a story and equal in every build.
#pragma once

#include <string>

namespace heddle::report {

/// "decltype(f()) ns::Map<int>::find<long>(long) const" -> "ns::Map<>::find<>"; a lambda in there
/// is "ns::Map<>::find::lambda". `name` may be mangled; one that is neither comes back as it is.
std::string function_name(const std::string& name);

/// `text` without what stands between angle brackets: templates' arguments make names unreadable.
std::string without_template_arguments(const std::string& text);

}  // namespace heddle::report
