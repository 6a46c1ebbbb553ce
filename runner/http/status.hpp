#pragma once

#include <string>

namespace cachefill::http {

// "404 Not Found"; the number alone where it has no name.
std::string status_name(int status);
// As it is to curl, and so to Nix, if it names a Location.
bool is_redirect(int status);

} // namespace cachefill::http
