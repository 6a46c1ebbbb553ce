#include "cache/credentials.hpp"

#include "base/files.hpp"
#include "base/text.hpp"
#include "http/url.hpp"

#include <algorithm>

namespace cachefill::cache {

namespace {

constexpr std::uint64_t longest_key_file = 4096;

Result<std::optional<Secret>> find_token(const Environment& environment, const std::string& variable) {
    auto text = std::string(trim(environment.get_or(variable)));
    if (text.empty()) return std::optional<Secret>();
    Secret token(std::move(text));
    auto unfit = [](unsigned char c) { return c <= ' ' || c >= 127; };
    auto bytes = token.reveal();
    if (std::any_of(bytes.begin(), bytes.end(), unfit))
        return Failure(FailureKind::usage, variable + " holds blanks or characters that no token has")
            .with_hint("copy the token again; it is one word");
    return std::optional<Secret>(std::move(token));
}

Result<std::optional<Secret>> find_bearer(const Environment& environment, const std::string& variable,
                                          const std::string& file_variable) {
    TRY(token, find_token(environment, variable));
    if (token) return token;
    auto path = environment.get_or(file_variable);
    if (path.empty()) return std::optional<Secret>();
    auto content = read_file(path, longest_key_file);
    if (!content)
        return Failure(FailureKind::usage, content.error().one_line())
            .with_context("reading the token that " + file_variable + " names");
    Environment read;
    read.set(file_variable, std::move(*content));
    return find_token(read, file_variable);
}

Result<std::optional<Secret>> find_bearer_for(const Environment& environment, const Secret& url) {
    CacheUri uri;
    uri.scheme = Scheme::http;
    uri.name = redact_url(url.reveal());
    return find_bearer(environment, credential_name("CACHEFILL_BEARER_TOKEN", uri),
                       credential_name("CACHEFILL_BEARER_TOKEN_FILE", uri));
}

Result<std::optional<nix::SecretKey>> parse_key(const Secret& text, const std::string& where) {
    auto key = nix::SecretKey::parse(text);
    if (!key) return std::move(key).error().with_context("reading the signing key from " + where);
    return std::optional<nix::SecretKey>(*std::move(key));
}

// `name_of`: the variable of a credential, by what it is called when there is but one cache.
template <class NameOf>
Result<std::optional<nix::SecretKey>> find_signing_key(const Environment& environment, NameOf name_of) {
    const std::string ours = name_of("CACHEFILL_SIGNING_KEY");
    const std::string file = name_of("CACHEFILL_SIGNING_KEY_FILE");
    const std::string cachix = name_of("CACHIX_SIGNING_KEY");
    Secret text(environment.get_or(ours));
    if (!text.empty()) return parse_key(text, ours);
    if (auto path = environment.get_or(file); !path.empty()) {
        auto content = read_file(path, longest_key_file);
        if (!content)
            return Failure(FailureKind::usage, content.error().one_line())
                .with_context("reading the signing key that " + file + " names");
        Secret from_file(*std::move(content));
        return parse_key(from_file, path + " (" + file + ")");
    }
    Secret from_cachix(environment.get_or(cachix));
    if (!from_cachix.empty()) return parse_key(from_cachix, cachix);
    return std::optional<nix::SecretKey>();
}

} // namespace

Result<Credentials> credentials_from(const Environment& environment) {
    Credentials credentials;
    TRY(token, find_token(environment, "CACHIX_AUTH_TOKEN"));
    credentials.token = std::move(token);
    TRY(key, find_signing_key(environment, [](const char* variable) { return std::string(variable); }));
    credentials.signing_key = std::move(key);
    TRY(bearer, find_bearer(environment, "CACHEFILL_BEARER_TOKEN", "CACHEFILL_BEARER_TOKEN_FILE"));
    credentials.bearer = std::move(bearer);
    return credentials;
}

std::string credential_name(std::string_view variable, const CacheUri& uri) {
    std::string_view name = uri.name;
    if (uri.scheme == Scheme::file) name = name.substr(name.rfind('/') + 1);
    if (uri.scheme == Scheme::http) {
        name.remove_prefix(name.find("://") + 3);
        name = name.substr(0, name.find('/'));
    }
    std::string text(variable);
    text += '_';
    for (char c : name) {
        bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        bool is_digit = c >= '0' && c <= '9';
        text += is_letter ? static_cast<char>(c >= 'a' ? c - 'a' + 'A' : c) : is_digit ? c : '_';
    }
    return text;
}

Result<Credentials> credentials_for(const Environment& environment, const CacheUri& uri) {
    TRY(credentials, credentials_from(environment));
    TRY(token, find_token(environment, credential_name("CACHIX_AUTH_TOKEN", uri)));
    bool has_own_token = token.has_value();
    if (token) credentials.token = std::move(token);
    TRY(key, find_signing_key(environment, [&uri](const char* variable) { return credential_name(variable, uri); }));
    // The key of the cache that decides would not fit a Cachix cache with a token of its own.
    if (key || has_own_token) credentials.signing_key = std::move(key);
    TRY_VOID(find_bearers(credentials, environment, uri));
    return credentials;
}

Result<void> find_bearers(Credentials& credentials, const Environment& environment, const CacheUri& uri) {
    if (uri.scheme != Scheme::http) return {};
    TRY(bearer, find_bearer_for(environment, uri.place_to_push()));
    if (bearer) credentials.bearer = std::move(bearer);
    if (uri.push_base.empty()) {
        credentials.read_bearer = credentials.bearer;
        return {};
    }
    TRY(push, http::parse_url(uri.push_base.reveal()));
    TRY(read, http::parse_url(uri.base.reveal()));
    TRY(read_bearer, find_bearer_for(environment, uri.base));
    bool is_as_safe = http::is_same_host(push, read) && (read.tls || !push.tls);
    credentials.read_bearer = is_as_safe ? credentials.bearer : std::move(read_bearer);
    return {};
}

Result<Credentials> credentials_to_read(const Environment& environment, const CacheUri& uri) {
    Credentials credentials;
    if (uri.scheme != Scheme::http) return credentials;
    TRY(bearer, find_bearer_for(environment, uri.base));
    credentials.read_bearer = std::move(bearer);
    return credentials;
}

} // namespace cachefill::cache
