#include "http/pace.hpp"

#include <boost/test/unit_test.hpp>

using namespace cachefill;
using http::Pace;
using namespace std::chrono_literals;
using TimePoint = Pace::TimePoint;

namespace {

// Takes so many questions in a second and refuses what comes earlier, as nginx's limit_req does without a burst.
class Limited {
  public:
    explicit Limited(double per_second)
        : gap_(std::chrono::duration_cast<Pace::Duration>(std::chrono::duration<double>(1 / per_second))) {}

    bool takes(TimePoint now) {
        if (now < next_) return false;
        next_ = now + gap_;
        return true;
    }

  private:
    Pace::Duration gap_;
    TimePoint next_{};
};

struct Outcome {
    Pace::Duration took{};
    int refusals = 0;
};

// One question at a time, each 1 ms on its way, as fast as the pace allows.
Outcome ask(Pace& pace, Limited& server, int questions, TimePoint now) {
    Outcome outcome;
    auto start = now;
    while (questions > 0) {
        now = std::max(now, pace.next());
        auto began = now;
        pace.sent(now);
        bool taken = server.takes(now);
        now += 1ms;
        if (taken) {
            pace.answered(now);
            --questions;
        } else {
            pace.refused(began, 0ms, now);
            ++outcome.refusals;
        }
    }
    outcome.took = now - start;
    return outcome;
}

constexpr TimePoint start{1'000'000s};

} // namespace

BOOST_AUTO_TEST_SUITE(http_pace)

BOOST_AUTO_TEST_CASE(nobody_is_slowed_down_before_the_place_says_so) {
    Pace pace;
    for (int i = 0; i < 1'000; ++i) {
        pace.sent(start);
        pace.answered(start);
    }
    BOOST_TEST(!pace.is_limited());
    BOOST_TEST((pace.next() <= start));
}

BOOST_AUTO_TEST_CASE(a_limit_in_a_second_is_used_nearly_up_and_few_questions_are_refused) {
    for (double limit : {10.0, 60.0, 400.0}) {
        Pace pace;
        Limited server(limit);
        auto outcome = ask(pace, server, 2'000, start);
        auto at_best = 2'000 / limit;
        BOOST_TEST_CONTEXT("limit " << limit << ": " << outcome.took / 1ms << " ms, " << outcome.refusals
                                    << " refused") {
            BOOST_TEST((outcome.took <= std::chrono::duration<double>(at_best * 1.1)));
            BOOST_TEST(outcome.refusals <= 250);
        }
    }
}

BOOST_AUTO_TEST_CASE(a_limit_that_is_lifted_is_left_behind) {
    Pace pace;
    Limited tight(20);
    ask(pace, tight, 100, start);
    BOOST_TEST(pace.is_limited());
    Limited wide(100'000);
    auto outcome = ask(pace, wide, 2'000, start + 1h);
    BOOST_TEST(!pace.is_limited());
    BOOST_TEST((outcome.took < 10s));
}

BOOST_AUTO_TEST_CASE(many_refusals_of_what_was_sent_together_slow_down_once) {
    Pace pace;
    for (int i = 0; i < 200; ++i) pace.answered(start);
    for (int i = 0; i < 100; ++i) pace.refused(start, 0ms, start + 1ms);
    pace.sent(start + 1ms);
    BOOST_TEST((pace.next() - start < 10ms));
}

BOOST_AUTO_TEST_CASE(a_pause_that_the_server_asks_for_is_kept) {
    Pace pace;
    pace.answered(start);
    pace.refused(start, 3s, start + 1ms);
    BOOST_TEST((pace.next() >= start + 3s));
    pace.forget();
    BOOST_TEST((pace.next() <= start));
}

BOOST_AUTO_TEST_SUITE_END()
