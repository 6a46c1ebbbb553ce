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

const std::string drv_a = path_of('1', "a.drv").to_string(), drv_d = path_of('4', "d.drv").to_string();
const std::string arm = "ssh://arm", arm_line = "ssh://arm aarch64-linux - 1";

Play in_vain(const std::string& reason = "cannot connect to 'arm': Connection refused") {
    return {ActingDaemon::wait(1s),
            ActingDaemon::send(message_frame("cannot build on '" + arm + "': error: " + reason) +
                               message_frame("Failed to find a machine for remote build!") +
                               error_frame("unable to start any build; remote machines may not have all required "
                                           "system features"))};
}

// Begun there, and ended with this message and a result that tells nothing.
Play begun_there(const Paths& paths, const std::string& message) {
    auto drv = paths[0].substr(0, paths[0].find('!'));
    return {ActingDaemon::send(start_frame(7, activity_build, "building on arm", {drv, arm})), ActingDaemon::wait(1min),
            ActingDaemon::send(message_frame(message) +
                               build_reply({{paths[0], daemon::BuildStatus::misc_failure,
                                             "builder for '" + drv + "' failed with exit code 1"}}))};
}

// This machine, if it builds, with one slot, and a builder with one.
struct RemoteScene : DriverScene {
    enum class Who { both, builder }; // can build
    explicit RemoteScene(Who who) {
        settings.local_slots = who == Who::both ? 1 : 0;
        settings.builder_patience = 60s;
        settings.machines.front().builds = who == Who::both;
        settings.machines.push_back({.platforms = {"x86_64-linux"}, .features = {}, .builder = arm_line, .slots = 1});
    }
    bool was_asked_of_builder(std::size_t request) const {
        return build_settings.at(request).find("builders=" + arm_line) != std::string::npos;
    }
    std::size_t told(const std::string& words) const {
        return static_cast<std::size_t>(std::count_if(messages.begin(), messages.end(), [&](const auto& message) {
            return message.find(words) != std::string::npos;
        }));
    }
};
using Who = RemoteScene::Who;

} // namespace

BOOST_AUTO_TEST_SUITE(driver_builders)

BOOST_AUTO_TEST_CASE(this_machine_and_a_builder_work_side_by_side_each_by_itself) {
    RemoteScene scene(Who::both);
    scene.run(scene.chain.plan_without_order(), [](ActingDaemon& daemon) {
        daemon.on_build = [usual = daemon.on_build](const Paths& paths) {
            Play play{ActingDaemon::wait(1h)};
            for (auto& step : usual(paths)) play.push_back(std::move(step));
            return play;
        };
    });
    BOOST_TEST(scene.built.size() == 4U);
    BOOST_TEST((scene.clock.elapsed() == 2h));
    std::size_t on_builder = 0;
    for (std::size_t i = 0; i < scene.build_settings.size(); ++i) {
        if (scene.was_asked_of_builder(i))
            ++on_builder;
        else
            BOOST_TEST(scene.build_settings[i] == "builders="); // Nix may not hand it on
    }
    BOOST_TEST(on_builder == 2U);
    BOOST_TEST(scene.messages.empty());
}

BOOST_AUTO_TEST_CASE(of_an_untrusted_client_nix_hears_only_that_it_wants_no_builders) {
    RemoteScene scene(Who::both);
    scene.run(scene.chain.plan_without_order(), [](ActingDaemon& daemon) { daemon.trust = 2; });
    BOOST_TEST(scene.built.size() == 4U);
    for (const auto& settings : scene.build_settings) BOOST_TEST((settings == "builders=" || settings == ""));
    BOOST_TEST(std::count(scene.build_settings.begin(), scene.build_settings.end(), "") > 0);
}

BOOST_AUTO_TEST_CASE(what_is_cheap_stays_here) {
    DriverScene scene({.are_tiny = true});
    scene.settings.machines.push_back({.platforms = {"x86_64-linux"}, .features = {}, .builder = arm_line, .slots = 4});
    scene.run(scene.chain.plan_without_order(), [](ActingDaemon&) {});
    BOOST_TEST(scene.built.size() == 4U);
    for (const auto& settings : scene.build_settings) BOOST_TEST(settings == "builders=");
}

BOOST_AUTO_TEST_CASE(without_builders_nix_is_told_nothing_of_them) {
    DriverScene scene;
    scene.run(scene.chain.plan(), [](ActingDaemon&) {});
    for (const auto& settings : scene.build_settings) BOOST_TEST(settings == "");
}

