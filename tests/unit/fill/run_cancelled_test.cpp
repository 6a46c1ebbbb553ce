// A run that is cancelled at any turn of the loop ends, and nothing of it is left: no child that would use what is
// gone, no half upload, no hole in the cache.
#include "options/settings.hpp"
#include "run_scene.hpp"

#include <boost/test/unit_test.hpp>

#include <cstdlib>

using namespace cachefill;
using namespace cachefill::test;
using namespace std::chrono_literals;

namespace {

// nas needs tool, which needs lib; desk needs app, which fails; two caches are filled, and something comes from a
// third.
struct Fleet : RunScene {
    Fleet() {
        derivation("base");
        serve(upstream, {"base"});
        derivation("lib", {"base"});
        derivation("tool", {"lib"});
        derivation("app");
        builds["app"].error = "builder failed with exit code 1";
        uploads["lib"] = 5s;
        host("nas", {"tool"});
        host("desk", {"app"});
        machine.settings.jobs = 4;
    }
};

// How often the loop turned, and how many runs ended early. Each turn costs a run, some 40 ms: one in seventeen is
// visited, all of them with CACHEFILL_EVERY_TURN=1 in the environment.
struct Visited {
    std::size_t turns = 0, cancelled = 0;
};

Visited cancel_everywhere(fill::Extent extent) {
    Fleet whole;
    whole.run(extent);
    Visited visited{.turns = whole.turns};
    const std::size_t stride = std::getenv("CACHEFILL_EVERY_TURN") ? 1 : 17;
    for (std::size_t turn = 1; turn <= visited.turns; turn += stride) {
        Fleet fleet;
        fleet.cancelled_after = turn;
        fleet.run(extent);
        if (fleet.running) ++visited.cancelled;
        BOOST_TEST(fleet.is_cache_sound(), "turn " << turn);
    }
    return visited;
}

} // namespace

BOOST_AUTO_TEST_SUITE(run_cancelled)

BOOST_AUTO_TEST_CASE(everywhere) {
    for (auto extent : {fill::Extent::plan, fill::Extent::fill, fill::Extent::verify}) {
        auto visited = cancel_everywhere(extent);
        BOOST_TEST_MESSAGE(visited.turns << " turns, cancelled in " << visited.cancelled);
        BOOST_TEST(visited.cancelled > 0U);
    }
}

BOOST_AUTO_TEST_SUITE_END()
