#include "nix/flake_url.hpp"

#include "base/text.hpp"
#include "base/url_query.hpp"

#include <boost/url/parse.hpp>

#include <algorithm>
#include <array>

namespace cachefill::nix {

namespace {

// Of a hexadecimal digit; -1 for anything else.
int digit_at(std::string_view text, std::size_t at) {
    if (at >= text.size()) return -1;
    char c = text[at];
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

} // namespace

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

std::string percent_decode(std::string_view text) {
    std::string decoded;
    for (std::size_t i = 0; i < text.size(); ++i) {
        int high = digit_at(text, i + 1), low = digit_at(text, i + 2);
        bool is_encoded = text[i] == '%' && high >= 0 && low >= 0;
        decoded += is_encoded ? static_cast<char>(high * 16 + low) : text[i];
        if (is_encoded) i += 2;
    }
    return decoded;
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
    for (const auto& parameter : url->params()) {
        auto name = to_lower(parameter.key);
        // Of Nix's own (2.20 and newer): keys that commits must be signed with, which are public.
        if (name.starts_with("publickey") || name == "keytype") continue;
        auto is_in_name = [&name](const char* word) { return name.find(word) != name.npos; };
        if (std::any_of(words.begin(), words.end(), is_in_name)) return true;
        bool is_harmless = is_harmless_parameter(name + "=");
        if (!is_harmless && looks_like_token(parameter.has_value ? parameter.value : parameter.key)) return true;
    }
    return false;
}

bool may_have_login(std::string_view text) {
    if (has_login(text)) return true;
    auto query = text.find('?');
    if (query == text.npos) return false;
    auto parts = split(text.substr(query + 1, text.find('#', query) - query - 1), '&');
    return !std::all_of(parts.begin(), parts.end(), is_harmless_parameter);
}

} // namespace cachefill::nix
