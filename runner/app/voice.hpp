#pragma once

#include "base/environment.hpp"

#include <cstddef>
#include <cstdio>
#include <optional>
#include <string>

// All that this program says to people goes through here, because it holds text of others: names, logs, errors.
namespace cachefill::app {

// As it can be said in this environment: no line is a command to a runner of GitHub that reads it, and a locale without
// UTF-8 gets ASCII.
std::string spoken(std::string text, const Environment& environment);

// As it can be said there: also with prose wrapped where the stream is a terminal.
std::string spoken_on(std::FILE* stream, std::string text, const Environment& environment);

// Columns of the terminal that a stream leads to; empty: it is none, or does not say.
std::optional<std::size_t> terminal_columns(std::FILE* stream);

// spoken_on() standard output, as this process was started.
void say(const std::string& text);

} // namespace cachefill::app
