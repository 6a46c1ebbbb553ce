#include "driver_scene.hpp"

#include <boost/test/unit_test.hpp>

#include <algorithm>

using namespace cachefill;
using namespace cachefill::test;
using event::BuildOutcome;
using Play = ActingDaemon::Play;
using Paths = std::vector<std::string>;
using namespace std::chrono_literals;

namespace {

const std::string drv_a = path_of('1', "a.drv").to_string(), drv_b = path_of('2', "b.drv").to_string();

bool asks_for_b(const Paths& paths) { return std::find(paths.begin(), paths.end(), drv_b + "!*") != paths.end(); }

std::vector<std::string> sorted(std::vector<std::string> names) {
    std::sort(names.begin(), names.end());
    return names;
}

nix::PathInfo info_of(const std::string& path) {
    return {.path = nix::StorePath::parse(path).value(),
            .nar_hash = {},
            .nar_size = 1,
            .references = {},
            .deriver = {},
            .signatures = {},
            .content_address = {}};
}

plan::Plan plan_where_a_is_here(const DriverScene& scene) {
    auto plan = scene.chain.plan();
    plan.builds.erase(plan.builds.begin());
    plan.builds[1].after = {};
    plan.builds[2].after = {1};
    return plan;
}

// Of derivations that are still being added: b never comes.
async::Task<Result<void>> all_but_b(nix::StorePath path) {
    if (path.to_string() == drv_b) co_return Failure(FailureKind::store, "the rest did not come");
    co_return Result<void>();
}

} // namespace

BOOST_AUTO_TEST_SUITE(driver_builds)

BOOST_AUTO_TEST_CASE(what_does_not_come_into_the_store_fails_with_the_reason_and_is_not_asked_for) {
    DriverScene scene;
    scene.callbacks.until_there = all_but_b;
    scene.run(scene.chain.plan_without_order(), [](ActingDaemon&) {});
    BOOST_TEST((sorted(scene.built) == Paths{"a", "c", "d"}));
    BOOST_TEST((scene.records["b"].outcome == BuildOutcome::failed));
    BOOST_TEST(scene.records["b"].error.find("the rest did not come") != std::string::npos, scene.records["b"].error);
    BOOST_TEST(std::none_of(scene.builds_asked.begin(), scene.builds_asked.end(),
                            [](const std::string& paths) { return paths.find(drv_b) != std::string::npos; }));
}

BOOST_AUTO_TEST_CASE(a_request_that_fails_as_a_whole_is_repeated_for_each_alone) {
    DriverScene scene({.are_tiny = true});
    scene.settings.local_slots = 1;
    scene.run(scene.chain.plan_without_order(), [](ActingDaemon& daemon) {
        daemon.on_build = [usual = daemon.on_build](const Paths& paths) {
            if (!asks_for_b(paths)) return usual(paths);
            return Play{
                ActingDaemon::send(error_frame("attribute '__noChroot' of derivation 'b.drv' must be a Boolean"))};
        };
    });
    BOOST_TEST((sorted(scene.built) == Paths{"a", "c", "d"}));
    BOOST_TEST((scene.records["b"].outcome == BuildOutcome::refused));
    BOOST_TEST(scene.records["b"].error == "attribute '__noChroot' of derivation 'b.drv' must be a Boolean");
    BOOST_TEST(scene.builds_asked.size() == 5U); // all at once, and then each
}

BOOST_AUTO_TEST_CASE(a_derivation_that_kills_the_daemon_costs_only_itself) {
    DriverScene scene({.are_tiny = true});
    scene.settings.local_slots = 1;
    scene.run(scene.chain.plan_without_order(), [](ActingDaemon& daemon) {
        daemon.on_build = [usual = daemon.on_build](const Paths& paths) {
            return asks_for_b(paths) ? Play{ActingDaemon::hang_up()} : usual(paths);
        };
    });
    BOOST_TEST((sorted(scene.built) == Paths{"a", "c", "d"}));
    BOOST_TEST((scene.records["b"].outcome == BuildOutcome::failed));
    BOOST_TEST(scene.records["b"].error.find("closed the connection") != std::string::npos);
    BOOST_TEST(scene.builds_asked.size() == 7U); // all at once, a, c and d, and three times b
}