BOOST_AUTO_TEST_CASE(a_builder_that_is_away_costs_nothing_where_this_machine_can_build) {
    RemoteScene scene(Who::both);
    scene.run(scene.chain.plan(), [](ActingDaemon& daemon) {
        daemon.on_build = [&daemon, usual = daemon.on_build](const Paths& paths) {
            bool is_remote = daemon.build_settings.back().find(arm) != std::string::npos;
            return is_remote ? in_vain() : usual(paths);
        };
    });
    BOOST_TEST(scene.built.size() == 4U);
    BOOST_TEST(scene.told("the remote builder ssh://arm cannot be reached: cannot connect to 'arm'") == 1U);
    BOOST_TEST((scene.clock.elapsed() < 10s));
}

BOOST_AUTO_TEST_CASE(a_builder_that_comes_back_within_patience_costs_only_time) {
    RemoteScene scene(Who::builder);
    scene.run(scene.chain.plan(), [&scene](ActingDaemon& daemon) {
        daemon.on_build = [&scene, usual = daemon.on_build](const Paths& paths) {
            return scene.clock.elapsed() < 30s ? in_vain() : usual(paths);
        };
    });
    BOOST_TEST(scene.built.size() == 4U);
    BOOST_TEST(scene.told("cannot be reached") == 1U);
    BOOST_TEST(scene.told("builds again") == 1U);
    BOOST_TEST(scene.builds_asked.size() < 4U + 8); // each pause is longer
}

BOOST_AUTO_TEST_CASE(what_only_a_builder_that_stays_away_could_build_is_named_with_the_reason) {
    RemoteScene scene(Who::builder);
    scene.run(scene.chain.plan(),
              [](ActingDaemon& daemon) { daemon.on_build = [](const Paths&) { return in_vain(); }; });
    BOOST_TEST(scene.built.empty());
    for (const std::string name : {"a", "d"}) {
        BOOST_TEST((scene.records[name].outcome == BuildOutcome::refused));
        BOOST_TEST(scene.records[name].builder_failed);
        BOOST_TEST(scene.records[name].error == "the remote builder ssh://arm cannot be reached: cannot connect to "
                                                "'arm': Connection refused, for 1 min 00 s");
    }
    BOOST_TEST((scene.records["c"].outcome == BuildOutcome::blocked));
    BOOST_TEST((scene.clock.elapsed() >= 60s));
    BOOST_TEST((scene.clock.elapsed() <= 65s));
}

BOOST_AUTO_TEST_CASE(what_a_builder_breaks_off_is_built_here_and_by_the_builder_again_where_nobody_else_can) {
    for (bool is_alone : {false, true}) {
        RemoteScene scene(is_alone ? Who::builder : Who::both);
        int times = 0;
        scene.run(scene.chain.plan(), [&times](ActingDaemon& daemon) {
            daemon.on_build = [&times, &daemon, usual = daemon.on_build](const Paths& paths) {
                bool breaks = daemon.build_settings.back().find(arm) != std::string::npos && ++times == 1;
                return breaks ? begun_there(paths, "error: unexpected end-of-file") : usual(paths);
            };
        });
        BOOST_TEST(scene.built.size() == 4U);
        BOOST_TEST(scene.told("the remote builder ssh://arm broke off: unexpected end-of-file") == 1U);
        BOOST_TEST(scene.builds_asked.size() == 5U);
    }
}

// Over ssh:// the log comes as it is printed, over ssh-ng:// also within the message.
BOOST_AUTO_TEST_CASE(a_builder_without_room_is_known_by_what_was_printed_there) {
    for (bool is_alone : {false, true}) {
        RemoteScene scene(is_alone ? Who::builder : Who::both);
        scene.run(scene.chain.plan(), [](ActingDaemon& daemon) {
            daemon.on_build = [&daemon, usual = daemon.on_build](const Paths& paths) {
                if (daemon.build_settings.back().find(arm) == std::string::npos) return usual(paths);
                auto play = begun_there(paths, "error: build of 'a.drv' on 'ssh://arm' failed: builder for 'a.drv' "
                                               "failed with exit code 1;\n       note: a word more");
                play.insert(play.end() - 1, ActingDaemon::send(log_line_frame(7, "dd: No space left on device")));
                return play;
            };
        });
        BOOST_TEST(scene.built.size() == (is_alone ? 0U : 4U));
        BOOST_TEST(scene.told("the remote builder ssh://arm has no room on its disk: builder for") > 0U);
        if (!is_alone) continue;
        BOOST_TEST(scene.records["a"].builder_failed);
        BOOST_TEST(!scene.records["a"].disk_was_full); // that would be this machine's
    }
}

BOOST_AUTO_TEST_CASE(what_makes_a_builder_break_off_each_time_is_given_up) {
    RemoteScene scene(Who::builder);
    scene.run(scene.chain.plan(), [](ActingDaemon& daemon) {
        daemon.on_build = [usual = daemon.on_build](const Paths& paths) {
            return paths[0] == drv_d + "!*" ? begun_there(paths, "error: unexpected end-of-file") : usual(paths);
        };
    });
    BOOST_TEST((scene.records["d"].outcome == BuildOutcome::failed));
    BOOST_TEST(scene.records["d"].error == "the remote builder ssh://arm broke off: unexpected end-of-file");
    BOOST_TEST(scene.records["d"].builder_failed);
    BOOST_TEST(std::count(scene.builds_asked.begin(), scene.builds_asked.end(), drv_d + "!*") == 3);
    BOOST_TEST(scene.built.size() == 3U);
}

