#include "http/concurrency.hpp"

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <queue>
#include <string>
#include <utility>

using namespace cachefill;
using http::Concurrency;
using namespace std::chrono_literals;
using Duration = Concurrency::Duration;
using TimePoint = Concurrency::TimePoint;

namespace {

// A server as far as it matters here. Questions queue up for its `cores`, each of which takes `work` for one; `way` is
// what they spend on the road.
struct Server {
    std::string name;
    Duration way{};
    Duration work{};
    std::size_t cores = 200;
    bool keeps_open = true;
    std::size_t refuses_above = 1'000; // connections
    std::size_t workers = 1'000;       // each tied to a connection until that is closed
    std::size_t slow_every = 0;        // each so manyth answer takes `slow` longer, whatever the load
    Duration slow{};
};

struct Outcome {
    Duration took{};
    std::size_t most = 0; // at once
    std::size_t refusals = 0;
    std::size_t limit = 0; // in the end
};

// Asks `questions` questions as fast as the decision allows, on a clock that jumps from event to event.
class Simulation {
  public:
    Simulation(Server server, std::size_t questions, std::size_t most)
        : server_(std::move(server)), left_(questions), decision_(most), free_(server_.cores, now_) {}

    Outcome run() {
        send();
        while (!events_.empty()) {
            auto event = events_.top();
            events_.pop();
            now_ = event.time;
            finish(event);
            send();
        }
        outcome_.took = now_ - TimePoint();
        outcome_.limit = decision_.limit();
        return outcome_;
    }

  private:
    struct Event {
        TimePoint time;
        TimePoint began;
        std::uint64_t round;
        bool refused;
        bool operator<(const Event& other) const { return time > other.time; } // the soonest on top
    };

    void send() {
        while (left_ > 0 && events_.size() + unserved_ < decision_.limit()) {
            --left_;
            outcome_.most = std::max(outcome_.most, events_.size() + unserved_ + 1);
            if (events_.size() >= server_.refuses_above) {
                events_.push({now_ + server_.way, now_, decision_.round(), true});
                continue;
            }
            if (events_.size() >= server_.workers) {
                ++unserved_;
                if (!noticed_) noticed_ = now_ + 250ms;
                continue;
            }
            events_.push({answer_time(), now_, decision_.round(), false});
        }
        if (noticed_ && now_ >= *noticed_) { // as a vigil does it: the others are closed, and so these are served
            decision_.serves_only(events_.size(), now_);
            left_ += unserved_;
            unserved_ = 0;
            noticed_.reset();
        }
        if (events_.empty() && unserved_ > 0) {
            left_ += std::exchange(unserved_, 0);
            send();
        }
    }

    TimePoint answer_time() {
        auto core = std::min_element(free_.begin(), free_.end());
        *core = std::max(*core, now_ + server_.way / 2) + server_.work;
        bool is_slow = server_.slow_every > 0 && ++sent_ % server_.slow_every == 0;
        return *core + server_.way / 2 + (is_slow ? server_.slow : Duration::zero());
    }

    void finish(const Event& event) {
        if (event.refused) {
            ++left_;
            ++outcome_.refusals;
            decision_.refused(event.round, now_);
            return;
        }
        Concurrency::Answer answer;
        answer.round = event.round;
        answer.wait = now_ - event.began;
        answer.keeps_open = server_.keeps_open;
        answer.unserved = server_.keeps_open ? unserved_ : events_.size();
        answer.wanted = left_ > 0;
        decision_.answered(answer, now_);
    }

    Server server_;
    std::size_t left_;
    Concurrency decision_;
    TimePoint now_{};
    std::vector<TimePoint> free_;
    std::priority_queue<Event> events_;
    std::size_t unserved_ = 0;
    std::optional<TimePoint> noticed_;
    std::size_t sent_ = 0;
    Outcome outcome_;
};

struct Row {
    Server server;
    std::size_t most;           // at once, at no time more
    std::size_t limit_at_least; // in the end
    std::size_t limit_at_most;
    Duration took_at_most;
    std::size_t refusals_at_most = 0;
};

Concurrency::Answer answer_in(const Concurrency& decision, Duration wait, bool wanted = true) {
    Concurrency::Answer answer;
    answer.round = decision.round();
    answer.wait = wait;
    answer.wanted = wanted;
    return answer;
}

void one_round(Concurrency& decision, Duration wait, TimePoint now, bool wanted = true) {
    auto count = decision.limit();
    for (std::size_t i = 0; i < count; ++i) decision.answered(answer_in(decision, wait, wanted), now);
}

} // namespace

BOOST_AUTO_TEST_SUITE(http_concurrency)

