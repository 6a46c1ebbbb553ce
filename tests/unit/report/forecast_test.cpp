#include "report/forecast.hpp"

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cmath>
#include <map>
#include <random>
#include <set>
#include <vector>

using namespace cachefill;
using namespace std::chrono_literals;
using report::Forecast;
using std::chrono::milliseconds;

namespace {

struct Run {
    Forecast forecast;
    Forecast::Clock::time_point start{};

    void plans(milliseconds moment, std::map<std::string, std::uint64_t> unmeasured, std::uint64_t measured = 0,
               milliseconds expected = 0ms, milliseconds chain = 0ms) {
        event::PlanChanged plan;
        plan.builds = measured;
        for (const auto& [kind, count] : unmeasured) plan.builds += count;
        plan.unmeasured = std::move(unmeasured);
        plan.expected = expected;
        plan.critical_path = chain;
        forecast.planned(plan, start + moment);
    }
    void starts(milliseconds moment, const std::string& name, std::optional<milliseconds> expected = {},
                const std::string& kind = "compile") {
        event::BuildStarted started;
        started.derivation = started.name = name;
        started.kind = kind;
        started.expected = expected;
        forecast.started(started, start + moment);
    }
    void ends(milliseconds moment, const std::string& name, event::BuildOutcome outcome = event::BuildOutcome::built,
              const std::string& kind = "compile") {
        event::BuildFinished finished;
        finished.derivation = finished.name = name;
        finished.kind = kind;
        finished.outcome = outcome;
        forecast.ended(finished, start + moment);
    }
    std::optional<milliseconds> left(milliseconds moment) const { return forecast.left(start + moment); }
};

// A fleet's builds as a graph of `kinds` that take what is drawn for them, on `slots` of one machine.
struct Fleet {
    struct Build {
        std::string kind;
        milliseconds takes;
        std::vector<std::size_t> after;
        bool measured;
    };
    std::vector<Build> builds;

    // In `known` of all cases it was measured before, rightly but for a half more or less.
    Fleet(std::uint32_t seed, double known) {
        std::mt19937 random(seed);
        std::lognormal_distribution<double> compile(std::log(20.0), 1.0), small(std::log(0.9), 0.3);
        std::uniform_real_distribution<double> chance(0, 1);
        for (std::size_t i = 0; i < 120; ++i) {
            bool is_small = chance(random) < 0.5;
            Build build{.kind = is_small ? "local by design" : "compile",
                        .takes = milliseconds(static_cast<std::int64_t>(1000 * (is_small ? small : compile)(random))),
                        .after = {},
                        .measured = chance(random) < known};
            for (int edges = 0; i > 0 && edges < 2; ++edges)
                if (chance(random) < 0.6)
                    build.after.push_back(static_cast<std::size_t>(chance(random) * static_cast<double>(i)));
            builds.push_back(std::move(build));
        }
    }

    // Every look at the forecast from a third of the run on, as the end that it foresees by the end that came.
    std::vector<double> play(std::size_t slots) const {
        Run run;
        std::map<std::string, std::uint64_t> unmeasured;
        std::uint64_t measured = 0;
        milliseconds expected{};
        for (const auto& build : builds)
            if (build.measured) {
                ++measured;
                expected += build.takes;
            } else {
                ++unmeasured[build.kind];
            }
        run.plans(0ms, unmeasured, measured, expected);
        std::multimap<milliseconds, std::size_t> running; // by their ends
        std::set<std::size_t> done, begun;
        std::vector<std::pair<milliseconds, std::optional<milliseconds>>> looks;
        milliseconds now{};
        while (done.size() < builds.size()) {
            for (std::size_t i = 0; i < builds.size() && running.size() < slots; ++i) {
                const auto& build = builds[i];
                bool ready =
                    std::all_of(build.after.begin(), build.after.end(), [&](auto one) { return done.contains(one); });
                if (!ready || !begun.insert(i).second) continue;
                auto told = build.measured ? std::optional(build.takes) : std::nullopt;
                run.starts(now, std::to_string(i), told, build.kind);
                running.emplace(now + build.takes, i);
            }
            auto next = running.begin();
            for (auto look = now; look < next->first; look += 1s) looks.emplace_back(look, run.left(look));
            now = next->first;
            run.ends(now, std::to_string(next->second), event::BuildOutcome::built, builds[next->second].kind);
            done.insert(next->second);
            running.erase(next);
        }
        std::vector<double> quotients;
        for (const auto& [when, left] : looks) {
            if (when < now / 3) continue;
            BOOST_TEST(left.has_value());
            auto foreseen = when + left.value_or(0ms);
            quotients.push_back(static_cast<double>(foreseen.count()) / static_cast<double>(now.count()));
        }
        return quotients;
    }
};

} // namespace

BOOST_AUTO_TEST_SUITE(report_forecast)

