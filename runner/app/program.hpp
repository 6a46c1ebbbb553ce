#pragma once

#include <string>
#include <vector>

namespace cachefill::app {

// The whole program: arguments in, exit code out.
int run_program(const std::vector<std::string>& arguments);

} // namespace cachefill::app