BOOST_AUTO_TEST_CASE(what_has_a_flaw_is_refused_without_asking_and_blocks_what_needs_it) {
    DriverScene scene({.flaw_of_b = "its attribute 'x' is a string, and must be a Boolean"});
    scene.run(scene.chain.plan(), [](ActingDaemon&) {});
    BOOST_TEST((sorted(scene.built) == Paths{"a", "d"}));
    BOOST_TEST((scene.records["b"].outcome == BuildOutcome::refused));
    BOOST_TEST(scene.records["b"].error == "its attribute 'x' is a string, and must be a Boolean");
    BOOST_TEST((scene.records["c"].outcome == BuildOutcome::blocked));
    BOOST_TEST((scene.records["c"].blocked_by == scene.chain.b));
}

// The daemon's words are read where they come in, whoever says them.
BOOST_AUTO_TEST_CASE(a_full_disk_is_known_for_what_it_is) {
    for (const std::string says : {"log", "daemon", "nobody"}) {
        DriverScene scene;
        scene.run(scene.chain.plan(), [&says](ActingDaemon& daemon) {
            daemon.on_build = [&says](const Paths& paths) {
                const std::string words = "write error: No space left on device";
                Play play{ActingDaemon::send(start_frame(7, activity_build, "building", {drv_a, ""}))};
                if (says == "log") play.push_back(ActingDaemon::send(log_line_frame(7, words)));
                auto error = says == "daemon" ? words : std::string("builder failed with exit code 1");
                play.push_back(
                    ActingDaemon::send(build_reply({{paths[0], daemon::BuildStatus::permanent_failure, error}})));
                return play;
            };
        });
        BOOST_TEST((scene.records["a"].outcome == BuildOutcome::failed));
        BOOST_TEST(scene.records["a"].disk_was_full == (says != "nobody"), says);
    }
}

BOOST_AUTO_TEST_CASE(what_newer_daemons_say_first_is_left_out) {
    DriverScene scene;
    scene.run(scene.chain.plan(), [](ActingDaemon& daemon) {
        daemon.on_build = [](const Paths& paths) {
            auto message =
                "Cannot build '" + paths[0] + "'.\nReason: builder failed with exit code 3.\nOutput paths:\n  x";
            return Play{ActingDaemon::send(build_reply({{paths[0], daemon::BuildStatus::permanent_failure, message}}))};
        };
    });
    BOOST_TEST((scene.records["a"].outcome == BuildOutcome::failed));
    BOOST_TEST(scene.records["a"].error == "builder failed with exit code 3.");
}

BOOST_AUTO_TEST_CASE(what_ended_a_build_is_known_by_our_clock_because_the_daemon_says_the_same_of_both) {
    for (bool is_silent : {true, false}) {
        DriverScene scene;
        scene.settings.limits = {.silence = 1h, .time = 3h};
        scene.run(scene.chain.plan(), [is_silent](ActingDaemon& daemon) {
            daemon.on_build = [is_silent, usual = daemon.on_build](const Paths& paths) {
                if (paths[0] != drv_a + "!*") return usual(paths);
                Play play{ActingDaemon::send(start_frame(7, activity_build, "building", {drv_a, ""}))};
                for (int i = 0; i < (is_silent ? 1 : 6); ++i) {
                    play.push_back(ActingDaemon::wait(30min));
                    play.push_back(ActingDaemon::send(log_line_frame(7, "line")));
                }
                if (is_silent) play.push_back(ActingDaemon::wait(1h));
                play.push_back(ActingDaemon::send(
                    build_reply({{paths[0], daemon::BuildStatus::timed_out, "timed out after 3600 seconds"}})));
                return play;
            };
        });
        const auto& record = scene.records["a"];
        BOOST_TEST((record.outcome == (is_silent ? BuildOutcome::silent : BuildOutcome::timed_out)));
        BOOST_TEST(record.error == (is_silent ? "printed nothing for 1 h 00 min (--max-silent)"
                                              : "ran for 3 h 00 min (--build-timeout)"));
        BOOST_TEST((record.took == (is_silent ? 90min : 180min)));
        BOOST_TEST((record.start == scene.clock.now() - record.took));
        BOOST_TEST(!scene.records["b"].start.has_value()); // it never did
        BOOST_TEST(record.log_tail.size() == (is_silent ? 1U : 6U));
    }
}

