#pragma once

#include "base/result.hpp"
#include "base/secret.hpp"

#include <string>

namespace cachefill::app {

// What a person types at the terminal on standard input, without showing it; the prompt goes to standard error. Ctrl-C
// and Ctrl-D end it: an empty secret. The terminal is afterwards as it was.
Result<Secret> ask_secret(const std::string& prompt);
// The first line of standard input, which need be no terminal.
Result<Secret> read_secret();

} // namespace cachefill::app
