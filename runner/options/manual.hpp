#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

// What else is made from the one option table: the man page and the completions that releases bring along.
namespace cachefill::options {

struct Option;

// cachefill(1), in man(7) macros and ASCII.
std::string man_page();

// For bash, zsh or fish; empty for any other word.
std::optional<std::string> completion(std::string_view shell);

// The words an option takes, if it takes one of a few ("auto", "always", "never").
std::vector<std::string> choices_of(const Option& option);

} // namespace cachefill::options
