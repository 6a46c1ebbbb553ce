// Whole runs, with twins of everything outside: what is built in which order, what goes up, and what the report says of
// it when things go wrong.
#include "options/settings.hpp"
#include "run_scene.hpp"

#include <boost/test/unit_test.hpp>

#include <csignal>

using namespace cachefill;
using namespace cachefill::test;
using namespace std::chrono_literals;
using Names = std::vector<std::string>;

namespace {

struct Fleet : RunScene {
    Fleet() { make_small_fleet(); }
    ~Fleet() override { BOOST_TEST(is_cache_sound()); }

    // The daemon was asked to build the one before the other.
    bool comes_before(const std::string& one, const std::string& other) const {
        auto all = built();
        return std::find(all.begin(), all.end(), one) < std::find(all.begin(), all.end(), other);
    }
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(run, Fleet)

BOOST_AUTO_TEST_CASE(a_fleet_is_built_in_order_and_all_of_it_is_in_the_cache) {
    run();
    BOOST_TEST(report.exit_code == 0, causes());
    BOOST_TEST(comes_before("lib", "tool"));
    BOOST_TEST(comes_before("tool", "nas"));
    BOOST_TEST(comes_before("lib", "desk"));
    BOOST_TEST(comes_before("app", "desk"));
    BOOST_TEST(sorted(built()) == (Names{"app", "desk", "lib", "nas", "tool"}), boost::test_tools::per_element());
    BOOST_TEST(sorted(published()) == sorted(built()), boost::test_tools::per_element());
    BOOST_TEST(verdict("nas") == "complete");
    BOOST_TEST(verdict("desk") == "complete");
    BOOST_TEST(target("nas").built == 3U);
    BOOST_TEST(target("nas").pushed == 3U);
    BOOST_TEST(clock.elapsed() < 32s); // three builds, one after the other, and an evaluation
    BOOST_TEST(messages() == "");
}

BOOST_AUTO_TEST_CASE(with_one_place_to_build_the_longest_chain_comes_first) {
    machine.settings.jobs = 1;
    run();
    BOOST_TEST(built() == (Names{"lib", "tool", "app", "nas", "desk"}), boost::test_tools::per_element());
    BOOST_TEST(report.exit_code == 0, causes());
}

BOOST_AUTO_TEST_CASE(what_fails_takes_with_it_what_needs_it_and_nothing_else) {
    builds["tool"].error = "builder failed with exit code 2";
    run();
    BOOST_TEST(outcome("tool") == "failed");
    BOOST_TEST(build("tool")->error == "builder failed with exit code 2");
    BOOST_TEST(outcome("nas") == "blocked");
    BOOST_TEST(build("nas")->blocked_by == "tool");
    BOOST_TEST(verdict("nas") == "incomplete");
    BOOST_TEST(target("nas").failed == 1U);
    BOOST_TEST(target("nas").blocked == 1U);
    BOOST_TEST(verdict("desk") == "complete");
    BOOST_TEST(sorted(published()) == (Names{"app", "desk", "lib"}), boost::test_tools::per_element());
    BOOST_TEST(report.exit_code == 1);
    BOOST_TEST(causes() == "1 derivation did not build, which blocks 1 other");
}

BOOST_AUTO_TEST_CASE(what_is_blocked_names_the_one_that_failed_however_far_below) {
    builds["lib"].error = "no compiler";
    run();
    for (const auto* name : {"tool", "nas", "desk"}) {
        BOOST_TEST_CONTEXT(name) {
            BOOST_TEST(outcome(name) == "blocked");
            BOOST_REQUIRE(build(name));
            BOOST_TEST(build(name)->blocked_by == "lib");
            BOOST_TEST(build(name)->blocked_by_derivation == path("lib.drv").to_string());
        }
    }
    BOOST_TEST(published() == Names{"app"}, boost::test_tools::per_element());
    BOOST_TEST(report.exit_code == 1);
}

BOOST_AUTO_TEST_CASE(what_the_cache_has_is_neither_built_nor_pushed) {
    serve(own, {"lib", "tool", "nas"});
    run();
    BOOST_TEST(sorted(built()) == (Names{"app", "desk"}), boost::test_tools::per_element());
    BOOST_TEST(sorted(published()) == (Names{"app", "desk"}), boost::test_tools::per_element());
    BOOST_TEST(report.present == 3U);
    BOOST_TEST(report.exit_code == 0, causes());
}

BOOST_AUTO_TEST_CASE(what_the_cache_has_with_a_foreign_signature_is_not_built_for_it_and_named_at_each_run) {
    auto key = nix::SecretKey::generate("own-1"), stranger = nix::SecretKey::generate("stranger-1");
    machine.settings.trusted_public_keys = {key.public_key().to_string()};
    auto sign = [&](const std::string& name, const nix::SecretKey& by) {
        auto& info = own.visible.at(path(name)).info;
        info.signatures = {by.sign(info.fingerprint()).value()};
    };
    serve(own, {"lib", "tool", "nas", "app", "desk"});
    for (const auto* name : {"lib", "nas", "app", "desk"}) sign(name, key);
    sign("tool", stranger);
    for (int time = 0; time < 2; ++time) {
        events.clear();
        run();
        BOOST_TEST(built() == Names(), boost::test_tools::per_element());
        BOOST_TEST(published() == Names(), boost::test_tools::per_element());
        BOOST_TEST(verdict("nas") == "incomplete");
        BOOST_TEST(verdict("desk") == "complete");
        BOOST_TEST(target("nas").missing == Names{path("tool").to_string()}, boost::test_tools::per_element());
        BOOST_TEST(report.exit_code == 3);
        BOOST_TEST(causes() ==
                   "nixos:nas is not complete: 1 path missing, which the cache has without a signature that "
                   "counts: to be removed there before a run can put it there");
        auto told = messages();
        BOOST_TEST(told.find("not signed by a key that counts, but by stranger-1") != std::string::npos, told);
        BOOST_TEST(told.find("stranger-1") == told.rfind("stranger-1"), told);
    }
}

BOOST_AUTO_TEST_CASE(what_a_build_needs_of_what_the_cache_has_with_a_foreign_signature_is_built_and_named_as_lost) {
    auto key = nix::SecretKey::generate("own-1"), stranger = nix::SecretKey::generate("stranger-1");
    machine.settings.trusted_public_keys = {key.public_key().to_string()};
    auto sign = [&](const nix::StorePath& path, const nix::SecretKey& by) {
        auto& info = own.visible.at(path).info;
        info.signatures = {by.sign(info.fingerprint()).value()};
    };
    own.on_published = [&](const nix::StorePath& path) { sign(path, key); };
    serve(own, {"tool"});
    sign(path("tool"), stranger);
    run();
    BOOST_TEST(outcome("tool") == "built"); // nas is made of it
    BOOST_TEST(pushed("tool") == "failed");
    for (const auto& push : report.pushes)
        if (push.path == path("tool").to_string())
            BOOST_TEST(push.reason.find("not signed by a key that counts") != std::string::npos, push.reason);
    BOOST_TEST(pushed("nas") == "published");
    BOOST_TEST(verdict("nas") == "incomplete");
    BOOST_TEST(verdict("desk") == "complete");
    BOOST_TEST(report.exit_code == 3);
    BOOST_TEST(causes().find("1 path could not be put into the cache") != std::string::npos, causes());
}

BOOST_AUTO_TEST_CASE(what_is_here_already_goes_up_without_a_build) {
    for (const auto* name : {"lib", "tool", "nas"}) make_valid(name);
    run();
    BOOST_TEST(sorted(built()) == (Names{"app", "desk"}), boost::test_tools::per_element());
    BOOST_TEST(published().size() == 5U);
    BOOST_TEST(verdict("nas") == "complete");
    BOOST_TEST(report.exit_code == 0, causes());
}

BOOST_AUTO_TEST_CASE(a_host_that_does_not_evaluate_holds_up_no_other) {
    hosts[0].failure = Failure(FailureKind::eval, "attribute 'x' missing");
    run();
    BOOST_TEST(verdict("nas") == "not-evaluated");
    BOOST_TEST(target("nas").error == "attribute 'x' missing");
    BOOST_TEST(verdict("desk") == "complete");
    BOOST_TEST(report.exit_code == 1);
    BOOST_TEST(causes() == "nixos:nas does not evaluate");
}

BOOST_AUTO_TEST_CASE(who_waits_long_for_nix_to_list_the_hosts_is_told_so) {
    listing = 20min;
    run();
    BOOST_TEST(report.exit_code == 0, causes());
    auto told = messages();
    auto word = std::string("waiting for nix, which is listing the hosts, for ");
    BOOST_TEST(told.find(word + "30.0 s") != std::string::npos, told);
    BOOST_TEST(told.find(word + "1 min 30 s") != std::string::npos, told);
    std::size_t words = 0;
    for (auto at = told.find(word); at != told.npos; at = told.find(word, at + 1)) ++words;
    BOOST_TEST(words == 5U, told);
}

BOOST_AUTO_TEST_CASE(hosts_that_took_longest_to_evaluate_begin_first_and_before_them_those_nobody_knows) {
    hosts[0].evaluation_before = 2s;
    hosts[1].evaluation_before = 9s;
    host("laptop", {"lib"}).evaluation_before = 5s;
    host("new", {"lib"});
    run();
    std::vector<std::string> begun;
    for (const auto& event : events)
        if (const auto* started = std::get_if<event::EvaluationStarted>(&event)) begun.push_back(started->target);
    BOOST_TEST(begun == (std::vector<std::string>{"nixos:new", "nixos:desk", "nixos:laptop", "nixos:nas"}),
               boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(hosts_are_built_as_they_come) {
    hosts[0].evaluation = 10min;
    std::size_t published_before = 0;
    at(9min, [&] { published_before = published().size(); });
    run();
    BOOST_TEST(published_before == 3U); // lib, app and desk
    BOOST_TEST(report.exit_code == 0, causes());
    BOOST_TEST(clock.elapsed() < 11min);
}

BOOST_AUTO_TEST_CASE(at_the_deadline_nothing_new_starts_and_uploads_are_finished) {
    machine.settings.deadline = 15s;
    uploads["lib"] = 60s;
    run();
    BOOST_TEST(sorted(built()) == (Names{"app", "desk", "lib", "tool"}), boost::test_tools::per_element());
    BOOST_TEST(outcome("lib") == "built");
    BOOST_TEST(outcome("tool") == "cancelled");
    BOOST_TEST(outcome("nas") == "not-started");
    BOOST_TEST(sorted(published()) == (Names{"app", "lib"}), boost::test_tools::per_element());
    BOOST_TEST(report.deadline_reached);
    BOOST_TEST(report.exit_code == 4, causes());
    BOOST_TEST(verdict("nas") == "incomplete");
    BOOST_TEST(target("nas").verified);
}

BOOST_AUTO_TEST_CASE(a_deadline_before_everything_is_evaluated_ends_that_too) {
    machine.settings.deadline = 15s;
    hosts[0].evaluation = 10min;
    run();
    BOOST_TEST(verdict("nas") == "not-evaluated");
    BOOST_TEST(outcome("desk") == "cancelled");
    BOOST_TEST(clock.elapsed() < 20s);
    BOOST_TEST(report.exit_code == 4, causes());
}

BOOST_AUTO_TEST_CASE(one_that_is_superseded_finishes_what_it_has_begun) {
    at(15s, [this] { running->supersede("https://github.com/o/r/actions/runs/2"); });
    run();
    BOOST_TEST(outcome("tool") == "built");
    BOOST_TEST(outcome("desk") == "built");
    BOOST_TEST(outcome("nas") == "not-started");
    BOOST_TEST(published().size() == 4U);
    BOOST_TEST(report.superseded_by == "https://github.com/o/r/actions/runs/2");
    BOOST_TEST(!target("desk").verified); // the newer run does that
    BOOST_TEST(report.exit_code == 0, causes());
}

BOOST_AUTO_TEST_CASE(a_plan_says_what_would_be_done_and_does_nothing) {
    serve(own, {"lib"});
    make_valid("app");
    machine.settings.exit_code = true;
    run(fill::Extent::plan);
    BOOST_TEST(report.builds.size() == 3U);
    for (const auto* name : {"tool", "nas", "desk"}) BOOST_TEST(outcome(name) == "not-started");
    BOOST_REQUIRE(report.pushes.size() == 1U);
    BOOST_TEST(report.pushes[0].path == path("app").to_string());
    BOOST_TEST(report.pushes[0].planned);
    BOOST_TEST(built().empty());
    BOOST_TEST(own.asked.empty()); // no upload has begun
    BOOST_TEST(verdict("nas") == "incomplete");
    BOOST_TEST(!target("nas").verified);
    BOOST_TEST(report.exit_code == 1);
    BOOST_TEST(causes() == "3 derivations would be built and 1 path pushed, which --exit-code asks about");
}

BOOST_AUTO_TEST_CASE(a_verification_looks_and_does_nothing) {
    serve(own, {"lib", "tool", "nas", "desk"}); // desk refers to app
    run(fill::Extent::verify);
    BOOST_TEST(verdict("nas") == "complete");
    BOOST_TEST(verdict("desk") == "incomplete");
    BOOST_TEST(target("desk").missing == Names{path("app").to_string()}, boost::test_tools::per_element());
    BOOST_TEST(built().empty());
    BOOST_TEST(published().empty());
    BOOST_TEST(report.exit_code == 3);
    BOOST_TEST(causes() == "nixos:desk is not complete: 1 path missing");
}

BOOST_AUTO_TEST_CASE(a_run_that_only_reads_builds_and_pushes_nothing) {
    machine.settings.read_only = true;
    own.permission = cache::Permission::read;
    run();
    BOOST_TEST(built().size() == 5U);
    BOOST_TEST(own.asked.empty());
    BOOST_TEST(report.pushes.empty());
    BOOST_TEST(report.exit_code == 0, causes());
}

BOOST_AUTO_TEST_CASE(a_host_for_another_machine_is_left_to_it) {
    host("mac", {"lib"}, "aarch64-darwin");
    run();
    BOOST_TEST(verdict("mac") == "elsewhere");
    BOOST_TEST(outcome("mac") == "elsewhere");
    BOOST_TEST(verdict("nas") == "complete");
    BOOST_TEST(report.exit_code == 0, causes());
}

BOOST_AUTO_TEST_CASE(what_else_of_the_flake_is_wrong_is_a_cause_of_its_own) {
    machine.settings.check_flake = true;
    findings.push_back(
        {.output = "packages.x86_64-linux.hello", .failure = Failure(FailureKind::eval, "no"), .position = {}});
    run();
    BOOST_TEST(verdict("nas") == "complete");
    BOOST_TEST(report.exit_code == 1);
    BOOST_TEST(causes() == "flake:packages.x86_64-linux.hello does not evaluate");
}

// It answers 200, and then there is nothing.
BOOST_AUTO_TEST_CASE(what_a_cache_takes_and_does_not_keep_is_not_called_published) {
    for (auto* cache : {&own, &further})
        cache->on_published = [cache](const nix::StorePath& path) {
            if (path.name() == "lib") cache->visible.erase(path);
        };
    machine.settings.also_push = {GivenUrl(further.uri().name)};
    run();
    BOOST_TEST(report.exit_code == 3, causes());
    BOOST_TEST(pushed("lib") == "failed");
    BOOST_TEST(pushed("app") == "published");
    BOOST_TEST(verdict("nas") == "incomplete");
    BOOST_TEST(verdict("desk") == "incomplete");
    BOOST_TEST(clock.elapsed() < 4min); // a minute for all hosts, and one for each cache
    BOOST_REQUIRE(report.also_pushed.size() == 1U);
    BOOST_TEST(report.also_pushed[0].failed == 1U);
    BOOST_TEST(report.also_pushed[0].error == "the cache took it and does not show it, so nobody can fetch it");
    own.holes.clear(); // of its own making
}

BOOST_AUTO_TEST_CASE(what_is_evicted_while_the_run_goes_on_is_what_is_missing) {
    when(event::Stage::verify, [this] { own.visible.erase(path("lib")); });
    run();
    BOOST_TEST(pushed("lib") == "failed");
    BOOST_TEST(pushed("nas") == "published");
    BOOST_TEST(report.exit_code == 3, causes());
}

BOOST_AUTO_TEST_CASE(a_further_cache_gets_what_goes_up_and_what_it_lacks) {
    machine.settings.also_push = {GivenUrl(further.uri().name)};
    serve(own, {"lib", "tool", "nas"});
    for (const auto* name : {"lib", "tool", "nas"}) make_valid(name);
    run();
    BOOST_TEST(sorted(published()) == (Names{"app", "desk"}), boost::test_tools::per_element());
    BOOST_TEST(published(further).size() == 5U);
    BOOST_REQUIRE(report.also_pushed.size() == 1U);
    BOOST_TEST(report.also_pushed[0].pushed == 5U);
    BOOST_TEST(further.holes.empty());
    BOOST_TEST(report.exit_code == 0, causes());
}

BOOST_AUTO_TEST_CASE(what_is_deferred_comes_when_all_else_is_done) {
    machine.settings.jobs = 1;
    machine.settings.defer = {{.system = {}, .pattern = "lib"}};
    run();
    BOOST_TEST(built().front() == "app");
    BOOST_TEST(build("lib")->deferred == "defer: lib");
    BOOST_TEST(report.exit_code == 0, causes());
}

BOOST_AUTO_TEST_CASE(on_a_branch_the_cache_is_told_of_the_run) {
    machine.environment.set("GITHUB_REF_NAME", "main");
    run();
    BOOST_TEST(report.branch == "main");
    auto manifest = nix::StorePath::parse(report.manifest);
    BOOST_REQUIRE(manifest.has_value());
    BOOST_TEST(own.is_served(*manifest));
    BOOST_REQUIRE(own.names.size() == 1U);
    BOOST_TEST((own.names.begin()->second == *manifest));
    BOOST_TEST((own.published.back() == *manifest)); // the last of two: one says that it is being built
    BOOST_TEST(published().size() == 7U);
    BOOST_TEST(report.exit_code == 0, causes());
}

BOOST_AUTO_TEST_SUITE_END()
