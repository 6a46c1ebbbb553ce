#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace cachefill::cache {

// What may be a secret in the query of a cache's address, as it stands there and decoded: the value of each parameter
// that is neither harmless (base/url_query.hpp) nor one of caches' own with a value that says what that is for, and a
// part without '='. Of an address in a value, its own besides.
std::vector<std::string> secret_parameters(std::string_view address);

} // namespace cachefill::cache
