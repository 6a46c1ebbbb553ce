#include "base/files.hpp"
#include "cache/aws_keys.hpp"
#include "http/client.hpp"
#include "support/hand_clock.hpp"
#include "support/http_server.hpp"
#include "support/run_task.hpp"

#include <boost/test/unit_test.hpp>

using namespace cachefill;
using namespace cachefill::test;
using namespace cachefill::cache;
using async::Task;

namespace {

using Key = Result<std::optional<AwsKey>>;

// So often, with `pause` between.
std::vector<Key> get(const AwsIdentity& identity, int times = 1, bool forgets = false,
                     std::chrono::seconds pause = std::chrono::seconds(1)) {
    std::vector<Key> keys;
    HandClock clock;
    auto body = [&](async::Executor executor) -> Task<void> {
        auto client = http::make_client(executor, {});
        AwsKeys source(executor, *client, clock, identity);
        for (int i = 0; i < times; ++i) {
            keys.push_back(co_await source.get());
            if (forgets) source.forget();
            clock.advance(pause);
        }
    };
    run_task<void>(body);
    return keys;
}

// Of the clock's first moment on.
std::string in(std::chrono::seconds time) {
    auto text = aws_time(HandClock().wall_time() + time); // 20150830T123600Z
    return text.substr(0, 4) + "-" + text.substr(4, 2) + "-" + text.substr(6, 5) + ":" + text.substr(11, 2) + ":" +
           text.substr(13);
}

} // namespace

BOOST_AUTO_TEST_SUITE(aws_keys)

BOOST_AUTO_TEST_CASE(without_any_source_there_is_none) {
    auto keys = get(AwsIdentity());
    BOOST_TEST((keys[0] && !*keys[0]));
}

BOOST_AUTO_TEST_CASE(a_role_is_taken_on_with_a_token_and_again_before_it_ends) {
    auto directory = TemporaryDirectory::make("cachefill-sts").value();
    auto file = directory.path() / "token";
    BOOST_REQUIRE(write_file_atomically(file, "header.pay+load.sign\n", 0600));
    std::string body;
    auto life = std::chrono::hours(1);
    HttpServer server([&](const HttpRequest& request) {
        body = request.body;
        return HttpReply(200, "<R><Credentials><AccessKeyId>ASIA1</AccessKeyId><SecretAccessKey>s/e+c</SecretAccessKey>"
                              "<SessionToken>t==</SessionToken><Expiration>" +
                                  in(life) + "</Expiration></Credentials></R>");
    });
    AwsIdentity identity;
    identity.web_identity = AwsIdentity::WebIdentity{file, {}, {}, "arn:aws:iam::1:role/fill", "me", server.url()};
    auto keys = get(identity, 3);
    BOOST_REQUIRE((keys[2] && *keys[2]));
    BOOST_TEST((*keys[2])->id == "ASIA1");
    BOOST_TEST((*keys[2])->secret.reveal() == "s/e+c");
    BOOST_TEST((*keys[2])->session_token.reveal() == "t==");
    BOOST_TEST(server.log().size() == 1U);
    BOOST_TEST(server.log()[0].target == "/");
    BOOST_TEST(body == "Action=AssumeRoleWithWebIdentity&Version=2011-06-15&RoleArn=arn%3Aaws%3Aiam%3A%3A1%3Arole%2F"
                       "fill&RoleSessionName=me&WebIdentityToken=header.pay%2Bload.sign");
    life = std::chrono::hours(0);
    get(identity, 2);
    BOOST_TEST(server.log().size() == 3U);
    life = std::chrono::hours(1);
    get(identity, 2, true);
    BOOST_TEST(server.log().size() == 5U);
    get(identity, 2, false, std::chrono::minutes(50));
    BOOST_TEST(server.log().size() == 6U);
    get(identity, 2, false, std::chrono::minutes(58)); // by the time it is used it would have ended
    BOOST_TEST(server.log().size() == 8U);
}

BOOST_AUTO_TEST_CASE(a_step_of_github_asks_for_its_token_itself) {
    std::string body;
    HttpServer server([&](const HttpRequest& request) {
        if (request.method == "GET" && request.header("Authorization") != "Bearer of-the-step") return HttpReply(401);
        if (request.method == "GET") return HttpReply(200, R"({"value":"oidc.token"})");
        body = request.body;
        return HttpReply(200, "<AccessKeyId>ASIA1</AccessKeyId><SecretAccessKey>s</SecretAccessKey>");
    });
    AwsIdentity identity;
    identity.web_identity = AwsIdentity::WebIdentity{
        {}, server.url() + "/token?api-version=2.0", Secret("of-the-step"), "arn:fill", "me", server.url()};
    auto keys = get(identity);
    BOOST_REQUIRE((keys[0] && *keys[0]));
    BOOST_TEST(server.log()[0].target == "/token?api-version=2.0&audience=sts.amazonaws.com");
    BOOST_TEST(body.ends_with("&WebIdentityToken=oidc.token"));
    identity.web_identity->request_token = Secret("of-another");
    keys = get(identity);
    BOOST_REQUIRE(!keys[0]);
    auto text = render(keys[0].error());
    BOOST_TEST(text.find("GitHub gave no token") != std::string::npos, text);
    BOOST_TEST(text.find("of-another") == std::string::npos, text);
}

