#include "cache/cache_uri.hpp"

#include "base/foreign_text.hpp"
#include "base/given_url.hpp"
#include "base/text.hpp"
#include "cache/binary_cache.hpp"
#include "http/url.hpp"

#include <boost/url/pct_string_view.hpp>

#include <algorithm>

namespace cachefill::cache {

namespace {

constexpr std::string_view forms =
    "a cache is NAME or cachix://NAME (Cachix), https://HOST/PATH (plain binary cache), s3://BUCKET, "
    "attic://SERVER/CACHE, niks3://HOST or file:///DIRECTORY";

Failure bad_uri(std::string_view text, std::string_view why) {
    auto shown = GivenUrl(std::string(text)).shown();
    return Failure(FailureKind::usage, "'" + shown + "' is no cache: " + std::string(why))
        .with_hint(std::string(forms));
}

bool is_cachix_name(std::string_view name) {
    auto allowed = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
    };
    return !name.empty() && name.size() <= 100 && name[0] != '-' && std::all_of(name.begin(), name.end(), allowed);
}

Result<CacheUri> parse_cachix(std::string_view text, std::string_view name, CacheUri uri) {
    if (name.find('/') != name.npos) {
        bool is_directory = name.starts_with('/') && GivenUrl(std::string(name)).shown() == name;
        if (is_directory)
            return bad_uri(text, "it is a directory; write file://" + std::string(name) + " if you mean that");
        if (name.starts_with("//")) return bad_uri(text, "before '//' stands https:");
        return bad_uri(text, "the name of a Cachix cache has no '/'");
    }
    if (name.find('.') != name.npos)
        return bad_uri(text, "the name of a Cachix cache has no '.'; for another cache write https://" +
                                 GivenUrl(std::string(name)).shown());
    if (!uri.push_base.empty()) return bad_uri(text, "Cachix takes uploads through its own API, not elsewhere");
    if (!is_cachix_name(name)) return bad_uri(text, "the name of a Cachix cache consists of letters, digits, - and _");
    uri.scheme = Scheme::cachix;
    uri.name = name;
    return uri;
}

Result<CacheUri> parse_file(std::string_view text, std::string_view rest, CacheUri uri) {
    if (!rest.starts_with('/')) return bad_uri(text, "file:// is followed by an absolute path, so by a third '/'");
    auto encoded = boost::urls::make_pct_string_view(rest);
    if (!encoded) return bad_uri(text, "a '%' in it is not followed by two hexadecimal digits");
    auto directory = encoded->decode();
    if (directory.find('\0') != directory.npos) return bad_uri(text, "it holds a zero byte");
    if (shown_name(directory) != directory) return bad_uri(text, "it holds a character that cannot be shown");
    while (directory.size() > 1 && directory.ends_with('/')) directory.pop_back();
    if (directory == "/") return bad_uri(text, "the root directory cannot be one");
    if (!uri.push_base.empty()) return bad_uri(text, "a directory is written where it is read");
    uri.scheme = Scheme::file;
    uri.name = "file://" + directory;
    uri.directory = directory;
    return uri;
}

Result<CacheUri> parse_http(std::string_view text, std::string_view base, CacheUri uri) {
    auto url = http::parse_url(base);
    if (!url) return bad_uri(text, url.error().cause());
    // It would be taken for the path, and shown.
    if (!url->credentials && redact_url(base).size() < base.size())
        return bad_uri(text, "in a password '/' is written as %2F, and in a path '@' as %40");
    while (base.ends_with('/')) base.remove_suffix(1);
    uri.scheme = Scheme::http;
    uri.base = Secret(std::string(base));
    uri.name = redact_url(base);
    if (uri.push_base.empty()) return uri;
    std::string push(uri.push_base.reveal());
    // "/upload": on the same server.
    if (push.starts_with('/') && !push.starts_with("//"))
        push = std::string(base.substr(0, base.find('/', base.find("://") + 3))) + push;
    auto place = http::parse_url(push);
    if (place && !place->credentials && redact_url(push).size() < push.size())
        return bad_uri(text, "in a password '/' is written as %2F, and in a path '@' as %40");
    if (!place) return bad_uri(text, "what it says after push= is not usable: " + place.error().cause());
    if (push.find_first_of("?#") != std::string::npos)
        return bad_uri(text, "the address to push to has neither '?' nor '#'");
    while (push.ends_with('/')) push.pop_back();
    uri.push_base = Secret(std::move(push));
    return uri;
}

Result<CacheUri> parse_s3(std::string_view text, std::string_view bucket, std::string_view query, CacheUri uri) {
    auto place = parse_s3_place(bucket, query);
    if (!place) return bad_uri(text, place.error().cause());
    if (!uri.push_base.empty()) return bad_uri(text, "a bucket is written where it is read");
    uri.scheme = Scheme::s3;
    uri.s3 = std::move(*place);
    uri.name = uri.s3.to_string();
    return uri;
}

// How a server is reached, and for whom its tokens are made out, concerns us alone.
std::string without_own(std::string_view parameters) {
    std::vector<std::string> for_nix;
    for (auto parameter : split(parameters, '&'))
        if (!parameter.empty() && !parameter.starts_with("scheme=") && !parameter.starts_with("audience="))
            for_nix.emplace_back(parameter);
    return join(for_nix, "&");
}

Result<CacheUri> parse_attic(std::string_view text, std::string_view rest, std::string_view query, CacheUri uri) {
    auto place = parse_attic_place(rest, query);
    if (!place) return bad_uri(text, place.error().cause());
    if (!uri.push_base.empty()) return bad_uri(text, "attic takes uploads through its own API, not elsewhere");
    uri.scheme = Scheme::attic;
    uri.attic = std::move(*place);
    uri.name = uri.attic.to_string();
    uri.parameters = without_own(uri.parameters);
    return uri;
}

Result<CacheUri> parse_niks3(std::string_view text, std::string_view rest, std::string_view query, CacheUri uri) {
    auto place = parse_niks3_place(rest, query);
    if (!place) return bad_uri(text, place.error().cause());
    if (!uri.push_base.empty()) return bad_uri(text, "where it is read its server tells, and takes uploads itself");
    uri.scheme = Scheme::niks3;
    uri.niks3 = std::move(*place);
    uri.name = uri.niks3.to_string();
    uri.parameters = without_own(uri.parameters);
    return uri;
}

// Nix's spelling of store parameters. Those we do not know are meant for Nix itself, as in a host's substituters.
Result<CacheUri> parse_parameters(std::string_view text, std::string_view query) {
    CacheUri uri;
    std::vector<std::string> for_nix;
    for (auto parameter : split(query, '&')) {
        auto equals = parameter.find('=');
        auto key = parameter.substr(0, equals);
        auto value = equals == parameter.npos ? std::string_view() : parameter.substr(equals + 1);
        if (!parameter.empty() && key != "optional" && key != "push") for_nix.emplace_back(parameter);
        if (key == "priority") {
            bool is_below = value.starts_with('-');
            auto number = parse_u64(value.substr(is_below ? 1 : 0));
            if (!number || *number > 1'000'000) return bad_uri(text, "its priority is not a number");
            uri.priority = is_below ? -static_cast<int>(*number) : static_cast<int>(*number);
        }
        if (key == "trusted" || key == "optional") {
            // Nix's words for it.
            bool is_on = value == "1" || value == "true" || value == "yes";
            if (!is_on && value != "0" && value != "false" && value != "no")
                return bad_uri(text, "'" + std::string(key) + "' is 1 or 0");
            (key == "trusted" ? uri.trusted : uri.optional) = is_on;
        }
        if (key == "push") {
            auto encoded = boost::urls::make_pct_string_view(value);
            if (!encoded || value.empty())
                return bad_uri(text, "push= is followed by the address where uploads go, or by its /PATH");
            uri.push_base = Secret(encoded->decode());
        }
    }
    uri.parameters = join(for_nix, "&");
    return uri;
}

} // namespace

