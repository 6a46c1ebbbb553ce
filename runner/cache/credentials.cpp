#include "cache/credentials.hpp"

#include "base/files.hpp"
#include "base/text.hpp"
#include "cache/cachix_configuration.hpp"
#include "cache/token_store.hpp"
#include "http/netrc.hpp"
#include "http/url.hpp"

#include <algorithm>

namespace cachefill::cache {

namespace {

bool is_in_the_open(const Secret& url) {
    auto parsed = http::parse_url(url.reveal());
    return !parsed || http::is_in_the_open(*parsed);
}

Failure in_the_open(const std::string& source, const Secret& url) {
    return Failure(FailureKind::usage, "the token in " + source + " would go to " + redact_url(url.reveal()) +
                                           " unencrypted, and is not sent")
        .with_hint("give that cache an https:// address, or reach it through a tunnel that ends at localhost");
}

CacheUri place_of(const Secret& url) {
    CacheUri uri;
    uri.scheme = Scheme::http;
    uri.name = redact_url(url.reveal());
    return uri;
}

Result<std::optional<Secret>> find_bearer_for(const Environment& environment, const Secret& url) {
    auto uri = place_of(url);
    auto name = credential_name("CACHEFILL_BEARER_TOKEN", uri);
    TRY(bearer, find_token_in(environment, name, credential_name("CACHEFILL_BEARER_TOKEN_FILE", uri)));
    if (bearer && is_in_the_open(url)) return in_the_open(name, url);
    return bearer;
}

// Of all that is neither letter nor digit.
std::string with_underscores(std::string_view variable, std::string_view name) {
    std::string text(variable);
    text += '_';
    for (char c : name) {
        bool is_word = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        text += is_word ? static_cast<char>(std::toupper(static_cast<unsigned char>(c))) : '_';
    }
    return text;
}

std::string_view host_of(std::string_view url) {
    url.remove_prefix(url.find("://") + 3);
    return url.substr(0, url.find('/'));
}

std::string_view host_of(const CacheUri& uri) {
    if (uri.scheme == Scheme::s3) return uri.s3.bucket;
    if (uri.scheme == Scheme::niks3) return std::string_view(uri.niks3.server).substr(0, uri.niks3.server.find('/'));
    return host_of(uri.name);
}

// A host in words of its own: '-' is "__", '.' and ':' are '_', what is in no name of DNS (or a '.' beside a '-') is
// "_xHH_".
std::string host_in_words(std::string_view host) {
    static constexpr std::string_view digits = "0123456789ABCDEF";
    std::string text;
    for (std::size_t i = 0; i < host.size(); ++i) {
        char c = host[i];
        bool is_word = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        bool is_beside_dash = (i > 0 && host[i - 1] == '-') || host.substr(i + 1).starts_with('-');
        if (is_word) {
            text += static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
        } else if (c == '-') {
            text += "__";
        } else if ((c == '.' || c == ':') && !is_beside_dash) {
            text += '_';
        } else {
            auto byte = static_cast<unsigned char>(c);
            text += std::string("_x") + digits[byte >> 4] + digits[byte & 15] + "_";
        }
    }
    return text;
}

// "…_FILE_HOST" names a file.
bool reads_as_file(std::string_view words) { return words == "FILE" || words.starts_with("FILE_"); }

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
        auto content = read_named_secret(path, SecretKind::signing_key);
        if (!content)
            return Failure(FailureKind::usage, content.error().one_line())
                .with_hint(content.error().hint())
                .with_context("reading the signing key that " + file + " names");
        Secret from_file(*std::move(content));
        return parse_key(from_file, path + " (" + file + ")");
    }
    Secret from_cachix(environment.get_or(cachix));
    if (!from_cachix.empty()) return parse_key(from_cachix, cachix);
    return std::optional<nix::SecretKey>();
}

// Who gets the tokens of Cachix.
std::string cachix_server(const Environment& environment) {
    return environment.get_or("CACHEFILL_CACHIX_API", "https://cachix.org");
}

void take(Credentials& credentials, std::optional<FoundToken> found) {
    if (!found) return;
    credentials.token = std::move(found->token);
    credentials.token_source = std::move(found->source);
}

