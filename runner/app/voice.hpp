#pragma once

#include "base/environment.hpp"

#include <string>

// All that this program says to people goes through here, because it holds text of others: names, logs, errors.
namespace cachefill::app {

// As it can be said in this environment: no line is a command to a runner of GitHub that reads it, and a locale without
// UTF-8 gets ASCII.
std::string spoken(std::string text, const Environment& environment);

// The same for standard output, as this process was started.
void say(const std::string& text);

} // namespace cachefill::app
