#include "base/url_query.hpp"

#include "base/text.hpp"

#include <algorithm>

namespace cachefill {

namespace {

// Of flake references (nix flake --help), caches and stores (docs/configuration.md, nix help-stores), and of archives
// as forges hand them out. In lower case.
constexpr std::string_view harmless[] = {
    "allrefs",
    "archive",
    "branch",
    "commit",
    "compression",
    "dir",
    "download",
    "export",
    "exportignore",
    "filename",
    "flake",
    "format",
    "hash",
    "host",
    "inline",
    "keytype",
    "lastmodified",
    "lfs",
    "log",
    "narhash",
    "optional",
    "path",
    "lastmodifieddate",
    "priority",
    "publickey",
    "publickeys",
    "raw",
    "read-only",
    "real",
    "ref",
    "ref_type",
    "rev",
    "revcount",
    "root",
    "sha",
    "sha256",
    "shallow",
    "state",
    "submodules",
    "tag",
    "trusted",
    "unpack",
    "version",
    "verifycommit",
    "want-mass-query",
};

// What services put before their tokens.
constexpr std::string_view beginnings[] = {
    "ghp_",   "gho_",   "ghu_",   "ghs_",  "ghr_",    "github_pat_", "glpat-", "gldt-",  "glrt-",
    "glcbt-", "glptt-", "gloas-", "glft-", "glsoat-", "xoxb-",       "xoxp-",  "xoxa-",  "xapp-",
    "pypi-",  "npm_",   "AKIA",   "ASIA",  "eyJ",     "dop_v1_",     "tskey-", "shpat_", "ATATT",
    "ATBB",   "ATCTT",  "dckr_",  "AIza",  "ya29.",   "hvs.",        "hvb.",   "PMAK-",
};

constexpr std::string_view digits = "0123456789", hexadecimal = "0123456789abcdefABCDEF",
                           nix32 = "0123456789abcdfghijklmnpqrsvwxyz",
                           letters_and_digits = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";

bool consists_of(std::string_view text, std::string_view characters) {
    return text.find_first_not_of(characters) == text.npos;
}

bool begins_as_token(std::string_view text) {
    constexpr std::size_t shortest = 16;
    return std::any_of(std::begin(beginnings), std::end(beginnings), [text](std::string_view beginning) {
        if (!text.starts_with(beginning)) return false;
        auto rest = text.substr(beginning.size());
        return rest.size() >= shortest && rest.find_first_of(digits) != rest.npos;
    });
}

// Of letters and digits alone. A name may have a number before or behind it.
bool is_random(std::string_view run) {
    constexpr std::size_t shortest = 20, longest_number = 4;
    bool is_hash = consists_of(run, hexadecimal) || ((run.size() == 32 || run.size() == 52) && consists_of(run, nix32));
    if (run.size() < shortest || is_hash) return false;
    for (std::size_t i = 0; i < longest_number && digits.find(run.front()) != digits.npos; ++i) run.remove_prefix(1);
    for (std::size_t i = 0; i < longest_number && digits.find(run.back()) != digits.npos; ++i) run.remove_suffix(1);
    return run.find_first_of(digits) != run.npos;
}

// "sha256-…=", of an SRI, as it is or percent-encoded; "sha256:…".
bool is_hash_with_name(std::string_view text) {
    for (std::string_view name : {"sha256", "sha512", "sha1", "md5", "blake3"}) {
        if (!text.starts_with(name) || text.size() == name.size()) continue;
        auto hash = text.substr(name.size() + 1);
        if (text[name.size()] == ':') return consists_of(hash, hexadecimal) || consists_of(hash, nix32);
        constexpr std::size_t longest = 88; // of 64 bytes in base 64
        return text[name.size()] == '-' && hash.size() <= longest &&
               hash.find_first_not_of(std::string(letters_and_digits) + "+/=") == hash.npos;
    }
    return false;
}

} // namespace

bool is_harmless_parameter(std::string_view part) {
    auto equals = part.find('=');
    if (equals == part.npos) return part.empty();
    auto name = to_lower(part.substr(0, equals));
    auto value = part.substr(equals + 1);
    // No address in an address, which may have a login of its own, and no further parameter, as some servers part them.
    if (value.find_first_of("@;?") != value.npos || value.find("%40") != value.npos) return false;
    return std::find(std::begin(harmless), std::end(harmless), name) != std::end(harmless);
}

std::string redact_query(std::string_view query) {
    std::string redacted;
    bool has_gap = false;
    auto fragment = std::min(query.find('#'), query.size());
    auto parts = split(query.substr(0, fragment), '&');
    for (const auto& part : parts) {
        if (&part != parts.data()) redacted += '&';
        if (is_harmless_parameter(part)) {
            redacted += part;
            continue;
        }
        auto equals = part.find('=');
        if (equals != part.npos) redacted += part.substr(0, equals + 1);
        redacted += "…";
        has_gap = true;
    }
    if (fragment == query.size()) return redacted;
    return redacted + (has_gap ? "#…" : std::string(query.substr(fragment)));
}

bool holds_token(std::string_view text) {
    if (is_hash_with_name(text)) return false;
    if (begins_as_token(text)) return true;
    for (std::size_t at = 0; at < text.size();) {
        at = std::min(text.find_first_of(letters_and_digits, at), text.size());
        auto end = std::min(text.find_first_not_of(letters_and_digits, at), text.size());
        bool is_new_word = at > 0 && begins_as_token(text.substr(at));
        if (end > at && (is_new_word || is_random(text.substr(at, end - at)))) return true;
        at = end;
    }
    return false;
}

bool looks_like_token(std::string_view text) {
    constexpr std::size_t shortest = 16;
    constexpr std::string_view allowed = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_-";
    return text.size() >= shortest && text.find_first_not_of(allowed) == text.npos &&
           text.find_first_of(digits) != text.npos;
}

} // namespace cachefill
