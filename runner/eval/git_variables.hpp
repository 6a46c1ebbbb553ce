#pragma once

#include "base/environment.hpp"

#include <string>

namespace cachefill::eval {

// What git takes from variables of its own (GIT_SSL_CERT, …) as it does from its configuration, in the form of
// `git config --list -z`.
std::string git_settings_of_variables(const Environment& environment);

} // namespace cachefill::eval