Result<std::optional<FoundToken>> find_token_of_cachix(Credentials& credentials, const Environment& environment,
                                                       const std::string& cache) {
    auto file = cachix_configuration_file(environment);
    if (file.empty()) return std::optional<FoundToken>();
    TRY(text, read_private_file(file, Links::follow));
    if (!text) return std::optional<FoundToken>();
    auto source = "the file " + file.string();
    TRY(configuration, with_context(parse_cachix_configuration(*text), "reading " + source));
    const auto& server = configuration.server;
    if (!server.empty() && canonical_url(server) != canonical_url(cachix_server(environment)))
        return Failure(FailureKind::auth, source + " is for " + redact_url(server));
    auto key = configuration.secret_keys.find(cache);
    if (!credentials.signing_key && key != configuration.secret_keys.end()) {
        TRY(parsed, parse_key(key->second, source));
        credentials.signing_key = std::move(parsed);
        credentials.key_is_a_guess = true;
    }
    if (configuration.token.empty()) return std::optional<FoundToken>();
    TRY(token, parse_token(configuration.token.reveal(), source));
    return std::optional<FoundToken>(FoundToken{std::move(token), std::move(source)});
}

// As `cachix use` leaves it for Nix to read a private cache.
Result<std::optional<FoundToken>> find_token_in_netrc(const Environment& environment, const std::string& cache) {
    auto home = configuration_home(environment);
    if (home.empty()) return std::optional<FoundToken>();
    std::filesystem::path user = environment.get_or("HOME");
    for (const auto& file : {std::filesystem::path(environment.get_or("NETRC")), user / ".netrc", home / "nix/netrc"}) {
        if (!file.is_absolute()) continue;
        TRY(text, read_private_file(file, Links::follow));
        if (!text) continue;
        auto logins = http::Netrc::parse(*text).find(cache + ".cachix.org", http::Netrc::Default::ignore);
        if (!logins || logins->empty()) continue; // what is wrong with it is told by whoever needs it
        auto login = logins->front().reveal();
        auto source = "the file " + file.string();
        TRY(token, parse_token(login.substr(login.find(':') + 1), source));
        return std::optional<FoundToken>(FoundToken{std::move(token), std::move(source)});
    }
    return std::optional<FoundToken>();
}

// The file of a cache's own token, for a plain cache.
std::optional<Secret> find_stored_bearer(Credentials& credentials, const Environment& environment, const Secret& url) {
    auto found = find_stored_token(environment, credential_name("CACHEFILL_BEARER_TOKEN", place_of(url)));
    if (!found) credentials.passed_over.push_back(found.error().one_line());
    if (!found || !*found) return {};
    if (is_in_the_open(url)) {
        credentials.passed_over.push_back(in_the_open((*found)->source, url).one_line());
        return {};
    }
    return std::move((*found)->token);
}

} // namespace

Result<Credentials> credentials_from(const Environment& environment) {
    Credentials credentials;
    TRY(token, find_token_in(environment, "CACHIX_AUTH_TOKEN"));
    credentials.token = std::move(token);
    TRY(key, find_signing_key(environment, [](const char* variable) { return std::string(variable); }));
    credentials.signing_key = std::move(key);
    TRY(bearer, find_token_in(environment, "CACHEFILL_BEARER_TOKEN", "CACHEFILL_BEARER_TOKEN_FILE"));
    credentials.bearer = std::move(bearer);
    return credentials;
}

std::string credential_name(std::string_view variable, const CacheUri& uri) {
    std::string_view name = uri.name;
    if (uri.scheme == Scheme::file) return with_underscores(variable, name.substr(name.rfind('/') + 1));
    if (uri.scheme == Scheme::cachix) return with_underscores(variable, name);
    auto words = host_in_words(host_of(uri));
    if (uri.scheme == Scheme::attic && !uri.attic.is_address())
        words = with_underscores("", uri.attic.server.empty() ? uri.attic.cache : uri.attic.server).substr(1);
    return std::string(variable) + (reads_as_file(words) ? "__" : "_") + words;
}

