#include "fill/push_targets.hpp"

#include "base/files.hpp"
#include "base/text.hpp"
#include "cache/credentials.hpp"
#include "cache/make_cache.hpp"
#include "cache/token_store.hpp"
#include "options/typed.hpp"
#include "presence/open_cache.hpp"

#include <algorithm>

namespace cachefill::fill {

using async::Task;

namespace {

Failure no_cache(const options::Settings& settings) {
    return Failure(FailureKind::usage, "no cache was named")
        .with_hint("give --cache NAME, or push.caches in the configuration" + options::cache_among_words(settings));
}

} // namespace

Result<std::vector<options::PushCache>> caches_to_watch_for(const options::Settings& settings) {
    if (!settings.cache.empty()) {
        TRY(cache, cache_to_push_to(settings));
        return std::vector<options::PushCache>{cache};
    }
    if (settings.push_caches.empty()) return no_cache(settings);
    return settings.push_caches;
}

Result<options::PushCache> cache_to_push_to(const options::Settings& settings) {
    const auto& known = settings.push_caches;
    if (settings.cache.empty()) {
        if (known.size() == 1) return known[0];
        if (known.empty()) return no_cache(settings);
        std::vector<std::string> names;
        for (const auto& cache : known) names.push_back(cache.name);
        return Failure(FailureKind::usage, "several caches are configured: " + join(names, ", "))
            .with_hint("choose one with --cache NAME");
    }
    auto named =
        std::find_if(known.begin(), known.end(), [&](const auto& c) { return c.name == settings.cache.reveal(); });
    if (named != known.end()) return *named;
    TRY(uri, cache::CacheUri::parse(settings.cache.reveal()));
    options::PushCache cache;
    cache.name = uri.name;
    cache.uri = settings.cache;
    return cache;
}

std::set<std::string> other_urls(const std::vector<options::PushCache>& caches, const options::PushCache& cache) {
    std::set<std::string> urls;
    for (const auto& other : caches) {
        if (other.name == cache.name) continue;
        if (auto uri = cache::CacheUri::parse(other.uri.reveal())) {
            urls.insert(uri->to_string());
            if (uri->scheme == cache::Scheme::cachix) urls.insert("https://" + uri->name + ".cachix.org");
        }
    }
    return urls;
}

Result<cache::Credentials> credentials_for(const options::PushCache& cache, const Environment& environment) {
    auto with_files = environment;
    TRY(uri, cache::CacheUri::parse(cache.uri.reveal()));
    if (uri.scheme == cache::Scheme::s3 && !cache.token_file.empty())
        return Failure(FailureKind::usage, cache.name + " is a bucket, which takes no token-file")
            .with_hint(cache::ways_to_log_in(uri));
    if (!cache.token_file.empty()) {
        auto where = "reading the token of " + cache.name + " from " + cache.token_file.string();
        auto content = cache::read_named_secret(cache.token_file, cache::SecretKind::token);
        if (!content)
            return Failure(FailureKind::auth, content.error().cause())
                .with_hint(content.error().hint())
                .with_context(where);
        auto token = trim(*content);
        if (token.empty()) return Failure(FailureKind::auth, "the file is empty").with_context(where);
        auto pushed_to = uri;
        pushed_to.name = redact_url(uri.place_to_push().reveal());
        // By its own name, which wins over whatever else there is.
        std::string variable = "CACHIX_AUTH_TOKEN";
        if (uri.scheme == cache::Scheme::http) variable = cache::credential_name("CACHEFILL_BEARER_TOKEN", pushed_to);
        if (uri.scheme == cache::Scheme::attic) variable = cache::credential_name("ATTIC_TOKEN", uri);
        if (uri.scheme == cache::Scheme::niks3) variable = cache::credential_name("NIKS3_AUTH_TOKEN", uri);
        with_files.set(variable, std::string(token));
    }
    if (!cache.signing_key_file.empty()) {
        for (const auto* name : {"CACHEFILL_SIGNING_KEY", "CACHIX_SIGNING_KEY"}) with_files.unset(name);
        with_files.set("CACHEFILL_SIGNING_KEY_FILE", cache.signing_key_file.string());
    }
    auto doing = "reading the credentials of " + cache.name;
    TRY(credentials, with_context(cache::credentials_from(with_files), doing));
    if (cache.token_file.empty())
        TRY_VOID(with_context(cache::find_token_of(credentials, with_files, uri), doing));
    else
        credentials.token_source = "the file " + cache.token_file.string() + " (token-file of " + cache.name + ")";
    TRY_VOID(with_context(cache::find_bearers(credentials, with_files, uri), doing));
    TRY_VOID(with_context(cache::find_identity_of(credentials, with_files, uri, cache::AtticCacheIs::ours), doing));
    if (credentials.attic.token && !cache.token_file.empty()) credentials.attic.source = credentials.token_source;
    if (credentials.niks3.token && !cache.token_file.empty()) credentials.niks3.source = credentials.token_source;
    return credentials;
}

Task<Result<presence::OpenedCache>> open_target(session::Session& session, options::PushCache cache, bool for_writing,
                                                async::RetryPolicy retry) {
    CO_TRY(uri, cache::CacheUri::parse(cache.uri.reveal()));
    CO_TRY(credentials, credentials_for(cache, session.environment()));
    auto backend = session.make_cache(uri, std::move(credentials), retry, for_writing);
    auto keys = nix::usable_keys(session.settings().trusted_public_keys);
    auto use = for_writing ? presence::Use::fill : presence::Use::read;
    co_return co_await presence::open_cache(std::move(backend), use, std::move(keys), session.sink());
}

} // namespace cachefill::fill
