#pragma once

#include "base/result.hpp"

#include <string>
#include <string_view>

namespace cachefill::cache {

// Which server of niks3: niks3://HOST[:PORT][/PREFIX], reached over https, or as ?scheme=http says. It is where the API
// is; where the cache is read, a bucket or what stands before it, the server tells.
struct Niks3Place {
    std::string server;    // "HOST[:PORT][/PREFIX]", the host in lower case
    bool is_plain = false; // reached over http
    std::string audience;  // for whom GitHub's tokens are made out, as ?audience= says; empty: the server itself

    // Without a trailing '/'.
    std::string endpoint() const { return (is_plain ? "http://" : "https://") + server; }
    // For whom a token is made out if the server asks for `wanted`; empty: it is somebody else's name.
    std::string audience_for(const std::string& wanted) const;
    // "niks3://HOST", with "?scheme=http" where that is said: to tell caches apart and to show.
    std::string to_string() const { return "niks3://" + server + (is_plain ? "?scheme=http" : ""); }
};

// `rest` as it stands between "niks3://" and '?', `parameters` behind that, of which only `scheme` and
// `audience` are known here. A usage failure whose cause is a piece of a sentence, as for other caches.
Result<Niks3Place> parse_niks3_place(std::string_view rest, std::string_view parameters);

} // namespace cachefill::cache
