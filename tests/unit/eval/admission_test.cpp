#include "async/task_group.hpp"
#include "eval/admission.hpp"
#include "support/run_task.hpp"

#include <boost/test/unit_test.hpp>

#include <map>
#include <string>
#include <vector>

using namespace cachefill;
using namespace cachefill::eval;
using async::Executor;
using async::Task;

namespace {

constexpr std::uint64_t gibibyte = 1ULL << 30;

// A machine whose memory the test moves, and what entered in which order.
struct Scene {
    std::uint64_t available = 100 * gibibyte;
    std::map<int, std::uint64_t> resident;
    std::vector<std::string> entered;

    Admission::Probe probe() {
        return {.available = [this] { return std::optional(available); },
                .resident = [this](int pid) { return resident[pid]; }};
    }
};

Task<void> visit(Scene& scene, Admission& admission, std::string name, std::uint64_t expected, bool alone,
                 async::Signal& leave, bool& may_leave) {
    auto ticket = co_await admission.enter(expected, alone, false);
    scene.entered.push_back(std::move(name));
    while (!may_leave) co_await leave.wait();
}

Task<void> settle() {
    for (int i = 0; i < 20; ++i) co_await async::sleep_for(std::chrono::milliseconds(0));
}

} // namespace

BOOST_AUTO_TEST_SUITE(admission)

BOOST_AUTO_TEST_CASE(the_first_may_always_start) { BOOST_TEST(may_start(50 * gibibyte, {}, 0, 1)); }

BOOST_AUTO_TEST_CASE(the_number_of_jobs_is_a_limit) {
    std::list<MemoryUse> two{{}, {}};
    BOOST_TEST(!may_start(1, two, 100 * gibibyte, 2));
    BOOST_TEST(may_start(1, two, 100 * gibibyte, 3));
}

BOOST_AUTO_TEST_CASE(what_the_running_ones_will_still_take_is_not_free) {
    std::list<MemoryUse> young{{.expected = 2 * gibibyte, .resident = 0}};
    std::list<MemoryUse> grown{{.expected = 2 * gibibyte, .resident = 3 * gibibyte}};
    BOOST_TEST(!may_start(gibibyte, young, 3 * gibibyte, 8));
    BOOST_TEST(may_start(gibibyte, grown, 3 * gibibyte, 8));
    BOOST_TEST(!may_start(gibibyte, grown, gibibyte, 8)); // the reserve stays
}

BOOST_AUTO_TEST_CASE(without_knowledge_only_the_number_counts) {
    BOOST_TEST(may_start(90 * gibibyte, {{.expected = gibibyte, .resident = 0}}, std::nullopt, 2));
}

BOOST_AUTO_TEST_CASE(what_is_free_is_shared_by_those_who_could_run_now) {
    const std::list<std::uint64_t> one{gibibyte}, four(4, gibibyte);
    const std::list<MemoryUse> running{{.expected = 2 * gibibyte, .resident = gibibyte}};
    BOOST_TEST(spare_share(one, {}, 10 * gibibyte, 8) == gibibyte); // no more than it is expected to take
    BOOST_TEST(spare_share(four, {}, 6 * gibibyte + memory_reserve, 8) == gibibyte / 2);
    BOOST_TEST(spare_share(four, {}, 3 * gibibyte + memory_reserve, 2) == gibibyte / 2); // two can run
    BOOST_TEST(spare_share(four, {}, 4 * gibibyte, 8) == 0U);
    BOOST_TEST(spare_share(one, running, 2 * gibibyte + memory_reserve + 5, 8) == 5U);
    BOOST_TEST(spare_share(one, running, 10 * gibibyte, 1) == 0U);
    BOOST_TEST(spare_share(one, {}, std::nullopt, 8) == 0U);
}

