#include "session/cache_credentials.hpp"

#include "cache/credentials.hpp"

#include <algorithm>

namespace cachefill::session {

namespace {

bool is_same(const std::optional<cache::CacheUri>& named, const cache::CacheUri& uri) {
    return named && named->to_string() == uri.to_string();
}

bool is_given(const std::vector<GivenUrl>& given, const cache::CacheUri& uri) {
    return std::any_of(given.begin(), given.end(), [&](const GivenUrl& url) {
        auto named = cache::CacheUri::parse(url.reveal());
        return named && is_same(*named, uri);
    });
}

bool is_substituter(const std::vector<std::string>& substituters, const cache::CacheUri& uri) {
    return std::any_of(substituters.begin(), substituters.end(),
                       [&](const std::string& text) { return is_same(cache::parse_substituter(text), uri); });
}

} // namespace

Result<cache::Credentials> credentials_for_own(const options::Settings& settings, const Environment& environment,
                                               const cache::CacheUri& uri) {
    using cache::Scheme;
    bool is_asked_by_login = uri.scheme == Scheme::http || uri.scheme == Scheme::s3 || uri.scheme == Scheme::attic ||
                             uri.scheme == Scheme::niks3;
    if (settings.cache_by_checkout && is_asked_by_login) {
        cache::Credentials nothing;
        nothing.logins = http::Logins::named;
        return nothing;
    }
    TRY(credentials, cache::credentials_for(environment, uri));
    if (auto withheld = cache::why_bearer_is_withheld(environment, uri, credentials)) return std::move(*withheld);
    return credentials;
}

cache::Credentials credentials_for_upstream(const options::Settings& settings, const daemon::Settings& nix,
                                            const Environment& environment, const cache::CacheUri& uri) {
    if (!is_given(settings.upstreams, uri) && !is_substituter(nix.substituters, uri)) {
        cache::Credentials nothing;
        nothing.logins = http::Logins::named;
        return nothing;
    }
    auto reading = cache::credentials_to_read(environment, uri);
    return reading ? std::move(*reading) : cache::Credentials();
}

} // namespace cachefill::session
