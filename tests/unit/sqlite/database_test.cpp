#include "base/files.hpp"
#include "sqlite/database.hpp"

#include <boost/test/unit_test.hpp>

#include <limits>
#include <sys/stat.h>

using namespace cachefill;
using namespace cachefill::sqlite;
namespace fs = std::filesystem;

namespace {

struct Scene {
    TemporaryDirectory directory = TemporaryDirectory::make("cachefill-sqlite").value();
    fs::path file = directory.path() / "kept.sqlite";

    Database open() const { return Database::open(file, Database::Mode::read_write).value(); }
    // One with a table of two columns, in which there is nothing.
    Database with_table() const {
        auto database = open();
        BOOST_REQUIRE(database.execute("CREATE TABLE paths(name TEXT PRIMARY KEY, size INTEGER NOT NULL)").has_value());
        return database;
    }
};

std::int64_t count(const Database& database) {
    auto statement = database.prepare("SELECT count(*) FROM paths").value();
    BOOST_REQUIRE(statement.step().value());
    return statement.number(0);
}

bool has(const Failure& failure, std::string_view part) { return failure.cause().find(part) != std::string::npos; }

} // namespace

BOOST_FIXTURE_TEST_SUITE(database, Scene)

BOOST_AUTO_TEST_CASE(what_was_bound_comes_back_byte_for_byte) {
    auto database = with_table();
    auto insert = database.prepare("INSERT INTO paths VALUES(?, ?)").value();
    const std::vector<std::pair<std::string, std::int64_t>> rows{
        {"", 0},
        {"'; DROP TABLE paths; --", -1},
        {std::string("a\0b", 3), std::numeric_limits<std::int64_t>::max()},
        {"größe 東京", std::numeric_limits<std::int64_t>::min()},
        {std::string(100'000, 'x'), 1}};
    for (const auto& [name, size] : rows) {
        BOOST_TEST(insert.bind(1, name).bind(2, size).run().has_value());
        BOOST_TEST(database.changes() == 1U);
    }
    auto select = database.prepare("SELECT name, size FROM paths ORDER BY rowid").value();
    for (const auto& [name, size] : rows) {
        BOOST_REQUIRE(select.step().value());
        BOOST_TEST((select.text(0) == name));
        BOOST_TEST(select.number(1) == size);
    }
    BOOST_TEST(!select.step().value());
}

BOOST_AUTO_TEST_CASE(what_is_bound_need_not_outlive_the_call) {
    auto database = with_table();
    auto insert = database.prepare("INSERT INTO paths VALUES(?, 1)").value();
    {
        std::string short_lived(200, 'a');
        insert.bind(1, short_lived);
        short_lived.assign(200, 'b');
    }
    BOOST_REQUIRE(insert.run().has_value());
    auto select = database.prepare("SELECT name FROM paths").value();
    BOOST_REQUIRE(select.step().value());
    BOOST_TEST(select.text(0) == std::string(200, 'a'));
}

BOOST_AUTO_TEST_CASE(nothing_is_an_empty_text_and_zero) {
    auto database = open();
    auto select = database.prepare("SELECT NULL, 'no number', 'a' || x'00' || 'b'").value();
    BOOST_REQUIRE(select.step().value());
    BOOST_TEST(select.text(0).empty());
    BOOST_TEST(select.number(0) == 0);
    BOOST_TEST(select.number(1) == 0);
    BOOST_TEST(select.text(2).size() == 3U);
}

BOOST_AUTO_TEST_CASE(a_statement_can_be_run_again_and_again_after_a_failure_too) {
    auto database = with_table();
    auto insert = database.prepare("INSERT INTO paths VALUES(?, ?)").value();
    BOOST_TEST(insert.bind(1, "a").bind(2, 1).run().has_value());
    auto twice = insert.bind(1, "a").bind(2, 2).run();
    BOOST_REQUIRE(!twice);
    BOOST_TEST((twice.error().kind() == FailureKind::machine));
    BOOST_TEST(has(twice.error(), "UNIQUE"));
    BOOST_TEST(has(twice.error(), file.string()));
    BOOST_TEST(insert.bind(1, "b").bind(2, 2).run().has_value());
    BOOST_TEST(count(database) == 2);
}

BOOST_AUTO_TEST_CASE(a_statement_that_yields_rows_can_be_run_to_its_end) {
    auto database = with_table();
    BOOST_REQUIRE(database.execute("INSERT INTO paths VALUES('a', 1), ('b', 2)").has_value());
    BOOST_TEST(database.changes() == 2U);
    auto select = database.prepare("SELECT name FROM paths ORDER BY name").value();
    BOOST_TEST(select.run().has_value());
    BOOST_REQUIRE(select.step().value()); // it begins anew
    BOOST_TEST(select.text(0) == "a");
}

BOOST_AUTO_TEST_CASE(a_moved_statement_goes_on_where_it_was) {
    auto database = open();
    auto first = database.prepare("SELECT 7").value();
    BOOST_REQUIRE(first.step().value());
    Statement second(std::move(first));
    BOOST_TEST(second.number(0) == 7);
}

BOOST_AUTO_TEST_CASE(a_transaction_that_nobody_commits_has_never_been) {
    auto database = with_table();
    {
        auto transaction = Transaction::begin(database).value();
        BOOST_REQUIRE(database.execute("INSERT INTO paths VALUES('a', 1)").has_value());
        Transaction moved(std::move(transaction)); // rolls back once, in the end
        BOOST_TEST(count(database) == 1);
    }
    BOOST_TEST(count(database) == 0);
    {
        auto transaction = Transaction::begin(database).value();
        BOOST_REQUIRE(database.execute("INSERT INTO paths VALUES('b', 1)").has_value());
        BOOST_TEST(transaction.commit().has_value());
    }
    BOOST_TEST(count(database) == 1);
    BOOST_TEST(count(open()) == 1);
}

BOOST_AUTO_TEST_CASE(transactions_do_not_nest_and_the_outer_one_survives_the_try) {
    auto database = with_table();
    auto outer = Transaction::begin(database).value();
    BOOST_REQUIRE(database.execute("INSERT INTO paths VALUES('a', 1)").has_value());
    auto inner = Transaction::begin(database);
    BOOST_REQUIRE(!inner);
    BOOST_TEST((inner.error().kind() == FailureKind::machine));
    BOOST_TEST(outer.commit().has_value());
    BOOST_TEST(count(database) == 1);
}

BOOST_AUTO_TEST_CASE(what_others_have_not_committed_is_not_seen) {
    auto writer = with_table();
    BOOST_REQUIRE(writer.execute("PRAGMA journal_mode = WAL").has_value());
    auto reader = Database::open(file, Database::Mode::read_only).value();
    auto transaction = Transaction::begin(writer).value();
    BOOST_REQUIRE(writer.execute("INSERT INTO paths VALUES('a', 1)").has_value());
    BOOST_TEST(count(reader) == 0);
    BOOST_REQUIRE(transaction.commit().has_value());
    BOOST_TEST(count(reader) == 1);
}

BOOST_AUTO_TEST_CASE(whoever_may_only_read_neither_makes_a_file_nor_writes) {
    auto missing = Database::open(directory.path() / "missing.sqlite", Database::Mode::read_only);
    BOOST_REQUIRE(!missing);
    BOOST_TEST((missing.error().kind() == FailureKind::machine));
    BOOST_TEST(has(missing.error(), "cannot open "));
    BOOST_TEST(has(missing.error(), "missing.sqlite"));
    BOOST_TEST(!fs::exists(directory.path() / "missing.sqlite"));
    with_table();
    auto reader = Database::open(file, Database::Mode::read_only).value();
    auto written = reader.execute("INSERT INTO paths VALUES('a', 1)");
    BOOST_REQUIRE(!written);
    BOOST_TEST((written.error().kind() == FailureKind::machine));
    BOOST_TEST(has(written.error(), "readonly"));
}

BOOST_AUTO_TEST_CASE(a_folder_that_is_missing_or_none_is_named) {
    for (const auto& place : {directory.path() / "no-folder" / "kept.sqlite", directory.path()}) {
        auto opened = Database::open(place, Database::Mode::read_write);
        BOOST_REQUIRE(!opened);
        BOOST_TEST((opened.error().kind() == FailureKind::machine));
        BOOST_TEST(has(opened.error(), place.string()), opened.error().cause());
    }
    auto unknown = Database::open(file, Database::Mode::read_write, "no such file system");
    BOOST_REQUIRE(!unknown);
    BOOST_TEST(has(unknown.error(), "no such vfs"));
}

BOOST_AUTO_TEST_CASE(a_file_that_is_no_database_counts_as_damaged) {
    BOOST_REQUIRE(write_file_atomically(file, std::string(4096, 'x')).has_value());
    auto database = open(); // SQLite looks at nothing before it has to
    auto used = database.execute("CREATE TABLE t(a)");
    BOOST_REQUIRE(!used);
    BOOST_TEST((used.error().kind() == FailureKind::protocol));
    BOOST_TEST(has(used.error(), file.string()));
    BOOST_TEST((database.prepare("SELECT * FROM paths").error().kind() == FailureKind::protocol));
}

BOOST_AUTO_TEST_CASE(a_file_whose_pages_were_overwritten_counts_as_damaged) {
    {
        auto database = with_table();
        BOOST_REQUIRE(database
                          .execute("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000) "
                                   "INSERT INTO paths SELECT 'path-' || i, i FROM n")
                          .has_value());
    }
    auto bytes = read_file(file).value();
    BOOST_REQUIRE(bytes.size() > 16'384U);
    std::fill(bytes.begin() + 4096, bytes.end(), '\xff'); // the page with the schema stays
    BOOST_REQUIRE(write_file_atomically(file, bytes).has_value());
    auto database = open();
    auto select = database.prepare("SELECT sum(size) FROM paths");
    BOOST_REQUIRE(select.has_value());
    auto row = select->step();
    BOOST_REQUIRE(!row);
    BOOST_TEST((row.error().kind() == FailureKind::protocol), row.error().cause());
}

BOOST_AUTO_TEST_CASE(what_is_no_sql_is_no_damage) {
    auto database = open();
    for (const auto* text : {"SELEKT 1", "SELECT * FROM nowhere", "SELECT ("}) {
        auto prepared = database.prepare(text);
        BOOST_REQUIRE(!prepared);
        BOOST_TEST((prepared.error().kind() == FailureKind::machine), text);
        BOOST_TEST(!database.execute(text).has_value(), text);
    }
}

BOOST_AUTO_TEST_CASE(the_log_stays_only_where_it_is_to_stay) {
    auto log = fs::path(file.string() + "-wal");
    for (bool is_kept : {false, true}) {
        {
            auto database = open();
            if (is_kept) database.keep_log_file();
            BOOST_REQUIRE(database.execute("PRAGMA journal_mode = WAL").has_value());
            BOOST_REQUIRE(database.execute("CREATE TABLE IF NOT EXISTS t(a); INSERT INTO t VALUES(1)").has_value());
            BOOST_TEST(fs::exists(log));
        }
        BOOST_TEST(fs::exists(log) == is_kept);
    }
}

BOOST_AUTO_TEST_SUITE_END()
