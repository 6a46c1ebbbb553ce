// Whole runs, one after another: what is not evaluated again, and what is.
#include "eval/evaluator.hpp"
#include "options/settings.hpp"
#include "run_scene.hpp"

#include <boost/test/unit_test.hpp>

using namespace cachefill;
using namespace cachefill::test;
using namespace std::chrono_literals;

namespace {

struct Fleet : RunScene {
    Fleet() {
        for (const auto* name : {"nas.drv", "desk.drv"}) machine.add(name); // valid, and written by what follows
        derivation("lib");
        host("nas", {"lib"}).evaluation = 40s;
        host("desk", {"lib"}).evaluation = 50s;
        flake.source = path("source");
    }

    // How long the evaluations of another run take.
    std::chrono::milliseconds evaluating() {
        auto start = clock.elapsed();
        run(fill::Extent::plan);
        BOOST_TEST(report.exit_code == 0, causes());
        return clock.elapsed() - start;
    }
    bool all_from_before() const { return target("nas").evaluated_before && target("desk").evaluated_before; }
    bool none_from_before() const { return !target("nas").evaluated_before && !target("desk").evaluated_before; }
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(evaluated_before, Fleet)

BOOST_AUTO_TEST_CASE(the_same_commit_is_evaluated_once) {
    BOOST_TEST(evaluating() >= 50s);
    BOOST_TEST(none_from_before());
    auto first = report;
    BOOST_TEST(evaluating() < 5s);
    BOOST_TEST(all_from_before());
    BOOST_TEST(target("nas").derivation == first.targets[0].derivation);
    BOOST_TEST(report.builds.size() == first.builds.size());
    run(); // and it is filled
    BOOST_TEST(report.exit_code == 0, causes());
    BOOST_TEST(all_from_before());
    BOOST_TEST(verdict("nas") == "complete");
    BOOST_TEST(sorted(published()) == (std::vector<std::string>{"cachefill-evaluation.json", "desk", "lib", "nas"}),
               boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_flake_that_seemed_to_have_no_host_is_looked_at_again) {
    auto all = std::exchange(hosts, {});
    run(fill::Extent::plan);
    BOOST_TEST(report.targets.empty());
    hosts = std::move(all);
    run(fill::Extent::plan);
    BOOST_TEST(report.targets.size() == 2U);
}

BOOST_AUTO_TEST_CASE(another_commit_is_evaluated) {
    evaluating();
    flake.revision = "1123456789abcdef0123456789abcdef01234567";
    BOOST_TEST(evaluating() >= 50s);
    BOOST_TEST(none_from_before());
}

BOOST_AUTO_TEST_CASE(uncommitted_changes_are_evaluated_each_time) {
    flake.dirty = true;
    flake.revision.clear();
    evaluating();
    BOOST_TEST(evaluating() >= 50s);
    BOOST_TEST(none_from_before());
}

BOOST_AUTO_TEST_CASE(fresh_evaluates_all_the_same) {
    evaluating();
    machine.settings.fresh = true;
    BOOST_TEST(evaluating() >= 50s);
    BOOST_TEST(none_from_before());
}

BOOST_AUTO_TEST_CASE(a_derivation_that_was_collected_is_evaluated_anew_and_no_other) {
    evaluating();
    machine.infos.erase(path("desk.drv"));
    BOOST_TEST(evaluating() >= 50s);
    BOOST_TEST(target("nas").evaluated_before);
    BOOST_TEST(!target("desk").evaluated_before);
}

BOOST_AUTO_TEST_CASE(what_failed_is_tried_again) {
    hosts.front().failure = Failure(FailureKind::eval, "attribute 'foo' missing");
    run(fill::Extent::plan);
    hosts.front().failure.reset();
    evaluating();
    BOOST_TEST(!target("nas").evaluated_before);
    BOOST_TEST(target("desk").evaluated_before);
}

BOOST_AUTO_TEST_CASE(what_depends_on_more_than_the_commit_is_evaluated_each_time) {
    using Evaluated = eval::EvaluatedTarget;
    const std::vector<std::function<void(Evaluated&)>> changes{
        [](Evaluated& e) { e.impure = true; },
        [](Evaluated& e) { e.unknown_reads = 1; },
        [](Evaluated& e) { e.built_by_evaluation = {path("lib.drv")}; },
        [](Evaluated& e) { e.fetched_by_evaluation = {path("lib")}; },
    };
    int commit = 0;
    for (const auto& change : changes) {
        flake.revision = std::string(40, static_cast<char>('a' + commit++));
        change_evaluated = change;
        evaluating();
        BOOST_TEST(evaluating() >= 50s);
        BOOST_TEST(none_from_before());
    }
}

BOOST_AUTO_TEST_SUITE_END()
