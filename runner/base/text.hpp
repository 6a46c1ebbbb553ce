#pragma once

#include <chrono>
#include <concepts>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace cachefill {

std::vector<std::string_view> split(std::string_view text, char separator);
// The pieces point into the text, so it must outlive them.
template <std::same_as<std::string> Temporary> void split(Temporary&& text, char separator) = delete;
// Split at blanks, tabs and newlines; no empty pieces.
std::vector<std::string_view> split_words(std::string_view text);
std::string_view trim(std::string_view text);
std::string join(std::span<const std::string> parts, std::string_view separator);
std::string to_lower(std::string_view text);
bool iequals(std::string_view a, std::string_view b); // ASCII

// Decimal digits only, nothing before or after; empty when out of range.
std::optional<std::uint64_t> parse_u64(std::string_view text);

// Shell-like: `*` any run of characters, `?` one character; everything else itself.
bool glob_match(std::string_view pattern, std::string_view text);

// Of `candidates` the one that a person who typed `word` most likely meant; empty when nothing is near.
std::optional<std::string> did_you_mean(std::string_view word, std::span<const std::string> candidates);

// "1 path", "2 paths": the noun in the number that fits.
std::string counted(std::uint64_t count, std::string_view noun, std::string_view plural = {});

// Text that came from outside (build logs, server messages) made harmless for a terminal: escape sequences and control
// characters gone, invalid UTF-8 replaced, carriage returns resolved to what would have stayed visible. Newlines stay.
std::string sanitize(std::string_view foreign);

// At most `width` characters, the middle replaced by "…".
std::string ellipsize(std::string_view text, std::size_t width);

// user:password@ removed, a query's values (signatures of presigned URLs) and its parts without '=' replaced by "…".
std::string redact_url(std::string_view url);

std::string percent_encode(std::string_view text); // everything but unreserved characters (RFC 3986)
// The other way round. A '%' that two hexadecimal digits do not follow stays as it is.
std::string percent_decode(std::string_view text);

} // namespace cachefill
