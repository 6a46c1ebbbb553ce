#include "sqlite/database.hpp"

#include <sqlite3.h>

namespace cachefill::sqlite {

namespace {

constexpr int wait_for_others_ms = 5000;

Failure sqlite_failure(sqlite3* database, std::string_view doing, const std::string& file) {
    int code = database ? sqlite3_errcode(database) & 0xff : SQLITE_NOMEM;
    bool is_damaged = code == SQLITE_CORRUPT || code == SQLITE_NOTADB;
    return Failure(is_damaged ? FailureKind::protocol : FailureKind::machine,
                   "cannot " + std::string(doing) + " " + file + ": " +
                       (database ? sqlite3_errmsg(database) : "out of memory"));
}

// Of an open database, which knows its file.
Failure use_failure(sqlite3* database) {
    const auto* name = database ? sqlite3_db_filename(database, "main") : nullptr;
    return sqlite_failure(database, "use", name ? name : "");
}

} // namespace

Statement::~Statement() { sqlite3_finalize(statement_); }

Statement& Statement::bind(int place, std::string_view text) {
    sqlite3_bind_text(statement_, place, text.data(), static_cast<int>(text.size()), SQLITE_TRANSIENT);
    return *this;
}

Statement& Statement::bind(int place, std::int64_t number) {
    sqlite3_bind_int64(statement_, place, number);
    return *this;
}

Result<bool> Statement::step() {
    int code = sqlite3_step(statement_);
    if (code == SQLITE_ROW) return true;
    if (code == SQLITE_DONE) return false;
    return use_failure(sqlite3_db_handle(statement_));
}

Result<void> Statement::run() {
    for (;;) {
        auto row = step();
        if (row && *row) continue;
        sqlite3_reset(statement_);
        if (!row) return std::move(row).error();
        return {};
    }
}

std::int64_t Statement::number(int column) const { return sqlite3_column_int64(statement_, column); }

std::string Statement::text(int column) const {
    const auto* bytes = reinterpret_cast<const char*>(sqlite3_column_text(statement_, column));
    if (!bytes) return {};
    return {bytes, static_cast<std::size_t>(sqlite3_column_bytes(statement_, column))};
}

void Database::Closer::operator()(sqlite3* database) const { sqlite3_close(database); }

Result<Database> Database::open(const std::filesystem::path& file, Mode mode, const std::string& file_system) {
    int flags = mode == Mode::read_only ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
    sqlite3* handle = nullptr;
    int code = sqlite3_open_v2(file.c_str(), &handle, flags, file_system.empty() ? nullptr : file_system.c_str());
    Database database(handle);
    if (code != SQLITE_OK) return sqlite_failure(handle, "open", file.string());
    sqlite3_extended_result_codes(handle, 1);
    sqlite3_busy_timeout(handle, wait_for_others_ms);
    return database;
}

Result<Database> Database::open_ours(const std::filesystem::path& file, const std::string& schema,
                                     std::int64_t format) {
    TRY(database, open(file, Mode::read_write));
    TRY_VOID(database.execute(schema));
    TRY(query, database.prepare("PRAGMA user_version"));
    TRY(has_version, query.step());
    auto version = has_version ? query.number(0) : 0;
    if (version > format) return Failure(FailureKind::machine, file.string() + " was written by a newer cachefill");
    if (version != format) TRY_VOID(database.execute("PRAGMA user_version = " + std::to_string(format)));
    return database;
}

Result<void> Database::execute(const std::string& statements) {
    if (sqlite3_exec(database_.get(), statements.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK)
        return use_failure(database_.get());
    return {};
}

Result<Statement> Database::prepare(std::string_view text) const {
    sqlite3_stmt* statement = nullptr;
    int code = sqlite3_prepare_v2(database_.get(), text.data(), static_cast<int>(text.size()), &statement, nullptr);
    if (code != SQLITE_OK) return use_failure(database_.get());
    return Statement(statement);
}

void Database::keep_log_file() {
    int yes = 1;
    sqlite3_file_control(database_.get(), nullptr, SQLITE_FCNTL_PERSIST_WAL, &yes);
}

std::uint64_t Database::changes() const { return static_cast<std::uint64_t>(sqlite3_changes(database_.get())); }

Result<Transaction> Transaction::begin(Database& database) {
    TRY_VOID(database.execute("BEGIN IMMEDIATE"));
    return Transaction(database);
}

Transaction::~Transaction() {
    if (database_) static_cast<void>(database_->execute("ROLLBACK").has_value());
}

Result<void> Transaction::commit() {
    TRY_VOID(database_->execute("COMMIT"));
    database_ = nullptr;
    return {};
}

} // namespace cachefill::sqlite
