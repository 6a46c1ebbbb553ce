#include "build/fetch_watch.hpp"

#include <boost/test/unit_test.hpp>

using namespace cachefill;
using namespace cachefill::build;
using daemon::LogEvent;
using namespace std::chrono_literals;

namespace {

FetchWatch::TimePoint at(std::chrono::milliseconds since_start) { return FetchWatch::TimePoint(1h) + since_start; }

LogEvent event(LogEvent::Kind kind, std::uint64_t number = 0, std::string cache = "https://a.example.org") {
    LogEvent made;
    made.kind = kind;
    made.done = number;
    if (kind == LogEvent::Kind::download_progress) made.moved = number;
    made.cache = std::move(cache);
    return made;
}

LogEvent too_many_requests() {
    LogEvent made;
    made.kind = LogEvent::Kind::message;
    made.text = "warning: unable to download 'https://a.example.org/nar/x.nar': HTTP error 429; retrying in 65063 ms "
                "(attempt 1/5)";
    return made;
}

} // namespace

BOOST_AUTO_TEST_SUITE(fetch_watch)

BOOST_AUTO_TEST_CASE(a_download_that_moves_may_take_for_ever) {
    FetchWatch watch({.silence = 5min, .after_trouble = 30s}, at(0s));
    for (auto now = 0s; now < 24h; now += 4min) {
        BOOST_TEST((watch.deadline() > at(now)));
        watch.on_event(event(LogEvent::Kind::download_progress, 1000), at(now));
    }
    BOOST_TEST(watch.gave().contains("https://a.example.org"));
}

BOOST_AUTO_TEST_CASE(silence_has_a_limit_and_names_who_was_asked) {
    FetchWatch watch({.silence = 5min, .after_trouble = 30s}, at(0s));
    watch.on_event(event(LogEvent::Kind::other), at(1s));
    BOOST_TEST((watch.deadline() == at(5min + 1s)));
    auto reason = watch.reason_of_cut();
    BOOST_TEST(to_string(reason.trouble) == "network");
    BOOST_TEST(reason.in_words() == "https://a.example.org: nothing came for 5 min 00 s");
    BOOST_TEST((watch.last_life() == at(1s)));
}

BOOST_AUTO_TEST_CASE(a_daemon_that_means_to_wait_for_minutes_is_not_waited_for) {
    FetchWatch watch({.silence = 5min, .after_trouble = 30s}, at(0s));
    watch.on_event(event(LogEvent::Kind::other), at(1s));
    auto told = watch.on_event(too_many_requests(), at(2s));
    BOOST_REQUIRE(told.has_value());
    BOOST_TEST(told->in_words() == "https://a.example.org: HTTP error 429");
    BOOST_TEST((watch.deadline() == at(32s)));
    // The page that says so is a download, and so is the next one.
    watch.on_event(event(LogEvent::Kind::download_progress, 300), at(20s));
    watch.on_event(too_many_requests(), at(20s));
    BOOST_TEST((watch.deadline() == at(32s)));
    BOOST_TEST(watch.gave().empty());
    BOOST_TEST(watch.reason_of_cut().in_words() == "https://a.example.org: HTTP error 429");
}

BOOST_AUTO_TEST_CASE(trouble_that_nix_got_over_is_forgotten) {
    FetchWatch watch({.silence = 5min, .after_trouble = 30s}, at(0s));
    watch.on_event(too_many_requests(), at(2s));
    watch.on_event(event(LogEvent::Kind::download_progress, 1 << 20), at(10s));
    BOOST_TEST((watch.deadline() == at(5min + 10s)));
    watch.on_event(too_many_requests(), at(20s));
    watch.on_event(event(LogEvent::Kind::goals_progress, 1), at(25s)); // a path is whole
    BOOST_TEST((watch.deadline() == at(5min + 25s)));
}

BOOST_AUTO_TEST_CASE(what_begins_beside_a_download_in_trouble_keeps_the_try_alive) {
    FetchWatch watch({.silence = 5min, .after_trouble = 30s}, at(0s));
    watch.on_event(too_many_requests(), at(2s));
    watch.on_event(event(LogEvent::Kind::substitution_started), at(20s));
    BOOST_TEST((watch.deadline() == at(50s)));
}

BOOST_AUTO_TEST_CASE(what_the_daemon_says_is_kept_and_bounded) {
    FetchWatch watch({}, at(0s));
    for (int i = 0; i < 1000; ++i) watch.on_event(too_many_requests(), at(1s));
    BOOST_TEST(watch.messages().size() == 100U);
}

BOOST_AUTO_TEST_SUITE_END()
