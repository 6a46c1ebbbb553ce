// A command that is cancelled at any turn of the loop ends, and nothing of it is left that would use what is gone.
#include "commands_scene.hpp"
#include "options/switch_command.hpp"
#include "report/run_report.hpp"

#include <boost/test/unit_test.hpp>

#include <cstdlib>

using namespace cachefill;
using namespace cachefill::app;
using namespace cachefill::test;
using async::Task;
using namespace std::chrono_literals;
using options::Command;

namespace {

// nas is made of a tool, which is made of lib; the tool is missing in the cache.
struct Scene : CommandScene {
    Scene()
        : CommandScene(R"(, "require-sigs": {"value": false}, "substituters": {"value": ["https://own.example"]})") {
        derivation("lib");
        derivation("tool", {"lib"});
        host("nas", {"tool"});
        serve(own, {"lib"});
        machine.environment.set("CACHEFILL_HOSTNAME", "nas");
        machine.settings.interval = 1min;
        machine.settings.timeout = 3min;
        machine.write("bin/nh", "#!/bin/sh\n");
        std::filesystem::permissions(machine.path("bin/nh"), std::filesystem::perms::owner_all);
    }
};

struct Case {
    const char* name;
    Command command;
    Task<int> (*function)(CommandContext&);
    void (*prepare)(Scene&);
};

const Case cases[] = {
    {"doctor", Command::doctor, doctor_command, [](Scene&) {}},
    {"wait", Command::wait, wait_command, [](Scene&) {}},
    {"guard", Command::guard, guard_command,
     [](Scene& scene) {
         scene.machine.settings.switches = options::parse_switch_command({"nh", "os", "switch"}).value();
     }},
    {"plan", Command::plan, plan_command, [](Scene&) {}},
    {"run", Command::run, run_command, [](Scene&) {}},
    {"verify", Command::verify, verify_command, [](Scene&) {}},
    {"push", Command::push, push_command,
     [](Scene& scene) {
         scene.make_valid("tool");
         scene.machine.settings.arguments = {Scene::path("tool").to_string()};
     }},
};

} // namespace

BOOST_AUTO_TEST_SUITE(commands_cancelled)

// Each turn costs a command, some 50 ms: one in seventeen is visited, all with CACHEFILL_EVERY_TURN=1 in the
// environment.
BOOST_AUTO_TEST_CASE(everywhere) {
    const std::size_t stride = std::getenv("CACHEFILL_EVERY_TURN") ? 1 : 17;
    for (const auto& each : cases) {
        auto play = [&each](Scene& scene) {
            each.prepare(scene);
            scene.perform(each.command, each.function);
        };
        Scene whole;
        play(whole);
        std::size_t cancelled = 0;
        for (std::size_t turn = 1; turn <= whole.turns; turn += stride) {
            Scene scene;
            scene.cancelled_after = turn;
            play(scene);
            if (scene.code == -1) ++cancelled;
            BOOST_TEST((scene.own.holes.empty() && scene.own.open_uploads == 0), each.name << ", turn " << turn);
        }
        BOOST_TEST_MESSAGE(each.name << ": " << whole.turns << " turns, ended early in " << cancelled);
        BOOST_TEST(cancelled > 0U, each.name);
    }
}

BOOST_AUTO_TEST_SUITE_END()
