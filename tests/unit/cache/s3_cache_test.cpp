#include "cache/s3_cache.hpp"
#include "cache/s3_client.hpp"
#include "unit/cache/s3_backend.hpp"

#include <boost/test/unit_test.hpp>

using namespace cachefill;
using namespace cachefill::test;
using async::Task;
using cache::PublishOutcome;

namespace {

using Reply = std::optional<HttpReply>;

struct Fixture {
    TemporaryDirectory temporary = TemporaryDirectory::make("cachefill-s3").value();
    S3Backend backend{temporary.path()};

    DeskSettings settings() const {
        auto desk = desk_settings(backend, temporary.path());
        desk.retry.budget = std::chrono::milliseconds(300);
        return desk;
    }
    Result<PublishOutcome> push_one(const Sample& sample, const DeskSettings& desk_settings) {
        std::optional<Result<PublishOutcome>> outcome;
        at_desk(desk_settings,
                [&](Desk& desk) -> Task<void> { outcome.emplace(co_await push(desk.cache, desk.budget, sample)); });
        return std::move(*outcome);
    }
    // Of the opened cache, or of pushing to it.
    Failure failure_of(const DeskSettings& desk_settings) {
        auto info = try_open(desk_settings);
        if (!info) return std::move(info).error();
        auto outcome = push_one(make_sample("any", 100), desk_settings);
        BOOST_REQUIRE(!outcome);
        return std::move(outcome).error();
    }
    std::size_t count(const std::string& method, const std::string& part) {
        auto log = backend.server().log();
        auto matches = [&](const HttpRequest& request) {
            return request.method == method && request.target.find(part) != std::string::npos;
        };
        return static_cast<std::size_t>(std::count_if(log.begin(), log.end(), matches));
    }
};

bool says(const std::string& text, const std::string& what) { return text.find(what) != std::string::npos; }
std::string narinfo_of(const Sample& sample) { return "/" + std::string(sample.info.path.hash_part()) + ".narinfo"; }

} // namespace

BOOST_FIXTURE_TEST_SUITE(s3_cache, Fixture)

BOOST_AUTO_TEST_CASE(every_request_is_signed_and_nothing_asks_past_fronts) {
    auto sample = make_sample("one", 1000);
    auto outcome = push_one(sample, settings());
    BOOST_REQUIRE_MESSAGE(outcome, (outcome ? "" : outcome.error().one_line()));
    BOOST_TEST(backend.files().contains("/nix-cache-info"));
    BOOST_TEST(backend.files().contains(narinfo_of(sample)));
    for (const auto& request : backend.server().log()) {
        BOOST_TEST(!request.header("Authorization").empty());
        BOOST_TEST(!says(request.target, "cachefill="));
    }
    auto again = push_one(sample, settings());
    BOOST_TEST((again && *again == PublishOutcome::already_there));
    BOOST_TEST(count("PUT", ".narinfo") == 1U);
}

BOOST_AUTO_TEST_CASE(storage_class_and_session_token_go_along) {
    auto desk = settings();
    desk.uri += "&storage-class=ONEZONE_IA";
    desk.credentials.aws.key->session_token = Secret("session/token==");
    BOOST_TEST(push_one(make_sample("classy", 100), desk).has_value());
    for (const auto& request : backend.server().log()) {
        BOOST_TEST(request.header("x-amz-security-token") == "session/token==");
        BOOST_TEST(request.header("x-amz-storage-class") == (request.method == "PUT" ? "ONEZONE_IA" : ""));
    }
}

BOOST_AUTO_TEST_CASE(compression_is_what_the_address_says) {
    auto desk = settings();
    desk.uri += "&compression=xz";
    auto info = try_open(desk);
    BOOST_REQUIRE(info);
    BOOST_TEST((info->preferred_compression == codec::Compression::xz));
    BOOST_TEST(says(info->substituter_url, "s3://nix?endpoint=http://127.0.0.1:"));
    BOOST_TEST(says(info->substituter_url, "region=eu-test-1"));
}

BOOST_AUTO_TEST_CASE(a_wrong_clock_is_gone_by_and_said) {
    backend.set_clock(std::chrono::hours(1));
    auto info = try_open(settings());
    BOOST_REQUIRE_MESSAGE(info, (info ? "" : info.error().one_line()));
    BOOST_REQUIRE(info->notes.size() == 1U);
    BOOST_TEST(says(info->notes[0], "the clock of this machine is 1 h 00 min behind"), info->notes[0]);
    BOOST_TEST(push_one(make_sample("late", 100), settings()).has_value());
}