Result<CacheUri> CacheUri::parse(std::string_view given) {
    auto text = trim(given);
    if (text.empty()) return bad_uri(given, "it is empty");
    auto not_plain = [](unsigned char c) { return c <= ' ' || c == 127; };
    if (std::any_of(text.begin(), text.end(), not_plain)) return bad_uri(text, "it holds blanks or control characters");
    if (text.find('#') != text.npos) return bad_uri(text, "it has a '#'");

    auto question = text.find('?');
    auto base = text.substr(0, question);
    auto query = question == text.npos ? std::string_view() : text.substr(question + 1);
    TRY(uri, parse_parameters(text, query));

    auto separator = base.find("://");
    if (separator == base.npos) return parse_cachix(text, base, std::move(uri));
    auto scheme = to_lower(base.substr(0, separator));
    auto rest = base.substr(separator + 3);
    if (scheme == "cachix") return parse_cachix(text, rest, std::move(uri));
    if (scheme == "s3") return parse_s3(text, rest, query, std::move(uri));
    if (scheme == "attic") return parse_attic(text, rest, query, std::move(uri));
    if (scheme == "niks3") return parse_niks3(text, rest, query, std::move(uri));
    if (scheme == "file") return parse_file(text, rest, std::move(uri));
    if (scheme == "http" || scheme == "https")
        return parse_http(text, scheme + std::string(base.substr(separator)), std::move(uri));
    return bad_uri(text, "'" + sanitize(scheme) + "' caches are not known here");
}

std::optional<CacheUri> parse_substituter(const std::string& text) {
    auto uri = CacheUri::parse(text);
    bool is_bare = text.find("://") == std::string::npos;
    if (!uri || (uri->scheme == Scheme::cachix && is_bare)) return {};
    return std::move(*uri);
}

std::string canonical_url(const std::string& text) {
    auto uri = parse_substituter(text);
    return uri ? uri->to_string() : clean_foreign(text);
}

Secret substituter_of(const CacheUri& uri, const CacheInfo& info) {
    std::string url = uri.name;
    if (uri.scheme == Scheme::http) url = uri.base.reveal();
    if (uri.scheme == Scheme::s3) url = "s3://" + uri.s3.bucket;
    bool is_told = uri.scheme == Scheme::attic || uri.scheme == Scheme::niks3;
    if (is_told && !info.substituter_url.empty()) url = info.substituter_url;
    if (uri.scheme == Scheme::cachix)
        url = info.substituter_url.empty() ? "https://" + uri.name + ".cachix.org" : info.substituter_url;
    if (!uri.parameters.empty()) url += "?" + uri.parameters;
    return Secret(std::move(url));
}

std::string CacheUri::to_string() const { return scheme == Scheme::cachix ? "cachix://" + name : name; }

} // namespace cachefill::cache
