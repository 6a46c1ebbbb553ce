#include "shard/claims.hpp"
#include "shard/log_entry.hpp"

#include <boost/test/unit_test.hpp>

using namespace cachefill;
using namespace cachefill::shard;
using namespace std::chrono_literals;
using Names = std::vector<std::string>;

namespace {

struct Queue {
    std::vector<Claimable> builds; // in their owner's order
    Balance balance{.left_there = 600s, .slots_here = 1, .pace_here = 1};

    void add(const std::string& name, std::chrono::seconds expected, bool is_ready = true) {
        builds.push_back(
            {.derivation = nix::StorePath::parse_base_name("00000000000000000000000000000000-" + name).value(),
             .expected = expected,
             .handover = 2s,
             .is_ready = is_ready});
    }
    Names chosen() const {
        Names names;
        for (const auto& path : choose_claims(builds, balance)) names.emplace_back(path.name());
        return names;
    }
};

} // namespace

BOOST_AUTO_TEST_SUITE(claims)

BOOST_AUTO_TEST_CASE(a_pace_is_what_builds_took_against_what_was_thought) {
    Pace pace;
    BOOST_TEST(!pace.is_known());
    BOOST_TEST(pace.factor() == 1);
    pace.note(10s, 100s);
    BOOST_TEST(pace.is_known());
    BOOST_TEST(pace.factor() == 10);
    pace.note(90s, 100s);
    BOOST_TEST(pace.factor() == 2);
    pace.note(1ms, 1h * 10000);
    BOOST_TEST(pace.factor() == 100);
}

BOOST_AUTO_TEST_CASE(what_can_be_shared_is_what_slots_are_too_few_for) {
    std::vector<OpenBuild> wide(8, {.expected = 10s, .after = {}});
    BOOST_TEST((time_to_share(wide, 2, false, 1) == 40s));
    BOOST_TEST((time_to_share(wide, 2, false, 3) == 120s));
    std::vector<OpenBuild> chain;
    for (std::size_t i = 0; i < 4; ++i)
        chain.push_back({.expected = 10s, .after = i ? std::vector{i - 1} : std::vector<std::size_t>()});
    BOOST_TEST((time_to_share(chain, 1, false, 1) == 0s));
    chain.push_back({.expected = 30s, .after = {0}});
    BOOST_TEST((time_to_share(chain, 1, false, 1) == 70s));
    BOOST_TEST((time_to_share(chain, 2, false, 1) == 0s));
    // Everything runs, and one waits until some of that has ended.
    BOOST_TEST((time_to_share({{.expected = 10s, .after = {}}}, 4, true, 1) == 10s));
    BOOST_TEST((time_to_share({}, 4, true, 1) == 0s));
}

BOOST_AUTO_TEST_CASE(who_is_idle_takes_from_the_end_what_is_ready) {
    Queue queue;
    queue.add("first", 100s);
    queue.add("second", 100s);
    queue.add("third", 100s);
    queue.add("waits", 100s, false);
    BOOST_TEST(queue.chosen() == (Names{"third"}), boost::test_tools::per_element());
    queue.balance.slots_here = 2;
    BOOST_TEST(queue.chosen() == (Names{"third", "second"}), boost::test_tools::per_element());
    for (auto& build : queue.builds) build.is_ready = false;
    queue.balance.slots_here = 1;
    BOOST_TEST(queue.chosen() == Names{"waits"}, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(of_small_ones_it_takes_as_many_as_a_minute_holds) {
    Queue queue;
    for (int i = 0; i < 50; ++i) queue.add("small", 10s);
    BOOST_TEST(queue.chosen().size() == 6U);
    queue.balance.slots_here = 2;
    BOOST_TEST(queue.chosen().size() == 12U);
    queue.balance.pace_here = 2;
    BOOST_TEST(queue.chosen().size() == 6U);
}

BOOST_AUTO_TEST_CASE(nothing_that_takes_less_than_handing_it_over) {
    Queue queue;
    queue.add("large", 100s);
    queue.add("tiny", 2s);
    BOOST_TEST(queue.chosen() == Names{"large"}, boost::test_tools::per_element());
    queue.builds.erase(queue.builds.begin());
    BOOST_TEST(queue.chosen().empty());
}

BOOST_AUTO_TEST_CASE(nothing_that_its_owner_is_done_with_as_early) {
    Queue queue;
    queue.add("one", 100s);
    queue.balance.left_there = answer_takes + 2s + 100s;
    BOOST_TEST(queue.chosen().empty());
    queue.balance.left_there += 1s;
    BOOST_TEST(queue.chosen().size() == 1U);
    queue.balance.pace_here = 1.1; // a machine that is slower than thought itself
    BOOST_TEST(queue.chosen().empty());
    // The more it takes, the less the other has to do.
    queue.balance = {.left_there = 300s, .slots_here = 8, .pace_here = 1};
    queue.add("two", 100s);
    queue.add("three", 100s);
    BOOST_TEST(queue.chosen() == (Names{"three", "two"}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_claim_is_never_longer_than_an_entry_holds) {
    Queue queue;
    for (int i = 0; i < 500; ++i) queue.add("one", 100s);
    queue.balance = {.left_there = 100h, .slots_here = 1000, .pace_here = 1};
    BOOST_TEST(queue.chosen().size() == LogEntry::most_given);
}

BOOST_AUTO_TEST_SUITE_END()
