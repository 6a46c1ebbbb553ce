#include "base/text.hpp"
#include "harness.hpp"
#include "http/socks.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/write.hpp>
#include <boost/test/unit_test.hpp>

#include <thread>

using namespace cachefill;
using namespace cachefill::test;
using http::Client;
using http::ClientSettings;
using http::Method;
using http::Proxy;
using http::Request;
using http::SocksTarget;
namespace asio = boost::asio;
using asio::ip::tcp;
using namespace std::string_literals;

namespace {

// Plays the other side of one dialogue: says each of `replies` after having read as many bytes as the message before it
// has, then answers an HTTP request as the far end would.
class ScriptedProxy {
  public:
    struct Step {
        std::string expects;
        std::string says;
    };

    ScriptedProxy(std::vector<Step> steps, bool to_the_end = true)
        : listener_(loop_, {asio::ip::address_v4::loopback(), 0}),
          thread_([this, steps = std::move(steps), to_the_end] {
              boost::system::error_code error;
              tcp::socket socket(loop_);
              listener_.accept(socket, error);
              for (const auto& step : steps) {
                  std::string got(step.expects.size(), '\0');
                  asio::read(socket, asio::buffer(got), error);
                  received_.push_back(got);
                  asio::write(socket, asio::buffer(step.says), error);
              }
              if (!to_the_end) return;
              asio::read_until(socket, asio::dynamic_buffer(request_), "\r\n\r\n", error);
              if (!error)
                  asio::write(socket, asio::buffer("HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\nfar end"s), error);
          }) {}
    ScriptedProxy(const ScriptedProxy&) = delete;
    ScriptedProxy& operator=(const ScriptedProxy&) = delete;
    ~ScriptedProxy() { join(); }

    void join() {
        ::shutdown(listener_.native_handle(), SHUT_RDWR); // if nobody came
        if (thread_.joinable()) thread_.join();
    }
    std::string address() const { return "127.0.0.1:" + std::to_string(listener_.local_endpoint().port()); }
    const std::vector<std::string>& received() const { return received_; } // after join()
    const std::string& request() const { return request_; }

  private:
    asio::io_context loop_;
    tcp::acceptor listener_;
    std::vector<std::string> received_;
    std::string request_;
    std::thread thread_;
};

const std::string name_request = "\5\1\0\3\x0D"s + "cache.example" + "\0\x50"s;
const std::string granted5 = "\5\0\0\1\0\0\0\0\0\0"s;

Result<http::Response> ask_through(const std::string& proxy, const std::string& url = "http://cache.example/x") {
    ClientSettings settings;
    settings.environment.set("all_proxy", proxy);
    Request request(Method::get, url);
    request.deadlines.connect = 2s;
    return send_one(request, settings);
}

void check_far_end(const Result<http::Response>& response) {
    BOOST_TEST_REQUIRE(response.has_value(), text_of(response));
    BOOST_TEST(response->body == "far end");
}

void check_steps(ScriptedProxy& proxy, const std::vector<ScriptedProxy::Step>& steps) {
    proxy.join();
    BOOST_TEST_REQUIRE(proxy.received().size() == steps.size());
    for (std::size_t i = 0; i < steps.size(); ++i) BOOST_TEST(proxy.received()[i] == steps[i].expects);
}

} // namespace

BOOST_AUTO_TEST_SUITE(http_socks)

BOOST_AUTO_TEST_CASE(socks5h_tells_the_name_and_then_speaks_to_the_far_end) {
    std::vector<ScriptedProxy::Step> steps{{"\5\1\0"s, "\5\0"s}, {name_request, granted5}};
    ScriptedProxy proxy(steps);
    check_far_end(ask_through("socks5h://" + proxy.address()));
    check_steps(proxy, steps);
    BOOST_TEST(proxy.request().starts_with("GET /x HTTP/1.1\r\nHost: cache.example\r\n"), proxy.request());
}

BOOST_AUTO_TEST_CASE(a_login_is_given_when_the_proxy_wants_one) {
    std::vector<ScriptedProxy::Step> steps{
        {"\5\2\0\2"s, "\5\2"s}, {"\1\2me\4p@ss"s, "\1\0"s}, {name_request, "\5\0\0\3\4name\0\1"s}};
    ScriptedProxy proxy(steps);
    check_far_end(ask_through("socks5h://me:p%40ss@" + proxy.address()));
    check_steps(proxy, steps);
    BOOST_TEST(!contains(proxy.request(), "Authorization"), proxy.request());
}

BOOST_AUTO_TEST_CASE(socks5_tells_the_address) {
    std::vector<ScriptedProxy::Step> steps{{"\5\1\0"s, "\5\0"s},
                                           {"\5\1\0\1\xC0\0\2\7\0\x50"s, "\5\0\0\4"s + std::string(18, 'x')}};
    ScriptedProxy proxy(steps);
    check_far_end(ask_through("socks5://" + proxy.address(), "http://192.0.2.7/"));
    check_steps(proxy, steps);
}

BOOST_AUTO_TEST_CASE(an_address_is_told_as_one_also_to_socks5h) {
    std::vector<ScriptedProxy::Step> steps{
        {"\5\1\0"s, "\5\0"s}, {"\5\1\0\4\x20\1\xD\xB8"s + std::string(11, '\0') + "\1\x1F\x90"s, granted5}};
    ScriptedProxy proxy(steps);
    check_far_end(ask_through("socks5h://" + proxy.address(), "http://[2001:db8::1]:8080/"));
    check_steps(proxy, steps);
}

