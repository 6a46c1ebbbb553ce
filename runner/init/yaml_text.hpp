#pragma once

#include <string>
#include <vector>

namespace cachefill::init {

// A plain YAML scalar where that is safe, else a quoted one.
std::string yaml(const std::string& text);
std::string yaml_list(const std::vector<std::string>& texts); // "[a, b]"

} // namespace cachefill::init
