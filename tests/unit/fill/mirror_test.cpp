#include "async/clock.hpp"
#include "event/messages_only.hpp"
#include "fill/mirror.hpp"
#include "options/settings.hpp"
#include "support/machine.hpp"
#include "support/memory_cache.hpp"

#include <boost/test/unit_test.hpp>

using namespace cachefill;
using namespace cachefill::test;
using event::PushOutcome;
using fill::Mirror;
using namespace std::chrono_literals;

namespace {

// A run's own cache in memory, and beside it a mirror that is a directory.
struct Scene : Machine {
    StoreConnection connection{infos};
    plan::Graph graph;
    plan::Facts facts;
    push::PushSettings push_settings;
    std::set<nix::StorePath> served_by_own;
    std::vector<std::string> settled;
    std::function<std::optional<std::string>(const nix::PathInfo&)> reason_to_withhold;

    Scene() {
        settings.retry_budget = 0s;
        push_settings.retry_later.budget = 0ms;
    }
    std::string address(const std::string& parameters = "?trusted=1") const {
        return "file://" + path("mirror").string() + parameters;
    }
    bool is_in_mirror(const nix::StorePath& path) const {
        return std::filesystem::exists(this->path("mirror") / (std::string(path.hash_part()) + ".narinfo"));
    }

    push::PushEnvironment environment_of_own() {
        push::PushEnvironment own;
        own.physical = [this](const nix::StorePath& path) { return physical(path); };
        own.is_served = [this](nix::StorePath path) -> async::Task<Result<bool>> {
            co_return served_by_own.contains(path);
        };
        own.path_infos =
            [this](
                std::vector<nix::StorePath> paths) -> async::Task<Result<std::vector<std::optional<nix::PathInfo>>>> {
            co_return co_await connection.query_path_infos(std::move(paths));
        };
        own.is_building = [] { return false; };
        own.known_keys = [](const nix::StorePath&) { return std::vector<nix::PublicKey>(); };
        own.reason_to_withhold = reason_to_withhold;
        return own;
    }

    report::MirrorReport push(std::vector<nix::StorePath> paths, const std::string& parameters = "?trusted=1") {
        report::MirrorReport told;
        auto body = [&](session::Session& session) -> async::Task<void> {
            GivenUrl given(address(parameters));
            auto opened = co_await Mirror::open(session, std::move(given));
            BOOST_REQUIRE(opened.has_value());
            auto& mirror = **opened;
            presence::Judge own(session.executor(), session.clock(), graph, facts, messages, session.patience());
            auto backend = std::make_unique<MemoryCache>(session.executor());
            presence::OpenedCache cache{.backend = std::move(backend), .info = {}, .keys = {}};
            own.add_own(std::move(cache));
            auto counting = [&own](const nix::StorePath&) { return own.all(); };
            auto on_settled = [this](const nix::StorePath& path) { settled.emplace_back(path.name()); };
            mirror.start(graph, own, counting, push_settings, environment_of_own(), on_settled);
            for (auto& path : paths) mirror.pipeline().add(std::move(path), true);
            mirror.pipeline().close();
            co_await mirror.pipeline().run();
            told = mirror.report();
        };
        run(body);
        return told;
    }
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(mirror, Scene)

BOOST_AUTO_TEST_CASE(what_the_own_cache_has_excuses_nothing_in_the_mirror) {
    auto libc = add("libc"), top = add("top", {libc});
    served_by_own = {libc, top};
    auto told = push({top});
    BOOST_TEST(is_in_mirror(top));
    BOOST_TEST(is_in_mirror(libc));
    BOOST_TEST(told.pushed == 2U);
    BOOST_TEST(told.pushed_bytes > 0U);
    BOOST_TEST(told.reachable);
    BOOST_TEST(told.url == "file://" + path("mirror").string());
    BOOST_TEST((settled == std::vector<std::string>{"libc", "top"}));
}

BOOST_AUTO_TEST_CASE(what_the_mirror_has_does_not_go_up_again) {
    auto top = add("top");
    push({top});
    auto second = push({top});
    BOOST_TEST(second.pushed == 0U);
    BOOST_TEST(second.already_there == 1U);
    BOOST_TEST(second.pushed_bytes == 0U);
}

BOOST_AUTO_TEST_CASE(its_pushes_are_no_news_for_the_run) {
    struct Pushes final : event::Sink {
        std::size_t number = 0;
        void on_event(const event::Event& event) override {
            number += std::holds_alternative<event::PushFinished>(event) ? 1 : 0;
        }
    } pushes;
    event::MessagesOnly only(pushes);
    only.on_event(event::PushFinished{});
    BOOST_TEST(pushes.number == 0U);
    push({add("top")});
    BOOST_TEST(messages.text() == "");
}

BOOST_AUTO_TEST_CASE(what_may_not_leave_does_not_leave_by_this_door_either) {
    auto secret = add("source"), above = add("above", {secret});
    reason_to_withhold = [secret](const nix::PathInfo& info) -> std::optional<std::string> {
        return info.path == secret ? std::optional<std::string>("it is the flake's own source") : std::nullopt;
    };
    auto told = push({above});
    BOOST_TEST(!is_in_mirror(secret));
    BOOST_TEST(!is_in_mirror(above));
    BOOST_TEST(told.failed == 2U);
    BOOST_TEST(told.error.find("source") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(an_optional_one_says_so_by_its_address) {
    BOOST_TEST(Mirror::is_optional(GivenUrl("https://nas.example?optional=1")));
    BOOST_TEST(!Mirror::is_optional(GivenUrl("https://nas.example")));
    BOOST_TEST(!Mirror::is_optional(GivenUrl("ftp://x?optional=1"))); // it is none at all
    BOOST_TEST(!push({}).optional);
    BOOST_TEST(push({}, "?trusted=1&optional=1").optional);
}

BOOST_AUTO_TEST_CASE(one_that_may_not_be_written_is_not_opened) {
    auto body = [](session::Session& session) -> async::Task<void> {
        for (const auto* parameters : {"?trusted=1", "?trusted=1&optional=1"}) {
            GivenUrl given("file:///proc/no-such-place" + std::string(parameters));
            auto opened = co_await Mirror::open(session, std::move(given));
            BOOST_REQUIRE(!opened.has_value());
            BOOST_TEST((opened.error().kind() == FailureKind::machine));
            BOOST_TEST(opened.error().hint() != "");
        }
        GivenUrl nonsense("ftp://x");
        auto refused = co_await Mirror::open(session, std::move(nonsense));
        BOOST_REQUIRE(!refused.has_value());
        BOOST_TEST((refused.error().kind() == FailureKind::usage));
    };
    run(body);
}

BOOST_AUTO_TEST_CASE(one_that_was_never_started_has_pushed_nothing) {
    auto body = [&](session::Session& session) -> async::Task<void> {
        GivenUrl given(address());
        auto opened = co_await Mirror::open(session, std::move(given));
        BOOST_REQUIRE(opened.has_value());
        auto told = (*opened)->report();
        BOOST_TEST(told.pushed + told.already_there + told.failed + told.not_pushed == 0U);
        BOOST_TEST(told.reachable);
    };
    run(body);
}

BOOST_AUTO_TEST_SUITE_END()
