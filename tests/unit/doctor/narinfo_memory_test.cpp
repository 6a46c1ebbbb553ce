#include "base/files.hpp"
#include "doctor/narinfo_memory.hpp"
#include "sqlite/database.hpp"

#include <boost/test/unit_test.hpp>

using namespace cachefill;
using namespace cachefill::doctor;
using namespace std::chrono_literals;
using std::chrono::system_clock;

BOOST_AUTO_TEST_SUITE(device_narinfo_memory)

namespace {

const std::string hash(32, 'a'), other(32, 'b');

// The tables that Nix 2.8 to 2.34 make, as far as they are read.
struct Memory {
    TemporaryDirectory directory = TemporaryDirectory::make("narinfo-memory-").value();
    std::filesystem::path file = directory.path() / "nix/binary-cache-v6.sqlite";
    system_clock::time_point now = system_clock::from_time_t(1'800'000'000);

    Memory() {
        BOOST_REQUIRE(cachefill::create_directories(file.parent_path()).has_value());
        auto database = sqlite::Database::open(file, sqlite::Database::Mode::read_write);
        BOOST_REQUIRE(
            database
                ->execute("CREATE TABLE BinaryCaches (id integer primary key, url text, timestamp integer);"
                          "CREATE TABLE NARs (cache integer, hashPart text, timestamp integer, present integer);"
                          "INSERT INTO BinaryCaches VALUES (1, 'https://c.example', 0);")
                .has_value());
    }
    void remember(const std::string& part, std::chrono::seconds ago, bool present) {
        auto database = sqlite::Database::open(file, sqlite::Database::Mode::read_write);
        auto when = std::to_string(system_clock::to_time_t(now - ago));
        BOOST_REQUIRE(
            database
                ->execute("INSERT INTO NARs VALUES (1, '" + part + "', " + when + ", " + (present ? "1" : "0") + ");")
                .has_value());
    }
    std::vector<RememberedAbsence> ask() {
        std::vector<std::string> parts{hash, other};
        auto found = remembered_absences(file, parts, 3600s, now);
        BOOST_REQUIRE(found.has_value());
        return *found;
    }
};

} // namespace

BOOST_AUTO_TEST_CASE(a_fresh_no_counts_until_it_is_an_hour_old) {
    Memory memory;
    memory.remember(hash, 600s, false);
    auto found = memory.ask();
    BOOST_REQUIRE(found.size() == 1U);
    BOOST_TEST(found[0].hash_part == hash);
    BOOST_TEST(found[0].cache == "https://c.example");
    BOOST_TEST((found[0].until == memory.now + 3000s));
}

BOOST_AUTO_TEST_CASE(an_old_no_and_a_yes_do_not_count) {
    Memory memory;
    memory.remember(hash, 3700s, false);
    memory.remember(other, 60s, true);
    BOOST_TEST(memory.ask().empty());
}

BOOST_AUTO_TEST_CASE(the_memory_is_found_where_nix_keeps_it) {
    Memory memory;
    Environment environment;
    environment.set("XDG_CACHE_HOME", memory.directory.path().string());
    auto found = narinfo_memories(environment);
    BOOST_REQUIRE(!found.empty());
    BOOST_TEST(found[0] == memory.file);
}

BOOST_AUTO_TEST_CASE(a_file_of_another_kind_is_a_failure_and_no_answer) {
    Memory memory;
    BOOST_REQUIRE(
        write_file_atomically(memory.file, "this is no database, but it is long enough to be looked at").has_value());
    BOOST_TEST(!remembered_absences(memory.file, {hash}, 3600s, memory.now).has_value());
}

BOOST_AUTO_TEST_CASE(each_cache_remembers_by_itself_and_is_told_without_its_password) {
    Memory memory;
    memory.remember(hash, 60s, false);
    auto database = sqlite::Database::open(memory.file, sqlite::Database::Mode::read_write);
    auto recent = std::to_string(system_clock::to_time_t(memory.now - 1800s));
    BOOST_REQUIRE(database
                      ->execute("INSERT INTO BinaryCaches VALUES (2, 'https://kim:s3cret@d.example/x?token=s3cret', 0);"
                                "INSERT INTO NARs VALUES (2, '" +
                                hash + "', " + recent + ", 0), (2, '" + other + "', " + recent + ", 0);")
                      .has_value());
    auto found = memory.ask(); // of both paths, in the order in which they were asked for
    BOOST_REQUIRE(found.size() == 3U);
    BOOST_TEST(found[0].cache == "https://c.example");
    BOOST_TEST(found[1].cache == "https://d.example/x?token=…");
    BOOST_TEST((found[1].until == memory.now + 1800s));
    BOOST_TEST(found[2].hash_part == other);
    BOOST_TEST(remembered_absences(memory.file, {}, 3600s, memory.now)->empty());
    BOOST_TEST(remembered_absences(memory.file, {"' OR 1=1 --"}, 3600s, memory.now)->empty());
    // Whoever remembers for a shorter time has forgotten it.
    BOOST_TEST(remembered_absences(memory.file, {other}, 1800s, memory.now)->empty());
}

BOOST_AUTO_TEST_CASE(places_are_looked_at_once_and_where_nothing_is_nothing_is_found) {
    Memory memory;
    auto home = memory.directory.path();
    std::filesystem::create_directories(home / ".cache/nix");
    BOOST_REQUIRE(write_file_atomically(home / ".cache/nix/binary-cache-v7.sqlite", "").has_value());
    BOOST_REQUIRE(
        write_file_atomically(home / ".cache/nix/binary-cache-v5.sqlite", "").has_value()); // nobody's any more
    Environment environment({{"HOME", home.string()},
                             {"XDG_CACHE_HOME", (home / ".cache").string()},
                             {"NIX_CACHE_HOME", (home / ".cache/nix").string()}});
    std::vector<std::filesystem::path> ours;
    for (auto& file : narinfo_memories(environment))
        if (file.string().starts_with(home.string())) ours.push_back(file);
    BOOST_TEST(ours == std::vector<std::filesystem::path>{home / ".cache/nix/binary-cache-v7.sqlite"},
               boost::test_tools::per_element());
}

BOOST_AUTO_TEST_SUITE_END()
