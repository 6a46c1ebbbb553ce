// A command that is cancelled at any turn of the loop ends, and nothing of it is left that would use what is gone.
#include "command_cases.hpp"

#include <boost/test/unit_test.hpp>

#include <cstdlib>

using namespace cachefill::test;

BOOST_AUTO_TEST_SUITE(commands_cancelled)

// Each turn costs a command, some 50 ms: one in seventeen is visited, all with CACHEFILL_EVERY_TURN=1 in the
// environment.
BOOST_AUTO_TEST_CASE(everywhere) {
    const std::size_t stride = std::getenv("CACHEFILL_EVERY_TURN") ? 1 : 17;
    for (const auto& each : command_cases) {
        auto play = [&each](OneMissing& scene) {
            each.prepare(scene);
            scene.perform(each.command, each.function);
        };
        OneMissing whole;
        play(whole);
        std::size_t cancelled = 0;
        for (std::size_t turn = 1; turn <= whole.turns; turn += stride) {
            OneMissing scene;
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
