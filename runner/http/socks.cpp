#include "http/socks.hpp"

#include "base/text.hpp"
#include "http/connection.hpp"

#include <boost/asio/buffer.hpp>

#include <array>

namespace cachefill::http {

namespace asio = async::asio;

namespace {

constexpr char version4 = 4;
constexpr char version5 = 5;
constexpr char connect_command = 1;
constexpr char no_login = 0;
constexpr char login_by_password = 2;
constexpr unsigned char none_acceptable = 0xFF;
constexpr char password_version = 1;
constexpr char ipv4_type = 1;
constexpr char name_type = 3;
constexpr char ipv6_type = 4;
constexpr unsigned char granted4 = 90;

void add_port(std::string& text, std::uint16_t port) {
    text += static_cast<char>(port >> 8);
    text += static_cast<char>(port & 0xFF);
}

template <class Bytes> void add_bytes(std::string& text, const Bytes& bytes) {
    for (auto byte : bytes) text += static_cast<char>(byte);
}

// A byte for the length, then the text.
Result<void> add_short(std::string& out, std::string_view text, std::string_view what) {
    if (text.empty() || text.size() > 255)
        return Failure(FailureKind::usage, "SOCKS has no room for a " + std::string(what) + " of " +
                                               std::to_string(text.size()) + " bytes");
    out += static_cast<char>(text.size());
    out += text;
    return {};
}

std::string_view explain5(unsigned char code) {
    static constexpr std::array<std::string_view, 9> reasons{
        "",
        "it failed",
        "its rules do not allow that",
        "the network cannot be reached",
        "the host cannot be reached",
        "the connection was refused",
        "the way is too long",
        "it does not know how to connect",
        "it does not know such addresses",
    };
    return code < reasons.size() ? reasons[code] : "for a reason it does not tell";
}

// The dialogue with one proxy: whole messages, within the watch's limit.
class Dialogue {
  public:
    Dialogue(TcpSocket& socket, const Proxy& proxy, const SocksTarget& target, Watch& watch)
        : socket_(socket), watch_(watch), proxy_("the SOCKS proxy " + proxy.host_and_port()),
          doing_("asking " + proxy_ + " for " + (target.address ? target.address->to_string() : sanitize(target.host)) +
                 " port " + std::to_string(target.port)) {}

    async::Task<Result<void>> send(std::string message) {
        std::string_view rest = message;
        while (!rest.empty()) {
            auto [error, count] =
                co_await socket_.async_write_some(asio::buffer(rest.data(), rest.size()), async::use_task_tuple);
            if (error) co_return socket_failure(error, doing_, watch_, proxy_);
            rest.remove_prefix(count);
        }
        co_return Result<void>();
    }

    async::Task<Result<std::string>> receive(std::size_t size) {
        std::string message(size, '\0');
        for (std::size_t have = 0; have < size;) {
            auto [error, count] = co_await socket_.async_read_some(asio::buffer(message.data() + have, size - have),
                                                                   async::use_task_tuple);
            if (error) co_return socket_failure(error, doing_, watch_, proxy_);
            have += count;
        }
        co_return message;
    }

    Failure fail(FailureKind kind, std::string_view why) const {
        return Failure(kind, proxy_ + " made no connection (" + std::string(why) + "): " + doing_);
    }