// 11 762 questions (the derivations of a real host), at most 128 at once.
BOOST_AUTO_TEST_CASE(each_kind_of_server_is_asked_as_much_as_it_can_take) {
    std::vector<Row> rows{
        // 128 from the first moment on would be 1.84 s
        {{.name = "good and 20 ms away", .way = 20ms, .work = 100us}, 128, 128, 128, 1960ms},
        {{.name = "slow by nature", .way = 200ms, .work = 1ms}, 128, 128, 128, 19'600ms},
        {{.name = "one busy core", .work = 1ms, .cores = 1}, 32, 4, 16, 11'800ms},
        {{.name = "one busy core, HTTP/1.0", .work = 1ms, .cores = 1, .keeps_open = false}, 4, 2, 4, 11'800ms},
        // Nix's 25 at once take 94 s
        {{.name = "HTTP/1.0, far away", .way = 200ms, .work = 1ms, .cores = 100, .keeps_open = false},
         128,
         128,
         128,
         22'000ms},
        {{.name = "five workers, tied to connections", .way = 1ms, .work = 1ms, .workers = 5}, 10, 5, 10, 4'800ms},
        {{.name = "refuses the eleventh", .way = 1ms, .work = 1ms, .refuses_above = 10}, 32, 4, 16, 3'000ms, 40},
        {{.name = "a third has to be fetched", .way = 10ms, .work = 100us, .slow_every = 3, .slow = 300ms},
         128,
         128,
         128,
         11'000ms},
    };
    for (const auto& row : rows) {
        auto outcome = Simulation(row.server, 11'762, 128).run();
        BOOST_TEST_CONTEXT(row.server.name << ": " << outcome.took / 1ms << " ms, at most " << outcome.most
                                           << ", in the end " << outcome.limit << ", refused " << outcome.refusals) {
            BOOST_TEST(outcome.most <= row.most);
            BOOST_TEST(outcome.limit >= row.limit_at_least);
            BOOST_TEST(outcome.limit <= row.limit_at_most);
            BOOST_TEST((outcome.took <= row.took_at_most));
            BOOST_TEST(outcome.refusals <= row.refusals_at_most);
        }
    }
}

BOOST_AUTO_TEST_CASE(never_more_than_allowed_and_at_least_one) {
    for (std::size_t most : {std::size_t(0), std::size_t(1), std::size_t(3), std::size_t(10)}) {
        Concurrency decision(most);
        TimePoint now{};
        for (int i = 0; i < 10; ++i) one_round(decision, 10ms, now);
        BOOST_TEST(decision.limit() == std::max<std::size_t>(most, 1));
        for (int i = 0; i < 10; ++i) decision.refused(decision.round(), now);
        BOOST_TEST(decision.limit() == 1);
    }
}

BOOST_AUTO_TEST_CASE(without_somebody_who_waits_for_a_turn_nothing_grows) {
    Concurrency decision(128);
    for (int i = 0; i < 10; ++i) one_round(decision, 10ms, TimePoint(), false);
    BOOST_TEST(decision.limit() == Concurrency::first);
}

BOOST_AUTO_TEST_CASE(one_trouble_with_many_signs_counts_once) {
    Concurrency decision(128);
    TimePoint now{};
    for (int i = 0; i < 3; ++i) one_round(decision, 10ms, now);
    BOOST_TEST(decision.limit() == 128);
    one_round(decision, 10ms, now);
    auto round = decision.round();
    for (int i = 0; i < 100; ++i) decision.refused(round, now);
    BOOST_TEST(decision.limit() == 64);
    decision.busy(round, now); // of questions that were under way then
    decision.answered(answer_in(decision, 1h), now);
    BOOST_TEST(decision.limit() == 64);
}

BOOST_AUTO_TEST_CASE(after_trouble_more_is_tried_again_but_not_at_once) {
    Concurrency decision(128);
    TimePoint now{};
    for (int i = 0; i < 4; ++i) one_round(decision, 10ms, now);
    decision.serves_only(5, now);
    for (int i = 0; i < 100; ++i) one_round(decision, 10ms, now + 1s);
    BOOST_TEST(decision.limit() == 5);
    one_round(decision, 10ms, now + 3s);
    BOOST_TEST(decision.limit() == 10);
    decision.serves_only(5, now + 3s); // the second time it is left alone for twice as long
    one_round(decision, 10ms, now + 6s);
    BOOST_TEST(decision.limit() == 5);
    one_round(decision, 10ms, now + 8s);
    BOOST_TEST(decision.limit() == 10);
}

BOOST_AUTO_TEST_CASE(connections_on_which_nothing_has_come_yet_are_waited_for) {
    Concurrency decision(128);
    TimePoint now{};
    one_round(decision, 10ms, now);
    BOOST_TEST(decision.limit() == 8);
    for (int i = 0; i < 8; ++i) {
        auto answer = answer_in(decision, 10ms);
        answer.unserved = 3;
        decision.answered(answer, now);
    }
    BOOST_TEST(decision.limit() == 8);
}

BOOST_AUTO_TEST_CASE(answers_without_a_wait_count_but_tell_nothing_of_time) {
    Concurrency decision(128);
    BOOST_TEST(!decision.typical_wait().has_value());
    for (int i = 0; i < 4; ++i) {
        Concurrency::Answer upload;
        upload.wanted = true;
        decision.answered(upload, TimePoint());
    }
    BOOST_TEST(decision.limit() == 8);
    BOOST_TEST(!decision.typical_wait().has_value());
    decision.answered(answer_in(decision, 7ms), TimePoint());
    BOOST_TEST((decision.typical_wait() == Duration(7ms)));
}

BOOST_AUTO_TEST_SUITE_END()
