#include "harness.hpp"

#include <boost/test/unit_test.hpp>

using namespace cachefill;
using namespace cachefill::test;
using http::ClientSettings;
using http::Method;
using http::Request;

namespace {

HttpReply redirect(int status, const std::string& location) {
    HttpReply reply(status, "moved");
    reply.headers.emplace_back("Location", location);
    return reply;
}

} // namespace

BOOST_AUTO_TEST_SUITE(http_redirect)

BOOST_AUTO_TEST_CASE(relative_and_absolute_redirects_are_followed) {
    std::string url;
    HttpServer server([&](const HttpRequest& request) {
        if (request.target == "/a") return redirect(301, "b/c?x=1");
        if (request.target == "/b/c?x=1") return redirect(302, "/d with blank");
        if (request.target == "/d%20with%20blank") return redirect(303, "?q");
        if (request.target == "/d%20with%20blank?q") return redirect(307, url + "/e#fragment");
        if (request.target == "/e") return redirect(308, "../f");
        return HttpReply(200, request.target);
    });
    url = server.url();
    auto response = send_one(get(server, "/a"));
    BOOST_TEST_REQUIRE(response.has_value(), text_of(response));
    BOOST_TEST(response->body == "/f");
    BOOST_TEST(response->effective_url == server.url() + "/f");
    BOOST_TEST(server.connections() == 1);
}

BOOST_AUTO_TEST_CASE(whatever_names_a_location_leads_there) {
    for (int status : {300, 301, 302, 303, 305, 307, 308}) {
        HttpServer server([status](const HttpRequest& request) {
            return request.target == "/there" ? HttpReply(200, "there") : redirect(status, "/there");
        });
        auto response = send_one(get(server, "/x"));
        BOOST_TEST_REQUIRE(response.has_value(), text_of(response));
        BOOST_TEST(response->body == "there", status);
    }
}

BOOST_AUTO_TEST_CASE(the_eleventh_redirect_is_a_protocol_failure) {
    HttpServer server([](const HttpRequest& request) {
        auto number = std::stoi(request.target.substr(1));
        return number == 0 ? HttpReply(200, "there") : redirect(302, "/" + std::to_string(number - 1));
    });
    BOOST_TEST(send_one(get(server, "/10")).has_value());
    auto response = send_one(get(server, "/11"));
    BOOST_TEST_REQUIRE(!response.has_value());
    BOOST_TEST((response.error().kind() == FailureKind::protocol));
    BOOST_TEST(contains(response.error().one_line(), "after 10 times"), response.error().one_line());
}

BOOST_AUTO_TEST_CASE(redirects_are_answers_when_unwanted_for_other_methods_and_without_location) {
    HttpServer server(
        [](const HttpRequest& request) { return request.target == "/none" ? HttpReply(302) : redirect(302, "/x"); });
    auto unwanted = get(server, "/a");
    unwanted.follow_redirects = false;
    for (const auto& request : {unwanted, Request(Method::post, server.url()), get(server, "/none")}) {
        auto response = send_one(request);
        BOOST_TEST_REQUIRE(response.has_value(), text_of(response));
        BOOST_TEST(response->status == 302);
    }
}

BOOST_AUTO_TEST_CASE(an_upload_follows_with_its_whole_body_and_without_its_credentials_elsewhere) {
    HttpServer other([](const HttpRequest& request) { return HttpReply(201, request.method + " " + request.body); });
    HttpServer server([&](const HttpRequest& request) {
        if (request.target == "/there/file") return HttpReply(200, request.method + " " + request.body);
        return redirect(std::stoi(request.target.substr(1, 3)),
                        request.target.ends_with("away") ? other.url() : "/there/file");
    });
    for (auto status : {"301", "302", "307", "308"}) {
        auto upload = put(server, "body");
        upload.url = server.url() + "/" + status + "/file";
        upload.bearer = Secret("abc");
        auto response = send_one(upload);
        BOOST_TEST_REQUIRE(response.has_value(), text_of(response));
        BOOST_TEST(response->body == "PUT body", status);
        BOOST_TEST(server.log().back().header("Authorization") == "Bearer abc");
        upload.url += "away";
        response = send_one(upload);
        BOOST_TEST_REQUIRE(response.has_value(), text_of(response));
        BOOST_TEST(response->body == "PUT body", status);
        BOOST_TEST(other.log().back().header("Authorization") == "");
    }
    auto upload = put(server, "body");
    upload.url = server.url() + "/303";
    auto response = send_one(upload);
    BOOST_TEST_REQUIRE(response.has_value(), text_of(response));
    BOOST_TEST(response->status == 303);
}

