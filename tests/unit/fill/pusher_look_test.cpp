// What a push tells of a path once it is up: first it is looked for.
#include "fill/push_targets.hpp"
#include "fill/pusher.hpp"
#include "run_scene.hpp"

#include <boost/test/unit_test.hpp>

using namespace cachefill;
using namespace cachefill::test;
using event::PushOutcome;
using namespace std::chrono_literals;

namespace {

struct Scene : RunScene {
    std::map<std::string, PushOutcome> settled;
    std::map<std::string, std::string> reasons;

    // Of these, by name; on_published may have done something to the cache meanwhile.
    void push(const std::vector<std::string>& names) {
        for (const auto& name : names) {
            derivation(name);
            make_valid(name);
        }
        play([this, names](session::Session& session) -> async::Task<void> {
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
                reasons[std::string(path.name())] = record.reason;
            };
            std::vector<nix::StorePath> paths;
            for (const auto& name : names) paths.push_back(path(name));
            auto push_settings = fill::push_settings_from(session.settings());
            co_await pusher.push(std::move(paths), std::move(push_settings), std::move(on_settled));
        });
    }
};

using Outcomes = std::map<std::string, PushOutcome>;

} // namespace

BOOST_FIXTURE_TEST_SUITE(pusher_look, Scene)

BOOST_AUTO_TEST_CASE(nobody_hears_that_a_path_was_published_before_the_cache_shows_it) {
    own.on_published = [this](const nix::StorePath& path) {
        if (path.name() == "lost") own.visible.erase(path);
    };
    push({"kept", "lost"});
    BOOST_TEST((settled == Outcomes{{"kept", PushOutcome::published}, {"lost", PushOutcome::failed}}));
}

BOOST_AUTO_TEST_CASE(what_went_with_the_directory_of_the_cache_is_not_published_and_nobody_waits_for_it) {
    own.on_published = [this](const nix::StorePath&) { own.fault = Fault::gone; };
    push({"kept"});
    BOOST_TEST((settled == Outcomes{{"kept", PushOutcome::failed}}));
    BOOST_TEST(reasons["kept"].find("not there any more") != std::string::npos, reasons["kept"]);
    BOOST_TEST(clock.elapsed() < 10s);
}

BOOST_AUTO_TEST_SUITE_END()
