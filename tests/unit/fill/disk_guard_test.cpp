#include "async/task_group.hpp"
#include "fill/disk_guard.hpp"
#include "support/hand_clock.hpp"

#include <boost/test/unit_test.hpp>

#include <map>
#include <set>

using namespace cachefill;
using namespace cachefill::test;
using fill::DiskGuard;
using namespace std::chrono_literals;

namespace {

constexpr std::uint64_t limit = 1000;

// A disk whose free bytes are a function of time, and what the guard does about it.
struct Disk {
    HandClock clock;
    std::function<std::optional<std::uint64_t>(std::chrono::milliseconds)> free_at;
    std::function<Result<std::uint64_t>()> make_room = [] { return std::uint64_t{0}; };
    std::function<bool(std::chrono::milliseconds)> is_busy = [](auto) { return false; };
    std::vector<std::string> said;
    int tries = 0, changes = 0;
    std::optional<Failure> end;
    std::set<std::chrono::milliseconds> squeezed;       // when one could start for the room that it frees
    std::map<std::chrono::milliseconds, bool> had_room; // as far as it changed

    // Until it gives up, or for so long.
    void watch(std::chrono::milliseconds at_most) {
        auto run = [this, at_most](async::Executor executor) -> async::Task<void> {
            DiskGuard::Surroundings surroundings;
            surroundings.free_bytes = [this] { return free_at(clock.elapsed()); };
            surroundings.make_room = [this]() -> async::Task<Result<std::uint64_t>> {
                ++tries;
                co_return make_room();
            };
            surroundings.may_change_by_itself = [this] { return is_busy(clock.elapsed()); };
            surroundings.say = [this](event::Severity, const std::string& text, const std::string&) {
                said.push_back(text);
            };
            DiskGuard* watched = nullptr;
            async::TaskGroup group(executor);
            surroundings.changed = [&] {
                ++changes;
                bool has_room = watched->may_start() >= build::MayStart::rather_what_frees_room;
                if (had_room.empty() || had_room.rbegin()->second != has_room) had_room[clock.elapsed()] = has_room;
                if (watched->may_start() == build::MayStart::only_what_frees_room) squeezed.insert(clock.elapsed());
                if (clock.elapsed() >= at_most) group.cancel();
            };
            DiskGuard guard(executor, clock, "/nix/store", limit, std::move(surroundings));
            watched = &guard;
            auto work = [](DiskGuard& of, std::optional<Failure>& out) -> async::Task<void> {
                out = co_await of.watch();
            };
            group.spawn(work(guard, end));
            try {
                co_await group.join();
            } catch (const boost::system::system_error&) { // cancelled above
            }
        };
        run_by_hand(clock, run);
    }
};

} // namespace

BOOST_AUTO_TEST_SUITE(disk_guard)

BOOST_AUTO_TEST_CASE(where_there_is_room_nothing_is_said) {
    Disk disk;
    disk.free_at = [](auto) { return limit; };
    disk.watch(5min);
    BOOST_TEST(disk.said.empty());
    BOOST_TEST(disk.tries == 0);
    BOOST_TEST(!disk.end.has_value());
    BOOST_TEST(disk.had_room.size() == 1U);
    disk.free_at = [](auto) { return std::nullopt; }; // it cannot be told
    disk.watch(10min);
    BOOST_TEST(disk.said.empty());
}

BOOST_AUTO_TEST_CASE(what_fills_up_and_is_emptied_stops_builds_and_starts_them_again) {
    Disk disk;
    disk.free_at = [](auto elapsed) { return elapsed >= 10s && elapsed < 30s ? limit - 1 : limit; };
    disk.watch(60s);
    BOOST_REQUIRE(disk.said.size() == 2U);
    BOOST_TEST(disk.said[0].starts_with("only 999 B are free in /nix/store"));
    BOOST_TEST(disk.said[1] == "there is room in /nix/store again: going on");
    const std::map<std::chrono::milliseconds, bool> expected{{2s, true}, {10s, false}, {30s, true}};
    BOOST_TEST((disk.had_room == expected));
    BOOST_TEST(!disk.end.has_value());
}

