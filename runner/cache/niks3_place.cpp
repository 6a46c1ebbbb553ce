#include "cache/niks3_place.hpp"

#include "base/text.hpp"
#include "http/url.hpp"

namespace cachefill::cache {

namespace {

Failure bad(const std::string& why) { return Failure(FailureKind::usage, why); }

} // namespace

std::string Niks3Place::audience_for(const std::string& wanted) const {
    if (!audience.empty()) return audience;
    std::string_view name = wanted;
    while (name.ends_with('/')) name.remove_suffix(1);
    auto host = server.substr(0, server.find('/'));
    for (const auto& own : {endpoint(), server, host, host.substr(0, host.rfind(':'))})
        if (iequals(name, own)) return wanted;
    return {};
}

Result<Niks3Place> parse_niks3_place(std::string_view rest, std::string_view parameters) {
    Niks3Place place;
    while (rest.ends_with('/')) rest.remove_suffix(1);
    place.server = rest;
    if (place.server.empty()) return bad("behind niks3:// stands the host of its server");
    if (place.server.find('@') != place.server.npos)
        return bad("a login is not part of such an address; its token comes from elsewhere");
    for (auto parameter : split(parameters, '&')) {
        if (parameter.starts_with("audience=")) place.audience = percent_decode(parameter.substr(9));
        if (!parameter.starts_with("scheme=")) continue;
        auto scheme = parameter.substr(7);
        if (scheme != "http" && scheme != "https") return bad("its scheme is https or http");
        place.is_plain = scheme == "http";
    }
    auto url = http::parse_url(place.endpoint());
    if (!url) return bad("'" + sanitize(place.server) + "' is no address of a server: " + url.error().cause());
    if (place.server.find('%') != place.server.npos || place.server.find("//") != place.server.npos)
        return bad("the address of a server is HOST, HOST:PORT or HOST/PREFIX");
    // Capital letters of the host, and the port that goes without saying, would make two caches of one.
    place.server = http::without_slash_at_end(url->to_string());
    place.server.erase(0, place.server.find("://") + 3);
    return place;
}

} // namespace cachefill::cache