Result<Credentials> credentials_for(const Environment& environment, const CacheUri& uri) {
    TRY(credentials, credentials_from(environment));
    bool has_own_token = !trim(environment.get_or(credential_name("CACHIX_AUTH_TOKEN", uri))).empty();
    TRY(key, find_signing_key(environment, [&uri](const char* variable) { return credential_name(variable, uri); }));
    if (!key && uri.scheme == Scheme::http) { // a key goes nowhere, so the older way to write '-' does no harm
        auto older = [&uri](const char* variable) { return with_underscores(variable, host_of(uri.name)); };
        TRY(known, find_signing_key(environment, older));
        key = std::move(known);
    }
    // The key of the cache that decides would not fit a Cachix cache with a token of its own.
    if (key || has_own_token) credentials.signing_key = std::move(key);
    TRY_VOID(find_token_of(credentials, environment, uri));
    TRY_VOID(find_bearers(credentials, environment, uri));
    TRY_VOID(find_identity_of(credentials, environment, uri, AtticCacheIs::ours));
    return credentials;
}

Result<void> find_token_of(Credentials& credentials, const Environment& environment, const CacheUri& uri) {
    if (uri.scheme != Scheme::cachix) return {};
    auto variable = credential_name("CACHIX_AUTH_TOKEN", uri);
    TRY(own, find_token_in(environment, variable));
    if (own) take(credentials, FoundToken{std::move(*own), variable});
    auto look = [&](Result<std::optional<FoundToken>> found) {
        if (found)
            take(credentials, std::move(*found));
        else
            credentials.passed_over.push_back(found.error().one_line());
    };
    if (!credentials.token) look(find_stored_token(environment, variable));
    if (!credentials.token || !credentials.signing_key) {
        auto found = find_token_of_cachix(credentials, environment, uri.name);
        if (!credentials.token) look(std::move(found));
    }
    if (!credentials.token) look(find_token_in_netrc(environment, uri.name));
    return {};
}

Result<void> find_bearers(Credentials& credentials, const Environment& environment, const CacheUri& uri) {
    if (uri.scheme != Scheme::http) return {};
    if (is_in_the_open(uri.place_to_push())) credentials.bearer = {};
    TRY(bearer, find_bearer_for(environment, uri.place_to_push()));
    if (bearer) credentials.bearer = std::move(bearer);
    auto older = with_underscores("CACHEFILL_BEARER_TOKEN", host_of(place_of(uri.place_to_push()).name));
    auto name = credential_name("CACHEFILL_BEARER_TOKEN", place_of(uri.place_to_push()));
    if (!credentials.bearer && older != name && !environment.get_or(older).empty())
        return Failure(FailureKind::usage, older + " may be meant for " + redact_url(uri.place_to_push().reveal()) +
                                               " or for a host with '.' where that has '-'")
            .with_hint("for this one call it " + name);
    if (!credentials.bearer) credentials.bearer = find_stored_bearer(credentials, environment, uri.place_to_push());
    if (uri.push_base.empty()) {
        credentials.read_bearer = credentials.bearer;
        return {};
    }
    TRY(push, http::parse_url(uri.push_base.reveal()));
    TRY(read, http::parse_url(uri.base.reveal()));
    bool is_as_safe = http::is_same_host(push, read) && (read.tls || !push.tls);
    if (is_as_safe) {
        credentials.read_bearer = credentials.bearer;
        return {};
    }
    // Of the same host it is the token for writing, which is fine where that goes.
    auto read_bearer = find_bearer_for(environment, uri.base);
    if (read_bearer) credentials.read_bearer = std::move(*read_bearer);
    if (read_bearer && !credentials.read_bearer)
        credentials.read_bearer = find_stored_bearer(credentials, environment, uri.base);
    if (!read_bearer && !http::is_same_host(push, read)) return std::move(read_bearer).error();
    return {};
}

