// Shards that take from a slower one: this one from a second, which is played here by hand, and others from this one.
#include "shard_scene.hpp"

#include <boost/test/unit_test.hpp>

using namespace cachefill;
using namespace cachefill::test;
using namespace std::chrono_literals;

namespace {

// Ten hosts of some minutes each.
struct Claims : Shards {
    Names apps;
    // The second, while this shard runs: what it was asked for, and says to that.
    std::function<Names(const Names& claimed)> answers;
    Names asked;
    std::chrono::milliseconds silent_from = 48h; // the second one
    bool has_finished = false;

    Claims() {
        hosts.clear(); // no other fleet beside it
        for (int i = 0; i < 10; ++i) {
            apps.push_back("app" + std::to_string(i));
            host(apps.back(), {});
            builds[apps.back()].takes = 100s;
        }
        cut.shards.pop_back();
        machine.settings.shard_patience = 120s;
        answers = [](const Names& claimed) { return claimed; };
    }
    void give_all(std::size_t shard) {
        give(shard, apps);
        for (auto& build : cut.shards.at(shard - 1).builds) build.expected = 100s;
    }
    std::vector<std::string> derivations(const Names& names) const {
        std::vector<std::string> all;
        for (const auto& name : names) all.push_back(path(name + ".drv").to_string());
        return all;
    }
    static Names names_of(const std::vector<std::string>& derivations) {
        Names names;
        for (const auto& one : derivations) {
            std::string name(nix::StorePath::parse(one).value().name());
            names.push_back(name.substr(0, name.size() - 4));
        }
        return names;
    }
    // What the second one builds, on one slot, ten times slower than thought; and it looks for claims every five
    // seconds.
    void play_slow_second() {
        at(1s, [this] { boost::asio::co_spawn(loop, second(), boost::asio::detached); });
    }
    async::Task<void> second() {
        auto its = log(2), this_ones = log(4);
        auto left = apps;
        auto begun = clock.now();
        co_await tell_now(its, Said::started);
        auto tell = left_of(left);
        co_await tell_now(its, std::move(tell));
        while (clock.elapsed() < silent_from && !left.empty()) {
            co_await clock.sleep_for(5s);
            if (clock.now() - begun >= 1000s) {
                serve(own, {left.front()});
                sign(path(left.front()));
                left.erase(left.begin());
                begun = clock.now();
            }
            auto heard = co_await this_ones.read(1);
            auto entry = left_of(left);
            for (const auto& one : heard.value().entries) {
                if (!one.claimed) continue;
                auto claimed = names_of(one.claimed->derivations);
                asked.insert(asked.end(), claimed.begin(), claimed.end());
                auto given = answers(claimed);
                for (const auto& name : given) std::erase(left, name);
                entry = left_of(left);
                entry.given.push_back({.shard = 1, .derivations = derivations(given)});
            }
            bool is_due = clock.elapsed() / 60s != (clock.elapsed() - 5s) / 60s;
            if (!entry.given.empty() || is_due) co_await tell_now(its, std::move(entry));
        }
        has_finished = left.empty();
        if (has_finished) co_await tell_now(its, Said::finished);
    }
    static shard::LogEntry left_of(const Names& left) {
        shard::LogEntry entry;
        entry.left = 1000s * (left.size() > 1 ? left.size() - 1 : 0);
        return entry;
    }
    std::size_t claims_told() const {
        return static_cast<std::size_t>(
            std::count_if(entries.begin(), entries.end(), [](const auto& entry) { return entry.claimed.has_value(); }));
    }
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(run_shard_claims, Claims)

BOOST_AUTO_TEST_CASE(who_has_nothing_left_takes_from_the_end_of_one_that_is_ten_times_slower) {
    machine.settings.jobs = 1;
    host("own", {});
    give(1, {"own"});
    give_all(2);
    play_slow_second();
    run_shard();
    BOOST_TEST(report.exit_code == 0, causes());
    // It alone would have taken ten thousand seconds.
    BOOST_TEST(built().size() == 10U, join(built(), " "));
    BOOST_TEST(join(built(), " ") == "own app9 app8 app7 app6 app5 app4 app3 app2 app1");
    BOOST_TEST(clock.elapsed() < 1200s);
    BOOST_TEST(claims_told() == 9U);
    BOOST_TEST(report.shard.taken_over.empty());
    BOOST_REQUIRE(report.shard.given.size() == 1U);
    BOOST_TEST(report.shard.given[0].from == 2U);
    BOOST_TEST(report.shard.given[0].to == 1U);
    BOOST_TEST(report.shard.given[0].derivations.size() == 9U);
    BOOST_TEST(paths_published() == sorted(built()), boost::test_tools::per_element());
    BOOST_TEST(is_cache_sound());
}

BOOST_AUTO_TEST_CASE(who_is_told_that_all_has_begun_ends_and_builds_nothing_twice) {
    give(1, {"own"});
    host("own", {});
    give_all(2);
    answers = [](const Names&) { return Names(); };
    play_slow_second();
    run_shard();
    BOOST_TEST(report.exit_code == 0, causes());
    BOOST_TEST(join(built(), " ") == "own");
    BOOST_TEST(claims_told() == 1U);
    BOOST_TEST(clock.elapsed() < 60s);
}

BOOST_AUTO_TEST_CASE(who_is_asked_and_never_answers_is_replaced) {
    give(1, {"own"});
    host("own", {});
    give_all(2);
    silent_from = 0s; // it says what it has left, and no more
    play_slow_second();
    run_shard();
    BOOST_TEST(report.exit_code == 0, causes());
    BOOST_TEST(report.shard.silent == std::vector<std::size_t>{2}, boost::test_tools::per_element());
    BOOST_TEST(report.shard.taken_over.size() == 10U);
    BOOST_TEST(report.shard.given.empty());
    BOOST_TEST(clock.elapsed() > 120s);
}

BOOST_AUTO_TEST_CASE(while_nobody_can_be_heard_an_idle_one_does_not_stay) {
    give(1, {"own"});
    host("own", {});
    give_all(2);
    silent_from = 0s;
    play_slow_second();
    at(20s, [this] {
        own.fault = Fault::refused;
        own.until = 20h;
    });
    run_shard();
    BOOST_TEST(join(built(), " ") == "own");
    BOOST_TEST(clock.elapsed() < 1h);
}

BOOST_AUTO_TEST_CASE(who_is_alive_and_never_answers_is_not_waited_for_without_end) {
    give(1, {"own"});
    host("own", {});
    give_all(2);
    silent_from = 0s;
    play_slow_second();
    for (auto moment = 60s; moment < 10h; moment += 60s) tell(moment, 2, Said::alive);
    run_shard();
    BOOST_TEST(report.exit_code == 0, causes());
    BOOST_TEST(join(built(), " ") == "own");
    BOOST_TEST(clock.elapsed() < 300s);
}

BOOST_AUTO_TEST_CASE(a_machine_that_builds_nothing_does_not_stay_for_more) {
    machine.settings.jobs = 0;
    host("own", {});
    give(1, {"own"});
    give_all(2);
    play_slow_second();
    run_shard();
    BOOST_TEST(built().empty());
    BOOST_TEST(claims_told() == 0U);
    BOOST_TEST(clock.elapsed() < 60s);
}

BOOST_AUTO_TEST_CASE(nobody_waits_for_work_of_another_kind_of_machine) {
    give(1, {"own"});
    host("own", {});
    give_all(2);
    cut.shards[1].machine = "aarch64-linux";
    play_slow_second();
    run_shard();
    BOOST_TEST(join(built(), " ") == "own");
    BOOST_TEST(claims_told() == 0U);
    BOOST_TEST(clock.elapsed() < 60s);
}

// From here on this shard is the slow one.
struct Asked : Claims {
    Asked() {
        machine.settings.jobs = 1;
        give_all(1);
    }
    // At a moment, the shard claims these.
    void claim(std::chrono::milliseconds moment, std::size_t shard, const Names& names) {
        at(moment, [this, shard, names] {
            shard::LogEntry entry;
            entry.claimed = shard::GivenBuilds{.shard = 1, .derivations = derivations(names)};
            boost::asio::co_spawn(loop, speak_now(shard, std::move(entry)), boost::asio::detached);
        });
    }
    async::Task<void> speak_now(std::size_t shard, shard::LogEntry entry) {
        auto its = log(shard);
        co_await tell_now(its, std::move(entry));
    }
    std::vector<std::string> answers_to(std::size_t shard) const {
        std::vector<std::string> told;
        for (const auto& entry : entries)
            for (const auto& given : entry.given)
                if (given.shard == shard) told.push_back(join(names_of(given.derivations), " "));
        return told;
    }
};

BOOST_FIXTURE_TEST_CASE(an_owner_leaves_what_it_has_not_begun_and_says_so, Asked) {
    claim(50s, 2, {"app9", "app0"});
    tell(40s, 2, Said::started);
    for (auto moment = 100s; moment < 2000s; moment += 60s) tell(moment, 2, Said::alive);
    publish(300s, {"app9"});
    run_shard();
    BOOST_TEST(report.exit_code == 0, causes());
    BOOST_TEST(answers_to(2) == Names{"app9"}, boost::test_tools::per_element());
    auto all = built();
    BOOST_TEST(all.size() == 9U);
    BOOST_TEST((std::find(all.begin(), all.end(), "app9") == all.end()));
    auto most =
        std::max_element(entries.begin(), entries.end(), [](auto& one, auto& other) { return one.left < other.left; });
    BOOST_TEST((most->left > 500s));        // what others could take
    BOOST_TEST((entries.at(1).left < 60s)); // at first hardly anything was known of it
    BOOST_TEST(clock.elapsed() < 950s);
    BOOST_REQUIRE(report.shard.given.size() == 1U);
    BOOST_TEST(report.shard.given[0].from == 1U);
}

BOOST_FIXTURE_TEST_CASE(of_two_that_claim_the_same_one_gets_it, Asked) {
    cut.shards.push_back(cut.shards[1]);
    cut.shards[2].number = 3;
    for (std::size_t other : {2U, 3U}) {
        tell(40s, other, Said::started);
        for (auto moment = 100s; moment < 2000s; moment += 60s) tell(moment, other, Said::alive);
    }
    claim(50s, 2, {"app9", "app8"});
    claim(50s, 3, {"app9", "app8", "app7"});
    publish(300s, {"app9", "app8", "app7"});
    run_shard();
    BOOST_TEST(report.exit_code == 0, causes());
    BOOST_TEST(answers_to(2) == Names{"app9 app8"}, boost::test_tools::per_element());
    BOOST_TEST(answers_to(3) == Names{"app7"}, boost::test_tools::per_element());
    BOOST_TEST(built().size() == 7U);
}

BOOST_FIXTURE_TEST_CASE(who_claims_and_dies_gives_it_back, Asked) {
    tell(40s, 2, Said::started);
    claim(50s, 2, {"app9", "app8"});
    run_shard();
    BOOST_TEST(report.exit_code == 0, causes());
    BOOST_TEST(sorted(built()) == apps, boost::test_tools::per_element());
    BOOST_TEST(report.shard.silent == std::vector<std::size_t>{2}, boost::test_tools::per_element());
}

BOOST_FIXTURE_TEST_CASE(whoever_has_slots_free_itself_leaves_nothing, Asked) {
    machine.settings.jobs = 16;
    tell(40s, 2, Said::started);
    claim(50s, 2, {"app9", "app8"});
    run_shard();
    BOOST_TEST(answers_to(2) == Names{""}, boost::test_tools::per_element());
    BOOST_TEST(sorted(built()) == apps, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_SUITE_END()
