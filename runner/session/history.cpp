#include "session/history.hpp"

namespace cachefill::session {

using sqlite::Database;

namespace {

constexpr std::int64_t format_version = 1;

constexpr const char* schema =
    "PRAGMA synchronous = OFF; " // losing a guess in a crash costs nothing
    "PRAGMA journal_mode = WAL; "
    "CREATE TABLE IF NOT EXISTS builds (name TEXT, platform TEXT, milliseconds INTEGER NOT NULL, "
    "PRIMARY KEY (name, platform)) WITHOUT ROWID; "
    "CREATE TABLE IF NOT EXISTS deadlines (name TEXT, platform TEXT, milliseconds INTEGER NOT NULL, "
    "PRIMARY KEY (name, platform)) WITHOUT ROWID; "
    "CREATE TABLE IF NOT EXISTS closures (target TEXT, branch TEXT, bytes INTEGER NOT NULL, "
    "recorded INTEGER NOT NULL, PRIMARY KEY (target, branch)) WITHOUT ROWID;";

// The first row's number. A guess that cannot be read is none.
std::optional<std::int64_t> number_of(const Database& database, std::string_view query, std::string_view first,
                                      std::string_view second) {
    auto statement = database.prepare(query);
    if (!statement) return {};
    auto row = statement->bind(1, first).bind(2, second).step();
    if (!row || !*row) return {};
    return statement->number(0);
}

void write(const Database& database, std::string_view change, std::string_view first, std::string_view second,
           std::optional<std::int64_t> third = {}) {
    auto statement = database.prepare(change);
    if (!statement) return;
    statement->bind(1, first).bind(2, second);
    if (third) statement->bind(3, *third);
    (void)statement->run(); // a guess that cannot be kept is lost
}

} // namespace

std::string_view without_version(std::string_view name) {
    for (std::size_t i = 0; i + 1 < name.size(); ++i)
        if (name[i] == '-' && name[i + 1] >= '0' && name[i + 1] <= '9') return name.substr(0, i);
    return name;
}

Result<std::unique_ptr<History>> History::open(const std::filesystem::path& file) {
    auto database = Database::open_ours(file, schema, format_version);
    if (!database)
        return std::move(database)
            .error()
            .with_context("opening the history of build times")
            .with_hint("delete " + file.string() + "; it is made anew");
    return std::unique_ptr<History>(new History(std::move(*database)));
}

std::optional<std::chrono::milliseconds> History::expected(std::string_view name, std::string_view platform) const {
    auto took = number_of(database_, "SELECT milliseconds FROM builds WHERE name = ?1 AND platform = ?2",
                          without_version(name), platform);
    if (!took) return {};
    return std::chrono::milliseconds(*took);
}

void History::record(std::string_view name, std::string_view platform, std::chrono::milliseconds took) {
    // Half old, half new: one run on a busy machine does not decide for ever.
    write(database_,
          "INSERT INTO builds VALUES (?1, ?2, ?3) ON CONFLICT (name, platform) DO UPDATE SET "
          "milliseconds = (milliseconds + excluded.milliseconds) / 2",
          without_version(name), platform, took.count());
    write(database_, "DELETE FROM deadlines WHERE name = ?1 AND platform = ?2", without_version(name), platform);
}

bool History::used_up_a_deadline(std::string_view name, std::string_view platform) const {
    return number_of(database_, "SELECT milliseconds FROM deadlines WHERE name = ?1 AND platform = ?2",
                     without_version(name), platform)
        .has_value();
}

void History::record_deadline(std::string_view name, std::string_view platform, std::chrono::milliseconds ran) {
    write(database_, "INSERT OR REPLACE INTO deadlines VALUES (?1, ?2, ?3)", without_version(name), platform,
          ran.count());
}

std::optional<std::uint64_t> History::closure_bytes(std::string_view target, std::string_view branch) const {
    auto bytes = number_of(database_,
                           "SELECT bytes FROM closures WHERE target = ?1 ORDER BY branch = ?2 DESC, recorded DESC "
                           "LIMIT 1",
                           target, branch);
    if (!bytes) return {};
    return static_cast<std::uint64_t>(*bytes);
}

void History::record_closure(std::string_view target, std::string_view branch, std::uint64_t bytes) {
    // A counter instead of a clock: only the order matters, and a runner's clock may be anything.
    write(database_,
          "INSERT OR REPLACE INTO closures VALUES (?1, ?2, ?3, "
          "(SELECT coalesce(max(recorded), 0) + 1 FROM closures))",
          target, branch, static_cast<std::int64_t>(bytes));
}

} // namespace cachefill::session