BOOST_AUTO_TEST_CASE(nothing_is_invented) {
    Run run;
    BOOST_TEST(!run.left(0s).has_value()); // no plan
    run.plans(0s, {{"compile", 3}, {"light", 2}});
    BOOST_TEST(!run.left(0s).has_value()); // nothing is known of their times
    run.starts(0s, "small", {}, "light");
    run.starts(0s, "a");
    run.ends(1s, "small", event::BuildOutcome::built, "light");
    BOOST_TEST(!run.left(1s).has_value()); // what a compilation takes only a compilation tells
    run.ends(8s, "a", event::BuildOutcome::failed);
    BOOST_TEST(!run.left(8s).has_value()); // one that failed tells nothing
    run.starts(8s, "b");
    run.ends(18s, "b");
    BOOST_TEST(run.left(18s).has_value());
}

BOOST_AUTO_TEST_CASE(what_was_measured_before_is_known_from_the_beginning) {
    Run run;
    run.plans(0s, {}, 4, 400s, 100s);
    BOOST_TEST((run.left(0s) == 400s));
    run.starts(0s, "a", 100s);
    run.starts(0s, "b", 100s);
    BOOST_TEST((run.left(50s) == 150s)); // two at once: fifty of two hundred are done
    run.ends(100s, "a");
    run.ends(100s, "b");
    BOOST_TEST((run.left(100s) == 100s));
    Run slow;
    slow.plans(0s, {}, 2, 20s);
    slow.starts(0s, "a", 10s);
    slow.ends(20s, "a");
    BOOST_TEST((slow.left(20s) == 20s)); // the machine is busy today
}

BOOST_AUTO_TEST_CASE(a_chain_is_not_shortened_by_many_workers) {
    Run run;
    run.plans(0s, {}, 4, 400s, 390s);
    for (const auto* name : {"a", "b", "c", "d"}) run.starts(0s, name, 100s);
    BOOST_TEST((run.left(90s) == 300s));
    for (const auto* name : {"a", "b", "c", "d"}) run.ends(100s, name);
    BOOST_TEST(!run.left(500s).has_value());
}

BOOST_AUTO_TEST_CASE(a_kind_is_learnt_from_what_ended_and_from_what_still_runs) {
    Run run;
    run.plans(0s, {{"compile", 10}});
    run.starts(0s, "short");
    run.starts(0s, "long");
    run.ends(10s, "short");
    // One has ended, and twenty seconds were spent: of eight more and a running one, two at once.
    BOOST_TEST((run.left(10s) == 85s));
    BOOST_TEST((run.left(100s) > 400s)); // the long one is no exception until shown to be one
}

BOOST_AUTO_TEST_CASE(small_builds_take_what_small_builds_took_in_this_run) {
    Run run;
    run.plans(0s, {{"local by design", 300}});
    for (int i = 0; i < 3; ++i) {
        run.starts(i * 900ms, std::to_string(i), {}, "local by design");
        run.ends((i + 1) * 900ms, std::to_string(i), event::BuildOutcome::built, "local by design");
    }
    BOOST_TEST((run.left(2700ms) == 297 * 900ms)); // whatever a builder of nothing was once put at
}

BOOST_AUTO_TEST_CASE(what_is_blocked_is_not_ahead_any_more) {
    Run run;
    run.plans(0s, {{"compile", 3}});
    run.starts(0s, "a");
    run.ends(10s, "a");
    BOOST_TEST((run.left(10s) == 20s));
    run.ends(10s, "b", event::BuildOutcome::blocked);
    BOOST_TEST((run.left(10s) == 10s));
    run.ends(10s, "c", event::BuildOutcome::found);
    BOOST_TEST(!run.left(10s).has_value());
}

BOOST_AUTO_TEST_CASE(a_later_plan_counts_what_runs_once) {
    Run run;
    run.plans(0s, {{"compile", 2}}, 1, 30s);
    run.starts(0s, "a");
    run.starts(0s, "b", 30s);
    run.ends(10s, "a");
    auto before = run.left(10s);
    run.plans(10s, {{"compile", 1}}, 1, 30s); // of another host, which adds nothing
    BOOST_TEST((run.left(10s) == before));
    run.starts(10s, "c");
    before = run.left(10s);
    run.plans(10s, {{"compile", 1}}, 1, 30s);
    BOOST_TEST((run.left(10s) == before));
}

// What a person is told is worth it: played over fleets of which nothing, a half and all was measured before.
BOOST_AUTO_TEST_CASE(from_a_third_of_the_way_on_the_foreseen_end_is_right_within_a_factor_of_two) {
    for (auto known : {0.0, 0.5, 1.0}) {
        std::size_t looks = 0, wrong = 0;
        double least = 1, most = 1;
        for (std::uint32_t seed = 1; seed <= 40; ++seed)
            for (auto quotient : Fleet(seed, known).play(4)) {
                ++looks;
                wrong += quotient < 0.5 || quotient > 2 ? 1U : 0U;
                least = std::min(least, quotient);
                most = std::max(most, quotient);
            }
        BOOST_TEST_MESSAGE("measured before: " << known << ", looks: " << looks << ", wrong: " << wrong << ", from "
                                               << least << " to " << most);
        BOOST_TEST(looks > 1000U);
        // That the longest compilation of all comes last can only be foreseen by who measured it.
        BOOST_TEST(wrong * 50 <= (known > 0 ? 0U : looks));
    }
}

BOOST_AUTO_TEST_SUITE_END()
