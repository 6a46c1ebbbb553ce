#include "async/deadline.hpp"
#include "cache/nar_look.hpp"
#include "unit/cache/backends.hpp"

#include <boost/test/unit_test.hpp>

using namespace cachefill;
using namespace cachefill::test;
using async::Task;
using cache::PublishOutcome;

namespace {

struct Fixture {
    TemporaryDirectory temporary = TemporaryDirectory::make("cachefill-http").value();
    HttpBackend backend{temporary.path()};

    DeskSettings settings(bool for_writing = true) const {
        auto desk = desk_settings(backend, temporary.path());
        desk.for_writing = for_writing;
        return desk;
    }
    void answer(std::string method, std::string path_end, HttpReply reply) {
        backend.intercept([=](const HttpRequest& request) -> std::optional<HttpReply> {
            if (request.method != method || !request.path().ends_with(path_end)) return {};
            return reply;
        });
    }
    std::size_t count(const std::string& method, const std::string& path_part) {
        auto log = backend.server().log();
        auto matches = [&](const HttpRequest& request) {
            return request.method == method && request.target.find(path_part) != std::string::npos;
        };
        return static_cast<std::size_t>(std::count_if(log.begin(), log.end(), matches));
    }
};

void check_failure(const Failure& failure, FailureKind kind, std::string_view text) {
    BOOST_TEST((failure.kind() == kind), to_string(failure.kind()) << ": " << failure.one_line());
    BOOST_TEST(failure.one_line().find(text) != std::string::npos, failure.one_line());
}

Task<void> push_one(Desk& desk, Sample sample, int& published) {
    auto outcome = co_await push(desk.cache, desk.budget, std::move(sample));
    BOOST_TEST(outcome.has_value(), (outcome ? "" : outcome.error().one_line()));
    ++published;
}

Task<Result<void>> push_all(Desk& desk, int& published) {
    async::TaskGroup group(desk.executor);
    for (int i = 0; i < 6; ++i)
        group.spawn(push_one(desk, make_sample("wide-" + std::to_string(i), 22 << 20), published));
    co_await group.join();
    co_return Result<void>();
}

} // namespace

BOOST_FIXTURE_TEST_SUITE(http_cache, Fixture)

BOOST_AUTO_TEST_CASE(an_empty_server_gets_its_cache_info_when_written_to) {
    auto reading = try_open(settings(false));
    BOOST_REQUIRE(!reading);
    check_failure(reading.error(), FailureKind::not_found, "no nix-cache-info");
    auto writing = try_open(settings());
    BOOST_REQUIRE(writing);
    BOOST_TEST(backend.files().at("/nix-cache-info") == "StoreDir: /nix/store\nWantMassQuery: 1\nPriority: 40\n");
}

BOOST_AUTO_TEST_CASE(what_is_no_cache_of_ours_is_refused) {
    backend.put("/nix-cache-info", "<html>Welcome</html>\n");
    check_failure(try_open(settings()).error(), FailureKind::protocol, "answered HTML instead of a nix-cache-info");
    backend.put("/nix-cache-info", "StoreDir: /gnu/store\n");
    check_failure(try_open(settings()).error(), FailureKind::usage, "/gnu/store");
}

BOOST_AUTO_TEST_CASE(writing_needs_a_key_with_a_name_unless_nobody_asks_for_signatures) {
    auto without = settings();
    without.credentials.signing_key.reset();
    check_failure(try_open(without).error(), FailureKind::auth, "no signing key");
    auto nameless = settings();
    nameless.credentials.signing_key = nix::SecretKey::generate("");
    check_failure(try_open(nameless).error(), FailureKind::usage, "has no name");
    without.uri += "?trusted=1";
    at_desk(without, [](Desk& desk) -> Task<void> {
        auto sample = make_sample("unsigned", 10);
        auto outcome = co_await push(desk.cache, desk.budget, sample);
        BOOST_TEST((outcome && *outcome == PublishOutcome::published));
        auto info = co_await desk.cache.get_narinfo(sample.info.path);
        BOOST_TEST((*info)->signatures.empty());
    });
}

