#include "build/timed_request.hpp"
#include "support/acting_daemon.hpp"
#include "support/hand_clock.hpp"

#include <boost/test/unit_test.hpp>

using namespace cachefill;
using namespace cachefill::test;
using namespace std::chrono_literals;
using Moment = std::optional<async::Clock::TimePoint>;

namespace {

const std::string drv = "/nix/store/" + std::string(32, '1') + "-a.drv";

// One build that takes an hour; what came of it, and after how long.
struct Trial {
    HandClock clock;
    bool was_given_up = false, is_broken = false;
    std::chrono::milliseconds took{};

    void run(std::function<Moment()> at_the_latest) {
        run_by_hand(clock, [this, at_the_latest](async::Executor executor) { return play(executor, at_the_latest); });
    }

  private:
    async::Task<void> play(async::Executor executor, std::function<Moment()> at_the_latest) {
        ActingDaemon daemon(executor, clock);
        daemon.on_build = [usual = daemon.on_build](const std::vector<std::string>& paths) {
            ActingDaemon::Play play{ActingDaemon::wait(1h)};
            for (auto& step : usual(paths)) play.push_back(std::move(step));
            return play;
        };
        async::TaskGroup serving(executor);
        serving.spawn(daemon.serve());
        auto endpoint = daemon.endpoint();
        auto connection = co_await daemon::connect(endpoint);
        std::vector<daemon::DerivedPath> wanted{{.path = nix::StorePath::parse(drv).value(), .outputs = {"*"}}};
        auto start = clock.now();
        auto results = co_await build::ask_in_time(**connection, std::move(wanted), clock, 5min, at_the_latest);
        took = clock.elapsed_since(start);
        was_given_up = !results.has_value();
        is_broken = (*connection)->is_broken();
        connection->reset();
        serving.cancel();
        co_await serving.join();
    }
};

} // namespace

BOOST_AUTO_TEST_SUITE(timed_request)

BOOST_AUTO_TEST_CASE(a_build_whose_time_never_comes_ends_by_itself) {
    Trial trial;
    trial.run([] { return Moment(); });
    BOOST_TEST(!trial.was_given_up);
    BOOST_TEST(!trial.is_broken);
    BOOST_TEST((trial.took == 1h));
}

BOOST_AUTO_TEST_CASE(its_moment_may_be_put_off_until_it_has_come) {
    Trial trial;
    int looks = 0;
    auto start = trial.clock.now();
    trial.run([&] {
        if (++looks == 1) return Moment(); // it has not begun
        return Moment(start + (looks == 2 ? 10min : 20min));
    });
    BOOST_TEST(trial.was_given_up);
    BOOST_TEST(trial.is_broken);
    BOOST_TEST((trial.took == 20min));
}

BOOST_AUTO_TEST_SUITE_END()