BOOST_AUTO_TEST_CASE(credentials_stay_on_the_host_they_are_for) {
    HttpServer other([](const HttpRequest&) { return HttpReply(200, "other"); });
    HttpServer server([&](const HttpRequest& request) {
        if (request.target == "/trap") return redirect(307, "/administration?delete=all");
        if (request.target.starts_with("/administration")) return HttpReply(200, "done");
        return request.target == "/away/here" ? redirect(302, other.url() + "/nar?sig=1") : redirect(302, "/away/here");
    });
    auto directory = temporary_directory();
    ClientSettings settings;
    settings.netrc = {directory.path() / "netrc"};
    BOOST_TEST(write_file_atomically(settings.netrc[0], "machine 127.0.0.1 login me password everybody\n").has_value());

    auto bearer = get(server, "/here");
    bearer.bearer = Secret("abc");
    bearer.headers.push_back({"Cookie", "a=b"});
    bearer.headers.push_back({"X-Kept", "yes"});
    auto basic = Request(Method::get, "http://me:pw@127.0.0.1:" + std::to_string(server.port()) + "/here");
    auto signed_by_caller = get(server, "/here");
    signed_by_caller.headers.push_back({"authorization", "AWS4 x"});
    for (const auto& request : {bearer, basic, signed_by_caller, get(server, "/here")}) {
        auto response = send_one(request, settings);
        BOOST_TEST_REQUIRE(response.has_value(), text_of(response));
        BOOST_TEST(response->body == "other");
        auto seen = server.log();
        BOOST_TEST(seen.at(seen.size() - 2).header("Authorization") != "");
        BOOST_TEST(seen.back().target == "/away/here");
        BOOST_TEST(seen.back().header("Authorization") == seen.at(seen.size() - 2).header("Authorization"));
        BOOST_TEST(other.log().back().header("Authorization") == "");
        BOOST_TEST(other.log().back().header("Cookie") == "");
    }
    BOOST_TEST(other.log().front().header("X-Kept") == "yes");
    for (auto request : {bearer, basic, signed_by_caller}) {
        request.url = request.url.substr(0, request.url.rfind('/')) + "/trap";
        for (auto method : {Method::get, Method::put}) {
            request.method = method;
            auto response = send_one(request, settings);
            BOOST_TEST_REQUIRE(response.has_value(), text_of(response));
            auto seen = server.log();
            BOOST_TEST(seen.at(seen.size() - 2).header("Authorization") != "");
            BOOST_TEST(seen.back().target == "/administration?delete=all");
            BOOST_TEST(seen.back().header("Authorization") == "");
        }
    }
}

BOOST_AUTO_TEST_CASE(a_login_of_netrc_goes_along_to_the_same_file_and_to_nothing_else) {
    HttpServer server([&](const HttpRequest& request) {
        if (request.path().starts_with("/old/")) return redirect(302, "/new/" + request.path().substr(5));
        if (request.path() == "/trap") return redirect(302, "/administration/delete?all=1");
        return HttpReply(200, "here");
    });
    auto directory = temporary_directory();
    ClientSettings settings;
    settings.netrc = {directory.path() / "netrc"};
    BOOST_TEST(write_file_atomically(settings.netrc[0], "machine 127.0.0.1 login me password pw\n").has_value());
    for (const std::string target : {"/old/nar/a.nar.xz", "/trap"}) {
        auto response = send_one(get(server, target), settings);
        BOOST_TEST_REQUIRE(response.has_value(), text_of(response));
        auto seen = server.log();
        BOOST_TEST(seen.at(seen.size() - 2).header("Authorization") != "", target);
        BOOST_TEST((seen.back().header("Authorization") != "") == (target != "/trap"), target);
    }
}

