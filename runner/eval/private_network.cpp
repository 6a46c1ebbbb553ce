#include "eval/private_network.hpp"

#include "base/text.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <cstdint>
#include <string>
#include <vector>

namespace cachefill::eval {

namespace {

// RFC 6761, 6762, 8375, 9476, what routers, offices, clusters, containers and overlays call themselves, roots other
// than that of the public DNS, and whose names are addresses.
constexpr std::string_view zones =
    " alt beta.tailscale.net bit cluster consul container containers corp corporate dmz docker domain "
    "easy.box eth exit firma fritz.box gnu home home.arpa homelab homenet homeserver hype i2p incus inet "
    "intern internal intra intranet invalid kube kubernetes lab lacolhost.com lan libvirt loc local "
    "localdomain localhost localhost.direct localnet localtest.me lokal loki lvh.me lxc lxd mesh meship "
    "meshname minikube modem mshome.net nebula netbird netbird.cloud netbird.selfhosted nip.io nomad "
    "office onion openvpn podman priv private router snode speedport.ip sslip.io svc swarm tailnet test "
    "traefik.me ts.net vagrant vcap.me vpn wifi wireguard wlan workgroup xip.io ygg zerotier ";
// The countries' (ISO 3166 and what IANA delegates besides): of two letters there are no others.
constexpr std::string_view countries =
    " ac ad ae af ag ai al am ao aq ar as at au aw ax az ba bb bd be bf bg bh bi bj bm bn bo br bs bt bv "
    "bw by bz ca cc cd cf cg ch ci ck cl cm cn co cr cu cv cw cx cy cz de dj dk dm do dz ec ee eg er es "
    "et eu fi fj fk fm fo fr ga gb gd ge gf gg gh gi gl gm gn gp gq gr gs gt gu gw gy hk hm hn hr ht hu "
    "id ie il im in io iq ir is it je jm jo jp ke kg kh ki km kn kp kr kw ky kz la lb lc li lk lr ls lt "
    "lu lv ly ma mc md me mg mh mk ml mm mn mo mp mq mr ms mt mu mv mw mx my mz na nc ne nf ng ni nl no "
    "np nr nu nz om pa pe pf pg ph pk pl pm pn pr ps pt pw py qa re ro rs ru rw sa sb sc sd se sg sh si "
    "sj sk sl sm sn so sr ss st su sv sx sy sz tc td tf tg th tj tk tl tm tn to tr tt tv tw tz ua ug uk "
    "us uy uz va vc ve vg vi vn vu wf ws ye yt za zm zw ";

// All that is delegated consists of letters, two at least, or is written in another script ("xn--…").
bool may_be_delegated(std::string_view top) {
    if (top.starts_with("xn--")) return true;
    bool has_letters_only = std::all_of(top.begin(), top.end(), [](char c) { return c >= 'a' && c <= 'z'; });
    return has_letters_only &&
           (top.size() > 2 || (top.size() == 2 && countries.find(" " + std::string(top) + " ") != countries.npos));
}

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

bool is_address(std::string_view text) {
    struct in_addr parsed {};
    return ::inet_aton(std::string(text).c_str(), &parsed) != 0;
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
    for (auto rest = host;; rest.remove_prefix(rest.find('.') + 1)) {
        if (zones.find(" " + std::string(rest) + " ") != zones.npos) return true;
        if (rest.find('.') == rest.npos) break;
    }
    if (is_address(host)) return is_private_address(std::string(host));
    return !may_be_delegated(host.substr(host.rfind('.') + 1)) || names_private_address(host);
}

} // namespace cachefill::eval
