#pragma once

#include "base/result.hpp"

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

struct sqlite3;
struct sqlite3_stmt;

namespace cachefill::sqlite {

// SQLite with our errors: a Failure of kind protocol means the file is damaged or no database at all, any other (kind
// machine) that it cannot be used now.

class Statement {
  public:
    Statement(Statement&& other) noexcept : statement_(std::exchange(other.statement_, nullptr)) {}
    Statement& operator=(Statement&&) = delete;
    ~Statement();

    // Places count from 1. Returns itself, so that binds line up.
    Statement& bind(int place, std::string_view text);
    Statement& bind(int place, std::int64_t number);

    Result<bool> step(); // true: there is a row
    Result<void> run();  // to its end, and ready for the next binds

    std::int64_t number(int column) const; // columns count from 0
    std::string text(int column) const;

  private:
    friend class Database;
    explicit Statement(sqlite3_stmt* statement) : statement_(statement) {}
    sqlite3_stmt* statement_;
};

class Database {
  public:
    enum class Mode { read_only, read_write };
    // `file_system` names another SQLite VFS, for tests; empty: the usual one.
    static Result<Database> open(const std::filesystem::path& file, Mode mode, const std::string& file_system = {});

    // A file that only we write, made if it is not there: `schema` is statements that may be run again and again. What
    // a later `format` wrote is refused (kind machine).
    static Result<Database> open_ours(const std::filesystem::path& file, const std::string& schema,
                                      std::int64_t format);

    Result<void> execute(const std::string& statements);
    Result<Statement> prepare(std::string_view statement) const;
    // The write-ahead log stays when the last user closes the file: whoever may only read could not open it otherwise.
    void keep_log_file();
    std::uint64_t changes() const; // rows that the last statement inserted, updated or deleted

  private:
    struct Closer {
        void operator()(sqlite3* database) const;
    };
    explicit Database(sqlite3* database) : database_(database) {}
    std::unique_ptr<sqlite3, Closer> database_;
};

// All or nothing: rolled back unless committed.
class Transaction {
  public:
    static Result<Transaction> begin(Database& database);
    Transaction(Transaction&& other) noexcept : database_(std::exchange(other.database_, nullptr)) {}
    Transaction& operator=(Transaction&&) = delete;
    ~Transaction();
    Result<void> commit();

  private:
    explicit Transaction(Database& database) : database_(&database) {}
    Database* database_;
};

} // namespace cachefill::sqlite
