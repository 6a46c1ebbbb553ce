#pragma once

#include <string>
#include <vector>

namespace cachefill::app {

// The whole program: how it was called and its arguments in, exit code out.
int run_program(const std::string& called_as, const std::vector<std::string>& arguments);

} // namespace cachefill::app
