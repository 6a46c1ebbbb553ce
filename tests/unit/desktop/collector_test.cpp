#include "base/files.hpp"
#include "desktop.hpp"
#include "desktop/collector.hpp"
#include "support/run_task.hpp"

#include <boost/test/unit_test.hpp>

using namespace cachefill;
using namespace cachefill::desktop;
using namespace cachefill::test;
using namespace std::chrono_literals;
using async::Task;

namespace {

struct Scene {
    TemporaryDirectory directory = TemporaryDirectory::make("collector").value();
    Time now{1000h};
    std::vector<Generation> generations;
    std::map<std::string, std::vector<std::string>> built; // for each generation
    std::map<std::string, Time> registered;                // of a generation; else when its link was made
    std::vector<std::string> in_store;                     // built here since the last look
    bool store_is_away = false;
    CollectorSettings settings;
    Ear ear;
    int woken = 0;

    void generation(const std::string& name, Time made, std::vector<std::string> paths) {
        generations.push_back({path(name), name, made});
        built[name] = std::move(paths);
    }
    // One start of the service with one look around; what waits afterwards.
    std::set<std::string> start() {
        auto queue = Queue::open(directory.path(), now).value();
        BOOST_REQUIRE(queue.set_caches({{"one", "cachix://one", false}}));
        run_task<void>([&](async::Executor executor) { return look(executor, queue); });
        std::set<std::string> waiting;
        auto due = queue.due("one", now, 1000).value();
        for (const auto& item : due) waiting.emplace(item.path.name());
        return waiting;
    }

  private:
    Task<void> look(async::Executor executor, Queue& queue) {
        Collector::Environment environment;
        environment.now = [this] { return now; };
        environment.generations = [this] { return generations; };
        environment.expand = [this](nix::StorePath generation) { return expand(std::move(generation)); };
        environment.new_paths = [this](StorePosition& position) { return new_paths(position); };
        environment.on_queued = [this] { ++woken; };
        Collector collector(executor, queue, settings, environment, ear);
        BOOST_REQUIRE(collector.begin());
        auto looked = co_await collector.look();
        BOOST_TEST(looked.has_value());
    }
    Task<Result<GenerationContents>> expand(nix::StorePath generation) {
        if (store_is_away) co_return Failure(FailureKind::store, "no daemon");
        std::string name(generation.name());
        GenerationContents contents;
        for (const auto& path : built.at(name)) contents.paths.push_back(queued(path));
        for (const auto& other : generations)
            if (other.name == name) contents.registered = std::chrono::floor<std::chrono::seconds>(other.made);
        if (registered.contains(name)) contents.registered = std::chrono::floor<std::chrono::seconds>(registered[name]);
        co_return contents;
    }
    Task<Result<std::vector<QueuedPath>>> new_paths(StorePosition& position) {
        std::vector<QueuedPath> paths;
        for (const auto& name : in_store) paths.push_back(queued(name));
        if (!paths.empty()) ++position.id;
        in_store.clear();
        co_return paths;
    }
};

using Names = std::set<std::string>;

} // namespace

BOOST_FIXTURE_TEST_SUITE(collector, Scene)

BOOST_AUTO_TEST_CASE(the_first_start_pushes_nothing_that_was_there_and_says_so) {
    generation("old", now - 24h, {"old-1", "old-2"});
    BOOST_TEST(start().empty());
    BOOST_TEST(ear.heard("first start"));
    BOOST_TEST(ear.heard("1 generation"));
    now += 1h;
    BOOST_TEST(start().empty());
}

BOOST_AUTO_TEST_CASE(a_new_generation_is_queued_with_what_was_built_for_it_and_only_once) {
    start();
    now += 1h;
    generation("new", now, {"new", "kernel"});
    BOOST_TEST((start() == Names{"new", "kernel"}));
    BOOST_TEST(woken == 1);
    start();
    BOOST_TEST(woken == 1);
}

BOOST_AUTO_TEST_CASE(what_was_built_while_the_service_was_off_is_found_at_the_next_start) {
    start();
    generation("one", now + 1h, {"one"});
    generation("two", now + 2h, {"two"});
    now += 48h;
    BOOST_TEST((start() == Names{"one", "two"}));
}

BOOST_AUTO_TEST_CASE(what_was_built_before_the_first_start_stays_out_whenever_its_link_was_made) {
    start();
    registered["old"] = now - 24h;
    now += 1h;
    generation("old", now, {"old"});
    generation("new", now, {"new"});
    BOOST_TEST((start() == Names{"new"}));
    BOOST_TEST(ear.heard("old was here before the first start"));
    ear.said.clear();
    BOOST_TEST((start() == Names{"new"}));
    BOOST_TEST(!ear.heard("old"));
    settings.retroactive = true;
    BOOST_TEST((start() == Names{"new", "old"}));
}

BOOST_AUTO_TEST_CASE(looking_back_queues_everything_and_says_so_and_only_the_first_time) {
    generation("old", now - 24h, {"old"});
    settings.retroactive = true;
    BOOST_TEST((start() == Names{"old"}));
    BOOST_TEST(ear.heard("looking back"));
    ear.said.clear();
    start();
    BOOST_TEST(!ear.heard("looking back"));
}

BOOST_AUTO_TEST_CASE(looking_back_works_for_a_queue_that_has_been_there_for_long) {
    generation("old", now - 24h, {"old"});
    BOOST_TEST(start().empty());
    settings.retroactive = true;
    BOOST_TEST((start() == Names{"old"}));
}

BOOST_AUTO_TEST_CASE(a_lost_queue_is_filled_from_the_profiles_with_what_came_since_the_first_start) {
    now += 700ms; // the machine was switched to in the very second of the first start
    generation("old", now - 400ms, {"old"});
    start();
    now += 1h;
    generation("new", now, {"new"});
    BOOST_TEST((start() == Names{"new"}));
    for (const auto* name : {"queue.db", "queue.db-wal", "queue.db-shm"})
        std::filesystem::remove(directory.path() / name);
    BOOST_TEST((start() == Names{"new"}));
    BOOST_TEST(ear.heard("was lost"));
}

BOOST_AUTO_TEST_CASE(a_store_that_is_away_is_asked_again_and_nothing_is_missed) {
    start();
    generation("new", now + 1h, {"new"});
    store_is_away = true;
    BOOST_TEST(start().empty());
    BOOST_TEST(ear.heard("no daemon"));
    store_is_away = false;
    BOOST_TEST((start() == Names{"new"}));
}

BOOST_AUTO_TEST_CASE(other_builds_are_pushed_only_when_the_scope_is_all) {
    start();
    in_store = {"secret-project"};
    BOOST_TEST(start().empty());
    settings.scope = Scope::all;
    BOOST_TEST((start() == Names{"secret-project"}));
    BOOST_TEST(ear.heard("from now on"));
}

BOOST_AUTO_TEST_CASE(generations_that_are_gone_are_forgotten_and_count_as_new_should_they_come_back) {
    start();
    generation("new", now + 1h, {"new"});
    start();
    auto kept = std::exchange(generations, {});
    start();
    generations = kept;
    start();
    BOOST_TEST(woken == 1); // its paths still wait, so nothing was added
    auto queue = Queue::open(directory.path(), now).value();
    BOOST_TEST(queue.known_generations().value().size() == 1U);
}

BOOST_AUTO_TEST_SUITE_END()
