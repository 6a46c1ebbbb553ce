#include "base/files.hpp"
#include "base/text.hpp"
#include "cache/binary_cache.hpp"

#include <algorithm>

namespace cachefill::cache {

namespace {

constexpr std::uint64_t longest_key_file = 4096;

Result<std::optional<Secret>> find_token(const Environment& environment) {
    auto text = std::string(trim(environment.get_or("CACHIX_AUTH_TOKEN")));
    if (text.empty()) return std::optional<Secret>();
    Secret token(std::move(text));
    auto unfit = [](unsigned char c) { return c <= ' ' || c >= 127; };
    auto bytes = token.reveal();
    if (std::any_of(bytes.begin(), bytes.end(), unfit))
        return Failure(FailureKind::usage, "CACHIX_AUTH_TOKEN holds blanks or characters that no token has")
            .with_hint("copy the token again; it is one word");
    return std::optional<Secret>(std::move(token));
}

Result<std::optional<nix::SecretKey>> parse_key(const Secret& text, const std::string& where) {
    auto key = nix::SecretKey::parse(text);
    if (!key) return std::move(key).error().with_context("reading the signing key from " + where);
    return std::optional<nix::SecretKey>(*std::move(key));
}

Result<std::optional<nix::SecretKey>> find_signing_key(const Environment& environment) {
    const std::string ours = "CACHEFILL_SIGNING_KEY";
    const std::string file = "CACHEFILL_SIGNING_KEY_FILE";
    const std::string cachix = "CACHIX_SIGNING_KEY";
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
    TRY(token, find_token(environment));
    credentials.token = std::move(token);
    TRY(key, find_signing_key(environment));
    credentials.signing_key = std::move(key);
    return credentials;
}

} // namespace cachefill::cache
