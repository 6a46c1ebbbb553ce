// Whole runs of one commit on machines that have nothing of it: what the cache has of its evaluation is believed when
// all of it is still there, and else it is evaluated.
#include "fill/recall.hpp"
#include "options/settings.hpp"
#include "run_scene.hpp"
#include "session/evaluation_record.hpp"

#include <boost/test/unit_test.hpp>

using namespace cachefill;
using namespace cachefill::test;
using namespace std::chrono_literals;

namespace {

struct Fleet : RunScene {
    Fleet() {
        own.address().trusted = true; // its records need no signature
        own.preferred_compression = codec::Compression::none;
        derivation("lib");
        host("nas", {"lib"}).evaluation = 40s;
        host("desk", {"lib"}).evaluation = 50s;
        flake.source = path("source");
    }

    // As a machine would that never did it.
    std::chrono::milliseconds run_anew() {
        std::filesystem::remove_all(machine.path("state"));
        for (const auto* name : {"nas", "desk", "lib"}) {
            machine.infos.erase(path(name));
            std::filesystem::remove(machine.physical(path(name)));
        }
        fetched_inputs = 0;
        events.clear();
        auto start = clock.elapsed();
        run();
        return clock.elapsed() - start;
    }
    void forget_derivations() const {
        for (const auto* name : {"nas", "desk", "lib"})
            std::filesystem::remove(machine.physical(path(std::string(name) + ".drv")));
    }
    bool is_recalled() const { return target("nas").evaluated_before && target("desk").evaluated_before; }
    void was_evaluated() {
        BOOST_TEST(run_anew() >= 50s);
        BOOST_TEST(!target("nas").evaluated_before);
        BOOST_TEST(fetched_inputs > 0);
    }
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(recall, Fleet)

BOOST_AUTO_TEST_CASE(a_commit_that_is_complete_is_neither_evaluated_nor_are_its_inputs_fetched) {
    was_evaluated();
    BOOST_TEST(report.exit_code == 0, causes());
    auto first = report;
    auto published_first = published();
    forget_derivations();
    BOOST_TEST(run_anew() < 5s);
    BOOST_TEST(report.exit_code == 0, causes());
    BOOST_TEST(is_recalled());
    BOOST_TEST(fetched_inputs == 0);
    BOOST_TEST(verdict("nas") == "complete");
    BOOST_TEST(verdict("desk") == "complete");
    BOOST_TEST(target("nas").derivation == first.targets[0].derivation);
    BOOST_TEST(target("nas").output == first.targets[0].output);
    BOOST_TEST(report.builds.empty());
    BOOST_TEST(published() == published_first, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_hole_is_filled_by_evaluating) {
    was_evaluated();
    own.visible.erase(path("lib"));
    was_evaluated();
    BOOST_TEST(report.exit_code == 0, causes());
    BOOST_TEST(outcome("lib") == "built");
    BOOST_TEST(verdict("nas") == "complete");
    BOOST_TEST(run_anew() < 5s); // by the first one's record
    BOOST_TEST(is_recalled());
}

BOOST_AUTO_TEST_CASE(what_was_not_complete_is_not_recorded) {
    builds["desk"].error = "no such file";
    was_evaluated();
    BOOST_TEST(verdict("desk") == "incomplete");
    builds.clear();
    was_evaluated();
    BOOST_TEST(verdict("desk") == "complete");
    BOOST_TEST(run_anew() < 5s);
}

BOOST_AUTO_TEST_CASE(another_question_is_evaluated) {
    was_evaluated();
    flake.revision = "1123456789abcdef0123456789abcdef01234567";
    was_evaluated();
    machine.settings.hosts = {"nas", "desk"};
    was_evaluated();
    machine.settings.fresh = true;
    was_evaluated();
    machine.settings.fresh = false;
    BOOST_TEST(run_anew() < 5s);
    machine.settings.hosts = {"nas"};
    run_anew();
    BOOST_TEST(!target("nas").evaluated_before);
}

BOOST_AUTO_TEST_CASE(uncommitted_changes_are_evaluated) {
    flake.dirty = true;
    flake.revision.clear();
    was_evaluated();
    was_evaluated();
}

BOOST_AUTO_TEST_CASE(what_depends_on_more_than_the_commit_is_evaluated) {
    change_evaluated = [](eval::EvaluatedTarget& evaluated) {
        if (evaluated.target.name == "desk") evaluated.impure = true;
    };
    was_evaluated();
    was_evaluated();
}

BOOST_AUTO_TEST_CASE(a_record_that_nobody_signed_is_told_and_not_believed) {
    was_evaluated();
    own.address().trusted = false;
    was_evaluated();
    BOOST_TEST(messages().find("is not signed by any key that is trusted for this cache; the flake is evaluated") !=
                   std::string::npos,
               messages());
}

BOOST_AUTO_TEST_CASE(where_no_manifest_is_to_be_left_there_is_no_record_either) {
    machine.settings.manifest = false;
    was_evaluated();
    was_evaluated();
}

BOOST_AUTO_TEST_CASE(a_host_that_an_upstream_fills_is_whole_by_it) {
    nix::CacheSettings asks;
    asks.read("substituters = https://upstream.example\ntrusted-public-keys =");
    for (auto& host : hosts) host.nix_settings = asks;
    was_evaluated();
    BOOST_TEST(run_anew() < 5s);
    BOOST_TEST(is_recalled());
}

BOOST_AUTO_TEST_SUITE_END()