BOOST_AUTO_TEST_CASE(what_stays_full_ends_after_a_minute_once_nothing_moves) {
    Disk disk;
    disk.free_at = [](auto) { return std::uint64_t{0}; };
    disk.watch(1h);
    BOOST_REQUIRE(disk.end.has_value());
    BOOST_TEST(disk.end->cause() == "the disk of /nix/store stayed full");
    BOOST_TEST((disk.clock.elapsed() > 60s && disk.clock.elapsed() < 70s));
    Disk busy;
    busy.free_at = disk.free_at;
    busy.is_busy = [](auto elapsed) { return elapsed < 10min; };
    busy.watch(1h);
    BOOST_REQUIRE(busy.end.has_value());
    BOOST_TEST((busy.clock.elapsed() >= 11min && busy.clock.elapsed() < 12min));
}

BOOST_AUTO_TEST_CASE(where_all_that_is_there_is_needed_what_frees_room_may_start_while_half_is_left) {
    Disk disk;
    disk.free_at = [](auto elapsed) { return elapsed < 20s ? limit - 1 : elapsed < 30s ? limit / 2 : limit / 2 - 1; };
    disk.is_busy = [](auto elapsed) { return elapsed < 10s; };
    disk.make_room = [&disk] { return std::uint64_t(disk.clock.elapsed() == 14s ? 1 : 0); };
    disk.watch(1h);
    using Moments = std::set<std::chrono::milliseconds>;
    BOOST_TEST((disk.squeezed == Moments{10s, 12s, 16s, 18s, 20s, 22s, 24s, 26s, 28s}));
    BOOST_TEST(disk.had_room.size() == 1U);
    BOOST_TEST(disk.end.has_value());
    Disk held;
    held.free_at = [](auto) { return limit - 1; };
    held.make_room = []() -> Result<std::uint64_t> { return Failure(FailureKind::store, "no such operation"); };
    held.watch(1h); // of what would that build free anything?
    BOOST_TEST(held.squeezed.empty());
}

BOOST_AUTO_TEST_CASE(as_long_as_something_can_be_deleted_it_is_not_stuck) {
    Disk disk;
    int left = 100;
    disk.free_at = [](auto) { return std::uint64_t{0}; };
    disk.make_room = [&left] { return std::uint64_t(left-- > 0 ? 1 : 0); };
    disk.watch(1h);
    BOOST_REQUIRE(disk.end.has_value());
    BOOST_TEST((disk.clock.elapsed() > 100 * 2s + 60s));
}

BOOST_AUTO_TEST_CASE(what_cannot_be_deleted_is_tried_and_told_once) {
    Disk disk;
    disk.free_at = [](auto) { return std::uint64_t{0}; };
    disk.make_room = []() -> Result<std::uint64_t> { return Failure(FailureKind::store, "no such operation"); };
    disk.watch(1h);
    BOOST_TEST(disk.tries == 1);
    BOOST_TEST(std::count(disk.said.begin(), disk.said.end(), "cannot make room: no such operation") == 1);
    BOOST_TEST(disk.end.has_value());
}

BOOST_AUTO_TEST_CASE(what_something_that_stays_refers_to_stays) {
    plan::Graph graph;
    plan::Facts facts;
    auto path = [&graph](const std::string& name) {
        return graph.intern(nix::StorePath::parse_base_name(std::string(32, '1') + "-" + name).value());
    };
    auto base = path("base"), middle = path("middle"), top = path("top"), alone = path("alone"), gone = path("gone");
    for (auto id : {base, middle, top, alone}) facts.of(id).valid_here = true;
    facts.of(middle).references = {base};
    facts.of(top).references = {middle, top};
    facts.of(gone).valid_here = false;
    facts.of(gone).references = {alone};
    auto names = [&](std::set<plan::PathId> candidates) {
        std::vector<std::string> told;
        for (const auto& one : fill::closed_under_referrers(std::move(candidates), graph, facts))
            told.emplace_back(one.name());
        return told;
    };
    BOOST_TEST((names({base, middle, top}) == std::vector<std::string>{"base", "middle", "top"}));
    BOOST_TEST((names({base, middle}).empty())); // top stays
    BOOST_TEST((names({top}) == std::vector<std::string>{"top"}));
    BOOST_TEST((names({alone}) == std::vector<std::string>{"alone"})); // who refers to it is gone
}

BOOST_AUTO_TEST_SUITE_END()