BOOST_AUTO_TEST_CASE(a_server_that_takes_no_uploads_is_named) {
    for (int status : {401, 403, 405}) {
        answer("PUT", ".nar.zst", HttpReply(status, "no"));
        at_desk(settings(), [&](Desk& desk) -> Task<void> {
            auto outcome = co_await push(desk.cache, desk.budget, make_sample("refused", 10));
            BOOST_REQUIRE(!outcome.has_value());
            check_failure(outcome.error(), FailureKind::auth, backend.uri());
            BOOST_TEST(!outcome.error().hint().empty());
        });
    }
}

BOOST_AUTO_TEST_CASE(a_cache_that_forbids_everything_says_so) {
    backend.intercept([](const HttpRequest&) { return HttpReply(403, "not for you"); });
    auto opened = try_open(settings(false));
    BOOST_REQUIRE(!opened);
    check_failure(opened.error(), FailureKind::protocol, "answers 403 (Forbidden) when asked for its nix-cache-info");
    BOOST_TEST(opened.error().http_status() == 0); // it is none that will come back
}

BOOST_AUTO_TEST_CASE(a_cache_that_forbids_all_its_narinfos_says_so_once_unless_it_is_our_own_or_has_something) {
    enum class Who { upstream, own, has_something };
    BOOST_REQUIRE(try_open(settings()));
    for (auto who : {Who::upstream, Who::own, Who::has_something}) {
        std::size_t asked = 0;
        backend.intercept([&](const HttpRequest& request) -> std::optional<HttpReply> {
            if (!request.path().ends_with(".narinfo")) return {};
            return HttpReply(++asked == 5 && who == Who::has_something ? 404 : 403, "no");
        });
        auto desk_of = settings(false);
        desk_of.is_own = who == Who::own;
        std::vector<std::string> told;
        at_desk(desk_of, [&](Desk& desk) -> Task<void> {
            for (int i = 0; i < 60; ++i) {
                auto info = co_await desk.cache.get_narinfo(make_sample("absent-" + std::to_string(i), 10).info.path);
                if (!info) told.push_back(info.error().one_line());
            }
        });
        BOOST_REQUIRE(told.size() == (who == Who::upstream ? 1U : 0U));
        if (who == Who::upstream)
            BOOST_TEST(told[0].find("answers 403 (Forbidden) to each of the first 25 questions") != std::string::npos);
    }
}

BOOST_AUTO_TEST_CASE(absent_is_404_410_and_403) {
    BOOST_REQUIRE(try_open(settings()));
    for (int status : {404, 410, 403}) {
        answer("GET", ".narinfo", HttpReply(status));
        at_desk(settings(), [&](Desk& desk) -> Task<void> {
            auto info = co_await desk.cache.get_narinfo(make_sample("absent", 10).info.path);
            BOOST_TEST((info && !*info));
        });
    }
}

BOOST_AUTO_TEST_CASE(a_narinfo_that_is_none_is_a_failure_not_an_absence) {
    BOOST_REQUIRE(try_open(settings()));
    auto sample = make_sample("asked", 10);
    sample.info.url = "nar/x.nar";
    auto other = make_sample("other", 10);
    other.info.url = "nar/x.nar";
    auto ask = [&](std::string answer_text, FailureKind kind, std::string_view expected) {
        backend.put("/" + std::string(sample.info.path.hash_part()) + ".narinfo", std::move(answer_text));
        at_desk(settings(), [&](Desk& desk) -> Task<void> {
            auto info = co_await desk.cache.get_narinfo(sample.info.path);
            BOOST_REQUIRE(!info.has_value());
            check_failure(info.error(), kind, expected);
            check_failure(info.error(), kind, sample.info.path.to_string());
            check_failure(info.error(), kind, backend.uri());
        });
    };
    ask("\n<html><body>Sign in</body></html>", FailureKind::protocol, "answered HTML instead of a narinfo");
    ask(other.info.to_string(), FailureKind::protocol, "another path");
    ask("StorePath", FailureKind::protocol, "line");
    ask("", FailureKind::protocol, "StorePath");
}

