#include "async/task_group.hpp"
#include "base/files.hpp"
#include "base/text.hpp"
#include "desktop.hpp"
#include "desktop/courier.hpp"
#include "support/hand_clock.hpp"

#include <boost/test/unit_test.hpp>

#include <map>

using namespace cachefill;
using namespace cachefill::desktop;
using namespace cachefill::test;
using namespace std::chrono_literals;
using async::Task;

namespace {

// What a cache is to the courier; the test says what happens.
class ScriptedCarrier final : public Carrier {
  public:
    explicit ScriptedCarrier(HandClock& clock) : clock_(clock) {}

    std::function<Result<void>()> before = [] { return Result<void>(); };
    std::function<Settlement(const nix::StorePath&)> answer = [](const nix::StorePath& path) {
        return Settlement{.path = path, .how = Settled::pushed, .bytes = 10};
    };
    std::function<bool()> hold = [] { return false; }; // do not come back before stop()

    Task<Result<void>> carry(std::vector<nix::StorePath> paths, OnSettled on_settled) override {
        ++batches;
        stopped_ = false;
        CO_TRY_VOID(before());
        for (const auto& path : paths) {
            asked.emplace_back(path.name());
            while (hold() && !stopped_) co_await clock_.sleep_for(1ms);
            if (stopped_) co_return Result<void>();
            on_settled(answer(path));
        }
        co_await clock_.sleep_for(1ms);
        co_return Result<void>();
    }
    void stop(std::chrono::milliseconds) override { stopped_ = true; }
    void rest() override { ++rests; }

    int batches = 0, rests = 0;
    std::vector<std::string> asked;

  private:
    HandClock& clock_;
    bool stopped_ = false;
};

struct Scene {
    HandClock clock;
    TemporaryDirectory directory = TemporaryDirectory::make("courier").value();
    Queue queue = Queue::open(directory.path(), Time(1h)).value();
    ScriptedCarrier carrier{clock};
    Ear ear;
    CourierSettings settings;
    std::string obstacle, surroundings;

    Scene() {
        settings.cache = "one";
        settings.trouble.first_delay = settings.trouble.longest_delay = 1ms;
        settings.refused.first_delay = settings.refused.longest_delay = 1ms;
        settings.path.first_delay = settings.path.longest_delay = 1ms;
        settings.look_around = 1ms;
        BOOST_REQUIRE(queue.set_caches({{"one", "cachix://one", false}}));
    }
    void queue_paths(const std::vector<std::string>& names) {
        std::vector<QueuedPath> paths;
        for (const auto& name : names) paths.push_back(queued(name));
        BOOST_REQUIRE(queue.add(paths, {}, {}, Time(1h)));
    }
    CacheStatus status() { return queue.status(Time(1h)).value().at(0); }

    // Lets the courier work until `enough`, which is asked at every moment of the clock.
    void work_until(std::function<bool(const Courier&)> enough) {
        run_by_hand(clock, [&](async::Executor executor) { return work(executor, enough); });
    }
    void work_until_empty() {
        work_until([this](const Courier&) { return queue.waiting().value() == 0; });
    }

