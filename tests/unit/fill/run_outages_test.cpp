// What a run makes of caches that go away and return, and of a disk that fills up.
#include "options/settings.hpp"
#include "run_scene.hpp"

#include <boost/test/unit_test.hpp>

#include <csignal>

using namespace cachefill;
using namespace cachefill::test;
using namespace std::chrono_literals;
using Names = std::vector<std::string>;

namespace {

// nas needs tool, which needs lib; desk needs app. The upstream has lib.
struct Fleet : RunScene {
    Fleet() {
        derivation("lib");
        derivation("tool", {"lib"});
        derivation("app");
        host("nas", {"tool"});
        host("desk", {"app"});
        machine.settings.jobs = 4;
        machine.settings.upstreams = {GivenUrl(upstream.uri().name + "?trusted=1")};
        machine.settings.upstreams_count_given = true;
        serve(upstream, {"lib"});
    }
    ~Fleet() override { BOOST_TEST(is_cache_sound()); }
    void break_for(FaultyCache& cache, Fault fault, std::optional<std::chrono::milliseconds> time) {
        cache.fault = fault;
        if (time) cache.until = clock.elapsed() + *time;
    }
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(run_outages, Fleet)

BOOST_AUTO_TEST_CASE(what_an_upstream_has_is_fetched_and_not_built) {
    run();
    BOOST_TEST(fetched() == Names{"lib"}, boost::test_tools::per_element());
    BOOST_TEST(sorted(built()) == (Names{"app", "desk", "nas", "tool"}), boost::test_tools::per_element());
    const Names users{path("tool.drv").to_string()}; // not nas, which is made from tool
    BOOST_TEST(report.fetches.at(0).needed_by == users, boost::test_tools::per_element());
    BOOST_TEST(sorted(published()) == sorted(built()), boost::test_tools::per_element());
    BOOST_TEST(report.exit_code == 0, causes());
    BOOST_TEST(verdict("nas") == "complete");
}

BOOST_AUTO_TEST_CASE(for_what_a_failure_blocks_nearly_nothing_is_fetched) {
    Names had;
    std::string below = "app";
    for (int i = 0; i < 10; ++i) {
        auto number = std::to_string(i);
        had.push_back("input" + number);
        derivation(had.back());
        derivation("step" + number, {below, had.back()});
        below = "step" + number;
    }
    serve(upstream, had);
    host("tower", {below});
    builds["app"].error = "it is broken";
    run();
    BOOST_TEST(outcome("step9") == "blocked");
    BOOST_TEST(sorted(fetched()) == (Names{"input0", "lib"}), boost::test_tools::per_element()); // the first was near
    BOOST_TEST(verdict("nas") == "complete");
}

BOOST_AUTO_TEST_CASE(what_an_upstream_serves_damaged_is_built_and_pushed) {
    daemon.on_fetch = [](const std::string& path) {
        return ActingDaemon::Play{ActingDaemon::send(error_frame("hash mismatch importing path '" + path + "'"))};
    };
    run();
    BOOST_TEST(outcome("lib") == "built");
    BOOST_TEST(pushed("lib") == "published");
    BOOST_TEST(verdict("nas") == "complete");
    BOOST_TEST(report.exit_code == 0, causes());
}

BOOST_AUTO_TEST_CASE(an_upstream_that_returns_is_waited_for) {
    upstream.fault = Fault::refused;
    upstream.until = 20s;
    run();
    BOOST_TEST(fetched() == Names{"lib"}, boost::test_tools::per_element());
    BOOST_TEST(outcome("lib") == "");
    BOOST_TEST(published().size() == 4U);
    BOOST_TEST(report.exit_code == 0, causes());
}

BOOST_AUTO_TEST_CASE(what_does_not_hang_on_an_upstream_that_is_away_is_built_meanwhile) {
    machine.settings.upstreams_count_given = false;
    hosts[1].nix_settings.emplace().substituters.set = {own.uri().name}; // desk asks nobody else
    upstream.fault = Fault::refused;
    upstream.until = 20s;
    Names built_meanwhile;
    at(19s, [&] { built_meanwhile = built(); });
    run();
    BOOST_TEST(built_meanwhile == (Names{"app", "desk"}), boost::test_tools::per_element());
    BOOST_TEST(fetched() == Names{"lib"}, boost::test_tools::per_element());
    BOOST_TEST(verdict("nas") == "complete");
    BOOST_TEST(report.exit_code == 0, causes());
}

BOOST_AUTO_TEST_CASE(nothing_is_compiled_because_an_upstream_does_not_answer) {
    upstream.fault = Fault::refused;
    run();
    BOOST_TEST(built().empty());
    BOOST_TEST(report.exit_code == 5, causes());
    BOOST_TEST(!report.undecided.empty());
}

BOOST_AUTO_TEST_CASE(an_own_cache_that_goes_away_while_it_is_filled_gets_all_when_it_returns) {
    at(12s, [this] { break_for(own, Fault::unavailable, 1min); });
    run();
    BOOST_TEST(sorted(built()) == (Names{"app", "desk", "nas", "tool"}), boost::test_tools::per_element());
    BOOST_TEST(sorted(published()) == sorted(built()), boost::test_tools::per_element());
    BOOST_TEST(verdict("nas") == "complete");
    BOOST_TEST(report.exit_code == 0, causes());
    BOOST_TEST(messages() == "https://own.example stays away: connection refused\nhttps://own.example answers again\n");
}

BOOST_AUTO_TEST_CASE(an_own_cache_that_stays_away_is_told_and_everything_is_built) {
    at(12s, [this] { break_for(own, Fault::unavailable, {}); });
    run();
    BOOST_TEST(built().size() == 4U);
    BOOST_TEST(pushed("app") == "published");
    BOOST_TEST(pushed("nas") == "failed");
    BOOST_TEST(report.exit_code == 5, causes());
}

BOOST_AUTO_TEST_CASE(a_cache_that_is_silent_to_all_uploads_is_told_of_the_run_once) {
    machine.environment.set("GITHUB_REF_NAME", "main");
    std::size_t manifests = 0;
    own.script = [&, this](MemoryCache::Step step, nix::StorePath path) -> async::Task<Result<void>> {
        manifests += step == MemoryCache::Step::begin && path.name() == "cachefill-manifest.json";
        co_await clock.sleep_for(1min);
        co_return Failure(FailureKind::timeout, "did not begin to answer within 1 min");
    };
    run();
    BOOST_TEST(published().empty());
    BOOST_TEST(manifests == 1U);
    BOOST_TEST(report.exit_code != 0, causes());
}

BOOST_AUTO_TEST_CASE(an_own_cache_that_cannot_be_reached_at_first_ends_the_run) {
    own.fault = Fault::refused;
    run();
    BOOST_TEST(report.exit_code == 5, causes());
    BOOST_TEST(report.targets.empty());
    BOOST_TEST(built().empty());
    BOOST_TEST(messages().find("waiting for") == std::string::npos); // it said no at once
}

BOOST_AUTO_TEST_CASE(who_waits_long_for_the_own_cache_at_first_is_told) {
    own.fault = Fault::silent;
    run();
    BOOST_TEST(report.exit_code == 5, causes());
    BOOST_TEST(messages().find("waiting for the cache https://own.example, which does not answer so far") !=
                   std::string::npos,
               messages());
}

BOOST_AUTO_TEST_CASE(an_own_cache_that_is_away_for_the_last_look_is_waited_for) {
    when(event::Stage::verify, [this] { break_for(own, Fault::unavailable, 5min); });
    run();
    BOOST_TEST(verdict("nas") == "complete");
    BOOST_TEST(verdict("desk") == "complete");
    BOOST_TEST(report.exit_code == 0, causes());
    BOOST_TEST(clock.elapsed() > 5min);
}

BOOST_AUTO_TEST_CASE(what_could_not_be_looked_at_is_not_called_complete) {
    when(event::Stage::verify, [this] { break_for(own, Fault::unavailable, {}); });
    run();
    BOOST_TEST(published().size() == 4U);
    BOOST_TEST(verdict("nas") == "unknown");
    BOOST_TEST(verdict("desk") == "unknown");
    BOOST_TEST(report.exit_code == 5, causes());
}

BOOST_AUTO_TEST_CASE(a_plan_waits_for_an_upstream_and_counts_what_it_has) {
    upstream.fault = Fault::refused;
    upstream.until = 20s;
    run(fill::Extent::plan);
    BOOST_TEST(report.builds.size() == 4U);
    BOOST_TEST(outcome("lib") == "");
    BOOST_TEST(report.exit_code == 0, causes());
}

BOOST_AUTO_TEST_CASE(at_the_deadline_nobody_waits_for_an_upstream_any_more) {
    upstream.fault = Fault::refused;
    machine.settings.deadline = 30s;
    run();
    BOOST_TEST(built().empty()); // it may have all of it
    BOOST_TEST(report.deadline_reached);
    BOOST_TEST(verdict("desk") == "unknown");
    BOOST_TEST(report.exit_code == 5, causes());
    BOOST_TEST(clock.elapsed() < 40s);
}

BOOST_AUTO_TEST_CASE(a_signal_ends_the_wait_for_a_cache_that_is_away) {
    at(12s, [this] { break_for(own, Fault::unavailable, {}); });
    interrupt_at(2min, SIGINT);
    run();
    BOOST_TEST(report.exit_code == 130, causes());
    BOOST_TEST(pushed("app") == "published");
    BOOST_TEST(pushed("desk") == "not-pushed");
    BOOST_TEST(clock.elapsed() <= 2min + 4500ms);
}

BOOST_AUTO_TEST_CASE(a_newer_run_ends_the_wait_for_an_upstream) {
    upstream.fault = Fault::refused;
    at(30s, [this] { running->supersede("https://github.com/o/r/actions/runs/2"); });
    run();
    BOOST_TEST(built().empty());
    BOOST_TEST(report.exit_code == 0, causes()); // what is left is the newer run's
    BOOST_TEST(clock.elapsed() < 31s);
}

BOOST_AUTO_TEST_CASE(a_daemon_that_dies_of_a_build_is_that_builds_failure_alone) {
    auto as_told = daemon.on_build;
    daemon.on_build = [as_told](const std::vector<std::string>& derived_paths) {
        if (derived_paths.front().find("-tool.drv") == std::string::npos) return as_told(derived_paths);
        return ActingDaemon::Play{ActingDaemon::wait(5s), ActingDaemon::hang_up()};
    };
    run();
    BOOST_TEST(outcome("tool") == "failed");
    BOOST_TEST(outcome("nas") == "blocked");
    BOOST_TEST(verdict("desk") == "complete");
    BOOST_TEST(report.exit_code == 1, causes());
}

BOOST_AUTO_TEST_CASE(with_a_full_disk_nothing_starts_until_there_is_room) {
    at(5s, [this] { free_bytes = 1 << 20; });
    at(40s, [this] { free_bytes = 100ULL << 30; });
    run();
    BOOST_TEST(report.exit_code == 0, causes());
    BOOST_TEST(published().size() == 4U);
    BOOST_TEST(clock.elapsed() >= 50s);
    BOOST_TEST(messages().find("no further builds start until there is more") != std::string::npos, messages());
}

BOOST_AUTO_TEST_CASE(a_disk_that_stays_full_ends_the_run) {
    at(5s, [this] { free_bytes = 1 << 20; });
    run();
    BOOST_TEST(report.exit_code == 5, causes());
    BOOST_TEST(pushed("app") == "published");
    BOOST_TEST(outcome("nas") == "not-started");
    BOOST_TEST(causes().find("stayed full") != std::string::npos, causes());
}

// Large inputs stand ready before anything that uses them has begun, and nothing that uses them keeps them.
BOOST_AUTO_TEST_CASE(where_all_is_needed_the_builds_come_first_that_need_it) {
    hosts.clear();
    Names uses;
    for (const std::string number : {"1", "2", "3"}) {
        derivation("large" + number);
        derivation("use" + number, {"large" + number});
        uses.push_back("use" + number);
    }
    host("hub", uses);
    machine.settings.jobs = 1;
    constexpr std::uint64_t each = 512ULL << 20;
    free_bytes = machine.settings.min_free + each;
    auto usual = daemon.on_build;
    daemon.on_build = [&, usual](const std::vector<std::string>& derived_paths) {
        auto play = usual(derived_paths);
        auto is_large = derived_paths.front().find("-large") != std::string::npos;
        auto keep_nothing = [this, is_large, uses] {
            if (is_large) free_bytes -= each;
            for (const auto& use : uses)
                if (auto info = machine.infos.find(path(use)); info != machine.infos.end())
                    info->second.references.clear();
        };
        play.insert(play.end() - 1, ActingDaemon::act(keep_nothing));
        return play;
    };
    daemon.on_find_dead = [this] {
        std::vector<std::string> dead;
        for (const auto& [path, info] : machine.infos) dead.push_back(path.to_string());
        return dead;
    };
    daemon.on_delete = [&](const std::vector<std::string>& paths) -> std::uint64_t {
        std::uint64_t freed = 0;
        for (const auto& text : paths) {
            freed += text.find("-large") == std::string::npos ? 1 : each;
            machine.infos.erase(nix::StorePath::parse(text).value());
        }
        free_bytes += freed;
        return freed;
    };
    run();
    BOOST_TEST(report.exit_code == 0, causes() + messages());
    BOOST_TEST(built() == (Names{"large3", "large2", "use3", "use2", "large1", "use1", "hub"}),
               boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(for_room_what_is_in_the_cache_by_now_is_deleted_and_nothing_that_is_still_needed) {
    host("hub", {"tool", "app"});
    std::vector<std::string> deleted;
    daemon.on_find_dead = [this] {
        std::vector<std::string> dead;
        for (const auto& [path, info] : machine.infos) dead.push_back(path.to_string());
        return dead;
    };
    daemon.on_delete = [&](const std::vector<std::string>& paths) -> std::uint64_t {
        for (const auto& text : paths) {
            auto path = nix::StorePath::parse(text).value();
            deleted.emplace_back(path.name());
            machine.infos.erase(path);
        }
        free_bytes = 100ULL << 30;
        return 1 << 20;
    };
    builds["app"].takes = 3s;
    builds["tool"].takes = 20s;                // hub waits for it, and needs app, too
    at(17s, [this] { free_bytes = 1 << 20; }); // desk is built, tool is being built, and nas comes after it
    run();
    BOOST_TEST(deleted == Names{"desk"}, boost::test_tools::per_element());
    BOOST_TEST(sorted(published()) == (Names{"app", "desk", "hub", "nas", "tool"}), boost::test_tools::per_element());
    BOOST_TEST(report.exit_code == 0, causes());
}

BOOST_AUTO_TEST_SUITE_END()
