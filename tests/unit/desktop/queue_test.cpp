#include "base/files.hpp"
#include "desktop.hpp"
#include "desktop/queue.hpp"

#include <boost/test/unit_test.hpp>

#include <fstream>
#include <sys/wait.h>
#include <unistd.h>

using namespace cachefill;
using namespace cachefill::desktop;
using namespace cachefill::test;
using namespace std::chrono_literals;

namespace {

struct Scene {
    TemporaryDirectory directory = TemporaryDirectory::make("queue").value();
    Time now{std::chrono::milliseconds(1'800'000'000'000)};
    Queue open() { return Queue::open(directory.path(), now).value(); }
};

std::vector<std::string> names(const std::vector<QueuedPath>& paths) {
    std::vector<std::string> all;
    for (const auto& item : paths) all.emplace_back(item.path.name());
    return all;
}

using Names = std::vector<std::string>;

} // namespace

BOOST_FIXTURE_TEST_SUITE(queue, Scene)

BOOST_AUTO_TEST_CASE(what_was_queued_is_there_for_each_cache_after_a_restart) {
    {
        auto queue = open();
        BOOST_TEST((queue.origin() == Queue::Origin::first_start));
        BOOST_REQUIRE(queue.set_caches({{"one", "cachix://one", false}, {"two", "file:///two", true}}));
        BOOST_TEST(queue.add({queued("a"), queued("b")}, {path("system")}, StorePosition{7, 8}, now).value() == 2U);
        BOOST_REQUIRE(queue.settle("one", {{.path = path("a"), .how = Settled::pushed, .bytes = 5}}, now));
    }
    auto queue = open();
    BOOST_TEST((queue.origin() == Queue::Origin::existing));
    BOOST_TEST(names(queue.due("one", now, 10).value()) == Names{"b"}, boost::test_tools::per_element());
    BOOST_TEST(queue.due("two", now, 10).value().size() == 2U);
    BOOST_TEST(queue.known_generations().value().contains(path("system")));
    BOOST_TEST(queue.position().value().id == 7);
    BOOST_TEST(queue.position().value().registered == 8);
}

BOOST_AUTO_TEST_CASE(a_path_that_waits_already_is_not_queued_again_and_keeps_its_place) {
    auto queue = open();
    BOOST_REQUIRE(queue.set_caches({{"one", "cachix://one", false}}));
    BOOST_TEST(queue.add({queued("b")}, {}, {}, now).value() == 1U);
    BOOST_TEST(queue.add({queued("a"), queued("b")}, {}, {}, now + 5s).value() == 1U);
    BOOST_TEST(names(queue.due("one", now + 5s, 10).value()) == (Names{"b", "a"}), boost::test_tools::per_element());
    BOOST_TEST(queue.due("one", now + 5s, 1).value().size() == 1U);
}