BOOST_AUTO_TEST_CASE(what_a_builder_refuses_is_built_here_or_named) {
    const std::string words =
        "error: build of 'x' on 'ssh://arm' failed: error: a 'x86_64-linux' with features {kvm} is "
        "required to build 'x', but I am a 'x86_64-linux' with features {}";
    for (bool is_alone : {false, true}) {
        RemoteScene scene(is_alone ? Who::builder : Who::both);
        scene.run(scene.chain.plan(), [&words](ActingDaemon& daemon) {
            daemon.on_build = [&words, &daemon, usual = daemon.on_build](const Paths& paths) {
                bool is_remote = daemon.build_settings.back().find(arm) != std::string::npos;
                return is_remote ? begun_there(paths, words) : usual(paths);
            };
        });
        BOOST_TEST(scene.built.size() == (is_alone ? 0U : 4U));
        if (!is_alone) continue;
        BOOST_TEST((scene.records["a"].outcome == BuildOutcome::refused));
        BOOST_TEST(
            scene.records["a"].error.starts_with("the remote builder ssh://arm refuses it: a 'x86_64-linux' with"));
        BOOST_TEST(scene.records["a"].builder_failed);
    }
}

BOOST_AUTO_TEST_CASE(a_build_that_fails_there_fails_by_its_own_fault_and_once) {
    RemoteScene scene(Who::builder);
    scene.run(scene.chain.plan(), [](ActingDaemon& daemon) {
        daemon.on_build = [usual = daemon.on_build](const Paths& paths) {
            if (paths[0] != drv_a + "!*") return usual(paths);
            return begun_there(paths, "error: build of 'a.drv' on 'ssh://arm' failed: builder for 'a.drv' failed with "
                                      "exit code 3;\n       last 1 log lines:\n       > no good\n       For full logs, "
                                      "run 'nix log a.drv'.");
        };
    });
    const auto& record = scene.records["a"];
    BOOST_TEST((record.outcome == BuildOutcome::failed));
    BOOST_TEST(record.error == "builder for 'a.drv' failed with exit code 3");
    BOOST_TEST((record.log_tail == Paths{"no good"}));
    BOOST_TEST(record.builder == arm);
    BOOST_TEST(!record.builder_failed);
    BOOST_TEST(scene.builds_asked.size() == 2U);
    BOOST_TEST(scene.messages.empty());
}

BOOST_AUTO_TEST_CASE(what_newer_builders_say_first_is_left_out) {
    RemoteScene scene(Who::builder);
    scene.run(scene.chain.plan(), [](ActingDaemon& daemon) {
        daemon.on_build = [](const Paths& paths) {
            return begun_there(paths, "error: build of 'a.drv' on 'ssh://arm' failed: error: Cannot build 'a.drv'.\n"
                                      "              Reason: builder failed with exit code 3.");
        };
    });
    BOOST_TEST(scene.records["a"].error == "builder failed with exit code 3.");
}

BOOST_AUTO_TEST_CASE(a_build_there_has_limits_that_nix_does_not_tell_the_builder_of) {
    for (bool is_silent : {true, false}) {
        RemoteScene scene(Who::builder);
        scene.settings.limits = {.silence = 1h, .time = 3h};
        scene.run(scene.chain.plan(), [is_silent](ActingDaemon& daemon) {
            daemon.on_build = [is_silent, usual = daemon.on_build](const Paths& paths) {
                if (paths[0] != drv_a + "!*") return usual(paths);
                Play play{ActingDaemon::send(start_frame(7, activity_build, "building on arm", {drv_a, arm}))};
                for (int i = 0; i < 12; ++i) {
                    play.push_back(ActingDaemon::wait(30min));
                    if (!is_silent) play.push_back(ActingDaemon::send(log_line_frame(7, "line")));
                }
                return play;
            };
        });
        const auto& record = scene.records["a"];
        BOOST_TEST((record.outcome == (is_silent ? BuildOutcome::silent : BuildOutcome::timed_out)));
        BOOST_TEST(record.error == (is_silent ? "printed nothing for 1 h 00 min (--max-silent)"
                                              : "ran for 3 h 00 min (--build-timeout)"));
        BOOST_TEST((record.took >= (is_silent ? 1h : 3h)));
        BOOST_TEST((record.took <= (is_silent ? 1h : 3h) + 1min));
        BOOST_TEST((scene.built == Paths{"d"}));
    }
}

BOOST_AUTO_TEST_SUITE_END()
