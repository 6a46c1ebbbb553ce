// Several caches filled from one queue, one of which is away for an hour of the clock.
#include "async/task_group.hpp"
#include "base/files.hpp"
#include "desktop.hpp"
#include "desktop/courier.hpp"
#include "support/hand_clock.hpp"

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <map>
#include <memory>

using namespace cachefill;
using namespace cachefill::desktop;
using namespace cachefill::test;
using namespace std::chrono_literals;
using async::Task;

namespace {

// One that takes what it is given, and remembers when; while it is away it says so after some seconds, as a real one
// does.
class Shelf final : public Carrier {
  public:
    explicit Shelf(HandClock& clock) : clock_(clock) {}

    Task<Result<void>> carry(std::vector<nix::StorePath> paths, OnSettled on_settled) override {
        ++attempts;
        if (is_away) {
            co_await clock_.sleep_for(3s);
            co_return Failure(FailureKind::network, "cannot connect to nas: Connection refused");
        }
        for (const auto& path : paths) {
            co_await clock_.sleep_for(100ms);
            ++arrivals[std::string(path.name())];
            Settlement settlement{.path = path, .how = Settled::pushed, .bytes = 10};
            on_settled(std::move(settlement));
        }
        co_return Result<void>();
    }
    void stop(std::chrono::milliseconds) override {}
    void rest() override {}

    bool is_away = false;
    int attempts = 0;
    std::map<std::string, int> arrivals;

  private:
    HandClock& clock_;
};

struct Scene {
    HandClock clock;
    TemporaryDirectory directory = TemporaryDirectory::make("couriers").value();
    Queue queue = Queue::open(directory.path(), Time(1h)).value();
    Shelf main{clock}, nas{clock}, bucket{clock};
    Ear ear;

    Scene() {
        BOOST_REQUIRE(queue.set_caches(
            {{"main", "cachix://main", false}, {"nas", "attic://nas/team", true}, {"bucket", "s3://bucket", false}}));
    }
    CacheStatus status(const std::string& cache) {
        auto all = queue.status(now()).value();
        return *std::find_if(all.begin(), all.end(), [&](const CacheStatus& each) { return each.name == cache; });
    }
    Time now() const { return Time(1h) + clock.elapsed(); }
    std::ptrdiff_t times_told(const std::string& part) const {
        return std::count_if(ear.said.begin(), ear.said.end(),
                             [&](const auto& text) { return text.find(part) != std::string::npos; });
    }
    std::unique_ptr<Courier> courier(async::Executor executor, const std::string& name, Carrier& carrier) {
        CourierSettings settings; // as the service has them
        settings.cache = name;
        settings.is_optional = name == "nas";
        Courier::Environment environment{.clock = clock,
                                         .now = [this] { return now(); },
                                         .obstacle = [] { return no_obstacle(); },
                                         .surroundings = [] { return std::string(); }};
        return std::make_unique<Courier>(executor, queue, carrier, std::move(settings), std::move(environment), ear);
    }
    static Task<std::string> no_obstacle() { co_return std::string(); }
    static Task<void> run(Courier& courier) {
        auto ended = co_await courier.run();
        BOOST_TEST(ended.has_value());
    }
    // What happens meanwhile; then all of them end.
    void with_couriers(std::function<Task<void>(std::vector<Courier*>)> meanwhile) {
        run_by_hand(clock, [&](async::Executor executor) { return work(executor, meanwhile); });
    }

  private:
    Task<void> work(async::Executor executor, const std::function<Task<void>(std::vector<Courier*>)>& meanwhile) {
        auto first = courier(executor, "main", main), second = courier(executor, "nas", nas),
             third = courier(executor, "bucket", bucket);
        std::vector<Courier*> all{first.get(), second.get(), third.get()};
        async::TaskGroup group(executor);
        for (auto* each : all) group.spawn(run(*each));
        co_await meanwhile(all);
        for (auto* each : all) each->stop();
        co_await group.join();
    }
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(couriers, Scene)

BOOST_AUTO_TEST_CASE(who_is_away_for_an_hour_holds_up_nobody_is_told_once_and_has_everything_soon_after) {
    nas.is_away = true;
    constexpr int minutes = 60;
    auto the_hour = [&](std::vector<Courier*> all) -> Task<void> {
        for (int minute = 0; minute < minutes; ++minute) {
            std::vector<QueuedPath> fresh{queued("a" + std::to_string(minute)), queued("b" + std::to_string(minute))};
            BOOST_REQUIRE(queue.add(fresh, {}, {}, now()));
            for (auto* each : all) each->wake();
            co_await clock.sleep_for(60s);
            auto others = status("main").waiting + status("bucket").waiting;
            BOOST_TEST(others == 0U, minute); // within the minute
            BOOST_TEST(status("nas").waiting == 2U * static_cast<unsigned>(minute + 1));
        }
        BOOST_TEST(status("nas").last_error.find("Connection refused") != std::string::npos);
        BOOST_TEST(status("nas").next_try.has_value());
        // Pauses grow from five seconds to five minutes, at random by half.
        BOOST_TEST(nas.attempts >= 60 / 5);
        BOOST_TEST(nas.attempts <= 35);
        nas.is_away = false;
        co_await clock.sleep_for(6min);
        BOOST_TEST(status("nas").waiting == 0U);
    };
    with_couriers(the_hour);
    for (const auto* shelf : {&main, &nas, &bucket}) {
        BOOST_TEST(shelf->arrivals.size() == 2U * minutes);
        for (const auto& [name, times] : shelf->arrivals) BOOST_TEST(times == 1, name);
    }
    BOOST_TEST(times_told("nas: cannot push: cannot connect to nas") == 1);
    BOOST_TEST(times_told("nas: it works again") == 1);
    BOOST_TEST(times_told("main: cannot push") + times_told("bucket: cannot push") == 0);
    BOOST_TEST(status("nas").last_error == "");
}

BOOST_AUTO_TEST_SUITE_END()
