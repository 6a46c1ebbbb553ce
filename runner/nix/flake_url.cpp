#include "nix/flake_url.hpp"

#include "base/text.hpp"
#include "base/url_query.hpp"

#include <boost/url/parse.hpp>

#include <algorithm>
#include <array>

namespace cachefill::nix {

std::string encode_path(std::string_view path) {
    std::string encoded;
    bool is_first = true;
    for (auto part : split(path, '/')) {
        if (!is_first) encoded += '/';
        is_first = false;
        encoded += percent_encode(part);
    }
    return encoded;
}

std::string git_file_url(std::string_view root, std::span<const std::pair<std::string, std::string>> parameters) {
    auto url = "git+file://" + encode_path(root);
    char separator = '?';
    for (const auto& [name, value] : parameters) {
        if (value.empty()) continue;
        url += separator + name + "=" + encode_path(value);
        separator = '&';
    }
    return url;
}

bool has_login(std::string_view text) {
    auto url = boost::urls::parse_uri(text);
    // With a character that belongs into no URL a password is still one.
    if (!url) return redact_url(text.substr(0, text.find_first_of("?#"))) != text.substr(0, text.find_first_of("?#"));
    if (url->has_password() || (url->has_userinfo() && !url->scheme().ends_with("ssh"))) return true;
    constexpr std::array words{"token", "key", "sig",  "secret",  "auth",   "pass",  "credential",
                               "pwd",   "jwt", "hmac", "session", "policy", "access"};
    // Not by params(): Boost 1.81 reads on behind an empty query.
    auto query = url->encoded_query();
    for (auto part : split(std::string_view(query.data(), query.size()), '&')) {
        auto equals = part.find('=');
        auto name = to_lower(percent_decode(part.substr(0, equals)));
        // Of Nix's own (2.20 and newer): keys that commits must be signed with, which are public.
        if (name.starts_with("publickey") || name == "keytype") continue;
        auto is_in_name = [&name](const char* word) { return name.find(word) != name.npos; };
        if (std::any_of(words.begin(), words.end(), is_in_name)) return true;
        bool is_harmless = is_harmless_parameter(name + "=");
        auto value = percent_decode(part.substr(equals == part.npos ? 0 : equals + 1));
        if (!is_harmless && looks_like_token(value)) return true;
    }
    return false;
}

namespace {

bool may_be_login(std::string_view parameter) {
    return !is_harmless_parameter(parameter) || holds_token(percent_decode(parameter.substr(parameter.find('=') + 1)));
}

// Of the path: "x.tar.gz;jsessionid=…".
bool is_revealing(std::string_view part) {
    auto pieces = split(part, ';');
    return holds_token(percent_decode(pieces.front())) || std::any_of(pieces.begin() + 1, pieces.end(), may_be_login);
}

std::size_t begin_of_path(std::string_view url) {
    auto scheme = url.find("://");
    return std::min(url.find('/', scheme == url.npos ? 0 : scheme + 3), url.size());
}

} // namespace

bool may_have_login(std::string_view text) {
    if (has_login(text)) return true;
    auto fragment = std::min(text.find('#'), text.size());
    auto query = std::min(text.find('?'), fragment);
    auto path = text.substr(0, query);
    path.remove_prefix(begin_of_path(path));
    auto parts = split(path, '/');
    if (std::any_of(parts.begin(), parts.end(), is_revealing)) return true;
    for (auto behind : {text.substr(query, fragment - query), text.substr(fragment)}) {
        if (behind.empty()) continue;
        bool is_query = behind.front() == '?';
        for (auto parameter : split(behind.substr(1), '&')) {
            bool is_name = !is_query && parameter.find('=') == parameter.npos; // of an attribute
            if (is_name ? holds_token(percent_decode(parameter)) : may_be_login(parameter)) return true;
        }
    }
    return false;
}

std::string without_tokens(std::string_view url) {
    auto begin = begin_of_path(url), end = std::max(begin, std::min(url.find_first_of("?#"), url.size()));
    std::string text(url.substr(0, begin));
    bool is_first = true;
    for (auto part : split(url.substr(begin, end - begin), '/')) {
        if (!is_first) text += '/';
        is_first = false;
        text += is_revealing(part) ? std::string_view("…") : part;
    }
    return text + std::string(url.substr(end));
}

} // namespace cachefill::nix
