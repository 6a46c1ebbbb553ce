#include "cache/secret_parameters.hpp"

#include "base/text.hpp"
#include "base/url_query.hpp"

#include <algorithm>

namespace cachefill::cache {

namespace {

// Of buckets, attic, uploads, and of Nix's stores.
constexpr std::string_view of_caches[] = {"endpoint",
                                          "region",
                                          "profile",
                                          "scheme",
                                          "push",
                                          "compression-level",
                                          "buffer-size",
                                          "priority",
                                          "parallel-compression",
                                          "multipart-upload",
                                          "path-info-cache-size",
                                          "addressing-style",
                                          "local-nar-cache",
                                          "index-debug-info",
                                          "write-nar-listing"};

bool is_plain(std::string_view value) {
    const auto decoded = percent_decode(std::string(value));
    return decoded.find_first_of("@?;#") == decoded.npos && !holds_token(decoded) && redact_url(decoded) == decoded;
}

bool is_of_caches(std::string_view name) {
    return std::find(std::begin(of_caches), std::end(of_caches), to_lower(name)) != std::end(of_caches);
}

void add(std::string_view value, std::vector<std::string>& secrets) {
    if (value.empty()) return;
    secrets.emplace_back(value);
    auto decoded = percent_decode(std::string(value));
    if (decoded != value) secrets.push_back(decoded);
    for (auto& inner : secret_parameters(decoded)) secrets.push_back(std::move(inner));
}

} // namespace

std::vector<std::string> secret_parameters(std::string_view address) {
    std::vector<std::string> secrets;
    auto fragment = std::min(address.find('#'), address.size());
    auto query = std::min(address.find('?'), fragment);
    if (query == fragment) return secrets;
    for (auto part : split(address.substr(query + 1, fragment - query - 1), '&')) {
        if (is_harmless_parameter(part)) continue;
        auto equals = part.find('=');
        auto value = equals == part.npos ? part : part.substr(equals + 1);
        if (equals == part.npos || !is_of_caches(part.substr(0, equals)) || !is_plain(value)) add(value, secrets);
    }
    return secrets;
}

} // namespace cachefill::cache
