#include "app/history.hpp"

#include <sqlite3.h>

namespace cachefill::app {

namespace {

constexpr int format_version = 1;
constexpr int wait_for_others_ms = 2000;

Failure sqlite_failure(sqlite3* database, const std::filesystem::path& file) {
    std::string what = database ? sqlite3_errmsg(database) : "out of memory";
    return Failure(FailureKind::machine, "cannot use the history of build times " + file.string() + ": " + what)
        .with_hint("delete the file; it is made anew");
}

// Finalizes a statement on every way out.
class Statement {
  public:
    Statement(sqlite3* database, const char* text) { sqlite3_prepare_v2(database, text, -1, &statement_, nullptr); }
    Statement(const Statement&) = delete;
    Statement& operator=(const Statement&) = delete;
    ~Statement() { sqlite3_finalize(statement_); }
    explicit operator bool() const { return statement_ != nullptr; }
    void bind(int place, std::string_view text) {
        sqlite3_bind_text(statement_, place, text.data(), static_cast<int>(text.size()), SQLITE_TRANSIENT);
    }
    void bind(int place, std::int64_t number) { sqlite3_bind_int64(statement_, place, number); }
    bool step() { return sqlite3_step(statement_) == SQLITE_ROW; }
    std::int64_t column(int number) { return sqlite3_column_int64(statement_, number); }

  private:
    sqlite3_stmt* statement_ = nullptr;
};

} // namespace

std::string_view without_version(std::string_view name) {
    for (std::size_t i = 0; i + 1 < name.size(); ++i)
        if (name[i] == '-' && name[i + 1] >= '0' && name[i + 1] <= '9') return name.substr(0, i);
    return name;
}

Result<std::unique_ptr<History>> History::open(const std::filesystem::path& file) {
    sqlite3* database = nullptr;
    int opened = sqlite3_open_v2(file.c_str(), &database, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, nullptr);
    std::unique_ptr<History> history(new History(database));
    if (opened != SQLITE_OK) return sqlite_failure(database, file);
    sqlite3_busy_timeout(database, wait_for_others_ms);
    const char* schema = "CREATE TABLE IF NOT EXISTS builds (name TEXT, platform TEXT, milliseconds INTEGER NOT NULL, "
                         "PRIMARY KEY (name, platform)) WITHOUT ROWID; "
                         "CREATE TABLE IF NOT EXISTS deadlines (name TEXT, platform TEXT, milliseconds INTEGER NOT "
                         "NULL, PRIMARY KEY (name, platform)) WITHOUT ROWID; "
                         "CREATE TABLE IF NOT EXISTS closures (target TEXT, branch TEXT, bytes INTEGER NOT NULL, "
                         "recorded INTEGER NOT NULL, PRIMARY KEY (target, branch)) WITHOUT ROWID; "
                         "PRAGMA journal_mode = WAL; "
                         "PRAGMA synchronous = OFF;"; // losing a guess in a crash costs nothing
    if (sqlite3_exec(database, schema, nullptr, nullptr, nullptr) != SQLITE_OK) return sqlite_failure(database, file);
    Statement version(database, "PRAGMA user_version");
    if (version && version.step() && version.column(0) > format_version)
        return Failure(FailureKind::machine, file.string() + " was written by a newer cachefill");
    sqlite3_exec(database, ("PRAGMA user_version = " + std::to_string(format_version)).c_str(), nullptr, nullptr,
                 nullptr);
    return history;
}

History::~History() { sqlite3_close(database_); }

std::optional<std::chrono::milliseconds> History::expected(std::string_view name, std::string_view platform) const {
    Statement query(database_, "SELECT milliseconds FROM builds WHERE name = ?1 AND platform = ?2");
    if (!query) return {};
    query.bind(1, without_version(name));
    query.bind(2, platform);
    if (!query.step()) return {};
    return std::chrono::milliseconds(query.column(0));
}

void History::record(std::string_view name, std::string_view platform, std::chrono::milliseconds took) {
    // Half old, half new: one run on a busy machine does not decide for ever.
    Statement update(database_, "INSERT INTO builds VALUES (?1, ?2, ?3) ON CONFLICT (name, platform) DO UPDATE SET "
                                "milliseconds = (milliseconds + excluded.milliseconds) / 2");
    if (!update) return;
    update.bind(1, without_version(name));
    update.bind(2, platform);
    update.bind(3, static_cast<std::int64_t>(took.count()));
    update.step();
    Statement forget(database_, "DELETE FROM deadlines WHERE name = ?1 AND platform = ?2");
    if (!forget) return;
    forget.bind(1, without_version(name));
    forget.bind(2, platform);
    forget.step();
}

bool History::used_up_a_deadline(std::string_view name, std::string_view platform) const {
    Statement query(database_, "SELECT milliseconds FROM deadlines WHERE name = ?1 AND platform = ?2");
    if (!query) return false;
    query.bind(1, without_version(name));
    query.bind(2, platform);
    return query.step();
}

void History::record_deadline(std::string_view name, std::string_view platform, std::chrono::milliseconds ran) {
    Statement update(database_, "INSERT OR REPLACE INTO deadlines VALUES (?1, ?2, ?3)");
    if (!update) return;
    update.bind(1, without_version(name));
    update.bind(2, platform);
    update.bind(3, static_cast<std::int64_t>(ran.count()));
    update.step();
}

std::optional<std::uint64_t> History::closure_bytes(std::string_view target, std::string_view branch) const {
    Statement query(database_, "SELECT bytes FROM closures WHERE target = ?1 "
                               "ORDER BY branch = ?2 DESC, recorded DESC LIMIT 1");
    if (!query) return {};
    query.bind(1, target);
    query.bind(2, branch);
    if (!query.step()) return {};
    return static_cast<std::uint64_t>(query.column(0));
}

void History::record_closure(std::string_view target, std::string_view branch, std::uint64_t bytes) {
    // A counter instead of a clock: only the order matters, and a runner's clock may be anything.
    Statement update(database_, "INSERT OR REPLACE INTO closures VALUES (?1, ?2, ?3, "
                                "(SELECT coalesce(max(recorded), 0) + 1 FROM closures))");
    if (!update) return;
    update.bind(1, target);
    update.bind(2, branch);
    update.bind(3, static_cast<std::int64_t>(bytes));
    update.step();
}

} // namespace cachefill::app
