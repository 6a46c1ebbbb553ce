#include "eval/private_network.hpp"

#include "base/text.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <cstdint>
#include <string>
#include <vector>

namespace cachefill::eval {

namespace {

// RFC 6761, 6762, 8375, 9476, what routers, clusters and overlays call themselves, and whose names are addresses.
constexpr std::string_view zones[] = {
    "alt",          "corp",     "domain",     "easy.box", "fritz.box",     "home",      "home.arpa",    "i2p",
    "internal",     "intranet", "invalid",    "lan",      "lacolhost.com", "local",     "localdomain",  "localhost",
    "localtest.me", "lvh.me",   "mshome.net", "nip.io",   "onion",         "private",   "speedport.ip", "sslip.io",
    "svc",          "test",     "traefik.me", "ts.net",   "vcap.me",       "workgroup", "xip.io",
};

struct Network {
    std::uint32_t address;
    int bits;
};
// That are not routed: RFC 6890 and what was added to its registry.
constexpr Network networks[] = {
    {0x0000'0000, 8},  {0x0A00'0000, 8},  {0x6440'0000, 10}, {0x7F00'0000, 8},  {0xA9FE'0000, 16},
    {0xAC10'0000, 12}, {0xC000'0000, 24}, {0xC000'0200, 24}, {0xC0A8'0000, 16}, {0xC612'0000, 15},
    {0xC633'6400, 24}, {0xCB00'7100, 24}, {0xE000'0000, 4},  {0xF000'0000, 4},
};

// "127.1" and "0x7f.0.0.1" are addresses, too.
bool is_private_address(const std::string& text) {
    struct in_addr parsed {};
    if (::inet_aton(text.c_str(), &parsed) == 0) return false;
    auto address = ntohl(parsed.s_addr);
    return std::any_of(std::begin(networks), std::end(networks), [address](const Network& network) {
        return ((address ^ network.address) >> (32 - network.bits)) == 0;
    });
}

bool is_decimal_byte(std::string_view text) {
    auto number = parse_u64(text);
    return number && *number <= 255 && text.size() <= 3;
}

// "a.192.168.1.7.example.org", "a-192-168-1-7.example.org".
bool names_private_address(std::string_view host) {
    std::string dotted(host);
    std::replace(dotted.begin(), dotted.end(), '-', '.');
    auto parts = split(dotted, '.');
    for (std::size_t i = 0; i + 4 <= parts.size(); ++i) {
        const std::vector<std::string> four(parts.begin() + static_cast<std::ptrdiff_t>(i),
                                            parts.begin() + static_cast<std::ptrdiff_t>(i + 4));
        if (std::all_of(four.begin(), four.end(), is_decimal_byte) && is_private_address(join(four, "."))) return true;
    }
    return false;
}

} // namespace

bool is_of_a_private_network(std::string_view host) {
    if (host.starts_with('[')) return true;
    if (host.find('.') == host.npos) return true; // a bare name
    for (auto zone : zones)
        if (host == zone || host.ends_with("." + std::string(zone))) return true;
    return is_private_address(std::string(host)) || names_private_address(host);
}

} // namespace cachefill::eval