  private:
    Task<void> work(async::Executor executor, const std::function<bool(const Courier&)>& enough) {
        Courier::Environment environment{.clock = clock,
                                         .now = [this] { return Time(1h) + clock.elapsed(); },
                                         .obstacle = [this] { return current_obstacle(); },
                                         .surroundings = [this] { return surroundings; }};
        Courier courier(executor, queue, carrier, settings, environment, ear);
        async::TaskGroup group(executor);
        auto run = [](Courier& c) -> Task<void> {
            auto ended = co_await c.run();
            BOOST_TEST(ended.has_value());
        };
        auto watch = [this](Courier& c, const std::function<bool(const Courier&)>& done) -> Task<void> {
            auto until = clock.now() + 60s;
            while (!done(c) && clock.now() < until) co_await clock.sleep_for(1ms);
            BOOST_TEST(done(c));
            c.stop();
        };
        group.spawn(run(courier));
        group.spawn(watch(courier, enough));
        co_await group.join();
    }
    Task<std::string> current_obstacle() { co_return obstacle; }
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(courier, Scene)

BOOST_AUTO_TEST_CASE(everything_goes_up_in_batches_and_leaves_the_queue) {
    settings.batch = 2;
    queue_paths({"a", "b", "c", "d", "e"});
    work_until_empty();
    BOOST_TEST(carrier.batches == 3);
    BOOST_TEST(carrier.asked.size() == 5U);
    BOOST_TEST(status().pushed == 5U);
    BOOST_TEST(status().pushed_bytes == 50U);
    BOOST_TEST(ear.heard("pushed"));
}

BOOST_AUTO_TEST_CASE(a_cache_that_is_away_loses_nothing_is_told_once_and_works_again) {
    queue_paths({"a", "b"});
    int tries = 0;
    carrier.before = [&]() -> Result<void> {
        if (++tries <= 4) return Failure(FailureKind::network, "connection refused");
        return {};
    };
    work_until_empty();
    BOOST_TEST(tries == 5);
    BOOST_TEST(status().pushed == 2U);
    BOOST_TEST(status().last_error == "");
    auto told = std::count_if(ear.said.begin(), ear.said.end(),
                              [](const auto& text) { return text.find("connection refused") != std::string::npos; });
    BOOST_TEST(told == 1);
    BOOST_TEST(ear.heard("works again"));
}

BOOST_AUTO_TEST_CASE(while_it_is_away_the_status_says_why_and_when_it_is_tried_again) {
    queue_paths({"a"});
    settings.trouble.first_delay = settings.trouble.longest_delay = 1h;
    carrier.before = []() -> Result<void> { return Failure(FailureKind::network, "connection refused"); };
    work_until([](const Courier& c) { return c.doing() == "waiting for the cache"; });
    BOOST_TEST(status().last_error == "connection refused");
    BOOST_TEST(status().next_try.has_value());
    BOOST_TEST(status().waiting == 1U);
    BOOST_TEST(carrier.batches == 1);
}

BOOST_AUTO_TEST_CASE(more_to_push_is_no_reason_to_ask_a_cache_that_is_away_but_a_new_network_is) {
    queue_paths({"a"});
    settings.trouble.first_delay = settings.trouble.longest_delay = 1h;
    bool away = true;
    carrier.before = [&]() -> Result<void> {
        if (away) return Failure(FailureKind::network, "connection refused");
        return {};
    };
    int looks = 0;
    work_until([&](const Courier& c) {
        if (c.doing() == "waiting for the cache" && ++looks == 20) {
            const_cast<Courier&>(c).wake();
        } else if (looks == 40) {
            BOOST_TEST(carrier.batches == 1);
            away = false;
            surroundings = "another network";
            ++looks;
        }
        return queue.waiting().value() == 0;
    });
    BOOST_TEST(carrier.batches == 2);
}

BOOST_AUTO_TEST_CASE(an_expired_token_keeps_everything_until_it_is_renewed) {
    queue_paths({"a", "b"});
    settings.refused.first_delay = settings.refused.longest_delay = 1h;
    carrier.before = [this]() -> Result<void> {
        if (surroundings.empty()) return Failure(FailureKind::auth, "the token is refused");
        return {};
    };
    work_until([this](const Courier& c) {
        if (c.doing() == "refused by the cache") surroundings = "the file has another time";
        return queue.waiting().value() == 0;
    });
    BOOST_TEST(ear.heard("the token is refused"));
    BOOST_TEST(status().pushed == 2U);
}

BOOST_AUTO_TEST_CASE(one_bad_path_holds_up_no_other_and_stays) {
    queue_paths({"bad", "c", "d"});
    settings.path.first_delay = settings.path.longest_delay = 1h;
    carrier.answer = [](const nix::StorePath& p) {
        bool is_bad = p.name() == "bad";
        return Settlement{
            .path = p, .how = is_bad ? Settled::failed : Settled::pushed, .reason = is_bad ? "server says 500" : ""};
    };
    work_until([this](const Courier& c) { return c.is_idle() && queue.waiting().value() == 1; });
    BOOST_TEST(status().pushed == 2U);
    BOOST_TEST(status().failing == 1U);
    BOOST_TEST(ear.heard("server says 500"));
    BOOST_TEST(carrier.batches == 1);
}

BOOST_AUTO_TEST_CASE(if_nothing_gets_through_it_is_the_cache_and_no_path_is_blamed) {
    queue_paths({"a", "b"});
    int tries = 0;
    carrier.answer = [&](const nix::StorePath& p) {
        return Settlement{.path = p, .how = ++tries <= 4 ? Settled::failed : Settled::pushed, .reason = "500"};
    };
    work_until_empty();
    BOOST_TEST(carrier.batches == 3);
    BOOST_TEST(status().pushed == 2U);
}

BOOST_AUTO_TEST_CASE(paths_that_were_garbage_collected_leave_quietly) {
    queue_paths({"a", "b"});
    carrier.answer = [](const nix::StorePath& p) { return Settlement{.path = p, .how = Settled::gone}; };
    work_until_empty();
    BOOST_TEST(status().gone == 2U);
    BOOST_TEST(ear.said.empty());
}

BOOST_AUTO_TEST_CASE(what_must_not_be_pushed_leaves_with_a_word) {
    queue_paths({"a"});
    carrier.answer = [](const nix::StorePath& p) {
        return Settlement{.path = p, .how = Settled::withheld, .reason = "it is foreign"};
    };
    work_until_empty();
    BOOST_TEST(status().withheld == 1U);
    BOOST_TEST(ear.heard("it is foreign"));
}

BOOST_AUTO_TEST_CASE(on_battery_it_waits_and_goes_on_with_the_cable) {
    queue_paths({"a"});
    obstacle = "on battery";
    int looks = 0;
    work_until([&](const Courier& c) {
        if (c.doing() == "on battery" && ++looks == 5) {
            BOOST_TEST(carrier.batches == 0);
            obstacle.clear();
        }
        return queue.waiting().value() == 0;
    });
    BOOST_TEST(ear.heard("on battery"));
    BOOST_TEST(carrier.batches == 1);
}

BOOST_AUTO_TEST_CASE(pulling_the_cable_stops_what_is_under_way_and_nothing_is_blamed_for_it) {
    queue_paths({"a", "b"});
    carrier.hold = [this] { return !carrier.asked.empty() && obstacle != "never mind"; };
    work_until([&](const Courier& c) {
        if (carrier.batches == 1 && obstacle.empty()) obstacle = "on battery";
        if (c.doing() == "on battery") {
            obstacle.clear();
            carrier.hold = [] { return false; };
        }
        return queue.waiting().value() == 0;
    });
    BOOST_TEST(carrier.batches >= 2);
    BOOST_TEST(status().failing == 0U);
    BOOST_TEST(status().pushed == 2U);
}

BOOST_AUTO_TEST_CASE(stopping_leaves_what_was_not_done_as_it_was) {
    queue_paths({"a", "b"});
    carrier.hold = [this] { return carrier.asked.size() == 2; };
    work_until([this](const Courier&) { return carrier.asked.size() == 2; });
    BOOST_TEST(status().pushed == 1U);
    auto left = queue.due("one", Time(2h), 10).value();
    BOOST_REQUIRE(left.size() == 1U);
    BOOST_TEST(left[0].attempts == 0U);
}

BOOST_AUTO_TEST_CASE(with_nothing_to_do_it_rests_and_wakes_for_what_comes) {
    work_until([this](const Courier& c) {
        if (c.is_idle() && queue.waiting().value() == 0 && carrier.batches == 0) {
            BOOST_TEST(carrier.rests > 0);
            queue_paths({"a"});
            const_cast<Courier&>(c).wake();
        }
        return carrier.batches == 1 && queue.waiting().value() == 0;
    });
    BOOST_TEST(status().pushed == 1U);
}

BOOST_AUTO_TEST_SUITE_END()
