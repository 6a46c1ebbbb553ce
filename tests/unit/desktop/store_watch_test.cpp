#include "base/files.hpp"
#include "desktop.hpp"
#include "desktop/store_watch.hpp"
#include "support/run_task.hpp"

#include <boost/test/unit_test.hpp>

using namespace cachefill;
using namespace cachefill::desktop;
using namespace cachefill::test;
using async::Task;

namespace {

// Nix's own database, as far as it is read. What an ordinary user sees through the daemon instead is for tests with
// real Nix: tests/e2e/watch.
struct Store {
    TemporaryDirectory directory = TemporaryDirectory::make("store-watch").value();
    std::optional<sqlite::Database> database;
    StorePosition position;

    Store() { make(); }
    void make() {
        std::filesystem::create_directories(directory.path() / "db");
        database.reset();
        for (const auto* name : {"db.sqlite", "db.sqlite-wal", "db.sqlite-shm"})
            std::filesystem::remove(directory.path() / "db" / name);
        database =
            sqlite::Database::open(directory.path() / "db/db.sqlite", sqlite::Database::Mode::read_write).value();
        BOOST_REQUIRE(database->execute(
            "PRAGMA journal_mode = wal; CREATE TABLE ValidPaths (id integer primary key autoincrement not null, path "
            "text unique not null, hash text not null, registrationTime integer not null, deriver text, narSize "
            "integer, ultimate integer, sigs text, ca text)"));
    }
    void registered(const std::string& name, std::int64_t time, bool built_here = true) {
        auto insert = database->prepare("INSERT INTO ValidPaths (path, hash, registrationTime, narSize, ultimate) "
                                        "VALUES (?1, 'sha256:0', ?2, 100, ?3)");
        BOOST_REQUIRE(insert->bind(1, path(name).to_string()).bind(2, time).bind(3, std::int64_t{built_here}).run());
    }
    void removed(const std::string& name) {
        auto remove = database->prepare("DELETE FROM ValidPaths WHERE path = ?1");
        BOOST_REQUIRE(remove->bind(1, path(name).to_string()).run());
    }
    std::vector<std::string> poll() {
        StoreWatch::Connect nobody = []() -> Task<Result<std::unique_ptr<daemon::Connection>>> {
            co_return Failure(FailureKind::store, "no daemon here");
        };
        if (!watch) watch.emplace(directory.path(), directory.path() / "store", nobody);
        auto found =
            run_task<Result<std::vector<QueuedPath>>>([this](async::Executor) { return watch->poll(position); });
        BOOST_REQUIRE(found);
        std::vector<std::string> names;
        for (const auto& item : *found) names.emplace_back(item.path.name());
        return names;
    }
    std::optional<StoreWatch> watch;
};

using Names = std::vector<std::string>;

} // namespace

BOOST_FIXTURE_TEST_SUITE(store_watch, Store)

BOOST_AUTO_TEST_CASE(what_is_built_here_is_seen_once_and_what_is_fetched_is_not) {
    position.registered = 100;
    BOOST_TEST(poll().empty());
    registered("built", 100);
    registered("fetched", 100, false);
    BOOST_TEST(poll() == Names{"built"}, boost::test_tools::per_element());
    BOOST_TEST(poll().empty());
    registered("another", 100); // within the same second
    BOOST_TEST(poll() == Names{"another"}, boost::test_tools::per_element());
    BOOST_TEST(watch->reads_database());
}

BOOST_AUTO_TEST_CASE(a_position_that_knows_only_a_time_starts_there) {
    registered("old", 50);
    registered("young", 150);
    position.registered = 100;
    BOOST_TEST(poll() == Names{"young"}, boost::test_tools::per_element());
    BOOST_TEST(position.id == 2);
}

BOOST_AUTO_TEST_CASE(a_path_that_is_built_again_after_garbage_collection_is_new) {
    position.registered = 1;
    registered("built", 10);
    BOOST_TEST(poll().size() == 1U);
    removed("built");
    registered("built", 20);
    BOOST_TEST(poll() == Names{"built"}, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(another_store_in_the_same_place_is_read_from_where_time_had_got_to) {
    position.registered = 1;
    for (int i = 0; i < 5; ++i) registered("old-" + std::to_string(i), 100 + i);
    BOOST_TEST(poll().size() == 5U);
    watch.reset();
    make();
    registered("older", 50);
    registered("newer", 200);
    BOOST_TEST(poll() == Names{"newer"}, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(thousands_at_once_all_come_one_portion_after_the_other) {
    position.registered = 1;
    registered("first", 10);
    BOOST_TEST(poll().size() == 1U);
    BOOST_REQUIRE(database->execute("BEGIN"));
    for (int i = 0; i < 12'000; ++i) registered("path-" + std::to_string(i), 20);
    BOOST_REQUIRE(database->execute("COMMIT"));
    std::set<std::string> all;
    for (auto some = poll(); !some.empty(); some = poll()) {
        BOOST_TEST(some.size() <= 5'000U);
        all.insert(some.begin(), some.end());
    }
    BOOST_TEST(all.size() == 12'000U);
}

BOOST_AUTO_TEST_SUITE_END()
