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

bool looks_like_token(std::string_view text) {
    constexpr std::size_t shortest = 16;
    constexpr std::string_view digits = "0123456789",
                               allowed = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_-";
    return text.size() >= shortest && text.find_first_not_of(allowed) == text.npos &&
           text.find_first_of(digits) != text.npos;
}

} // namespace cachefill
