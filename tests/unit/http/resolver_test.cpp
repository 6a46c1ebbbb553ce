#include "async/task_group.hpp"
#include "http/resolver.hpp"
#include "support/run_task.hpp"

#include <boost/test/unit_test.hpp>

#include <atomic>
#include <condition_variable>
#include <mutex>

using namespace cachefill;
using namespace cachefill::test;
using namespace std::chrono_literals;
using boost::asio::ip::make_address;
using http::Addresses;
using http::Resolver;
using Clock = std::chrono::steady_clock;

namespace {

// A name server that answers when it is told to. Shared with threads that may outlive the test.
struct SlowNames {
    std::mutex mutex;
    std::condition_variable opened;
    bool open = false;
    std::atomic<int> asked{0};

    void let_go() {
        std::lock_guard lock(mutex);
        open = true;
        opened.notify_all();
    }

    static Resolver::LookUp look_up(const std::shared_ptr<SlowNames>& names) {
        return [names](const std::string&) -> Result<Addresses> {
            ++names->asked;
            std::unique_lock lock(names->mutex);
            names->opened.wait(lock, [&] { return names->open; });
            return Addresses{make_address("192.0.2.1"), make_address("192.0.2.2")};
        };
    }
};

async::Task<void> resolve_into(Resolver& resolver, std::string host, std::vector<std::string>& found) {
    auto addresses = co_await resolver.resolve(std::move(host), Clock::now() + 10s);
    found.push_back(addresses && *addresses ? (**addresses)[0].to_string() : "nothing");
}

} // namespace

BOOST_AUTO_TEST_SUITE(http_resolver)

BOOST_AUTO_TEST_CASE(localhost_and_addresses_ask_nobody) {
    auto body = [](async::Executor executor) -> async::Task<void> {
        auto never = [](const std::string&) -> Result<Addresses> { std::terminate(); };
        Resolver resolver(executor, never);
        for (const auto& [host, first] : {std::pair("localhost", "127.0.0.1"), std::pair("a.localhost", "127.0.0.1"),
                                          std::pair("192.0.2.7", "192.0.2.7"), std::pair("::1", "::1")}) {
            auto found = co_await resolver.resolve(host, Clock::now());
            BOOST_TEST_REQUIRE((found && *found));
            BOOST_TEST((**found)[0].to_string() == first);
        }
    };
    run_task<void>(body);
}

BOOST_AUTO_TEST_CASE(a_look_up_that_hangs_is_left_at_the_deadline_and_may_outlive_the_loop) {
    auto names = std::make_shared<SlowNames>();
    auto start = Clock::now();
    auto body = [&](async::Executor executor) -> async::Task<void> {
        Resolver resolver(executor, SlowNames::look_up(names));
        auto found = co_await resolver.resolve("slow.example", Clock::now() + 50ms);
        BOOST_TEST((found && !*found));
    };
    run_task<void>(body);
    auto took = Clock::now() - start;
    BOOST_TEST((took >= 50ms && took < 5s));
    names->let_go(); // its thread now finds that nobody wants the result
}

BOOST_AUTO_TEST_CASE(those_who_ask_at_once_share_one_look_up_and_later_ones_its_result) {
    auto names = std::make_shared<SlowNames>();
    std::vector<std::string> found;
    auto body = [&](async::Executor executor) -> async::Task<void> {
        Resolver resolver(executor, SlowNames::look_up(names));
        auto early = co_await resolver.resolve("a.example", Clock::now() + 10ms);
        BOOST_TEST((early && !*early));
        async::TaskGroup group(executor);
        for (int i = 0; i < 10; ++i) group.spawn(resolve_into(resolver, "a.example", found));
        names->let_go();
        co_await group.join();
        co_await resolve_into(resolver, "a.example", found);
        BOOST_TEST(names->asked == 1);
        resolver.prefer("a.example", make_address("192.0.2.2"));
        co_await resolve_into(resolver, "a.example", found);
        resolver.forget("a.example");
        co_await resolve_into(resolver, "a.example", found);
        BOOST_TEST(names->asked == 2);
    };
    run_task<void>(body);
    BOOST_TEST(std::count(found.begin(), found.begin() + 11, "192.0.2.1") == 11);
    BOOST_TEST(found.at(11) == "192.0.2.2");
    BOOST_TEST(found.at(12) == "192.0.2.1");
}

BOOST_AUTO_TEST_CASE(a_failure_reaches_those_who_wait_and_is_not_remembered) {
    auto asked = std::make_shared<std::atomic<int>>(0);
    auto body = [&](async::Executor executor) -> async::Task<void> {
        auto look_up = [asked](const std::string& host) -> Result<Addresses> {
            if (++*asked == 1) return Failure(FailureKind::network, "no such name: " + host);
            return Addresses{make_address("192.0.2.1")};
        };
        Resolver resolver(executor, look_up);
        auto first = co_await resolver.resolve("a.example", Clock::now() + 10s);
        BOOST_TEST_REQUIRE(!first.has_value());
        BOOST_TEST(first.error().cause() == "no such name: a.example");
        auto second = co_await resolver.resolve("a.example", Clock::now() + 10s);
        BOOST_TEST((second && *second));
    };
    run_task<void>(body);
}

BOOST_AUTO_TEST_CASE(cancelling_one_who_waits_leaves_the_others_waiting) {
    auto names = std::make_shared<SlowNames>();
    std::vector<std::string> found;
    auto body = [&](async::Executor executor) -> async::Task<void> {
        Resolver resolver(executor, SlowNames::look_up(names));
        async::TaskGroup cancelled(executor), patient(executor);
        std::vector<std::string> none;
        cancelled.spawn(resolve_into(resolver, "a.example", none));
        patient.spawn(resolve_into(resolver, "a.example", found));
        while (names->asked == 0) co_await async::sleep_for(1ms);
        cancelled.cancel();
        co_await cancelled.join();
        BOOST_TEST(none.empty());
        names->let_go();
        co_await patient.join();
    };
    run_task<void>(body);
    BOOST_TEST(found.size() == 1);
}

BOOST_AUTO_TEST_CASE(the_system_knows_an_address_by_its_digits) {
    auto found = http::look_up("127.0.0.1");
    BOOST_TEST_REQUIRE(found.has_value());
    BOOST_TEST(found->at(0).to_string() == "127.0.0.1");
}

BOOST_AUTO_TEST_SUITE_END()
