#include "build/outages.hpp"

#include <boost/test/unit_test.hpp>

using namespace cachefill::build;
using namespace std::chrono_literals;
using Turn = Outages::Turn;

namespace {

const std::vector<std::string> a{"https://a.example.org"}, b{"https://b.example.org"},
    both{"https://a.example.org", "https://b.example.org"};

Outages::TimePoint at(std::chrono::milliseconds since_start) { return Outages::TimePoint(1h) + since_start; }

} // namespace

BOOST_AUTO_TEST_SUITE(outages)

BOOST_AUTO_TEST_CASE(one_tries_whether_a_cache_is_back_and_the_others_go_on_elsewhere) {
    Outages outages(10min);
    BOOST_TEST((outages.turn(a, at(0s)) == Turn::go));
    outages.note_failure(a[0], at(0s), at(0s));
    BOOST_TEST((outages.turn(a, at(1s)) == Turn::wait));
    BOOST_TEST((outages.turn(b, at(1s)) == Turn::go));
    BOOST_TEST((outages.turn(both, at(1s)) == Turn::go)); // the other may have it
    BOOST_TEST((outages.turn({}, at(1s)) == Turn::go));   // nobody knows who has it
    BOOST_TEST((outages.next_moment(at(1s)) == at(2s)));
    BOOST_TEST((outages.turn(a, at(2s)) == Turn::go));
    outages.begin(a);
    BOOST_TEST((outages.turn(a, at(2s)) == Turn::wait)); // somebody tries already
    BOOST_TEST(!outages.next_moment(at(2s)).has_value());
    outages.end(a);
    BOOST_TEST((outages.turn(a, at(2s)) == Turn::go));
    BOOST_TEST((outages.note_answer(a[0], at(2s)) == 2s));
    BOOST_TEST(!outages.note_answer(a[0], at(2s)).has_value());
    BOOST_TEST((outages.turn(a, at(2s)) == Turn::go));
}

BOOST_AUTO_TEST_CASE(tries_come_later_and_later_and_the_last_when_patience_ends) {
    Outages outages(2min);
    std::vector<std::chrono::seconds> tries;
    for (auto now = at(0s); now <= at(10min); now += 1s) {
        if (outages.turn(a, now) == Turn::give_up) {
            BOOST_TEST(outages.is_given_up(a[0]));
            tries.push_back(std::chrono::duration_cast<std::chrono::seconds>(now - at(0s)));
            break;
        }
        if (outages.turn(a, now) != Turn::go) continue;
        tries.push_back(std::chrono::duration_cast<std::chrono::seconds>(now - at(0s)));
        outages.note_failure(a[0], now, now);
    }
    const std::vector<std::chrono::seconds> wanted{0s, 2s, 6s, 14s, 30s, 60s, 90s, 120s, 121s};
    BOOST_TEST((tries == wanted));
}

BOOST_AUTO_TEST_CASE(a_cache_that_was_given_up_is_tried_now_and_then_and_may_come_back) {
    Outages outages(10s);
    outages.note_trouble(a[0], at(0s), at(0s));
    BOOST_TEST((outages.note_failure(a[0], at(11s), at(11s)) == 11s));
    BOOST_TEST((outages.turn(a, at(12s)) == Turn::give_up));
    BOOST_TEST((outages.turn(a, at(71s)) == Turn::go));
    outages.note_failure(a[0], at(72s), at(72s));
    BOOST_TEST((outages.turn(a, at(73s)) == Turn::give_up));
    outages.note_answer(a[0], at(73s));
    BOOST_TEST((outages.turn(a, at(74s)) == Turn::go));
    BOOST_TEST(!outages.is_given_up(a[0]));
}

BOOST_AUTO_TEST_CASE(patience_that_ended_while_nobody_asked_does_not_count_before_a_last_try) {
    Outages outages(10s);
    outages.note_failure(a[0], at(0s), at(0s));
    BOOST_TEST((outages.turn(a, at(1h)) == Turn::go));
}

BOOST_AUTO_TEST_SUITE_END()