BOOST_AUTO_TEST_CASE(a_login_of_netrc_goes_along_to_no_query_that_only_the_redirect_has) {
    std::string query;
    HttpServer server([&](const HttpRequest& request) {
        if (request.path().starts_with("/old/")) return redirect(302, "/new/a.narinfo" + query);
        return HttpReply(200, "here");
    });
    auto directory = temporary_directory();
    ClientSettings settings;
    settings.netrc = {directory.path() / "netrc"};
    BOOST_TEST(write_file_atomically(settings.netrc[0], "machine 127.0.0.1 login me password pw\n").has_value());
    for (const auto& [asked, told, goes_along] : {std::tuple<std::string, std::string, bool>{"", "", true},
                                                  {"", "?delete=1", false},
                                                  {"?a=1", "?a=1", true},
                                                  {"?a=1", "?a=2", false},
                                                  {"?a=1", "", true}}) {
        query = told;
        auto response = send_one(get(server, "/old/a.narinfo" + asked), settings);
        BOOST_TEST_REQUIRE(response.has_value(), text_of(response));
        BOOST_TEST((server.log().back().header("Authorization") != "") == goes_along, asked + " to " + told);
    }
}

BOOST_AUTO_TEST_CASE(what_netrc_has_for_every_host_goes_to_configured_hosts_where_nobody_can_overhear_it) {
    HttpServer plain([](const HttpRequest&) { return HttpReply(200, "overheard"); });
    auto tls = make_test_certificate("DNS:localhost");
    HttpServerSettings server_settings;
    server_settings.tls = tls;
    HttpServer server([](const HttpRequest&) { return HttpReply(200, "safe"); }, server_settings);
    auto directory = temporary_directory();
    auto settings = trusting(tls, directory);
    settings.netrc = {directory.path() / "netrc"};
    auto authorization_after = [&](HttpServer& asked, const std::string& netrc, bool is_told_by_server) {
        BOOST_REQUIRE(write_file_atomically(settings.netrc[0], netrc).has_value());
        auto request = get(asked, "/x");
        if (is_told_by_server) request.logins = http::Logins::named;
        auto response = send_one(request, settings);
        BOOST_TEST_REQUIRE(response.has_value(), text_of(response));
        return asked.log().back().header("Authorization");
    };
    const std::string for_all = "default login me password pw\n", by_name = "machine localhost login me password pw\n";
    BOOST_TEST(authorization_after(server, for_all, false) != "");
    BOOST_TEST(authorization_after(server, for_all, true) == "");
    BOOST_TEST(authorization_after(plain, for_all, false) != ""); // on this machine
    BOOST_TEST(authorization_after(plain, for_all, true) == "");
    auto through = settings;
    through.environment = Environment(std::map<std::string, std::string>{{"http_proxy", plain.url()}});
    BOOST_REQUIRE(write_file_atomically(settings.netrc[0], for_all).has_value());
    BOOST_TEST(send_one(Request(Method::get, "http://cache.example/x"), through).has_value());
    BOOST_TEST(plain.log().back().header("Authorization") == "");
    BOOST_TEST(authorization_after(server, by_name, false) != "");
    BOOST_TEST(authorization_after(server, by_name, true) != "");
}

BOOST_AUTO_TEST_CASE(a_redirect_from_https_to_http_is_refused) {
    HttpServer plain([](const HttpRequest&) { return HttpReply(200, "overheard"); });
    auto tls = make_test_certificate("DNS:localhost");
    HttpServerSettings server_settings;
    server_settings.tls = tls;
    HttpServer server([&](const HttpRequest&) { return redirect(302, plain.url() + "/x?token=abc"); }, server_settings);
    auto directory = temporary_directory();
    auto response = send_one(get(server), trusting(tls, directory));
    BOOST_TEST_REQUIRE(!response.has_value());
    BOOST_TEST((response.error().kind() == FailureKind::protocol));
    auto line = response.error().one_line();
    BOOST_TEST(contains(line, "from https to plain http"), line);
    BOOST_TEST(!contains(line, "abc"), line);
    BOOST_TEST(plain.connections() == 0);
}

BOOST_AUTO_TEST_CASE(a_redirect_to_something_else_than_http_is_a_protocol_failure) {
    HttpServer server([](const HttpRequest&) { return redirect(302, "file:///etc/passwd"); });
    auto response = send_one(get(server));
    BOOST_TEST_REQUIRE(!response.has_value());
    BOOST_TEST((response.error().kind() == FailureKind::protocol));
}

BOOST_AUTO_TEST_SUITE_END()
