#include "driver_scene.hpp"

#include <boost/test/unit_test.hpp>

using namespace cachefill;
using namespace cachefill::test;
using daemon::FetchTrouble;
using event::CacheWaiting;
using Play = ActingDaemon::Play;
using namespace std::chrono_literals;

namespace {

const std::string cache = "https://a.example.org";

Play::value_type asking(const std::string& path, const std::string& of = cache) {
    return ActingDaemon::send(
        start_frame(1, activity_query_path_info, "querying info", {path, of}) +
        start_frame(2, activity_file_transfer, "downloading '" + of + "/x.narinfo'", {of + "/x.narinfo"}, 1));
}

// As Nix 2.34 has it: a minute and more between tries, and twice as long each time.
Play too_many_requests(const std::string& path) {
    Play play{asking(path)};
    for (auto pause = 65s; pause < 24h; pause *= 2) {
        play.push_back(
            ActingDaemon::send(progress_frame(2, 300, 300) +
                               message_frame("warning: unable to download '" + cache +
                                             "/x.narinfo': HTTP error 429; retrying in 65063 ms (attempt 1/5)")));
        play.push_back(ActingDaemon::wait(pause));
    }
    return play;
}

Play service_unavailable(const std::string& path) {
    return {asking(path), ActingDaemon::wait(4s),
            ActingDaemon::send(error_frame("unable to download '" + cache + "/x.narinfo': HTTP error 503"))};
}

std::size_t count(const std::vector<CacheWaiting>& told, CacheWaiting::State state) {
    return static_cast<std::size_t>(
        std::count_if(told.begin(), told.end(), [state](const auto& event) { return event.state == state; }));
}

// a needs `source` fetched, d nothing.
struct FetchScene : DriverScene {
    plan::Plan plan = chain.plan();
    FetchScene() { plan.builds[0].fetch = {path("source")}; }
};

} // namespace

BOOST_AUTO_TEST_SUITE(driver_fetches)

BOOST_AUTO_TEST_CASE(a_daemon_that_waits_for_a_cache_has_a_limit_and_it_is_said_who_is_waited_for) {
    FetchScene scene;
    scene.run(scene.plan, [](ActingDaemon& daemon) { daemon.on_fetch = too_many_requests; });
    BOOST_TEST((scene.clock.elapsed() >= 10min));
    BOOST_TEST((scene.clock.elapsed() <= 11min));
    BOOST_REQUIRE(scene.unfetchable.size() == 1U);
    BOOST_TEST(scene.unfetchable[0].first == "source");
    BOOST_TEST((scene.unfetchable[0].second.trouble == FetchTrouble::network));
    BOOST_TEST(scene.unfetchable[0].second.in_words() == cache + ": HTTP error 429");
    BOOST_REQUIRE(!scene.waiting.empty());
    BOOST_TEST(scene.waiting.front().cache == cache);
    BOOST_TEST(scene.waiting.front().said == "HTTP error 429");
    BOOST_TEST((scene.waiting.front().waited < 10s)); // it is told at once
    BOOST_TEST((scene.waiting.back().state == CacheWaiting::State::over));
    BOOST_TEST((scene.waiting.back().waited >= 10min));
    BOOST_TEST(count(scene.waiting, CacheWaiting::State::waits) >= 5U);
    BOOST_TEST((scene.built == std::vector<std::string>{"d"})); // what does not hang on it goes on
    BOOST_TEST((scene.records["a"].outcome == event::BuildOutcome::not_started));
    BOOST_TEST(scene.records["a"].waits_for == cache + ": HTTP error 429");
    BOOST_TEST(scene.records["c"].waits_for == cache + ": HTTP error 429");
}

BOOST_AUTO_TEST_CASE(a_cache_that_comes_back_within_patience_costs_only_time) {
    FetchScene scene;
    scene.run(scene.plan, [&scene](ActingDaemon& daemon) {
        daemon.on_fetch = [&scene, usual = daemon.on_fetch](const std::string& path) {
            if (scene.clock.elapsed() < 2min) return service_unavailable(path);
            Play play{asking(path), ActingDaemon::send(progress_frame(2, 100'000, 100'000))};
            play.push_back(usual(path).front());
            return play;
        };
    });
    BOOST_TEST((scene.clock.elapsed() < 3min));
    BOOST_TEST((scene.fetched == std::vector<std::string>{"source"}));
    BOOST_TEST(scene.built.size() == 4U);
    BOOST_TEST(scene.unfetchable.empty());
    BOOST_TEST(count(scene.waiting, CacheWaiting::State::back) == 1U);
    BOOST_TEST(count(scene.waiting, CacheWaiting::State::over) == 0U);
    BOOST_TEST(scene.fetches_asked.size() < 12U);
    BOOST_REQUIRE(scene.fetch_records.size() == 1U);
    BOOST_TEST(scene.fetch_records[0].error == "");
    BOOST_TEST((scene.fetch_records[0].start > scene.clock.now() - 1min)); // of the try that fetched it
    BOOST_TEST((scene.fetch_records[0].start + scene.fetch_records[0].took <= scene.clock.now()));
}