BOOST_AUTO_TEST_CASE(a_narinfo_that_was_garbled_once_is_asked_for_again) {
    BOOST_REQUIRE(try_open(settings()));
    auto sample = make_sample("asked", 10);
    sample.info.url = "nar/x.nar";
    backend.put("/" + std::string(sample.info.path.hash_part()) + ".narinfo", sample.info.to_string());
    bool is_first = true;
    backend.intercept([&](const HttpRequest& request) -> std::optional<HttpReply> {
        if (!request.path().ends_with(".narinfo") || !std::exchange(is_first, false)) return {};
        HttpReply garbled(200);
        garbled.body = "StorePath: /nix/st";
        return garbled;
    });
    at_desk(settings(), [&](Desk& desk) -> Task<void> {
        auto info = co_await desk.cache.get_narinfo(sample.info.path);
        BOOST_TEST((info && *info));
    });
    BOOST_TEST(!is_first);
}

BOOST_AUTO_TEST_CASE(a_nar_that_is_there_is_not_sent_again) {
    at_desk(settings(), [&](Desk& desk) -> Task<void> {
        auto first = make_sample("first", 2 << 20);
        auto second = first;
        second.info.path = make_sample("second", 0).info.path;
        auto outcome = co_await push(desk.cache, desk.budget, first);
        BOOST_TEST((outcome && *outcome == PublishOutcome::published));
        outcome = co_await push(desk.cache, desk.budget, second);
        BOOST_TEST((outcome && *outcome == PublishOutcome::published));
    });
    BOOST_TEST(count("PUT", "/nar/") == 1U);
    BOOST_TEST(count("PUT", ".narinfo") == 2U);
}

BOOST_AUTO_TEST_CASE(a_small_one_is_sent_if_it_is_not_there) {
    at_desk(settings(), [&](Desk& desk) -> Task<void> {
        auto outcome = co_await push(desk.cache, desk.budget, make_sample("small", 1000));
        BOOST_TEST((outcome && *outcome == PublishOutcome::published));
    });
    BOOST_TEST(count("HEAD", "/nar/") == 0U);
    for (const auto& request : backend.server().log())
        if (request.method == "PUT" && request.target.starts_with("/nar/"))
            BOOST_TEST(request.header("If-None-Match") == "*");
}

BOOST_AUTO_TEST_CASE(the_narinfo_goes_up_last) {
    at_desk(settings(), [&](Desk& desk) -> Task<void> {
        auto outcome = co_await push(desk.cache, desk.budget, make_sample("ordered", 1000));
        BOOST_TEST(outcome.has_value());
    });
    auto log = backend.server().log();
    std::erase_if(log, [](const HttpRequest& request) { return request.method != "PUT"; });
    BOOST_TEST(log.back().target.ends_with(".narinfo"));
    BOOST_TEST(log.back().header("Content-Type") == "text/x-nix-narinfo");
}

BOOST_AUTO_TEST_CASE(a_lost_reply_to_the_narinfo_is_resolved_by_looking) {
    auto sample = make_sample("lost", 1000);
    backend.lose_next_reply("PUT", "/" + std::string(sample.info.path.hash_part()) + ".narinfo");
    at_desk(settings(), [&](Desk& desk) -> Task<void> {
        auto outcome = co_await push(desk.cache, desk.budget, sample);
        BOOST_TEST((outcome && *outcome == PublishOutcome::published));
    });
    // The client itself repeats a PUT once when a kept connection ends before the first byte of the answer.
    BOOST_TEST(count("PUT", ".narinfo") <= 2U);
}

