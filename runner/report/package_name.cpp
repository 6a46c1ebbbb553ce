#include "report/package_name.hpp"

#include <algorithm>
#include <array>

namespace cachefill::report {

namespace {

// What nixpkgs calls outputs, but for those of single packages. Nothing in a path says which it is.
constexpr std::array<std::string_view, 19> output_names{
    "bin", "data", "debug",   "dev", "devdoc", "devman", "dist",     "doc",  "drivers", "info", "installedTests",
    "lib", "man",  "modules", "py",  "python", "static", "terminfo", "tools"};

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

PackageName split(std::string_view text) {
    for (std::size_t i = 1; i + 1 < text.size(); ++i)
        if (text[i] == '-' && !is_letter(text[i + 1])) return {text.substr(0, i), text.substr(i + 1)};
    return {text, {}};
}

} // namespace

PackageName package_name(std::string_view path_name) {
    auto whole = split(path_name);
    auto dash = whole.version.rfind('-');
    if (dash == std::string_view::npos) return whole;
    auto last = whole.version.substr(dash + 1);
    if (std::find(output_names.begin(), output_names.end(), last) != output_names.end())
        whole.version.remove_suffix(last.size() + 1);
    return whole;
}

} // namespace cachefill::report