BOOST_AUTO_TEST_CASE(a_server_that_says_nothing_is_cut_off_and_a_large_download_is_not) {
    FetchScene silent;
    silent.run(silent.plan, [](ActingDaemon& daemon) {
        daemon.on_fetch = [](const std::string& path) { return Play{asking(path), ActingDaemon::wait(1000h)}; };
    });
    BOOST_TEST((silent.clock.elapsed() <= 16min));
    BOOST_REQUIRE(silent.unfetchable.size() == 1U);
    BOOST_TEST(silent.unfetchable[0].second.in_words() == cache + ": nothing came for 5 min 00 s");

    FetchScene large;
    large.run(large.plan, [](ActingDaemon& daemon) {
        daemon.on_fetch = [usual = daemon.on_fetch](const std::string& path) {
            Play play{asking(path)};
            for (std::uint64_t i = 1; i <= 100; ++i) {
                play.push_back(ActingDaemon::wait(4min));
                play.push_back(ActingDaemon::send(progress_frame(2, i * 1000, 100'000)));
            }
            play.push_back(usual(path).front());
            return play;
        };
    });
    BOOST_TEST(large.unfetchable.empty());
    BOOST_TEST((large.clock.elapsed() >= 400min));
    BOOST_TEST(large.fetches_asked.size() == 1U);
}

BOOST_AUTO_TEST_CASE(a_server_that_answers_questions_and_never_sends_what_it_promised_is_given_up_for_all_its_paths) {
    FetchScene scene;
    scene.plan.builds[0].fetch.clear();
    for (const auto* name : {"source", "second", "third", "fourth", "fifth", "sixth"})
        scene.plan.builds[0].fetch.push_back(scene.path(name));
    scene.callbacks.caches_of = [](const nix::StorePath&) { return std::vector<std::string>{cache}; };
    scene.run(scene.plan, [](ActingDaemon& daemon) {
        daemon.on_fetch = [](const std::string& path) {
            return Play{asking(path), ActingDaemon::send(progress_frame(2, 700, 700)), ActingDaemon::wait(1000h)};
        };
    });
    BOOST_TEST((scene.clock.elapsed() <= 16min)); // one after the other they took an hour
    BOOST_TEST(scene.unfetchable.size() == 6U);
    for (const auto& [name, reason] : scene.unfetchable)
        BOOST_TEST(reason.in_words() == cache + ": nothing came for 5 min 00 s", name);
    BOOST_REQUIRE(!scene.waiting.empty());
    BOOST_TEST((scene.waiting.front().state == CacheWaiting::State::waits));
    BOOST_TEST((scene.waiting.front().waited == 30s)); // it is told soon
    BOOST_TEST(scene.waiting.front().said == "nothing came for 30.0 s");
    BOOST_TEST(count(scene.waiting, CacheWaiting::State::over) == 1U);
    BOOST_TEST(count(scene.waiting, CacheWaiting::State::back) == 0U);
    BOOST_TEST((scene.built == std::vector<std::string>{"d"}));
}

BOOST_AUTO_TEST_CASE(a_path_that_is_not_there_is_asked_for_once_more_by_a_fresh_daemon_and_not_waited_for) {
    FetchScene scene;
    scene.run(scene.plan, [](ActingDaemon& daemon) {
        daemon.on_fetch = [](const std::string& path) {
            return Play{asking(path), ActingDaemon::send(error_frame("path '" + path +
                                                                     "' is required, but there is no "
                                                                     "substituter that can build it"))};
        };
    });
    BOOST_REQUIRE(scene.unfetchable.size() == 1U);
    BOOST_TEST((scene.unfetchable[0].second.trouble == FetchTrouble::absent));
    BOOST_TEST((scene.clock.elapsed() < 1min));
    BOOST_TEST(scene.waiting.empty());
    BOOST_TEST(scene.records["a"].waits_for == "");
}

BOOST_AUTO_TEST_CASE(a_daemon_that_dies_under_a_fetch_is_called_that) {
    FetchScene scene;
    scene.run(scene.plan, [](ActingDaemon& daemon) {
        daemon.on_fetch = [](const std::string&) { return Play{ActingDaemon::hang_up()}; };
    });
    BOOST_REQUIRE(scene.unfetchable.size() == 1U);
    BOOST_TEST((scene.unfetchable[0].second.trouble == FetchTrouble::daemon_gone));
    BOOST_TEST(scene.fetches_asked.size() == 4U);
    BOOST_TEST((scene.clock.elapsed() < 1min));
}

BOOST_AUTO_TEST_CASE(many_paths_of_a_cache_that_is_away_are_given_up_together_and_others_are_fetched_meanwhile) {
    DriverScene scene;
    scene.settings.fetches = 2;
    auto plan = scene.chain.plan();
    for (int i = 0; i < 40; ++i) plan.builds[0].fetch.push_back(scene.path("away-" + std::to_string(i)));
    for (int i = 0; i < 40; ++i) plan.builds[1].fetch.push_back(scene.path("here-" + std::to_string(i)));
    scene.callbacks.caches_of = [](const nix::StorePath& path) {
        return std::vector<std::string>{path.name().starts_with("away") ? cache : "https://b.example.org"};
    };
    std::optional<std::chrono::milliseconds> last_fetched;
    scene.callbacks.on_fetched = [&](plan::PathId) { last_fetched = scene.clock.elapsed(); };
    scene.run(plan, [](ActingDaemon& daemon) {
        daemon.on_fetch = [usual = daemon.on_fetch](const std::string& path) {
            return path.find("-away-") != std::string::npos ? too_many_requests(path) : usual(path);
        };
    });
    BOOST_TEST(scene.unfetchable.size() == 40U);
    BOOST_TEST((scene.clock.elapsed() < 12min));
    BOOST_TEST((scene.built == std::vector<std::string>{"d"}));
    BOOST_REQUIRE(last_fetched.has_value());
    BOOST_TEST((*last_fetched < 2min));
    BOOST_TEST(scene.fetches_asked.size() < 40U + 40U); // not each of them asks again and again
    BOOST_TEST(count(scene.waiting, CacheWaiting::State::over) == 1U);
}

BOOST_AUTO_TEST_CASE(a_short_patience_cuts_every_limit_short) {
    FetchScene scene;
    scene.settings.cache_patience = 3s;
    scene.run(scene.plan, [](ActingDaemon& daemon) { daemon.on_fetch = too_many_requests; });
    BOOST_REQUIRE(scene.unfetchable.size() == 1U);
    BOOST_TEST((scene.clock.elapsed() < 15s));
}

BOOST_AUTO_TEST_CASE(each_path_is_fetched_with_its_own_settings_after_what_goes_before_it) {
    FetchScene scene;
    auto before = path_of('0', "before");
    scene.callbacks.fetch_overrides = [](const nix::StorePath& path) {
        return std::map<std::string, std::string>{{"substituters", path.name() == "before" ? "few" : "many"}};
    };
    scene.callbacks.fetched_before = [&](const nix::StorePath& path) {
        return path.name() == "source" ? std::vector{before} : std::vector<nix::StorePath>();
    };
    scene.run(scene.plan, [](ActingDaemon&) {});
    BOOST_TEST((scene.fetches_asked == std::vector{before.to_string(), path_of('0', "source").to_string()}));
    BOOST_TEST((scene.fetch_settings == std::vector<std::string>{"substituters=few", "substituters=many"}));
    BOOST_TEST((scene.fetched == std::vector<std::string>{"source"}));
}

BOOST_AUTO_TEST_CASE(what_goes_before_and_cannot_be_had_keeps_the_path_from_being_fetched) {
    FetchScene scene;
    scene.callbacks.fetched_before = [](const nix::StorePath&) { return std::vector{path_of('0', "before")}; };
    scene.run(scene.plan, [](ActingDaemon& daemon) {
        daemon.on_fetch = [](const std::string& path) {
            return Play{
                ActingDaemon::send(error_frame("path '" + path + "' is required, but there is no substituter"))};
        };
    });
    BOOST_TEST(scene.unfetchable.size() == 1U);
    for (const auto& asked : scene.fetches_asked) BOOST_TEST(asked.find("-before") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(what_may_not_be_fetched_yet_waits_until_it_may) {
    FetchScene scene;
    bool may = false;
    scene.callbacks.may_fetch = [&](plan::PathId) { return may; };
    scene.callbacks.expects_more = [&] { return !may; };
    scene.callbacks.on_built = [&, usual = scene.callbacks.on_built](plan::DerivationId id, const auto& outputs) {
        BOOST_TEST((may || scene.built.empty())); // d, which needs nothing
        usual(id, outputs);
        may = true;
    };
    scene.run(scene.plan, [](ActingDaemon&) {});
    BOOST_TEST((scene.fetched == std::vector<std::string>{"source"}));
    BOOST_TEST(scene.built.size() == 4U);
}

BOOST_AUTO_TEST_SUITE_END()