BOOST_AUTO_TEST_CASE(a_server_that_says_there_is_one_already_is_looked_at) {
    auto raced = make_sample("raced", 10);
    auto name = "/" + std::string(raced.info.path.hash_part()) + ".narinfo";
    bool somebody_was_faster = false;
    backend.intercept([&](const HttpRequest& request) -> std::optional<HttpReply> {
        if (!request.target.starts_with(name)) return {}; // perhaps by a fresh name
        if (request.method == "PUT") somebody_was_faster = true;
        if (request.method == "PUT") return HttpReply(412);
        return HttpReply(somebody_was_faster ? 200 : 404, somebody_was_faster ? "somebody else's" : "");
    });
    at_desk(settings(), [&](Desk& desk) -> Task<void> {
        auto outcome = co_await push(desk.cache, desk.budget, raced);
        BOOST_TEST((outcome && *outcome == PublishOutcome::already_there));
    });
}

BOOST_AUTO_TEST_CASE(one_that_says_so_and_has_none_is_told) {
    answer("PUT", ".narinfo", HttpReply(412));
    at_desk(settings(), [&](Desk& desk) -> Task<void> {
        auto outcome = co_await push(desk.cache, desk.budget, make_sample("lied", 10));
        BOOST_REQUIRE(!outcome.has_value());
        BOOST_TEST(outcome.error().http_status() == 412);
    });
}

BOOST_AUTO_TEST_CASE(uploads_that_together_exceed_the_budget_still_end_and_leave_no_spool_behind) {
    at_desk(settings(), [&](Desk& desk) -> Task<void> {
        int published = 0;
        auto all = push_all(desk, published);
        auto done = co_await async::with_deadline<void>(std::move(all), std::chrono::seconds(100), "pushing");
        BOOST_TEST(done.has_value());
        BOOST_TEST(published == 6);
    });
    auto spool = temporary.path() / "spool";
    BOOST_TEST(std::filesystem::exists(spool));
    BOOST_TEST(std::filesystem::is_empty(spool));
}

BOOST_AUTO_TEST_CASE(a_spool_that_cannot_be_written_is_named) {
    auto with_bad_spool = settings();
    with_bad_spool.spool = "/proc/no/such";
    at_desk(with_bad_spool, [&](Desk& desk) -> Task<void> {
        auto outcome = co_await push(desk.cache, desk.budget, make_sample("large", 40 << 20));
        BOOST_REQUIRE(!outcome.has_value());
        check_failure(outcome.error(), FailureKind::machine, "/proc/no/such");
    });
}

BOOST_AUTO_TEST_CASE(a_nar_that_unfolds_to_more_than_stated_is_stopped) {
    at_desk(settings(), [&](Desk& desk) -> Task<void> {
        auto sample = make_sample("bomb", 10);
        sample.nar = std::string(64 << 20, '\0'); // a few KiB of zstd
        auto outcome = co_await push(desk.cache, desk.budget, sample);
        BOOST_REQUIRE(outcome.has_value());
        auto info = co_await desk.cache.get_narinfo(sample.info.path);
        auto checked = co_await desk.cache.check_nar(**info);
        BOOST_REQUIRE(!checked.has_value());
        check_failure(checked.error(), FailureKind::protocol, "longer than");
    });
}

BOOST_AUTO_TEST_CASE(a_read_that_breaks_off_is_begun_again) {
    auto sample = make_sample("broken-off", 300'000);
    at_desk(settings(), [&](Desk& desk) -> Task<void> {
        auto outcome = co_await push(desk.cache, desk.budget, sample);
        BOOST_REQUIRE(outcome.has_value());
        auto info = co_await desk.cache.get_narinfo(sample.info.path);
        auto bytes = backend.files().at("/" + (*info)->url);
        auto broken = std::make_shared<int>(2);
        backend.intercept([=](const HttpRequest& request) -> std::optional<HttpReply> {
            if (request.method != "GET" || !request.path().starts_with("/nar/") || (*broken)-- <= 0) return {};
            HttpReply reply(200, bytes);
            reply.faults.truncate_body = 200'000;
            return reply;
        });
        auto checked = co_await desk.cache.check_nar(**info);
        BOOST_TEST(checked.has_value(), (checked ? "" : checked.error().one_line()));
    });
}

BOOST_AUTO_TEST_SUITE_END()
