// What a push tells of a path once it is up: first it is looked for.
#include "fill/push_targets.hpp"
#include "fill/pusher.hpp"
#include "run_scene.hpp"

#include <boost/test/unit_test.hpp>

using namespace cachefill;
using namespace cachefill::test;
using event::PushOutcome;
using namespace std::chrono_literals;

BOOST_FIXTURE_TEST_SUITE(pusher_look, RunScene)

BOOST_AUTO_TEST_CASE(nobody_hears_that_a_path_was_published_before_the_cache_shows_it) {
    for (const auto* name : {"kept", "lost"}) {
        derivation(name);
        make_valid(name);
    }
    own.on_published = [this](const nix::StorePath& path) {
        if (path.name() == "lost") own.visible.erase(path);
    };
    std::map<std::string, PushOutcome> settled;
    play([&](session::Session& session) -> async::Task<void> {
        auto lacking = co_await session.find_store();
        BOOST_REQUIRE(lacking.empty());
        auto cache = fill::cache_to_push_to(session.settings());
        BOOST_REQUIRE(cache.has_value());
        auto target = co_await fill::open_target(session, *cache, true, async::RetryPolicy());
        BOOST_REQUIRE(target.has_value());
        fill::Pusher pusher(session, std::move(*target), {}, *this);
        pusher.use(session.connection());
        fill::Pusher::OnSettled on_settled = [&](const nix::StorePath& path, const push::PushRecord& record) {
            BOOST_TEST(settled.emplace(path.name(), record.outcome).second); // once each
        };
        std::vector<nix::StorePath> paths{path("kept"), path("lost")};
        auto push_settings = fill::push_settings_from(session.settings());
        co_await pusher.push(std::move(paths), std::move(push_settings), std::move(on_settled));
    });
    BOOST_TEST((settled ==
                std::map<std::string, PushOutcome>{{"kept", PushOutcome::published}, {"lost", PushOutcome::failed}}));
}

BOOST_AUTO_TEST_SUITE_END()
