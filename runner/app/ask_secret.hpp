#pragma once

#include "base/result.hpp"
#include "base/secret.hpp"

#include <chrono>
#include <string>

namespace cachefill::app {

// What a person types at the terminal on standard input, without showing it; the prompt goes to standard error. Ctrl-D
// ends it: an empty secret; Ctrl-C ends the program, with 130. The terminal is afterwards as it was. A usage failure if
// nothing comes for so long.
Result<Secret> ask_secret(const std::string& prompt, std::chrono::milliseconds patience = std::chrono::minutes(10));
// The first line of standard input, which need be no terminal.
Result<Secret> read_secret(std::chrono::milliseconds patience = std::chrono::minutes(1));

} // namespace cachefill::app
