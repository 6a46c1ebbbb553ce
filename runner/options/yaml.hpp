#pragma once

#include <string>

namespace YAML {
class Node;
}

namespace cachefill::options {

// YAML of whoever wrote the file. Throws a YAML::Exception, with the place, for what is none, and for aliases that make
// much of little or lead back to where they stand: whoever walks through it would not come to an end.
YAML::Node load_yaml(const std::string& text);

} // namespace cachefill::options
