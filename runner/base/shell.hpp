#pragma once

#include <span>
#include <string>
#include <string_view>

// Commands that a person is told to type.
namespace cachefill {

// One word as a POSIX shell (and bash, zsh, fish) reads it back: as it is where that is safe, else in single quotes.
std::string shell_word(std::string_view word);
// Several, with blanks between them.
std::string shell_command(std::span<const std::string> words);

// Does this word, or a URL in it, hold what nobody else may see: a user or password, or a query parameter that is none
// of those which flakes, caches and stores have? A command with such a word is not told: with the secret it must not
// be, and without it it is another one.
bool holds_secret(std::string_view word);

} // namespace cachefill