Result<void> find_identity_of(Credentials& credentials, const Environment& environment, const CacheUri& uri,
                              AtticCacheIs whose) {
    if (uri.scheme == Scheme::attic) {
        TRY(login, find_attic_login(environment, uri.attic, credential_name("ATTIC_TOKEN", uri), whose));
        credentials.attic = std::move(login);
    }
    // What it keeps is read without a token.
    if (uri.scheme == Scheme::niks3 && whose == AtticCacheIs::ours) {
        TRY(login, find_niks3_login(environment, uri.niks3, credential_name("NIKS3_AUTH_TOKEN", uri)));
        credentials.niks3 = std::move(login);
    }
    if (uri.scheme != Scheme::s3) return {};
    TRY(identity, find_aws_identity(environment, uri.s3));
    credentials.aws = std::move(identity);
    return {};
}

std::optional<Failure> why_bearer_is_withheld(const Environment& environment, const CacheUri& uri,
                                              const Credentials& credentials) {
    if (uri.scheme != Scheme::http || credentials.bearer || !is_in_the_open(uri.place_to_push())) return {};
    for (const auto* variable : {"CACHEFILL_BEARER_TOKEN", "CACHEFILL_BEARER_TOKEN_FILE"})
        if (!environment.get_or(variable).empty()) return in_the_open(variable, uri.place_to_push());
    return {};
}

Result<Credentials> credentials_to_read(const Environment& environment, const CacheUri& uri) {
    Credentials credentials;
    TRY_VOID(find_identity_of(credentials, environment, uri, AtticCacheIs::only_read));
    if (uri.scheme != Scheme::http) return credentials;
    TRY(bearer, find_bearer_for(environment, uri.base));
    credentials.read_bearer = std::move(bearer);
    if (!credentials.read_bearer) credentials.read_bearer = find_stored_bearer(credentials, environment, uri.base);
    return credentials;
}

std::string token_variable(Scheme scheme) {
    switch (scheme) {
    case Scheme::cachix:
        return "CACHIX_AUTH_TOKEN";
    case Scheme::attic:
        return "ATTIC_TOKEN";
    case Scheme::niks3:
        return "NIKS3_AUTH_TOKEN";
    case Scheme::http:
        return "CACHEFILL_BEARER_TOKEN";
    case Scheme::s3:
    case Scheme::file:
        break;
    }
    return {};
}

Result<std::string> token_name(const CacheUri& uri) {
    if (uri.scheme == Scheme::cachix || uri.scheme == Scheme::attic || uri.scheme == Scheme::niks3)
        return credential_name(token_variable(uri.scheme), uri);
    if (uri.scheme == Scheme::file)
        return Failure(FailureKind::usage, uri.name + " is a directory, which asks for no token");
    if (uri.scheme == Scheme::s3)
        return Failure(FailureKind::usage, uri.name + " is a bucket, which asks for a key of two parts")
            .with_hint(ways_to_log_in(uri) + "; 'aws configure' stores one");
    if (is_in_the_open(uri.place_to_push())) return in_the_open("question", uri.place_to_push());
    return credential_name(token_variable(uri.scheme), place_of(uri.place_to_push()));
}

std::string ways_to_log_in(std::string_view url) {
    auto parsed = http::parse_url(url);
    if (parsed && http::is_in_the_open(*parsed))
        return "give credentials by netrc (in an entry of its own: 'default' is not for plain http) or in the "
               "URL";
    return "give credentials by netrc, in the URL, as CACHEFILL_BEARER_TOKEN or with 'cachefill login'";
}

std::string ways_to_log_in(const CacheUri& uri) {
    if (uri.scheme == Scheme::attic) return "give its token by ATTIC_TOKEN, 'cachefill login', 'attic login' or netrc";
    if (uri.scheme == Scheme::niks3)
        return "give its token by NIKS3_AUTH_TOKEN, NIKS3_AUTH_TOKEN_FILE or 'cachefill login'; in a step of GitHub "
               "Actions 'permissions: id-token: write' does without one";
    if (uri.scheme != Scheme::s3) return ways_to_log_in(uri.base.reveal());
    return "give a key by AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, by ~/.aws or by AWS_ROLE_ARN and "
           "AWS_WEB_IDENTITY_TOKEN_FILE";
}

} // namespace cachefill::cache
