// Where a narinfo may send the login of its cache.
#include "cache/http_reader.hpp"
#include "cache/nar_look.hpp"
#include "unit/cache/backends.hpp"

#include <boost/test/unit_test.hpp>

using namespace cachefill;
using namespace cachefill::test;
using async::Task;

namespace {

struct Fixture {
    TemporaryDirectory temporary = TemporaryDirectory::make("cachefill-http-logins").value();
    HttpServer server{[](const HttpRequest&) { return HttpReply(200, "no archive"); }};
    std::string here = "http://127.0.0.1:" + std::to_string(server.port());
    cache::HttpReader::Settings settings;
    http::ClientSettings client_settings;

    Fixture() {
        settings.name = "the cache";
        settings.base = here + "/team/cache";
        client_settings.netrc = {temporary.path() / "netrc"};
    }
    void log_in_by_netrc() {
        auto text = "machine 127.0.0.1 login kim password geheim\nmachine localhost login kim password geheim\n";
        BOOST_REQUIRE(write_file_atomically(client_settings.netrc[0], text));
    }
    // Did what was asked for that archive carry a login?
    bool is_logged_in(const std::string& url) {
        auto asked_before = server.log().size();
        auto look = [&](async::Executor executor) -> Task<void> {
            auto client = http::make_client(executor, client_settings);
            cache::HttpReader reader(*client, {}, async::real_clock(), settings);
            auto info = make_sample("any", 10).info;
            info.url = url;
            (void)co_await reader.look_at_nar(info);
            (void)co_await reader.check_nar(info);
        };
        run_task<void>(look);
        auto log = server.log();
        BOOST_REQUIRE_MESSAGE(log.size() > asked_before + 1, url);
        auto first = !log.at(asked_before).header("Authorization").empty();
        for (auto number = asked_before; number < log.size(); ++number)
            BOOST_TEST(log[number].header("Authorization").empty() != first, url);
        return first;
    }
    void check() {
        auto elsewhere = "http://localhost:" + std::to_string(server.port());
        for (const auto& url :
             {std::string("nar/a.nar.xz"), std::string("a.nar"), std::string("./nar/../nar/a.nar"),
              here + "/team/cache/nar/a.nar", std::string("nar/0123.nar?hash=0c5b8vw40dy178xlpddw65q9gf1h2186")})
            BOOST_TEST(is_logged_in(url), url);
        for (const auto& url :
             {std::string("../../job/deploy/build"), std::string("nar/../../other/a.nar"),
              std::string("../cachet/a.nar"), std::string("nar/%2e%2e/%2E%2E/job"), std::string("nar/..%2f..%2fjob"),
              std::string("nar/%252e%252e/job"), std::string("nar/a.nar?delete=1"),
              std::string("nar/a.nar?hash=1&delete=1"), here + "/job/deploy/build", here + "/team/cache/../../job",
              here + "/team/cache/a?confirm=yes", here + "/nar/a.nar.xz", elsewhere + "/team/cache/nar/a.nar"})
            BOOST_TEST(!is_logged_in(url), url);
    }
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(http_logins, Fixture)

BOOST_AUTO_TEST_CASE(netrc_is_for_files_below_the_cache) {
    log_in_by_netrc();
    check();
}

BOOST_AUTO_TEST_CASE(the_token_is_for_files_below_the_cache) {
    settings.bearer = Secret("token-of-the-team");
    check();
    settings.bearer.reset();
    log_in_by_netrc();
    settings.bearer = Secret("token-of-the-team");
    check();
}

BOOST_AUTO_TEST_CASE(the_login_in_the_address_is_for_files_below_the_cache) {
    settings.base.insert(7, "kim:geheim@");
    check();
    log_in_by_netrc();
    check();
}

BOOST_AUTO_TEST_CASE(what_is_logged_in_at_the_root_asks_for_files_only) {
    settings.base = here;
    log_in_by_netrc();
    BOOST_TEST(is_logged_in("nar/a.nar.xz"));
    BOOST_TEST(!is_logged_in("job/deploy/build?delay=0&confirm=yes"));
}

BOOST_AUTO_TEST_CASE(a_narinfo_that_repeats_the_login_shows_it_to_nobody) {
    HttpServer echo([](const HttpRequest& request) {
        return HttpReply(200, "StorePath: " + request.header("Authorization") + "\n" + request.header("Authorization"));
    });
    settings.base = echo.url();
    settings.bearer = Secret("token-of-the-team");
    auto ask = [&](async::Executor executor) -> Task<void> {
        auto client = http::make_client(executor, client_settings);
        cache::HttpReader reader(*client, {}, async::real_clock(), settings);
        auto found = co_await reader.get_narinfo(make_sample("any", 10).info.path);
        BOOST_REQUIRE(!found);
        auto text = render(found.error());
        BOOST_TEST(text.find("token-of") == std::string::npos, text);
    };
    run_task<void>(ask);
}

BOOST_AUTO_TEST_SUITE_END()
