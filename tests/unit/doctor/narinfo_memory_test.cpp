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

BOOST_AUTO_TEST_SUITE_END()
