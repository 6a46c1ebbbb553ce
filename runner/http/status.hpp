#pragma once

#include <string>

namespace cachefill::http {

// "404 Not Found"; the number alone where it has no name.
std::string status_name(int status);

} // namespace cachefill::http
