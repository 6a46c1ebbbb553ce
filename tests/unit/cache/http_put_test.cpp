// Uploads to servers that take PUT in their own ways.
#include "cache/nar_look.hpp"
#include "cache/put_answer.hpp"
#include "unit/cache/backends.hpp"

#include <boost/test/unit_test.hpp>

using namespace cachefill;
using namespace cachefill::test;
using async::Task;
using cache::NarState;
using cache::PublishOutcome;

namespace {

using Reply = std::optional<HttpReply>;

struct Fixture {
    TemporaryDirectory temporary = TemporaryDirectory::make("cachefill-put").value();
    HttpBackend backend{temporary.path()};

    DeskSettings settings() const {
        auto desk = desk_settings(backend, temporary.path());
        desk.retry.budget = std::chrono::milliseconds(300);
        return desk;
    }
    Result<PublishOutcome> push_one(const Sample& sample) { return push_one(sample, settings()); }
    Result<PublishOutcome> push_one(const Sample& sample, const DeskSettings& desk_settings) {
        std::optional<Result<PublishOutcome>> outcome;
        at_desk(desk_settings,
                [&](Desk& desk) -> Task<void> { outcome.emplace(co_await push(desk.cache, desk.budget, sample)); });
        return std::move(*outcome);
    }
    std::size_t count(const std::string& method, const std::string& path_part) {
        auto log = backend.server().log();
        auto matches = [&](const HttpRequest& request) {
            return request.method == method && request.target.find(path_part) != std::string::npos;
        };
        return static_cast<std::size_t>(std::count_if(log.begin(), log.end(), matches));
    }
    bool has(const std::string& path) { return backend.files().contains(path); }
};

std::string narinfo_of(const Sample& sample) { return "/" + std::string(sample.info.path.hash_part()) + ".narinfo"; }
std::string text_of(const Result<PublishOutcome>& outcome) { return outcome ? "" : outcome.error().one_line(); }

// One that keeps what it is told, as a plain file system behind a proxy does.
struct Files {
    std::map<std::string, std::string> content;
    HttpReply handle(const HttpRequest& request) {
        if (request.method == "PUT") {
            content[request.path()] = request.body;
            return HttpReply(201);
        }
        auto found = content.find(request.path());
        return found == content.end() ? HttpReply(404) : HttpReply(200, found->second);
    }
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(http_put, Fixture)

BOOST_AUTO_TEST_CASE(a_condition_that_the_server_does_not_know_is_left_out_from_then_on) {
    for (int status : {501, 400}) {
        backend.intercept([=](const HttpRequest& request) -> Reply {
            if (request.header("If-None-Match").empty()) return {};
            return HttpReply(status, "NotImplemented");
        });
        auto before = count("PUT", ".narinfo");
        at_desk(settings(), [&](Desk& desk) -> Task<void> {
            for (const auto* name : {"first", "second", "third"}) {
                auto outcome = co_await push(desk.cache, desk.budget, make_sample(name + std::to_string(status), 100));
                BOOST_TEST((outcome && *outcome == PublishOutcome::published), text_of(outcome));
            }
        });
        BOOST_TEST(count("PUT", ".narinfo") - before <= 4U);
    }
}

BOOST_AUTO_TEST_CASE(a_server_that_never_replaces_a_file_can_be_filled_again_and_again) {
    std::map<std::string, bool> taken;
    backend.intercept([&](const HttpRequest& request) -> Reply {
        if (request.method != "PUT") return {};
        return std::exchange(taken[request.path()], true) ? Reply(HttpReply(409, "exists")) : Reply();
    });
    auto sample = make_sample("kept", 1000);
    auto outcome = push_one(sample);
    BOOST_TEST((outcome && *outcome == PublishOutcome::published), text_of(outcome));
    outcome = push_one(sample);
    BOOST_TEST((outcome && *outcome == PublishOutcome::already_there), text_of(outcome));
    auto other = sample; // the same archive
    other.info.path = make_sample("another", 1).info.path;
    outcome = push_one(other);
    BOOST_TEST((outcome && *outcome == PublishOutcome::published), text_of(outcome));
}

BOOST_AUTO_TEST_CASE(a_conflict_about_a_file_that_is_not_there_is_told) {
    backend.intercept([](const HttpRequest& request) -> Reply {
        bool is_archive = request.method == "PUT" && request.path().starts_with("/nar/");
        return is_archive ? Reply(HttpReply(409, "no such collection")) : Reply();
    });
    auto outcome = push_one(make_sample("conflict", 10));
    BOOST_REQUIRE(!outcome);
    BOOST_TEST(outcome.error().one_line().find("no such collection") != std::string::npos, text_of(outcome));
    BOOST_TEST(outcome.error().hint().find("folder 'nar'") != std::string::npos, outcome.error().hint());
    BOOST_TEST(count("PUT", "/nar/") == 1U);
}

BOOST_AUTO_TEST_CASE(what_is_final_is_said_once_and_an_outage_is_asked_again) {
    struct Case {
        int status;
        const char* body;
        FailureKind kind;
        const char* told;
    };
    const std::vector<Case> cases{
        {413, "Request Entity Too Large", FailureKind::protocol, "takes no file as large"},
        {507, "quota", FailureKind::auth, "has no space left"},
        {405, "nope", FailureKind::auth, "does not take uploads"},
        {404, "404 page not found", FailureKind::auth, "does not take uploads"},
        {501, "nope", FailureKind::auth, "does not take uploads"},
        {403, "read-only", FailureKind::auth, "did not let us write"},
        {500, "rejecting untrusted narinfo: narinfo has no trusted signature", FailureKind::usage,
         "does not trust the key"},
        {303, "elsewhere", FailureKind::protocol, "303"},
    };
    BOOST_REQUIRE(try_open(settings()));
    for (const auto& each : cases) {
        backend.intercept([=](const HttpRequest& request) -> Reply {
            return request.method == "PUT" ? Reply(HttpReply(each.status, each.body)) : Reply();
        });
        auto before = count("PUT", "/nar/");
        auto outcome = push_one(make_sample("final" + std::to_string(each.status), 10));
        BOOST_REQUIRE(!outcome);
        BOOST_TEST((outcome.error().kind() == each.kind), text_of(outcome));
        BOOST_TEST(outcome.error().one_line().find(each.told) != std::string::npos, text_of(outcome));
        BOOST_TEST(outcome.error().one_line().find(each.body) != std::string::npos, text_of(outcome));
        BOOST_TEST(cache::is_last_word(outcome.error()) == (each.status != 404));
        // What 501 may say of the condition is found out without it.
        BOOST_TEST(count("PUT", "/nar/") == before + (each.status == 501 ? 2 : 1), each.status);
    }
    for (int status : {500, 502, 503, 429}) {
        backend.intercept([=](const HttpRequest& request) -> Reply {
            return request.method == "PUT" ? Reply(HttpReply(status, "busy")) : Reply();
        });
        auto before = count("PUT", "/nar/");
        auto outcome = push_one(make_sample("outage" + std::to_string(status), 10));
        BOOST_REQUIRE(!outcome);
        BOOST_TEST(outcome.error().can_heal(), text_of(outcome));
        BOOST_TEST(!cache::is_last_word(outcome.error()));
        BOOST_TEST(count("PUT", "/nar/") > before + 1, status);
    }
}

BOOST_AUTO_TEST_CASE(uploads_follow_redirects) {
    Files elsewhere;
    HttpServer other([&](const HttpRequest& request) { return elsewhere.handle(request); });
    backend.put("/nix-cache-info", "StoreDir: /nix/store\n");
    for (int status : {301, 302, 307, 308}) {
        backend.intercept([&, status](const HttpRequest& request) -> Reply {
            if (request.method != "PUT" && request.path().starts_with("/nar/")) return {};
            if (request.method != "PUT" || request.path().starts_with("/moved")) return {};
            HttpReply reply(status);
            reply.headers.emplace_back("Location", "/moved" + request.path());
            return reply;
        });
        auto sample = make_sample("moved" + std::to_string(status), 100 * 1024);
        auto outcome = push_one(sample);
        BOOST_TEST(has("/moved" + narinfo_of(sample)), text_of(outcome));
    }
    backend.intercept([&](const HttpRequest& request) -> Reply {
        if (request.method != "PUT") return {};
        HttpReply reply(307);
        reply.headers.emplace_back("Location", other.url() + request.path());
        return reply;
    });
    auto sample = make_sample("away", 100);
    auto desk = settings();
    desk.credentials.bearer = Secret("for-the-cache-only");
    auto outcome = push_one(sample, desk);
    other.stop();
    BOOST_TEST(elsewhere.content.contains(narinfo_of(sample)), text_of(outcome));
    for (const auto& request : other.log()) BOOST_TEST(request.header("Authorization") == "");
}

BOOST_AUTO_TEST_CASE(uploads_that_only_work_below_another_path_are_told_which) {
    backend.put("/upload/nix-cache-info", "StoreDir: /nix/store\n");
    backend.intercept([](const HttpRequest& request) -> Reply {
        bool is_upload = request.path().starts_with("/upload/");
        return request.method == "PUT" && !is_upload ? Reply(HttpReply(405, "Method Not Allowed")) : Reply();
    });
    auto opened = try_open(settings());
    BOOST_REQUIRE(!opened);
    BOOST_TEST(opened.error().hint().find("?push=/upload") != std::string::npos, opened.error().hint());
    backend.put("/nix-cache-info", "StoreDir: /nix/store\n");
    auto desk = settings();
    desk.uri += "?push=/upload";
    auto sample = make_sample("below", 1000);
    auto outcome = push_one(sample, desk);
    BOOST_TEST((outcome && *outcome == PublishOutcome::published), text_of(outcome));
    BOOST_TEST(has("/upload" + narinfo_of(sample)));
}

BOOST_AUTO_TEST_CASE(the_token_goes_to_the_caches_own_servers_alone) {
    Files files;
    HttpServer writing([&](const HttpRequest& request) { return files.handle(request); });
    HttpServer reading([&](const HttpRequest& request) { return files.handle(request); });
    auto desk = settings();
    desk.uri = reading.url() + "/?push=" + writing.url();
    desk.credentials.bearer = Secret("to-write");
    auto sample = make_sample("token", 1000);
    auto outcome = push_one(sample, desk);
    BOOST_TEST((outcome && *outcome == PublishOutcome::published), text_of(outcome));
    BOOST_TEST(!writing.log().empty());
    for (const auto& request : writing.log()) BOOST_TEST(request.header("Authorization") == "Bearer to-write");
    for (const auto& request : reading.log()) BOOST_TEST(request.header("Authorization") == "");
    desk.credentials.read_bearer = Secret("to-read");
    outcome = push_one(make_sample("token-2", 1000), desk);
    BOOST_TEST(outcome.has_value(), text_of(outcome));
    BOOST_TEST(reading.log().back().header("Authorization") == "Bearer to-read");
    reading.stop();
    writing.stop();
}

BOOST_AUTO_TEST_CASE(a_cache_that_takes_writes_and_refuses_reads_is_found_out_at_once) {
    for (int status : {401, 403, 404, 405}) {
        backend.intercept([=](const HttpRequest& request) -> Reply {
            return request.method == "PUT" ? Reply() : Reply(HttpReply(status));
        });
        auto opened = try_open(settings());
        BOOST_REQUIRE_MESSAGE(!opened, status);
        BOOST_TEST((opened.error().kind() == FailureKind::auth || status == 405), opened.error().one_line());
        if (status == 403 || status == 404)
            BOOST_TEST(opened.error().one_line().find("takes writes and refuses reads") != std::string::npos,
                       opened.error().one_line());
    }
    // Of a cache-info alone, which somebody else put there, it cannot be seen.
    backend.intercept({});
    BOOST_REQUIRE(try_open(settings()));
    backend.intercept([](const HttpRequest& request) -> Reply {
        if (request.method == "PUT" || request.path() == "/nix-cache-info") return {};
        return HttpReply(403);
    });
    auto outcome = push_one(make_sample("unread", 10));
    BOOST_REQUIRE(!outcome);
    BOOST_TEST((outcome.error().kind() == FailureKind::auth));
    BOOST_TEST(outcome.error().one_line().find("takes writes and refuses reads") != std::string::npos,
               text_of(outcome));
}

BOOST_AUTO_TEST_CASE(half_an_archive_that_a_killed_upload_left_is_replaced) {
    auto sample = make_sample("half", 100'000);
    at_desk(settings(), [&](Desk& desk) -> Task<void> {
        auto started = co_await upload(desk.cache, desk.budget, sample);
        BOOST_REQUIRE(started.has_value());
        auto name = "/" + (*started)->nar_url();
        auto whole = backend.files().at(name);
        for (bool tells_length : {true, false}) {
            backend.put(name, whole.substr(0, 1000));
            backend.intercept([=](const HttpRequest& request) -> Reply {
                if (tells_length || request.method == "PUT" || request.path() != name) return {};
                HttpReply reply(200, whole.substr(0, 1000));
                reply.chunked = true;
                return reply;
            });
            auto again = co_await upload(desk.cache, desk.budget, sample);
            BOOST_TEST((again.has_value() && backend.files().at(name) == whole));
            co_await (*again)->abort();
        }
        co_await (*started)->abort();
    });
}

// 202 says that it may be kept one day: a narinfo beside no archive would open the cache.
BOOST_AUTO_TEST_CASE(what_is_only_accepted_is_looked_for_before_its_narinfo_goes_up) {
    for (int status : {202, 203, 205}) {
        for (bool is_kept : {true, false}) {
            Files files;
            backend.intercept([&](const HttpRequest& request) -> Reply {
                bool is_archive = request.method == "PUT" && request.path().starts_with("/nar/");
                if (is_archive && !is_kept) return HttpReply(status);
                auto reply = files.handle(request);
                return is_archive ? HttpReply(status) : reply;
            });
            auto name = "accepted-" + std::to_string(status) + (is_kept ? "-kept" : "-lost");
            auto sample = make_sample(name, 5000);
            auto outcome = push_one(sample);
            BOOST_TEST(outcome.has_value() == is_kept, name << ": " << text_of(outcome));
            BOOST_TEST(files.content.contains(narinfo_of(sample)) == is_kept, name);
            if (!outcome)
                BOOST_TEST(text_of(outcome).find(std::to_string(status)) != std::string::npos, text_of(outcome));
        }
    }
}

BOOST_AUTO_TEST_CASE(a_narinfo_that_is_answered_without_content_is_not_there_yet) {
    for (int status : {204, 205}) {
        Files files;
        backend.intercept([&](const HttpRequest& request) -> Reply {
            auto reply = files.handle(request);
            bool is_narinfo = request.path().ends_with(".narinfo");
            return reply.status == 404 && is_narinfo ? HttpReply(status) : reply;
        });
        auto sample = make_sample("no-content-" + std::to_string(status), 5000);
        auto outcome = push_one(sample);
        BOOST_TEST(outcome.has_value(), text_of(outcome));
        BOOST_TEST(files.content.contains(narinfo_of(sample)), status);
    }
}

BOOST_AUTO_TEST_SUITE_END()
