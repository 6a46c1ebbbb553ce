#include "async/beside.hpp"
#include "event/event.hpp"
#include "session/slow_cache.hpp"
#include "support/faulty_cache.hpp"

#include <boost/test/unit_test.hpp>

using namespace cachefill;
using namespace cachefill::test;
using namespace std::chrono_literals;

namespace {

struct Messages final : event::Sink {
    void on_event(const event::Event& event) override {
        if (const auto* message = std::get_if<event::Message>(&event)) texts.push_back(message->text);
    }
    std::vector<std::string> texts;
};

// What is said while a cache takes so long to open, and others have these faults.
std::vector<std::string> said(std::chrono::milliseconds takes, std::vector<std::optional<Fault>> faults) {
    Messages messages;
    HandClock clock;
    run_by_hand(clock, [&](async::Executor executor) -> async::Task<void> {
        session::OtherCaches others = [&] {
            std::vector<std::unique_ptr<cache::BinaryCache>> all;
            for (const auto& fault : faults) {
                auto one = std::make_unique<FaultyCache>(executor, clock, "up" + std::to_string(all.size()));
                one->fault = fault;
                all.push_back(std::move(one));
            }
            return all;
        };
        auto opening = [&]() -> async::Task<int> {
            co_await clock.sleep_for(takes);
            co_return 1;
        };
        session::SlowCache slow{.name = "own", .hint = "it is asked again"};
        auto telling = session::tell_of_slow_cache(clock, messages, std::move(slow), std::move(others));
        BOOST_TEST(co_await async::beside(opening(), std::move(telling)) == 1);
        BOOST_TEST((clock.elapsed() == takes)); // nobody is held up
    });
    return messages.texts;
}

using Texts = std::vector<std::string>;
constexpr auto each = boost::test_tools::per_element();

} // namespace

BOOST_AUTO_TEST_SUITE(slow_cache)

BOOST_AUTO_TEST_CASE(what_takes_seconds_is_nobodys_business) { BOOST_TEST(said(4s, {Fault::refused}).empty()); }

BOOST_AUTO_TEST_CASE(a_cache_that_is_away_is_told_from_a_machine_without_a_network) {
    const Texts alone{"waiting for the cache own, which does not answer so far"};
    BOOST_TEST(said(90s, {}) == alone, each);
    const Texts others_answer{alone[0] + "; https://up1 does"};
    BOOST_TEST(said(90s, {Fault::refused, std::nullopt}) == others_answer, each);
    BOOST_TEST(said(90s, {Fault::silent, Fault::unavailable}) == others_answer, each); // 503: somebody is there
    const Texts offline{alone[0] + "; offline, it seems: nor does https://up0, https://up1"};
    BOOST_TEST(said(90s, {Fault::refused, Fault::silent}) == offline, each);
    BOOST_TEST(said(8s + 1ms, {Fault::silent, Fault::silent}) == offline, each); // within seconds
}

BOOST_AUTO_TEST_SUITE_END()
