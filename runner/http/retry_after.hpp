#pragma once

#include "http/client.hpp"

namespace cachefill::http {

// How long the server asks us to wait: Retry-After in seconds or as a date, else "retry_after" in a JSON body. What is
// not positive, or past, says nothing.
std::optional<std::chrono::seconds> find_retry_after(const Response& response,
                                                     std::chrono::system_clock::time_point now);

} // namespace cachefill::http
