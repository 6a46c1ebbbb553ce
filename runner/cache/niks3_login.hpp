#pragma once

#include "base/environment.hpp"
#include "base/result.hpp"
#include "base/secret.hpp"
#include "cache/niks3_place.hpp"

#include <optional>
#include <string>
#include <vector>

namespace cachefill::cache {

// Who we are to a server of niks3. Only for writing: what it keeps is read by everybody, or by whom a proxy lets in.
struct Niks3Login {
    std::optional<Secret> token;
    std::string source; // of the token, for people: a variable, or "the file …"
    // Instead: where a step of GitHub Actions gets a token that says which repository it is, with …
    std::string request_url;
    Secret request_token;                 // … this, if it has `id-token: write`
    std::vector<std::string> passed_over; // what might have held the token, each with why it was not taken

    bool is_empty() const { return !token && request_url.empty(); }
};

// `name` is the variable (and the stored file) of this server's token. Taken in this order: that variable,
// NIKS3_AUTH_TOKEN, each as …_FILE too, the stored file, ~/.config/niks3/auth-token of niks3's own client, GitHub. What
// has no server's name in its own goes to the one that NIKS3_SERVER_URL names, if that is set, and to no other. No
// token is for plain http, but to this machine itself.
Result<Niks3Login> find_niks3_login(const Environment& environment, const Niks3Place& place, const std::string& name);

} // namespace cachefill::cache