BOOST_AUTO_TEST_CASE(nothing_is_built_from_what_cannot_be_vouched_for_and_the_rest_goes_on) {
    DriverScene scene;
    auto output_of = [](char digit, const std::string& name) { return path_of(digit, name).to_string(); };
    // a was here before, and refers to a library by the word of somebody.
    scene.callbacks.doubt = [](const nix::PathInfo& info) {
        return info.path.name() == "library" ? std::string("only a stranger's word") : std::string();
    };
    auto plan = plan_where_a_is_here(scene);
    scene.run(plan, [&](ActingDaemon& daemon) {
        daemon.on_path_info = [&](const std::string& path) -> std::optional<nix::PathInfo> {
            auto info = info_of(path);
            if (path == output_of('6', "a")) info.references = {path_of('9', "library")};
            return info;
        };
    });
    BOOST_TEST((scene.records["b"].outcome == BuildOutcome::refused));
    BOOST_TEST(scene.records["b"].error.find(output_of('9', "library") + ": only a stranger's word") !=
               std::string::npos);
    BOOST_TEST((scene.records["c"].outcome == BuildOutcome::blocked));
    BOOST_TEST((scene.built == std::vector<std::string>{"d"}));
}

// Import from derivation: Nix itself fetched or built it, by whoever's word.
BOOST_AUTO_TEST_CASE(what_an_evaluation_made_of_something_doubtful_is_not_built_unless_another_made_it_too) {
    struct Case {
        std::vector<std::vector<std::string>> reads; // of each target that needs b
        bool is_refused;
    };
    auto library = path_of('9', "library");
    const Case cases[] = {{{{"library"}}, true},
                          {{{"library"}, {"library"}}, true},
                          {{{"library"}, {}}, false},
                          {{{"harmless"}}, false},
                          {{{}, {"library"}}, false},
                          {{{"made-of-library"}}, true},
                          {{{"c"}}, true},
                          {{}, false}};
    for (const auto& [reads, is_refused] : cases) {
        DriverScene scene;
        scene.callbacks.doubt = [](const nix::PathInfo& info) {
            return info.path.name() == "library" || info.path.name() == "b" ? std::string("only a stranger's word")
                                                                            : std::string();
        };
        scene.callbacks.read_for = [&](plan::DerivationId) {
            std::vector<std::vector<plan::PathId>> all;
            for (const auto& of_target : reads) {
                auto& paths = all.emplace_back();
                for (const auto& name : of_target)
                    paths.push_back(scene.chain.graph.intern(path_of(name == "c" ? '8' : '9', name)));
            }
            return all;
        };
        auto plan = scene.chain.plan();
        plan.builds = {plan.builds[1]}; // d, which needs nothing that is built here
        plan.builds[0].after = {};
        scene.run(plan, [&](ActingDaemon& daemon) {
            daemon.on_path_info = [&](const std::string& path) -> std::optional<nix::PathInfo> {
                auto info = info_of(path);
                if (info.path.name() == "made-of-library") info.references = {library};
                if (info.path.name() == "c") info.ultimate = true; // made here, of b
                return info;
            };
        });
        auto& record = scene.records["d"];
        BOOST_TEST((record.outcome == BuildOutcome::refused) == is_refused, record.error);
        if (is_refused) BOOST_TEST(record.error.find("evaluation read ") != std::string::npos, record.error);
    }
}

// The disk is looked at every two seconds, which is no reason to ask for whole closures again.
BOOST_AUTO_TEST_CASE(what_is_free_of_doubt_is_asked_for_again_only_when_others_are_believed) {
    for (bool others_are_believed : {false, true}) {
        DriverScene scene;
        scene.callbacks.doubt = [](const nix::PathInfo&) { return std::string(); };
        scene.callbacks.on_built = [&](plan::DerivationId, const std::vector<nix::StorePath>&) {
            scene.driver->wake();
            if (others_are_believed) scene.driver->trust_changed();
        };
        int library_asked_for = 0;
        scene.run(scene.chain.plan(), [&](ActingDaemon& daemon) {
            daemon.on_path_info = [&](const std::string& path) -> std::optional<nix::PathInfo> {
                auto info = info_of(path);
                if (info.path.name() == "library") ++library_asked_for;
                if (info.path.name() != "library") info.references = {path_of('9', "library")};
                return info;
            };
        });
        BOOST_TEST(library_asked_for == (others_are_believed ? 2 : 1)); // for b, and for c
    }
}

BOOST_AUTO_TEST_CASE(what_to_do_about_a_doubtful_path_speaks_of_a_key_only_if_there_is_one) {
    for (bool is_signed : {false, true}) {
        DriverScene scene;
        scene.callbacks.doubt = [](const nix::PathInfo&) { return std::string("nobody knows"); };
        auto plan = plan_where_a_is_here(scene);
        scene.run(plan, [&](ActingDaemon& daemon) {
            daemon.on_path_info = [&](const std::string& path) -> std::optional<nix::PathInfo> {
                auto info = info_of(path);
                if (is_signed) info.signatures = {"stranger-1:c2ln"};
                return info;
            };
        });
        const auto& error = scene.records["b"].error;
        BOOST_TEST((error.find("trust that key") != std::string::npos) == is_signed, error);
        BOOST_TEST(error.find("delete the path (nix store delete) and run again") != std::string::npos, error);
    }
}