  private:
    TcpSocket& socket_;
    Watch& watch_;
    std::string proxy_;
    std::string doing_;
};

async::Task<Result<void>> ask4(Dialogue& dialogue, const Proxy& proxy, const SocksTarget& target) {
    CO_TRY(request, socks4_request(proxy, target));
    CO_TRY_VOID(co_await dialogue.send(std::move(request)));
    CO_TRY(reply, co_await dialogue.receive(8));
    auto code = static_cast<unsigned char>(reply[1]);
    if (reply[0] != 0) co_return dialogue.fail(FailureKind::protocol, "its answer is not SOCKS4");
    if (code == granted4) co_return Result<void>();
    bool login = code == 92 || code == 93; // it wants to hear from an identd of ours, and whose we are
    if (login) co_return dialogue.fail(FailureKind::auth, "it does not believe who we are");
    co_return dialogue.fail(FailureKind::network, "refused, or failed");
}

async::Task<Result<void>> log_in5(Dialogue& dialogue, const Proxy& proxy) {
    CO_TRY_VOID(co_await dialogue.send(socks5_greeting(proxy)));
    CO_TRY(choice, co_await dialogue.receive(2));
    if (choice[0] != version5) co_return dialogue.fail(FailureKind::protocol, "its answer is not SOCKS5");
    if (choice[1] == no_login) co_return Result<void>();
    auto hint = "put user:password@ before the host in the proxy's variable";
    if (choice[1] != login_by_password || !proxy.credentials) {
        bool refused = static_cast<unsigned char>(choice[1]) == none_acceptable || !proxy.credentials;
        auto why = refused ? "it wants a login" : "it wants a kind of login that we do not know";
        co_return dialogue.fail(FailureKind::auth, why).with_hint(hint);
    }
    CO_TRY(login, socks5_login(*proxy.credentials));
    CO_TRY_VOID(co_await dialogue.send(std::move(login)));
    CO_TRY(verdict, co_await dialogue.receive(2));
    if (verdict[1] != 0) co_return dialogue.fail(FailureKind::auth, "it refuses the login").with_hint(hint);
    co_return Result<void>();
}

async::Task<Result<void>> ask5(Dialogue& dialogue, const Proxy& proxy, const SocksTarget& target) {
    CO_TRY_VOID(co_await log_in5(dialogue, proxy));
    CO_TRY(request, socks5_request(target));
    CO_TRY_VOID(co_await dialogue.send(std::move(request)));
    CO_TRY(reply, co_await dialogue.receive(4));
    if (reply[0] != version5) co_return dialogue.fail(FailureKind::protocol, "its answer is not SOCKS5");
    if (reply[1] != 0) co_return dialogue.fail(FailureKind::network, explain5(static_cast<unsigned char>(reply[1])));
    // The address that it connects from, which nobody needs.
    std::size_t length = 4;
    if (reply[3] == ipv6_type) length = 16;
    if (reply[3] == name_type) {
        CO_TRY(size, co_await dialogue.receive(1));
        length = static_cast<unsigned char>(size[0]);
    }
    CO_TRY(ignored, co_await dialogue.receive(length + 2));
    co_return Result<void>();
}

} // namespace

Result<std::string> socks4_request(const Proxy& proxy, const SocksTarget& target) {
    std::string message{version4, connect_command};
    add_port(message, target.port);
    bool by_name = !target.address;
    if (by_name) {
        message.append("\0\0\0\1", 4); // 4a: an address that cannot be
    } else {
        if (!target.address->is_v4())
            return Failure(FailureKind::usage, "SOCKS4 cannot reach the IPv6 address " + target.address->to_string())
                .with_hint("use socks5:// or socks5h://");
        add_bytes(message, target.address->to_v4().to_bytes());
    }
    if (proxy.credentials) {
        auto user = proxy.credentials->reveal();
        message += user.substr(0, user.find(':')); // there is no password in SOCKS4
    }
    message += '\0';
    if (by_name) {
        if (target.host.size() > 255)
            return Failure(FailureKind::usage,
                           "SOCKS has no room for a host name of " + std::to_string(target.host.size()) + " bytes");
        message += target.host;
        message += '\0';
    }
    return message;
}

std::string socks5_greeting(const Proxy& proxy) {
    if (proxy.credentials) return {version5, 2, no_login, login_by_password};
    return {version5, 1, no_login};
}

Result<std::string> socks5_login(const Secret& credentials) {
    auto text = credentials.reveal();
    auto colon = std::min(text.find(':'), text.size());
    std::string message{password_version};
    TRY_VOID(add_short(message, text.substr(0, colon), "user name"));
    TRY_VOID(add_short(message, text.substr(std::min(colon + 1, text.size())), "password"));
    return message;
}

Result<std::string> socks5_request(const SocksTarget& target) {
    std::string message{version5, connect_command, 0};
    if (!target.address) {
        message += name_type;
        TRY_VOID(add_short(message, target.host, "host name"));
    } else if (target.address->is_v4()) {
        message += ipv4_type;
        add_bytes(message, target.address->to_v4().to_bytes());
    } else {
        message += ipv6_type;
        add_bytes(message, target.address->to_v6().to_bytes());
    }
    add_port(message, target.port);
    return message;
}

async::Task<Result<void>> ask_socks(TcpSocket& socket, const Proxy& proxy, const SocksTarget& target, Watch& watch) {
    watch.enter(Phase::tunnel);
    Watch::Guard guard(watch, socket);
    Dialogue dialogue(socket, proxy, target, watch);
    bool is_version4 = proxy.kind == Proxy::Kind::socks4 || proxy.kind == Proxy::Kind::socks4a;
    if (is_version4) co_return co_await ask4(dialogue, proxy, target);
    co_return co_await ask5(dialogue, proxy, target);
}

} // namespace cachefill::http