BOOST_AUTO_TEST_CASE(a_role_that_is_refused_is_named_and_the_token_is_not) {
    auto directory = TemporaryDirectory::make("cachefill-sts").value();
    auto file = directory.path() / "token";
    BOOST_REQUIRE(write_file_atomically(file, "topsecret", 0600));
    HttpServer server([&](const HttpRequest&) {
        return HttpReply(403, "<ErrorResponse><Error><Code>AccessDenied</Code><Message>Not authorized</Message></Error>"
                              "</ErrorResponse>");
    });
    AwsIdentity identity;
    identity.web_identity = AwsIdentity::WebIdentity{file, {}, {}, "arn:fill", "me", server.url()};
    auto keys = get(identity);
    BOOST_REQUIRE(!keys[0]);
    auto text = render(keys[0].error());
    BOOST_TEST((keys[0].error().kind() == FailureKind::auth));
    BOOST_TEST(text.find("AccessDenied (Not authorized)") != std::string::npos, text);
    BOOST_TEST(text.find("arn:fill") != std::string::npos, text);
    BOOST_TEST(text.find("topsecret") == std::string::npos);
    identity.web_identity->server = "http://sts.example.org";
    keys = get(identity);
    BOOST_REQUIRE(!keys[0]);
    BOOST_TEST(keys[0].error().cause().find("unencrypted") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(what_sts_repeats_of_the_token_and_a_login_in_its_address_are_not_shown) {
    auto directory = TemporaryDirectory::make("cachefill-sts").value();
    auto file = directory.path() / "token";
    BOOST_REQUIRE(write_file_atomically(file, "eyJhbGci.web+identity/token", 0600));
    HttpServer server([&](const HttpRequest& request) {
        return HttpReply(request.target == "/again" ? 503 : 400,
                         "<ErrorResponse><Error><Code>InvalidIdentityToken</Code><Message>no token: " + request.body +
                             " eyJhbGci.web+identity/token</Message></Error></ErrorResponse>");
    });
    AwsIdentity identity;
    auto port = server.url().substr(server.url().rfind(':'));
    const std::vector<std::string> addresses{
        server.url(), "http://kim:hunter22pw@127.0.0.1" + port, "http://kim:hunter22pw@127.0.0.1" + port + "/again",
        "http://kim:hunter22pw@sts.example.org", "http://kim:hunter22pw@127.0.0.1:x"};
    for (const auto& address : addresses) {
        identity.web_identity = AwsIdentity::WebIdentity{file, {}, {}, "arn:fill", "me", address};
        auto keys = get(identity);
        BOOST_REQUIRE(!keys[0]);
        auto text = render(keys[0].error());
        for (const auto* secret : {"web+identity", "web%2Bidentity", "hunter22pw"})
            BOOST_TEST(text.find(secret) == std::string::npos, text);
    }
}

BOOST_AUTO_TEST_CASE(what_the_server_of_an_instance_repeats_of_its_token_is_not_shown) {
    HttpServer server([&](const HttpRequest& request) {
        if (request.method == "PUT") return HttpReply(200, "token-of-the-instance");
        if (request.path().ends_with("/security-credentials/")) return HttpReply(200, "builder");
        return HttpReply(403, "<Error><Code>AccessDenied</Code><Message>not with " +
                                  request.header("X-aws-ec2-metadata-token") + "</Message></Error>");
    });
    AwsIdentity identity;
    identity.metadata_server = server.url();
    auto keys = get(identity);
    BOOST_REQUIRE(!keys[0]);
    auto text = render(keys[0].error());
    BOOST_TEST(text.find("AccessDenied (not with ***)") != std::string::npos, text);
}

BOOST_AUTO_TEST_CASE(a_container_is_asked_with_its_authorization) {
    HttpServer server([&](const HttpRequest& request) {
        if (request.header("Authorization") != "Basic abc") return HttpReply(401);
        return HttpReply(200, R"({"AccessKeyId":"A","SecretAccessKey":"S","Token":"T","Expiration":")" +
                                  in(std::chrono::hours(1)) + "\"}");
    });
    AwsIdentity identity;
    identity.container = AwsIdentity::Container{server.url() + "/v1/credentials", Secret("Basic abc"), {}};
    auto keys = get(identity);
    BOOST_REQUIRE((keys[0] && *keys[0]));
    BOOST_TEST((*keys[0])->session_token.reveal() == "T");
    identity.container->url = "http://example.org/keys"; // whoever that is
    keys = get(identity);
    BOOST_REQUIRE(!keys[0]);
    BOOST_TEST((keys[0].error().kind() == FailureKind::usage));
}

BOOST_AUTO_TEST_CASE(an_instance_gives_out_keys_to_whoever_has_a_token_of_it) {
    bool is_instance = true;
    HttpServer server([&](const HttpRequest& request) {
        if (!is_instance) return HttpReply(404);
        if (request.method == "PUT" && request.path() == "/latest/api/token") return HttpReply(200, "here");
        if (request.header("X-aws-ec2-metadata-token") != "here") return HttpReply(401);
        if (request.path().ends_with("/security-credentials/")) return HttpReply(200, "builder\n");
        if (!request.path().ends_with("/builder")) return HttpReply(404);
        return HttpReply(200, R"({"Code":"Success","AccessKeyId":"I","SecretAccessKey":"S","Token":"T"})");
    });
    AwsIdentity identity;
    identity.metadata_server = server.url();
    auto keys = get(identity);
    BOOST_REQUIRE((keys[0] && *keys[0]));
    BOOST_TEST((*keys[0])->id == "I");
    is_instance = false;
    keys = get(identity, 2);
    BOOST_TEST((keys[0] && !*keys[0]));
    BOOST_TEST(server.log().size() == 4U); // and is not asked again
    server.stop();
    keys = get(identity);
    BOOST_TEST((keys[0] && !*keys[0]));
}

BOOST_AUTO_TEST_SUITE_END()
