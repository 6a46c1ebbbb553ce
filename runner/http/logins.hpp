#pragma once

namespace cachefill::http {

// Which logins of ours a request may carry, by whose word it is that it is sent. What stands in its URL goes along
// anyway, and only to that host.
enum class Logins {
    all,   // we were told to ask there: its bearer token and netrc's
    named, // somebody else named the host: netrc's `machine` for it, not over plain http; not its "default"
    none,  // a server chose all of the address: none, wherever it leads
};

} // namespace cachefill::http
