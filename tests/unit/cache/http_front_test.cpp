// A proxy before a cache that remembers having answered 404.
#include "cache/front_memory.hpp"
#include "cache/nar_look.hpp"
#include "unit/cache/backends.hpp"

#include <boost/test/unit_test.hpp>

#include <set>

using namespace cachefill;
using namespace cachefill::test;
using async::Task;
using cache::NarState;
using cache::PublishOutcome;

namespace {

// As nginx does with proxy_cache_valid 404, for ever.
struct Fixture {
    TemporaryDirectory temporary = TemporaryDirectory::make("cachefill-front").value();
    HttpBackend backend{temporary.path()};
    std::set<std::string> remembered; // by the whole target, as proxies do
    bool tells = false;               // that it is one

    Fixture() {
        backend.put("/nix-cache-info", "StoreDir: /nix/store\n");
        backend.intercept([this](const HttpRequest& request) -> std::optional<HttpReply> {
            if (request.method == "PUT") return {};
            bool is_there = files_.contains(request.path());
            if (is_there && !remembered.contains(request.target)) return {};
            HttpReply reply(404);
            if (tells && remembered.contains(request.target)) {
                reply.headers.emplace_back("Age", "60");
                reply.headers.emplace_back("Cache-Control", "max-age=600");
            }
            remembered.insert(request.target);
            return reply;
        });
    }
    DeskSettings settings(bool for_writing = true) const {
        auto desk = desk_settings(backend, temporary.path());
        desk.for_writing = for_writing;
        desk.is_own = true;
        return desk;
    }
    // The backend's own, which a handler cannot ask for.
    std::set<std::string> files_{"/nix-cache-info"};
    Task<void> publish(Desk& desk, Sample sample) {
        auto before = co_await desk.cache.get_narinfo(sample.info.path); // the question of a run that plans
        BOOST_TEST((before && !*before));
        auto started = co_await upload(desk.cache, desk.budget, sample);
        BOOST_REQUIRE(started.has_value());
        files_.insert("/" + (*started)->nar_url());
        files_.insert("/" + std::string(sample.info.path.hash_part()) + ".narinfo");
        auto outcome = co_await (*started)->publish(sample.info);
        BOOST_TEST((outcome && *outcome == PublishOutcome::published), (outcome ? "" : outcome.error().one_line()));
    }
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(http_front, Fixture)

BOOST_AUTO_TEST_CASE(what_was_pushed_is_found_behind_it_and_the_proxy_is_named) {
    tells = true;
    at_desk(settings(), [&](Desk& desk) -> Task<void> {
        auto sample = make_sample("behind", 1000);
        co_await publish(desk, sample);
        auto info = co_await desk.cache.get_narinfo(sample.info.path);
        BOOST_REQUIRE((info && *info));
        auto looked = co_await desk.cache.look_at_nar(**info);
        BOOST_TEST((looked && looked->state == NarState::there));
        auto front = desk.cache.front_memory();
        BOOST_REQUIRE(front.has_value());
        BOOST_TEST(front->files == 1U); // our own questions have not added to its memory
        BOOST_REQUIRE(front->remaining.has_value());
        BOOST_TEST(front->remaining->count() == 540);
    });
}

BOOST_AUTO_TEST_CASE(a_later_run_does_not_send_it_all_again) {
    auto sample = make_sample("again", 100'000);
    at_desk(settings(), [&](Desk& desk) -> Task<void> { co_await publish(desk, sample); });
    at_desk(settings(), [&](Desk& desk) -> Task<void> {
        auto info = co_await desk.cache.get_narinfo(sample.info.path);
        BOOST_TEST((info && *info));
        BOOST_TEST(desk.cache.front_memory().has_value());
    });
    // Nor does one that has given up suspecting proxies when it comes to that path.
    at_desk(settings(), [&](Desk& desk) -> Task<void> {
        for (int i = 0; i < 10; ++i) {
            auto absent = co_await desk.cache.get_narinfo(make_sample("absent" + std::to_string(i), 1).info.path);
            BOOST_TEST((absent && !*absent));
        }
        auto info = co_await desk.cache.get_narinfo(sample.info.path);
        BOOST_TEST((info && !*info));
        auto before = backend.server().log().size();
        auto outcome = co_await push(desk.cache, desk.budget, sample);
        BOOST_TEST((outcome && *outcome == PublishOutcome::already_there));
        auto log = backend.server().log();
        for (auto i = before; i < log.size(); ++i) BOOST_TEST(log[i].method != "PUT");
    });
}

BOOST_AUTO_TEST_CASE(whoever_only_reads_is_told_of_it_and_does_not_get_the_path) {
    auto sample = make_sample("read", 1000);
    at_desk(settings(), [&](Desk& desk) -> Task<void> { co_await publish(desk, sample); });
    at_desk(settings(false), [&](Desk& desk) -> Task<void> {
        auto info = co_await desk.cache.get_narinfo(sample.info.path);
        BOOST_TEST((info && !*info));
        BOOST_TEST(desk.cache.front_memory().has_value());
    });
}

BOOST_AUTO_TEST_CASE(nobody_is_suspected_for_long) {
    at_desk(settings(), [&](Desk& desk) -> Task<void> {
        auto before = backend.server().log().size();
        for (int i = 0; i < 50; ++i) {
            auto absent = co_await desk.cache.get_narinfo(make_sample("absent" + std::to_string(i), 1).info.path);
            BOOST_TEST((absent && !*absent));
        }
        BOOST_TEST(backend.server().log().size() - before < 60U);
        BOOST_TEST(!desk.cache.front_memory().has_value());
    });
}

BOOST_AUTO_TEST_SUITE_END()