BOOST_AUTO_TEST_CASE(socks4_and_4a_have_a_user_but_no_password) {
    std::vector<ScriptedProxy::Step> by_address{{"\4\1\0\x50\xC0\0\2\7me\0"s, "\0\x5A\0\0\0\0\0\0"s}};
    ScriptedProxy proxy4(by_address);
    check_far_end(ask_through("socks4://me:secret@" + proxy4.address(), "http://192.0.2.7/"));
    check_steps(proxy4, by_address);
    std::vector<ScriptedProxy::Step> by_name{{"\4\1\0\x50\0\0\0\1\0cache.example\0"s, "\0\x5A\0\0\0\0\0\0"s}};
    ScriptedProxy proxy4a(by_name);
    check_far_end(ask_through("SOCKS4A://" + proxy4a.address()));
    check_steps(proxy4a, by_name);
}

BOOST_AUTO_TEST_CASE(https_is_verified_to_the_far_end_also_behind_socks) {
    ScriptedProxy proxy({{"\5\1\0"s, "\5\0"s}, {"\5\1\0\3\x0D"s + "cache.example" + "\1\xBB"s, granted5}}, false);
    auto directory = temporary_directory();
    auto settings = trusting(make_test_certificate("DNS:x"), directory);
    settings.environment.set("https_proxy", "socks5h://" + proxy.address());
    auto response = send_one(Request(Method::get, "https://cache.example/"), settings);
    BOOST_TEST_REQUIRE(!response.has_value()); // it hangs up instead of a handshake
    BOOST_TEST(contains(response.error().one_line(), "TLS handshake with cache.example"), response.error().one_line());
}

BOOST_AUTO_TEST_CASE(what_the_proxy_refuses_is_told) {
    struct Row {
        std::string proxy; // before "127.0.0.1:…"
        std::vector<ScriptedProxy::Step> steps;
        FailureKind kind;
        std::string says;
    };
    std::vector<ScriptedProxy::Step> wants_login{{"\5\1\0"s, "\5\xFF"s}};
    for (const auto& row : {
             Row{"socks5h://", wants_login, FailureKind::auth, "it wants a login"},
             Row{"socks5h://a:b@",
                 {{"\5\2\0\2"s, "\5\2"s}, {"\1\1a\1b"s, "\1\1"s}},
                 FailureKind::auth,
                 "refuses the login"},
             Row{"socks5h://a:b@", {{"\5\2\0\2"s, "\5\1"s}}, FailureKind::auth, "a kind of login that we do not know"},
             Row{"socks5h://",
                 {{"\5\1\0"s, "\5\0"s}, {name_request, "\5\5\0\1"s}},
                 FailureKind::network,
                 "was refused"},
             Row{"socks5h://",
                 {{"\5\1\0"s, "\5\0"s}, {name_request, "\5\x63\0\1"s}},
                 FailureKind::network,
                 "does not tell"},
             Row{"socks5h://", {{"\5\1\0"s, "HTTP/1.1 400"s}}, FailureKind::protocol, "is not SOCKS5"},
             Row{"socks4a://",
                 {{"\4\1\0\x50\0\0\0\1\0cache.example\0"s, "\0\x5B\0\0\0\0\0\0"s}},
                 FailureKind::network,
                 "refused"},
             Row{"socks4a://",
                 {{"\4\1\0\x50\0\0\0\1\0cache.example\0"s, "\0\x5D\0\0\0\0\0\0"s}},
                 FailureKind::auth,
                 "who we are"},
             Row{"socks4a://",
                 {{"\4\1\0\x50\0\0\0\1\0cache.example\0"s, "HTTP/1.1"s}},
                 FailureKind::protocol,
                 "is not SOCKS4"},
             Row{"socks5h://", {{"\5\1\0"s, "\5"s}}, FailureKind::network, "closed the connection"},
         }) {
        ScriptedProxy proxy(row.steps, false);
        auto response = ask_through(row.proxy + proxy.address());
        BOOST_TEST_REQUIRE(!response.has_value());
        auto line = response.error().one_line();
        BOOST_TEST(to_string(response.error().kind()) == to_string(row.kind), line);
        BOOST_TEST(contains(line, row.says), line);
        BOOST_TEST(contains(line, "the SOCKS proxy " + proxy.address()), line);
    }
}

BOOST_AUTO_TEST_CASE(a_silent_proxy_ends_at_the_connect_deadline) {
    asio::io_context loop; // nobody runs it: connections are accepted by the kernel and stay silent
    tcp::acceptor listener(loop, {asio::ip::address_v4::loopback(), 0});
    ClientSettings settings;
    settings.environment.set("http_proxy", "socks5h://127.0.0.1:" + std::to_string(listener.local_endpoint().port()));
    Request request(Method::get, "http://cache.example/");
    request.deadlines.connect = 80ms;
    auto response = send_one(request, settings);
    BOOST_TEST_REQUIRE(!response.has_value());
    BOOST_TEST((response.error().kind() == FailureKind::timeout), response.error().one_line());
    BOOST_TEST(contains(response.error().one_line(), "did not connect within"), response.error().one_line());
}

BOOST_AUTO_TEST_CASE(what_socks_has_no_room_for_is_refused) {
    SocksTarget target;
    target.host = std::string(256, 'a');
    BOOST_TEST(!http::socks5_request(target).has_value());
    Proxy proxy;
    BOOST_TEST(!http::socks4_request(proxy, target).has_value());
    target.address = asio::ip::make_address("::1");
    BOOST_TEST(!http::socks4_request(proxy, target).has_value());
    BOOST_TEST(http::socks5_request(target).has_value());
    BOOST_TEST(!http::socks5_login(Secret(std::string(256, 'u') + ":p")).has_value());
    BOOST_TEST(!http::socks5_login(Secret("user without password")).has_value());
}

BOOST_AUTO_TEST_SUITE_END()