BOOST_AUTO_TEST_CASE(what_is_in_doubt_is_used_where_somebody_who_counts_has_the_same) {
    enum class Answer { same, other, none };
    for (auto answer : {Answer::same, Answer::other, Answer::none}) {
        DriverScene scene;
        scene.callbacks.doubt = [](const nix::PathInfo&) { return std::string("nobody knows"); };
        scene.callbacks.is_vouched_for = [answer](nix::PathInfo) -> async::Task<Result<bool>> {
            if (answer == Answer::none) co_return Failure(FailureKind::network, "connection refused");
            co_return answer == Answer::same;
        };
        auto plan = plan_where_a_is_here(scene);
        scene.run(plan, [&](ActingDaemon& daemon) {
            daemon.on_path_info = [&](const std::string& path) -> std::optional<nix::PathInfo> {
                return info_of(path);
            };
        });
        const auto& record = scene.records["b"];
        BOOST_TEST((record.outcome == event::BuildOutcome::built) == (answer == Answer::same), record.error);
        BOOST_TEST((record.error.find("cannot be known: connection refused") != std::string::npos) ==
                       (answer == Answer::none),
                   record.error);
    }
}

BOOST_AUTO_TEST_CASE(what_was_refused_for_a_doubt_is_not_settled_again_when_the_daemon_goes_away_under_the_rest) {
    DriverScene scene({.are_tiny = true});
    scene.settings.local_slots = 1;
    scene.callbacks.doubt = [](const nix::PathInfo& info) {
        return info.path.name() == "a" ? std::string("only a stranger's word") : std::string();
    };
    auto plan = scene.chain.plan_without_order();
    plan.builds.erase(plan.builds.begin()); // a was here before; b is refused for it
    int asked_for_b = 0;
    scene.run(plan, [&](ActingDaemon& daemon) {
        daemon.on_path_info = [](const std::string& path) { return std::optional(info_of(path)); };
        daemon.dies_of = [&](const std::string& path) { return path.ends_with("-b") && ++asked_for_b == 1; };
    });
    BOOST_TEST(asked_for_b == 2);
    BOOST_TEST((scene.built == Paths{"d", "c"}));
    BOOST_TEST((scene.records["b"].outcome == BuildOutcome::refused));
    BOOST_TEST(std::count(scene.concluded.begin(), scene.concluded.end(), "b") == 1);
}

// Another process of this machine made it meanwhile: whoever that was, it was not this run.
BOOST_AUTO_TEST_CASE(what_is_valid_already_is_found_and_not_built_and_needs_somebodys_word) {
    for (auto status : {daemon::BuildStatus::already_valid, daemon::BuildStatus::resolves_to_already_valid}) {
        DriverScene scene;
        scene.callbacks.doubt = [](const nix::PathInfo& info) {
            return info.path.name() == "a" ? std::string("only a stranger's word") : std::string();
        };
        scene.run(scene.chain.plan(), [&](ActingDaemon& daemon) {
            daemon.on_path_info = [](const std::string& path) { return std::optional(info_of(path)); };
            daemon.on_build = [status, usual = daemon.on_build](const Paths& paths) {
                if (paths[0] != drv_a + "!*") return usual(paths);
                return Play{ActingDaemon::send(build_reply({{paths[0], status}}))};
            };
        });
        BOOST_TEST((scene.records["a"].outcome == BuildOutcome::found));
        BOOST_TEST(scene.records["a"].outputs.size() == 1U);
        BOOST_TEST((scene.records["b"].outcome == BuildOutcome::refused));
        BOOST_TEST((scene.records["d"].outcome == BuildOutcome::built));
        BOOST_TEST((sorted(scene.built) == Paths{"a", "d"})); // both are told as valid
    }
}

BOOST_AUTO_TEST_CASE(what_this_run_built_needs_nobodys_word) {
    DriverScene scene;
    scene.callbacks.doubt = [](const nix::PathInfo&) { return std::string("signed by a remote builder"); };
    scene.run(scene.chain.plan(), [](ActingDaemon& daemon) {
        daemon.on_path_info = [](const std::string& path) { return std::optional(info_of(path)); };
    });
    BOOST_TEST(scene.built.size() == 4U);
}

BOOST_AUTO_TEST_SUITE_END()
