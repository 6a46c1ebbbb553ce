#pragma once

#include "base/environment.hpp"
#include "base/secret.hpp"
#include "cache/attic_place.hpp"

#include <optional>
#include <string>
#include <vector>

namespace cachefill::cache {

// Where a server of attic is, and who we are to it.
struct AtticLogin {
    std::string endpoint; // "https://attic.example.org/prefix", no trailing '/'; empty: nobody has looked
    std::optional<Secret> token;
    std::string source; // of the token, for people: a variable, or "the file …"
    // The token stands beside this very endpoint in attic's own configuration file. So it may go there over plain http,
    // as attic's client sends it, and as a netrc entry of its own does.
    bool is_of_endpoint = false;
    std::vector<std::string> passed_over; // what might have held the token, each with why it was not taken
};

// Whose word counts for the token: for a cache that is ours ATTIC_TOKEN as well, for one that is only read nothing but
// what is there under its own name.
enum class AtticCacheIs { ours, only_read };

// `name` is the variable (and the stored file) of this server's token. Taken in this order: that variable, ATTIC_TOKEN,
// each as …_FILE too, the stored file, attic's own configuration file. (netrc is for the client, http/netrc.hpp.) A
// usage failure where the server has a name that the configuration file does not know.
Result<AtticLogin> find_attic_login(const Environment& environment, const AtticPlace& place, const std::string& name,
                                    AtticCacheIs whose);

} // namespace cachefill::cache
