#include "cache/credentials.hpp"

#include "base/files.hpp"
#include "base/text.hpp"

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
    return credentials;
}

} // namespace cachefill::cache
