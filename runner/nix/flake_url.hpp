#pragma once

#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace cachefill::nix {

// "/srv/a#b" as it stands in a URL: "/srv/a%23b". Slashes stay. percent_decode() is the other way round.
std::string encode_path(std::string_view path);

// The reference of a flake in a git repository of this machine, "git+file:///srv/a%23b?dir=hosts&rev=…".
// Percent-encoded as every Nix reads it (tried: 2.8 to 2.34), whatever the directory is called; 2.8 cannot itself find
// its way to such a repository from inside. Parameters with an empty value are left out.
std::string git_file_url(std::string_view root, std::span<const std::pair<std::string, std::string>> parameters);

// Is there a login in the address of a flake or an input: an account with a password, one at a web server, or a token
// in a parameter? The account of ssh://git@host is none.
bool has_login(std::string_view url);
// The same, and besides any parameter, also behind a ';' or '#', of which it is not known that it is none, and what
// looks like a token in the path or a value (url_query.hpp). To be asked where the answer costs little.
bool may_have_login(std::string_view url);
// With "…" for each part of the path, and all behind a ';', in which a token may be.
std::string without_tokens(std::string_view url);

} // namespace cachefill::nix