BOOST_AUTO_TEST_CASE(a_failed_path_waits_for_its_time_and_counts_its_attempts) {
    auto queue = open();
    BOOST_REQUIRE(queue.set_caches({{"one", "cachix://one", false}}));
    BOOST_REQUIRE(queue.add({queued("a")}, {}, {}, now));
    Settlement failed{.path = path("a"), .how = Settled::failed, .reason = "no luck", .again = now + 1min};
    BOOST_REQUIRE(queue.settle("one", {failed}, now));
    BOOST_TEST(queue.due("one", now, 10).value().empty());
    BOOST_TEST((queue.next_due("one").value() == now + 1min));
    auto due = queue.due("one", now + 1min, 10).value();
    BOOST_REQUIRE(due.size() == 1U);
    BOOST_TEST(due[0].attempts == 1U);
    auto status = queue.status(now).value().at(0);
    BOOST_TEST(status.failing == 1U);
    BOOST_TEST(status.last_error.find("no luck") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(the_status_counts_what_happened_and_forgets_an_error_after_a_success) {
    auto queue = open();
    BOOST_REQUIRE(queue.set_caches({{"one", "cachix://one", false}}));
    BOOST_REQUIRE(queue.add({queued("a"), queued("b"), queued("c"), queued("d"), queued("e")}, {}, {}, now));
    BOOST_REQUIRE(queue.note_trouble("one", "cannot connect", now, now + 30s));
    auto status = queue.status(now).value().at(0);
    BOOST_TEST(status.last_error == "cannot connect");
    BOOST_TEST((status.next_try == now + 30s));
    BOOST_TEST(status.waiting == 5U);
    BOOST_TEST(status.waiting_bytes == 500U);
    BOOST_REQUIRE(queue.settle("one",
                               {{.path = path("a"), .how = Settled::pushed, .bytes = 6000},
                                {.path = path("b"), .how = Settled::present},
                                {.path = path("c"), .how = Settled::gone},
                                {.path = path("d"), .how = Settled::pushed, .bytes = 1}},
                               now + 1min));
    status = queue.status(now + 1min).value().at(0);
    BOOST_TEST(status.last_error == "");
    BOOST_TEST(!status.next_try);
    BOOST_TEST(status.waiting == 1U);
    BOOST_TEST(status.pushed == 2U);
    BOOST_TEST(status.pushed_bytes == 6001U);
    BOOST_TEST(status.present == 1U);
    BOOST_TEST(status.gone == 1U);
    BOOST_TEST(status.recent_bytes == 6001U);
    BOOST_TEST(queue.status(now + 1h).value().at(0).recent_bytes == 0U);
}

BOOST_AUTO_TEST_CASE(a_cache_that_is_configured_no_more_is_dropped_and_told_with_what_waited) {
    auto queue = open();
    BOOST_REQUIRE(queue.set_caches({{"one", "cachix://one", false}, {"two", "cachix://two", false}}));
    BOOST_REQUIRE(queue.add({queued("a"), queued("b")}, {}, {}, now));
    auto dropped = queue.set_caches({{"one", "cachix://renamed", true}}).value();
    BOOST_REQUIRE(dropped.size() == 1U);
    BOOST_TEST(dropped[0].first == "two");
    BOOST_TEST(dropped[0].second == 2U);
    auto status = queue.status(now).value();
    BOOST_REQUIRE(status.size() == 1U);
    BOOST_TEST(status[0].uri == "cachix://renamed");
    BOOST_TEST(status[0].is_optional);
    BOOST_TEST(status[0].waiting == 2U);
}

BOOST_AUTO_TEST_CASE(a_second_service_in_the_same_directory_is_refused) {
    auto queue = open();
    BOOST_TEST(Queue::is_owned(directory.path()));
    auto second = Queue::open(directory.path(), now);
    BOOST_REQUIRE(!second);
    BOOST_TEST((second.error().kind() == FailureKind::usage));
}

BOOST_AUTO_TEST_CASE(it_can_be_read_while_the_service_runs_and_after_it_has_ended) {
    {
        auto queue = open();
        BOOST_REQUIRE(queue.set_caches({{"one", "cachix://one", false}}));
        BOOST_REQUIRE(queue.add({queued("a")}, {}, {}, now));
        auto reader = Queue::read(directory.path()).value();
        BOOST_REQUIRE(reader);
        BOOST_TEST(reader->status(now).value().at(0).waiting == 1U);
    }
    BOOST_TEST(!Queue::is_owned(directory.path()));
    auto reader = Queue::read(directory.path()).value();
    BOOST_REQUIRE(reader);
    BOOST_TEST(reader->status(now).value().at(0).waiting == 1U);
    auto empty = TemporaryDirectory::make("queue").value();
    BOOST_TEST(!Queue::read(empty.path()).value());
}

BOOST_AUTO_TEST_CASE(a_user_without_write_permission_can_read_it_too) {
    if (::geteuid() != 0) return; // only root can become somebody else here
    {
        auto queue = open();
        BOOST_REQUIRE(queue.set_caches({{"one", "cachix://one", false}}));
    }
    std::filesystem::permissions(directory.path(), std::filesystem::perms(0755));
    auto child = ::fork();
    if (child == 0) {
        bool ok = ::setgid(65534) == 0 && ::setuid(65534) == 0;
        auto reader = Queue::read(directory.path());
        ok = ok && reader && *reader && (*reader)->status(now).value().size() == 1;
        ::_exit(ok ? 0 : 1);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    BOOST_TEST(status == 0);
}

BOOST_AUTO_TEST_CASE(a_damaged_file_is_put_aside_and_a_new_queue_knows_that_it_was_lost_and_since_when) {
    auto first_start = now;
    {
        auto queue = open();
        BOOST_REQUIRE(queue.set_caches({{"one", "cachix://one", false}}));
        BOOST_REQUIRE(queue.add({queued("a")}, {}, {}, now));
    }
    std::ofstream(directory.path() / "queue.db", std::ios::binary) << std::string(8192, 'x');
    std::filesystem::remove(directory.path() / "queue.db-wal");
    now += 24h;
    auto queue = open();
    BOOST_TEST((queue.origin() == Queue::Origin::lost));
    BOOST_TEST((queue.since() == first_start));
    BOOST_TEST(std::filesystem::exists(directory.path() / "queue.db.damaged-1"));
    BOOST_TEST(queue.waiting().value() == 0U);
}

BOOST_AUTO_TEST_CASE(a_queue_that_is_missing_was_lost_if_there_ever_was_one) {
    { auto queue = open(); }
    for (const auto* name : {"queue.db", "queue.db-wal", "queue.db-shm"})
        std::filesystem::remove(directory.path() / name);
    BOOST_TEST((open().origin() == Queue::Origin::lost));
}

BOOST_AUTO_TEST_CASE(a_start_that_died_before_it_knew_what_was_old_is_no_start) {
    { auto queue = open(); } // nothing was added: not even what was there before
    BOOST_TEST((open().origin() == Queue::Origin::lost));
}

BOOST_AUTO_TEST_CASE(looking_back_makes_everything_new_again_but_only_once) {
    auto queue = open();
    BOOST_REQUIRE(queue.set_caches({{"one", "cachix://one", false}}));
    BOOST_REQUIRE(queue.add({}, {path("old")}, StorePosition{9, 9}, now));
    BOOST_TEST(queue.look_back().value());
    BOOST_TEST(queue.known_generations().value().empty());
    BOOST_TEST(queue.position().value().id == 0);
    BOOST_REQUIRE(queue.add({}, {path("old")}, {}, now));
    BOOST_TEST(!queue.look_back().value());
    BOOST_TEST(queue.known_generations().value().size() == 1U);
}

BOOST_AUTO_TEST_SUITE_END()
