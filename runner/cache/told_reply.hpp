#pragma once

#include "http/client.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace cachefill::cache {

// What the APIs of managed caches answer, on its way into this program.

// The server said `what`, where something else was to be expected: the start of it is repeated, without logins.
Failure nonsense_answer(const http::Response& response, std::string_view what, std::string hint);

// An address that a server tells and that ends up in nix.conf: a plain one and nothing else, without trailing '/'.
std::optional<std::string> plain_address(std::string text);

} // namespace cachefill::cache
