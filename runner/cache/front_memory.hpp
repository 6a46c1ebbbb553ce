#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

namespace cachefill::http {
struct Response;
}

namespace cachefill::cache {

// A proxy before a cache (nginx's proxy_cache, varnish, a CDN) that remembers having answered 404, and still does so
// when the cache has the file.
struct FrontMemory {
    std::string name;        // as it calls itself, if it does
    std::uint64_t files = 0; // that it was found out with
    // How long the memory of any of them still lasts, if it tells.
    std::optional<std::chrono::seconds> remaining;
    std::optional<std::chrono::seconds> age; // the oldest such answer, if it tells
};

// "a proxy before it (nginx) still answers the 404 of before; it forgets that in 9 min"
std::string describe(const FrontMemory& memory);

// Adds what its outdated answer tells.
void note(FrontMemory& memory, const http::Response& outdated);

// Does this answer say that it comes from a proxy's memory?
bool is_remembered(const http::Response& response);

} // namespace cachefill::cache
