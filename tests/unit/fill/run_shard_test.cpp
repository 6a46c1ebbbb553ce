// Runs that are one of several shards: what they build, what they wait for, and what they hear of others, who are
// played here by hand.
#include "session/history.hpp"
#include "shard_scene.hpp"

#include <boost/test/unit_test.hpp>

#include <csignal>
#include <filesystem>
#include <map>
#include <set>

using namespace cachefill;
using namespace cachefill::test;
using namespace std::chrono_literals;

namespace {

struct Outage : Shards {
    // Nobody can be heard meanwhile, and nobody is silent.
    void go_through_an_outage(Fault how, std::chrono::seconds patience) {
        give(1, {"tool"});
        give(2, {"lib", "app"});
        give(3, {"nas", "desk"});
        machine.settings.shard_patience = patience;
        tell(10s, 2, Said::started);
        tell(10s, 3, Said::started);
        at(20s, [this, how] {
            own.fault = how;
            own.until = 200s;
        });
        publish(241s, {"lib"});
        tell(240s, 2, Said::alive);
        tell(240s, 3, Said::alive);
        run_shard();
        BOOST_TEST(report.exit_code == 0, causes());
        BOOST_TEST(built() == Names{"tool"}, boost::test_tools::per_element());
        BOOST_TEST(messages().find("the other shards cannot be heard") != std::string::npos, messages());
        BOOST_TEST(messages().find("has been silent") == std::string::npos, messages());
    }
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(run_shard, Outage)

BOOST_AUTO_TEST_CASE(what_others_build_is_waited_for_and_fetched) {
    give(1, {"tool", "app"});
    give(2, {"lib"});
    give(3, {"nas", "desk"});
    publish(40s, {"lib"});
    run_shard();
    BOOST_TEST(report.exit_code == 0, causes() << messages());
    BOOST_TEST(sorted(built()) == (Names{"app", "tool"}), boost::test_tools::per_element());
    BOOST_TEST(fetched() == Names{"lib"}, boost::test_tools::per_element());
    BOOST_TEST(paths_published() == (Names{"app", "tool"}), boost::test_tools::per_element());
    BOOST_TEST(clock.elapsed() >= 50s);
    BOOST_TEST(clock.elapsed() < 75s); // seen within ten seconds, and built in ten
    BOOST_TEST(report.targets.empty());
    BOOST_TEST(report.shard.number == 1U);
    BOOST_TEST(report.shard.shards == 3U);
    BOOST_TEST(report.shard.awaited == Names{path("lib").to_string()}, boost::test_tools::per_element());
    BOOST_TEST(report.shard.taken_over.empty());
    BOOST_TEST(logged.front() == "0 0");
    BOOST_TEST(logged.back() == "2 0");
    std::map<std::string, std::chrono::milliseconds> done;
    for (const auto& entry : entries)
        for (const auto& build : entry.done) done.emplace(build.name, build.took);
    BOOST_TEST(done.size() == 2U); // what was fetched took no time
    BOOST_TEST((done.at("tool") == 10s));
    BOOST_TEST((done.at("app") == 10s));
    BOOST_TEST(messages() == "");
    BOOST_TEST(is_cache_sound());
}

BOOST_AUTO_TEST_CASE(whoever_has_nothing_to_wait_for_does_not_stay) {
    give(1, {"app"});
    give(2, {"lib", "tool", "nas", "desk"});
    run_shard();
    BOOST_TEST(report.exit_code == 0, causes());
    BOOST_TEST(built() == Names{"app"}, boost::test_tools::per_element());
    BOOST_TEST(clock.elapsed() < 30s);
    BOOST_TEST(logged == (Names{"0 0", "2 0"}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_copy_is_built_and_left_to_its_owner_to_publish) {
    give(1, {"app"});
    give(2, {"lib", "tool", "nas", "desk"});
    give(1, {"lib"}, true);
    run_shard();
    BOOST_TEST(sorted(built()) == (Names{"app", "lib"}), boost::test_tools::per_element());
    BOOST_TEST(paths_published() == Names{"app"}, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(what_failed_elsewhere_is_told_and_ends_the_waiting) {
    give(1, {"tool", "app"});
    give(2, {"lib"});
    give(3, {"nas", "desk"});
    tell(30s, 2, Said::alive, {"lib"});
    run_shard();
    BOOST_TEST(report.exit_code == 1);
    BOOST_TEST(built() == Names{"app"}, boost::test_tools::per_element());
    BOOST_TEST(outcome("lib") == "failed");
    BOOST_TEST(build("lib")->error == "failed on shard 2: exit code 2");
    BOOST_TEST(build("lib")->log_tail == Names{"no such file"}, boost::test_tools::per_element());
    BOOST_TEST(outcome("tool") == "blocked");
    BOOST_TEST(build("tool")->blocked_by == "lib");
    BOOST_TEST(outcome("nas") == "blocked"); // of shard 3, but it is known what it costs
    BOOST_TEST(clock.elapsed() < 45s);
    BOOST_TEST(logged.back() == "2 0"); // it tells no failure of others
}

BOOST_AUTO_TEST_CASE(what_fails_here_is_told_at_once) {
    give(1, {"lib", "app"});
    give(2, {"tool", "nas", "desk"});
    builds["lib"].error = "no compiler";
    builds["app"].takes = 60s;
    run_shard();
    BOOST_TEST(report.exit_code == 1);
    BOOST_TEST(logged.front() == "0 0");
    auto told = std::find(logged.begin(), logged.end(), "1 1");
    BOOST_TEST((told != logged.end()));
    BOOST_TEST(logged.back() == "2 0");
    BOOST_TEST(lines_told == 0U); // the cache is public
}

BOOST_AUTO_TEST_CASE(more_failures_than_one_entry_takes_are_all_told) {
    Names many;
    for (std::size_t i = 0; i < shard::LogEntry::most_failures + 5; ++i) {
        many.push_back("broken" + std::to_string(i));
        derivation(many.back());
        builds[many.back()].error = "no compiler";
    }
    machine.settings.jobs = many.size(); // all at the same moment
    host("all", many);
    give(1, many);
    give(2, {"lib", "app", "tool", "nas", "desk", "all"});
    run_shard();
    std::set<std::string> told;
    for (const auto& entry : entries)
        for (const auto& failed : entry.failed) told.insert(failed.name);
    BOOST_TEST(told.size() == many.size());
    BOOST_TEST((entries.back().said == Said::finished));
    BOOST_TEST(std::count_if(entries.begin(), entries.end(),
                             [](const auto& entry) { return entry.said == Said::finished; }) == 1);
}

BOOST_AUTO_TEST_CASE(last_lines_are_told_where_sources_may_go_as_well) {
    give(1, {"lib", "app"});
    give(2, {"tool", "nas", "desk"});
    builds["lib"].error = "builder for 'lib' failed with exit code 2;\nlast 1 log lines:\n> no compiler";
    machine.settings.allow_source = true;
    run_shard();
    BOOST_TEST(report.exit_code == 1);
    BOOST_TEST(lines_told == build("lib")->log_tail.size());
    BOOST_TEST(lines_told == 1U);
}

BOOST_AUTO_TEST_CASE(who_is_silent_for_too_long_is_replaced) {
    give(1, {"tool"});
    give(2, {"lib", "app"});
    give(3, {"nas", "desk"});
    for (auto moment = 20s; moment < 600s; moment += 60s) tell(moment, 3, Said::alive);
    tell(10s, 2, Said::started);
    machine.settings.shard_patience = 120s;
    run_shard();
    BOOST_TEST(report.exit_code == 0, causes());
    auto all = built();
    BOOST_TEST((std::find(all.begin(), all.end(), "tool") != all.end()));
    // What was to be built by shard 2 has heirs, this one or the third, who are both there; who needs lib waits for it.
    bool is_heir = std::find(all.begin(), all.end(), "lib") != all.end();
    BOOST_TEST(report.shard.silent.size() >= 1U);
    BOOST_TEST(is_heir == (std::find(report.shard.taken_over.begin(), report.shard.taken_over.end(),
                                     path("lib.drv").to_string()) != report.shard.taken_over.end()));
    BOOST_TEST(messages().find("shard 2 has been silent for 2 min 00 s") != std::string::npos, messages());
    BOOST_TEST(clock.elapsed() > 120s);
}

BOOST_AUTO_TEST_CASE(all_alone_a_shard_builds_what_it_needs_of_all_others) {
    give(1, {"nas"});
    give(2, {"lib"});
    give(3, {"tool", "app", "desk"});
    machine.settings.shard_patience = 120s;
    run_shard();
    BOOST_TEST(report.exit_code == 0, causes());
    BOOST_TEST(sorted(built()) == (Names{"app", "desk", "lib", "nas", "tool"}), boost::test_tools::per_element());
    BOOST_TEST(paths_published() == sorted(built()), boost::test_tools::per_element());
    BOOST_TEST(report.shard.silent == (std::vector<std::size_t>{2, 3}), boost::test_tools::per_element());
    BOOST_TEST(report.shard.taken_over.size() == 4U);
    BOOST_TEST(is_cache_sound());
}

BOOST_AUTO_TEST_CASE(who_has_finished_without_a_path_is_replaced_at_once_and_what_it_left_is_not_built_again) {
    give(1, {"nas"});
    give(2, {"lib", "app"});
    give(3, {"tool", "desk"});
    publish(20s, {"lib"});
    tell(21s, 2, Said::finished); // app could not be pushed
    tell(22s, 3, Said::finished);
    run_shard();
    BOOST_TEST(report.exit_code == 0, causes());
    BOOST_TEST(sorted(built()) == (Names{"app", "desk", "nas", "tool"}), boost::test_tools::per_element());
    BOOST_TEST(report.shard.silent.empty());
    BOOST_TEST(clock.elapsed() < 90s);
    BOOST_TEST(messages() == "");
}

BOOST_AUTO_TEST_CASE(who_comes_back_gets_back_what_has_not_begun) {
    give(1, {"nas"});
    give(2, {"lib", "tool", "app", "desk"});
    machine.settings.shard_patience = 60s;
    machine.settings.jobs = 1;
    cut.shards.pop_back();
    builds["lib"].takes = 40s; // on this machine
    tell(80s, 2, Said::started);
    publish(100s, {"lib", "tool", "app", "desk"});
    tell(110s, 2, Said::finished);
    run_shard();
    BOOST_TEST(report.exit_code == 0, causes());
    BOOST_TEST(join(sorted(built()), " ") == "lib nas");
    BOOST_TEST(messages().find("shard 2 is heard again") != std::string::npos, messages());
}

BOOST_AUTO_TEST_CASE(while_the_cache_refuses_nobody_is_silent) { go_through_an_outage(Fault::refused, 60s); }

BOOST_AUTO_TEST_CASE(while_the_cache_does_not_answer_nobody_is_silent) {
    go_through_an_outage(Fault::silent, 30s); // the last answer that does not come takes 20 s
}

BOOST_AUTO_TEST_CASE(at_an_interrupt_the_others_are_told) {
    give(1, {"lib"});
    give(2, {"tool", "nas", "app", "desk"});
    builds["lib"].takes = 600s;
    interrupt_at(30s, SIGTERM);
    run_shard();
    BOOST_TEST(report.exit_code == 143);
    BOOST_TEST(logged.back() == "2 0");
}

BOOST_AUTO_TEST_CASE(who_comes_after_all_shards_builds_what_the_lost_left_and_tries_no_failure_again) {
    serve(own, {"lib"});
    sign(path("lib"));
    std::filesystem::path state;
    play([this, &state](session::Session& session) -> async::Task<void> {
        auto first = log(1), second = log(2);
        shard::FailedBuild failed{
            .derivation = path("app.drv").to_string(), .name = "app", .error = "exit code 2", .log_tail = {}};
        std::vector<shard::FailedBuild> failures{failed};
        co_await tell_now(first, Said::started);
        co_await tell_now(first, Said::alive, failures);
        shard::LogEntry last;
        last.said = Said::finished;
        last.done = {
            {.derivation = path("lib.drv").to_string(), .name = "lib", .platform = "x86_64-linux", .took = 70s}};
        co_await tell_now(first, last);
        co_await tell_now(second, Said::started);
        fill::Run run(session, fill::Extent::fill);
        std::vector<std::string> attempts{"0124", "0123"};
        run.follow_shards(attempts, 3);
        co_await run.execute();
        report = run.report();
        state = session.state_directory();
    });
    BOOST_TEST(report.exit_code == 1, causes());
    BOOST_TEST(sorted(built()) == (Names{"nas", "tool"}), boost::test_tools::per_element());
    BOOST_TEST(outcome("app") == "failed");
    BOOST_TEST(build("app")->error == "failed on shard 1: exit code 2");
    BOOST_TEST(outcome("desk") == "blocked");
    BOOST_TEST(verdict("nas") == "complete");
    BOOST_TEST(verdict("desk") == "incomplete");
    BOOST_TEST(report.shard.silent == (std::vector<std::size_t>{2, 3}), boost::test_tools::per_element());
    BOOST_TEST(messages().find("shard 2 began, and did not say that it came to its end") != std::string::npos);
    BOOST_TEST(messages().find("shard 3 was never heard") != std::string::npos);
    auto history = session::History::open(state / "history.sqlite");
    BOOST_REQUIRE(history.has_value());
    BOOST_TEST(((*history)->expected("lib", "x86_64-linux") == 70s));
    BOOST_TEST(((*history)->expected("tool", "x86_64-linux") == 10s));
}

BOOST_AUTO_TEST_CASE(a_shard_must_be_able_to_push_and_to_fetch) {
    give(1, {"lib"});
    give(2, {"tool", "nas", "app", "desk"});
    own.permission = cache::Permission::none;
    machine.settings.read_only = true;
    run_shard();
    BOOST_TEST(report.exit_code == 2);
    BOOST_TEST(causes().find("a shard has to push what it builds") != std::string::npos, causes());
}

BOOST_AUTO_TEST_SUITE_END()