BOOST_AUTO_TEST_CASE(wrong_secret_bucket_and_region_are_named) {
    auto desk = settings();
    desk.credentials.aws.key->secret = Secret("another");
    auto failure = failure_of(desk);
    BOOST_TEST((failure.kind() == FailureKind::auth));
    BOOST_TEST(says(failure.one_line(), "does not belong to the key in AWS_ACCESS_KEY_ID"), failure.one_line());
    BOOST_TEST(!says(render(failure), "another"));
    BOOST_TEST(says(failure.hint(), "copy the secret key"), failure.hint());

    desk = settings();
    desk.uri = "s3://nowhere?endpoint=" + backend.server().url() + "&region=eu-test-1";
    failure = failure_of(desk);
    BOOST_TEST((failure.kind() == FailureKind::not_found));
    BOOST_TEST(says(failure.one_line(), "there is no bucket 'nowhere'"), failure.one_line());

    desk = settings();
    backend.intercept([](const HttpRequest&) -> Reply {
        return S3Backend::error(400, "AuthorizationHeaderMalformed", "<Region>eu-central-1</Region>");
    });
    failure = failure_of(desk);
    BOOST_TEST(says(failure.hint(), "?region=eu-central-1"), failure.hint());
}

BOOST_AUTO_TEST_CASE(a_bucket_that_may_only_be_read_says_so_with_what_is_missing) {
    backend.intercept([](const HttpRequest& request) -> Reply {
        if (request.method != "PUT") return {};
        return S3Backend::error(403, "AccessDenied");
    });
    auto failure = failure_of(settings());
    BOOST_TEST((failure.kind() == FailureKind::auth));
    BOOST_TEST(says(failure.one_line(), "the key in AWS_ACCESS_KEY_ID may not write to s3://nix"), failure.one_line());
    BOOST_TEST(says(failure.hint(), "s3:PutObject"));
}

BOOST_AUTO_TEST_CASE(without_the_right_to_list_a_refusal_means_that_it_is_not_there) {
    backend.intercept([&](const HttpRequest& request) -> Reply {
        bool is_absent = request.method != "PUT" && request.path().ends_with(".narinfo");
        return is_absent && count("PUT", request.path()) == 0 ? Reply(S3Backend::error(403, "AccessDenied")) : Reply();
    });
    auto outcome = push_one(make_sample("hidden", 100), settings());
    BOOST_REQUIRE_MESSAGE(outcome, (outcome ? "" : outcome.error().one_line()));
}

BOOST_AUTO_TEST_CASE(a_bucket_that_may_not_be_read_is_not_said_to_be_empty) {
    backend.intercept([](const HttpRequest&) -> Reply { return S3Backend::error(403, "AccessDenied"); });
    auto desk = settings();
    desk.for_writing = false;
    auto info = try_open(desk);
    BOOST_REQUIRE(!info);
    BOOST_TEST((info.error().kind() == FailureKind::auth));
    BOOST_TEST(says(info.error().one_line(), "may not be read"), info.error().one_line());
}

BOOST_AUTO_TEST_CASE(what_passes_is_tried_again) {
    int refusals = 0;
    backend.intercept([&](const HttpRequest& request) -> Reply {
        if (request.method != "PUT" || refusals++ % 2 == 1) return {};
        return refusals == 1 ? S3Backend::error(503, "SlowDown") : S3Backend::error(400, "RequestTimeout");
    });
    BOOST_TEST(push_one(make_sample("busy", 100), settings()).has_value());
    BOOST_TEST(refusals >= 4);
}

BOOST_AUTO_TEST_CASE(a_lost_answer_to_a_narinfo_is_looked_for) {
    auto sample = make_sample("lost", 100);
    backend.lose_next_reply("PUT", narinfo_of(sample));
    auto outcome = push_one(sample, settings());
    BOOST_TEST((outcome && *outcome == PublishOutcome::published));
}

BOOST_AUTO_TEST_CASE(without_a_key_nothing_is_signed) {
    backend.put("/nix-cache-info", "StoreDir: /nix/store\n");
    backend.intercept([](const HttpRequest& request) -> Reply {
        if (request.header("Authorization").empty()) return HttpReply(200, "StoreDir: /nix/store\n");
        return HttpReply(500);
    });
    auto desk = settings();
    desk.for_writing = false;
    desk.credentials = {};
    BOOST_TEST(try_open(desk).has_value());
    // What only a checkout named is not asked in our name, whatever there is.
    desk.credentials = backend.credentials();
    desk.credentials.logins = http::Logins::named;
    BOOST_TEST(try_open(desk).has_value());
}

BOOST_AUTO_TEST_SUITE_END()
