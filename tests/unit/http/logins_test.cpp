// Which logins go where, by whose word it is that they would.
#include "harness.hpp"

#include <boost/test/unit_test.hpp>

using namespace cachefill;
using namespace cachefill::test;
using http::ClientSettings;
using http::Logins;
using http::Method;
using http::Request;

namespace {

struct Fixture {
    TemporaryDirectory directory = temporary_directory();
    std::string location; // where /away leads
    HttpServer server{[this](const HttpRequest& request) {
        HttpReply reply(200, "here");
        if (!contains(request.path(), "/away")) return reply;
        reply.status = 302;
        reply.headers.emplace_back("Location", location);
        return reply;
    }};
    ClientSettings settings;

    Fixture() {
        settings.netrc = {directory.path() / "netrc"};
        std::string netrc = "default login me password pw\n";
        for (const auto* host : {"127.0.0.1", "cache.example", "other.example"})
            netrc = std::string("machine ") + host + " login me password pw\n" + netrc;
        BOOST_REQUIRE(write_file_atomically(settings.netrc[0], netrc));
    }
    // The server is the proxy for all hosts with other names.
    ClientSettings through_proxy() const {
        auto proxied = settings;
        proxied.environment = Environment(std::map<std::string, std::string>{{"http_proxy", server.url()}});
        return proxied;
    }
    std::string sent_with(Request request, Logins logins, const ClientSettings& how) {
        request.logins = logins;
        auto response = send_one(std::move(request), how);
        BOOST_TEST_REQUIRE(response.has_value(), text_of(response));
        return server.log().back().header("Authorization");
    }
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(http_logins, Fixture)

BOOST_AUTO_TEST_CASE(a_bearer_token_goes_to_nobody_who_can_be_overheard) {
    auto request = Request(Method::get, "http://cache.example/x");
    request.bearer = Secret("abcdefgh");
    auto response = send_one(request, through_proxy());
    BOOST_REQUIRE(!response);
    BOOST_TEST((response.error().kind() == FailureKind::usage));
    BOOST_TEST(contains(response.error().one_line(), "unencrypted, and is not sent"), response.error().one_line());
    BOOST_TEST(server.log().empty());
    request.url = server.url() + "/x"; // this machine
    BOOST_TEST(sent_with(request, Logins::all, settings) == "Bearer abcdefgh");
}

BOOST_AUTO_TEST_CASE(an_address_that_a_server_chose_gets_no_login_wherever_it_leads) {
    auto request = get(server, "/x");
    BOOST_TEST(sent_with(request, Logins::all, settings) != "");
    BOOST_TEST(sent_with(request, Logins::none, settings) == "");
    for (const auto& to : {std::string("/y"), "http://localhost:" + std::to_string(server.port()) + "/z/x"}) {
        location = to;
        BOOST_TEST(sent_with(get(server, "/away"), Logins::none, settings) == "", to);
    }
    request.bearer = Secret("abcdefgh");
    BOOST_TEST(sent_with(request, Logins::none, settings) == "");
    auto with_its_own = Request(Method::get, "http://kim:theirs@127.0.0.1:" + std::to_string(server.port()) + "/x");
    BOOST_TEST(sent_with(with_its_own, Logins::none, settings) == "Basic a2ltOnRoZWlycw==");
}

BOOST_AUTO_TEST_CASE(a_host_that_somebody_else_named_gets_no_login_that_can_be_overheard) {
    auto request = Request(Method::get, "http://cache.example/x");
    BOOST_TEST(sent_with(request, Logins::all, through_proxy()) != "");
    BOOST_TEST(sent_with(request, Logins::named, through_proxy()) == "");
    BOOST_TEST(sent_with(get(server, "/x"), Logins::named, settings) != ""); // this machine
    // A redirect to the same file of another host that is in netrc, too.
    location = "http://other.example/a.narinfo";
    request = Request(Method::get, "http://cache.example/away/a.narinfo");
    BOOST_TEST(sent_with(request, Logins::all, through_proxy()) == "");
    auto seen = server.log();
    BOOST_TEST(contains(seen.back().target, "other.example"), seen.back().target);
    BOOST_TEST(seen.at(seen.size() - 2).header("Authorization") != "");
}

BOOST_AUTO_TEST_SUITE_END()