BOOST_AUTO_TEST_CASE(what_was_granted_is_not_free_for_others) {
    auto body = [](Executor executor) -> Task<void> {
        Scene scene;
        scene.available = 3 * gibibyte + memory_reserve;
        Admission admission(executor, 8, scene.probe());
        async::Signal leave(executor);
        bool may_leave = false;
        std::vector<std::uint64_t> granted;
        auto take = [&](bool takes_spare) -> Task<void> {
            auto ticket = co_await admission.enter(gibibyte, false, takes_spare);
            granted.push_back(ticket.granted());
            while (!may_leave) co_await leave.wait();
        };
        async::TaskGroup group(executor);
        for (bool takes_spare : {true, false, true}) group.spawn(take(takes_spare));
        co_await settle();
        BOOST_TEST(granted == (std::vector<std::uint64_t>{gibibyte, gibibyte, gibibyte}));
        may_leave = true;
        leave.notify_all();
        co_await group.join();
        granted.clear();
        may_leave = false;
        group.spawn(take(true));
        co_await settle();
        group.spawn(take(true));
        group.spawn(take(false));
        co_await settle();
        BOOST_TEST(granted == (std::vector<std::uint64_t>{2 * gibibyte, gibibyte}));
        may_leave = true;
        leave.notify_all();
        co_await group.join();
        BOOST_TEST(granted.size() == 3U);
    };
    test::run_task<void>(body);
}

BOOST_AUTO_TEST_CASE(one_that_does_not_fit_waits_until_another_leaves_and_nobody_overtakes) {
    auto body = [](Executor executor) -> Task<void> {
        Scene scene;
        scene.available = 3 * gibibyte;
        Admission admission(executor, 8, scene.probe());
        async::Signal leave(executor);
        bool first_leaves = false;
        bool all_leave = false;
        async::TaskGroup group(executor);
        group.spawn(visit(scene, admission, "first", 2 * gibibyte, false, leave, first_leaves));
        group.spawn(visit(scene, admission, "large", 2 * gibibyte, false, leave, all_leave));
        group.spawn(visit(scene, admission, "small", 1, false, leave, all_leave));
        co_await settle();
        BOOST_TEST(scene.entered == std::vector<std::string>{"first"}, boost::test_tools::per_element());
        first_leaves = true;
        leave.notify_all();
        co_await settle();
        BOOST_TEST(scene.entered == (std::vector<std::string>{"first", "large", "small"}),
                   boost::test_tools::per_element());
        all_leave = true;
        leave.notify_all();
        co_await group.join();
    };
    test::run_task<void>(body);
}

BOOST_AUTO_TEST_CASE(one_that_wants_to_be_alone_is_alone) {
    auto body = [](Executor executor) -> Task<void> {
        Scene scene;
        Admission admission(executor, 8, scene.probe());
        async::Signal leave(executor);
        bool first_leaves = false;
        bool alone_leaves = false;
        bool last_leaves = true;
        async::TaskGroup group(executor);
        group.spawn(visit(scene, admission, "first", 1, false, leave, first_leaves));
        group.spawn(visit(scene, admission, "alone", 1, true, leave, alone_leaves));
        group.spawn(visit(scene, admission, "last", 1, false, leave, last_leaves));
        co_await settle();
        BOOST_TEST(scene.entered.size() == 1U);
        first_leaves = true;
        leave.notify_all();
        co_await settle();
        BOOST_TEST(scene.entered.size() == 2U);
        alone_leaves = true;
        leave.notify_all();
        co_await group.join();
        BOOST_TEST(scene.entered.back() == "last");
    };
    test::run_task<void>(body);
}

BOOST_AUTO_TEST_CASE(one_that_gives_up_waiting_does_not_block_those_behind_it) {
    auto body = [](Executor executor) -> Task<void> {
        Scene scene;
        scene.available = gibibyte;
        Admission admission(executor, 8, scene.probe());
        async::Signal leave(executor);
        bool leaves = false;
        async::TaskGroup staying(executor);
        async::TaskGroup leaving(executor);
        staying.spawn(visit(scene, admission, "first", 1, false, leave, leaves));
        co_await settle();
        leaving.spawn(visit(scene, admission, "never", 50 * gibibyte, false, leave, leaves));
        staying.spawn(visit(scene, admission, "small", 1, false, leave, leaves));
        co_await settle();
        BOOST_TEST(scene.entered.size() == 1U);
        leaving.cancel();
        co_await leaving.join();
        co_await settle();
        BOOST_TEST(scene.entered == (std::vector<std::string>{"first", "small"}), boost::test_tools::per_element());
        leaves = true;
        leave.notify_all();
        co_await staying.join();
    };
    test::run_task<void>(body);
}

BOOST_AUTO_TEST_SUITE_END()
