#include "app/cache_credentials.hpp"

#include "cache/credentials.hpp"

#include <algorithm>

namespace cachefill::app {

namespace {

bool is_one_of(const std::vector<std::string>& texts, const cache::CacheUri& uri) {
    return std::any_of(texts.begin(), texts.end(), [&](const std::string& text) {
        auto named = cache::parse_substituter(text);
        return named && named->to_string() == uri.to_string();
    });
}

} // namespace

Result<cache::Credentials> credentials_for_own(const Settings& settings, const Environment& environment,
                                               const cache::CacheUri& uri) {
    if (settings.cache_by_checkout && uri.scheme == cache::Scheme::http) return cache::Credentials();
    TRY(credentials, cache::credentials_for(environment, uri));
    if (auto withheld = cache::why_bearer_is_withheld(environment, uri, credentials)) return std::move(*withheld);
    return credentials;
}

cache::Credentials credentials_for_upstream(const Settings& settings, const daemon::Settings& nix,
                                            const Environment& environment, const cache::CacheUri& uri) {
    if (!is_one_of(settings.upstreams, uri) && !is_one_of(nix.substituters, uri)) return {};
    auto reading = cache::credentials_to_read(environment, uri);
    return reading ? std::move(*reading) : cache::Credentials();
}

} // namespace cachefill::app
