#pragma once

#include <string_view>

namespace cachefill::eval {

// Does this host (in lower case, no '.' behind it) mean something only inside of a network: a bare name, a zone that no
// public server answers for, an address of IPv6, which nobody has for a forge, one of IPv4 that is not routed, or a
// name that tells such an address to a resolver of such names ("10.0.0.7.nip.io", "10-0-0-7.example.org")?
bool is_of_a_private_network(std::string_view host);

} // namespace cachefill::eval
