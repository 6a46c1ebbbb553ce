#include "cache/attic_place.hpp"

#include "base/text.hpp"
#include "http/url.hpp"

#include <algorithm>

namespace cachefill::cache {

namespace {

constexpr std::size_t longest_name = 50; // attic's own limit

Failure bad(const std::string& why) { return Failure(FailureKind::usage, why); }

// As attic names caches and servers.
bool is_name(std::string_view text) {
    auto is_word = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'); };
    auto allowed = [&](char c) { return is_word(c) || c == '-' || c == '_' || c == '+'; };
    return !text.empty() && text.size() <= longest_name && is_word(text[0]) &&
           std::all_of(text.begin(), text.end(), allowed);
}

Result<void> check_address(const AtticPlace& place) {
    if (place.server.find('@') != place.server.npos)
        return bad("a login is not part of such an address; its token comes from elsewhere");
    auto url = http::parse_url(place.endpoint());
    if (!url)
        return bad("'" + sanitize(place.server) +
                   "' is neither a server's name nor an address: " + url.error().cause());
    if (place.server.find('%') != place.server.npos || place.server.find("//") != place.server.npos ||
        place.server.ends_with('/'))
        return bad("the address of a server is HOST, HOST:PORT or HOST/PREFIX");
    return {};
}

} // namespace

bool AtticPlace::is_address() const { return server == "localhost" || (!server.empty() && !is_name(server)); }

std::string AtticPlace::to_string() const {
    return "attic://" + (server.empty() ? "" : server + "/") + cache + (is_plain ? "?scheme=http" : "");
}

Result<AtticPlace> parse_attic_place(std::string_view rest, std::string_view parameters) {
    AtticPlace place;
    while (rest.ends_with('/')) rest.remove_suffix(1);
    auto slash = rest.rfind('/');
    place.cache = slash == rest.npos ? rest : rest.substr(slash + 1);
    if (slash != rest.npos) place.server = to_lower(rest.substr(0, slash));
    if (!is_name(place.cache))
        return bad("behind attic:// stands CACHE or SERVER/CACHE; the name of a cache consists of letters, digits, "
                   "'-', '+' and '_', and begins with one of the first two");
    if (slash == 0) return bad("the name of its server is empty");
    // Names are told apart by case, hosts are not.
    if (slash != rest.npos && !place.is_address()) place.server = rest.substr(0, slash);
    bool has_scheme = false;
    for (auto parameter : split(parameters, '&')) {
        if (!parameter.starts_with("scheme=")) continue;
        auto scheme = parameter.substr(7);
        if (scheme != "http" && scheme != "https") return bad("its scheme is https or http");
        has_scheme = true;
        place.is_plain = scheme == "http";
    }
    if (place.is_address()) TRY_VOID(check_address(place));
    if (has_scheme && !place.is_address())
        return bad("how a server with a name is reached stands in attic's own configuration file; scheme= is for an "
                   "address, HOST/CACHE");
    return place;
}

} // namespace cachefill::cache
