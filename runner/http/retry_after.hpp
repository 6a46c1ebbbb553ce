#pragma once

#include "http/client.hpp"

namespace cachefill::http {

// How long the server asks us to wait: Retry-After in seconds or as a date, else "retry_after" in a JSON body. What is
// not positive, or past, says nothing.
std::optional<std::chrono::seconds> find_retry_after(const Response& response,
                                                     std::chrono::system_clock::time_point now);

// The one form of a date that is written today, of three: "Sun, 06 Nov 1994 08:49:37 GMT" (RFC 9110, 5.6.7).
std::optional<std::chrono::system_clock::time_point> parse_http_date(std::string_view text);

} // namespace cachefill::http
