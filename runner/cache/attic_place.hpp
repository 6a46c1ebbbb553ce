#pragma once

#include "base/result.hpp"

#include <string>
#include <string_view>

namespace cachefill::cache {

// Which cache of which server of attic: attic://[SERVER/]CACHE.
//
// SERVER is a name in the configuration file of attic's own client, if it is made of letters, digits, '-', '+' and '_'
// alone; else, and "localhost" as well, it is an address, HOST[:PORT][/PREFIX], which is reached over https, or as
// ?scheme=http says. None: the default server of that file.
struct AtticPlace {
    std::string server; // a name, "HOST[:PORT][/PREFIX]", or empty: the default one
    std::string cache;
    bool is_plain = false; // an address that is reached over http

    bool is_address() const;
    // Of an address, without a trailing '/'.
    std::string endpoint() const { return (is_plain ? "http://" : "https://") + server; }
    // "attic://SERVER/CACHE", with "?scheme=http" where that is said: to tell caches apart and to show.
    std::string to_string() const;
};

// `rest` as it stands between "attic://" and '?', `parameters` behind that, of which only `scheme` is known here. A
// usage failure whose cause is a piece of a sentence, as for other caches.
Result<AtticPlace> parse_attic_place(std::string_view rest, std::string_view parameters);

} // namespace cachefill::cache
