// What of fmt is no template, once: as a header alone it takes half the time of each compilation.
// Inline, that is weak, because a program under test may have fmt of its own.
#include <fmt/format.h>

#undef FMT_FUNC
#define FMT_FUNC inline __attribute__((used))
#include <fmt/format-inl.h>

FMT_BEGIN_NAMESPACE
namespace detail {

template auto thousands_sep_impl<char>(locale_ref) -> thousands_sep_result<char>;
template auto decimal_point_impl<char>(locale_ref) -> char;
template void buffer<char>::append<char>(const char*, const char*);
template void vformat_to<char>(buffer<char>&, basic_string_view<char>,
                               basic_format_args<buffer_context<char>>, locale_ref);

}  // namespace detail
FMT_END_NAMESPACE
