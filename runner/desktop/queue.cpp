#include "desktop/queue.hpp"

#include "base/files.hpp"
#include "base/text.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

namespace cachefill::desktop {

using namespace std::chrono_literals;

namespace {

constexpr std::string_view file_name = "queue.db", lock_name = "queue.lock", since_name = "queue.since";
constexpr int format_version = 1;
constexpr auto rate_window = 10min;
constexpr std::size_t longest_error = 2000;

// What has been committed is on the disk, at one flush for each transaction. EXTRA matters once, when the new file is
// switched to WAL: the deletion of the first journal must be on the disk, too, or after a power cut it would be rolled
// back over all that came later.
constexpr const char* schema = R"(
PRAGMA synchronous = EXTRA;
PRAGMA journal_mode = WAL;
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS caches (name TEXT PRIMARY KEY, uri TEXT NOT NULL, optional INTEGER NOT NULL,
    pushed INTEGER NOT NULL DEFAULT 0, pushed_bytes INTEGER NOT NULL DEFAULT 0, present INTEGER NOT NULL DEFAULT 0,
    gone INTEGER NOT NULL DEFAULT 0, withheld INTEGER NOT NULL DEFAULT 0, last_push INTEGER NOT NULL DEFAULT 0,
    error TEXT NOT NULL DEFAULT '', error_at INTEGER NOT NULL DEFAULT 0, next_try INTEGER NOT NULL DEFAULT 0)
    WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS paths (cache TEXT NOT NULL, path TEXT NOT NULL, size INTEGER NOT NULL,
    queued INTEGER NOT NULL, attempts INTEGER NOT NULL DEFAULT 0, not_before INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (cache, path)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS paths_due ON paths (cache, not_before, queued);
CREATE TABLE IF NOT EXISTS generations (path TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS sent (cache TEXT NOT NULL, minute INTEGER NOT NULL, bytes INTEGER NOT NULL,
    PRIMARY KEY (cache, minute)) WITHOUT ROWID;
)";

std::int64_t to_number(Time time) { return time.time_since_epoch().count(); }
Time to_time(std::int64_t number) { return Time(std::chrono::milliseconds(number)); }
std::int64_t minute_of(Time time) { return std::chrono::floor<std::chrono::minutes>(time).time_since_epoch().count(); }
std::int64_t signed_of(std::uint64_t number) { return static_cast<std::int64_t>(number); }
std::optional<Time> time_unless_zero(std::int64_t number) {
    return number == 0 ? std::nullopt : std::optional(to_time(number));
}

Result<std::int64_t> single_number(const sqlite::Database& database, std::string_view query) {
    TRY(statement, database.prepare(query));
    TRY(row, statement.step());
    return row ? statement.number(0) : 0;
}

Result<nix::StorePath> path_in(const sqlite::Statement& statement, int column) {
    auto path = nix::StorePath::parse_base_name(statement.text(column));
    if (!path) return Failure(FailureKind::protocol, "the queue holds what is no store path");
    return path;
}

Result<std::shared_ptr<void>> take_lock(const std::filesystem::path& file) {
    auto lock = std::make_shared<FileDescriptor>(::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644));
    if (!lock->is_open()) return errno_failure("open", file, errno);
    if (::flock(lock->get(), LOCK_EX | LOCK_NB) != 0)
        return Failure(FailureKind::usage, "another cachefill is at work on " + file.parent_path().string())
            .with_hint("one service for each state directory: stop the other, or give --state-directory");
    return std::shared_ptr<void>(lock);
}

// Without syncing the directory: should the renaming be undone by a power cut, the damage is found again.
void put_aside(const std::filesystem::path& file) {
    std::error_code ignored;
    for (int number = 1; number < 1000; ++number) {
        auto target = file.string() + ".damaged-" + std::to_string(number);
        if (std::filesystem::exists(target, ignored)) continue;
        std::filesystem::rename(file, target, ignored);
        for (const auto* suffix : {"-wal", "-shm"}) std::filesystem::remove(file.string() + suffix, ignored);
        return;
    }
}

} // namespace

Result<void> Queue::prepare() {
    TRY_VOID(database_.execute(schema));
    TRY(version, single_number(database_, "PRAGMA user_version"));
    if (version > format_version)
        return Failure(FailureKind::usage, "the queue was written by a newer cachefill")
            .with_hint("use that one, or another --state-directory");
    TRY_VOID(database_.execute("PRAGMA user_version = " + std::to_string(format_version)));
    TRY(check, database_.prepare("PRAGMA quick_check(1)"));
    TRY(row, check.step());
    if (!row || check.text(0) != "ok") return Failure(FailureKind::protocol, "the queue is damaged: " + check.text(0));
    return {};
}

Result<Queue> Queue::open(const std::filesystem::path& directory, Time now, const std::string& file_system) {
    TRY(owner, take_lock(directory / lock_name));
    auto file = directory / file_name;
    auto since_file = directory / since_name;
    // Written before there is a queue, and read whenever the queue does not know what it had seen. In milliseconds: the
    // generation that a machine was switched to may be hardly older than the service.
    auto text = read_file(since_file, 64);
    auto since = text ? parse_u64(trim(*text)) : std::nullopt;
    if (!since) TRY_VOID(write_file_atomically(since_file, std::to_string(now.time_since_epoch().count()) + "\n"));
    auto open_once = [&]() -> Result<Queue> {
        TRY(database, sqlite::Database::open(file, sqlite::Database::Mode::read_write, file_system));
        database.keep_log_file();
        Queue queue(std::move(database));
        TRY_VOID(queue.prepare());
        return queue;
    };
    auto queue = open_once();
    if (!queue && queue.error().kind() == FailureKind::protocol) {
        put_aside(file);
        queue = open_once();
    }
    if (!queue) return std::move(queue).error().with_hint("the queue lies in " + directory.string());
    queue->owner_ = std::move(owner);
    queue->since_ = since ? to_time(static_cast<std::int64_t>(*since)) : now;
    TRY(ready, single_number(queue->database_, "SELECT value FROM meta WHERE key = 'ready'"));
    queue->origin_ = ready ? Origin::existing : since ? Origin::lost : Origin::first_start;
    return queue;
}

Result<std::optional<Queue>> Queue::read(const std::filesystem::path& directory) {
    std::error_code error;
    if (!std::filesystem::exists(directory / file_name, error)) {
        if (error) return errno_failure("look at", directory, error.value());
        return std::optional<Queue>();
    }
    TRY(database, sqlite::Database::open(directory / file_name, sqlite::Database::Mode::read_only));
    Queue queue(std::move(database));
    TRY(tables, single_number(queue.database_, "SELECT count(*) FROM sqlite_master"));
    if (tables == 0) return std::optional<Queue>();
    return std::optional<Queue>(std::move(queue));
}

bool Queue::is_owned(const std::filesystem::path& directory) {
    FileDescriptor lock(::open((directory / lock_name).c_str(), O_RDONLY | O_CLOEXEC));
    return lock.is_open() && ::flock(lock.get(), LOCK_SH | LOCK_NB) != 0;
}

Result<std::vector<std::pair<std::string, std::uint64_t>>> Queue::set_caches(const std::vector<Cache>& caches) {
    TRY(transaction, sqlite::Transaction::begin(database_));
    std::set<std::string> wanted;
    TRY(insert, database_.prepare("INSERT INTO caches (name, uri, optional) VALUES (?1, ?2, ?3) ON CONFLICT (name) DO "
                                  "UPDATE SET uri = excluded.uri, optional = excluded.optional"));
    for (const auto& cache : caches) {
        wanted.insert(cache.name);
        TRY_VOID(insert.bind(1, cache.name).bind(2, cache.uri).bind(3, std::int64_t{cache.is_optional}).run());
    }
    std::vector<std::pair<std::string, std::uint64_t>> dropped;
    TRY(known, database_.prepare("SELECT name, (SELECT count(*) FROM paths WHERE cache = name) FROM caches"));
    for (;;) {
        TRY(row, known.step());
        if (!row) break;
        if (auto name = known.text(0); !wanted.contains(name))
            dropped.emplace_back(std::move(name), static_cast<std::uint64_t>(known.number(1)));
    }
    for (const auto& [name, waiting] : dropped) {
        for (const auto* text : {"DELETE FROM caches WHERE name = ?1", "DELETE FROM paths WHERE cache = ?1",
                                 "DELETE FROM sent WHERE cache = ?1"}) {
            TRY(remove, database_.prepare(text));
            TRY_VOID(remove.bind(1, name).run());
        }
    }
    TRY_VOID(transaction.commit());
    return dropped;
}

Result<std::set<nix::StorePath>> Queue::known_generations() const {
    TRY(query, database_.prepare("SELECT path FROM generations"));
    std::set<nix::StorePath> known;
    for (;;) {
        TRY(row, query.step());
        if (!row) return known;
        TRY(path, path_in(query, 0));
        known.insert(std::move(path));
    }
}

Result<StorePosition> Queue::position() const {
    StorePosition position;
    TRY(id, single_number(database_, "SELECT value FROM meta WHERE key = 'id'"));
    TRY(registered, single_number(database_, "SELECT value FROM meta WHERE key = 'registered'"));
    position.id = id;
    position.registered = registered;
    return position;
}

Result<std::uint64_t> Queue::add(const std::vector<QueuedPath>& paths, const std::vector<nix::StorePath>& generations,
                                 std::optional<StorePosition> position, Time now) {
    TRY(transaction, sqlite::Transaction::begin(database_));
    std::uint64_t added = 0;
    TRY(insert, database_.prepare("INSERT OR IGNORE INTO paths (cache, path, size, queued) SELECT name, ?1, ?2, ?3 "
                                  "FROM caches"));
    for (const auto& item : paths) {
        insert.bind(1, item.path.base_name()).bind(2, signed_of(item.nar_size)).bind(3, to_number(now));
        TRY_VOID(insert.run());
        if (database_.changes() > 0) ++added;
    }
    TRY(remember, database_.prepare("INSERT OR IGNORE INTO generations VALUES (?1)"));
    for (const auto& generation : generations) TRY_VOID(remember.bind(1, generation.base_name()).run());
    TRY(move, database_.prepare("INSERT OR REPLACE INTO meta VALUES (?1, ?2)"));
    TRY_VOID(move.bind(1, "ready").bind(2, std::int64_t{1}).run());
    if (position) {
        TRY_VOID(move.bind(1, "id").bind(2, position->id).run());
        TRY_VOID(move.bind(1, "registered").bind(2, position->registered).run());
    }
    TRY_VOID(transaction.commit());
    return added;
}

Result<bool> Queue::look_back() {
    TRY(done, single_number(database_, "SELECT value FROM meta WHERE key = 'looked_back'"));
    if (done) return false;
    TRY(transaction, sqlite::Transaction::begin(database_));
    TRY_VOID(database_.execute("DELETE FROM generations; INSERT OR REPLACE INTO meta VALUES ('looked_back', 1), "
                               "('ready', 1), ('id', 0), ('registered', 1)"));
    TRY_VOID(transaction.commit());
    return true;
}

Result<void> Queue::forget_generations_except(const std::set<nix::StorePath>& alive) {
    TRY(known, known_generations());
    TRY(transaction, sqlite::Transaction::begin(database_));
    TRY(remove, database_.prepare("DELETE FROM generations WHERE path = ?1"));
    for (const auto& path : known)
        if (!alive.contains(path)) TRY_VOID(remove.bind(1, path.base_name()).run());
    return transaction.commit();
}

Result<std::vector<QueuedPath>> Queue::due(const std::string& cache, Time now, std::size_t limit) const {
    TRY(query, database_.prepare("SELECT path, size, attempts FROM paths WHERE cache = ?1 AND not_before <= ?2 "
                                 "ORDER BY not_before, queued LIMIT ?3"));
    query.bind(1, cache).bind(2, to_number(now)).bind(3, static_cast<std::int64_t>(limit));
    std::vector<QueuedPath> due;
    for (;;) {
        TRY(row, query.step());
        if (!row) return due;
        TRY(path, path_in(query, 0));
        due.push_back({.path = std::move(path),
                       .nar_size = static_cast<std::uint64_t>(query.number(1)),
                       .attempts = static_cast<unsigned>(query.number(2))});
    }
}

Result<std::optional<Time>> Queue::next_due(const std::string& cache) const {
    TRY(query, database_.prepare("SELECT not_before FROM paths WHERE cache = ?1 ORDER BY not_before LIMIT 1"));
    TRY(row, query.bind(1, cache).step());
    return row ? std::optional(to_time(query.number(0))) : std::nullopt;
}

Result<void> Queue::settle(const std::string& cache, const std::vector<Settlement>& settlements, Time now) {
    if (settlements.empty()) return {};
    TRY(transaction, sqlite::Transaction::begin(database_));
    TRY(remove, database_.prepare("DELETE FROM paths WHERE cache = ?1 AND path = ?2"));
    TRY(postpone, database_.prepare("UPDATE paths SET attempts = attempts + 1, not_before = ?3 WHERE cache = ?1 AND "
                                    "path = ?2"));
    std::uint64_t counts[5] = {}, bytes = 0;
    std::string error;
    for (const auto& settlement : settlements) {
        ++counts[static_cast<std::size_t>(settlement.how)];
        bytes += settlement.bytes;
        if (settlement.how == Settled::failed || settlement.how == Settled::withheld)
            error = settlement.path.to_string() + ": " + settlement.reason;
        auto& statement = settlement.how == Settled::failed ? postpone : remove;
        statement.bind(1, cache).bind(2, settlement.path.base_name());
        if (settlement.how == Settled::failed) statement.bind(3, to_number(settlement.again));
        TRY_VOID(statement.run());
    }
    auto count_of = [&counts](Settled how) { return signed_of(counts[static_cast<std::size_t>(how)]); };
    TRY(update, database_.prepare(
                    "UPDATE caches SET pushed = pushed + ?2, pushed_bytes = pushed_bytes + ?3, present = present + ?4, "
                    "gone = gone + ?5, withheld = withheld + ?6, last_push = CASE WHEN ?2 > 0 THEN ?7 ELSE last_push "
                    "END WHERE name = ?1"));
    update.bind(1, cache).bind(2, count_of(Settled::pushed)).bind(3, signed_of(bytes));
    update.bind(4, count_of(Settled::present)).bind(5, count_of(Settled::gone)).bind(6, count_of(Settled::withheld));
    TRY_VOID(update.bind(7, to_number(now)).run());
    // A failure of single paths stays to be read until something succeeds after it.
    bool succeeded = counts[static_cast<std::size_t>(Settled::pushed)] > 0;
    if (!error.empty() || succeeded) {
        TRY(tell, database_.prepare("UPDATE caches SET error = ?2, error_at = ?3, next_try = 0 WHERE name = ?1"));
        tell.bind(1, cache).bind(2, error.substr(0, longest_error));
        TRY_VOID(tell.bind(3, error.empty() ? 0 : to_number(now)).run());
    }
    if (bytes > 0) {
        TRY(sent, database_.prepare("INSERT INTO sent VALUES (?1, ?2, ?3) ON CONFLICT (cache, minute) DO UPDATE SET "
                                    "bytes = bytes + excluded.bytes"));
        TRY_VOID(sent.bind(1, cache).bind(2, minute_of(now)).bind(3, signed_of(bytes)).run());
        TRY(prune, database_.prepare("DELETE FROM sent WHERE minute < ?1"));
        TRY_VOID(prune.bind(1, minute_of(now - rate_window)).run());
    }
    return transaction.commit();
}

Result<void> Queue::note_trouble(const std::string& cache, const std::string& error, Time now, Time again) {
    TRY(tell, database_.prepare("UPDATE caches SET error = ?2, error_at = ?3, next_try = ?4 WHERE name = ?1"));
    tell.bind(1, cache).bind(2, error.substr(0, longest_error)).bind(3, to_number(now)).bind(4, to_number(again));
    return tell.run();
}

Result<std::vector<CacheStatus>> Queue::status(Time now) const {
    TRY(query, database_.prepare(
                   "SELECT name, uri, optional, pushed, pushed_bytes, present, gone, withheld, last_push, error, "
                   "error_at, next_try, count(path), total(size), total(attempts > 0), min(queued), (SELECT "
                   "total(bytes) FROM sent WHERE sent.cache = name AND minute > ?1) FROM caches LEFT JOIN paths ON "
                   "paths.cache = caches.name GROUP BY name ORDER BY name"));
    query.bind(1, minute_of(now - rate_window));
    auto unsigned_at = [&query](int column) { return static_cast<std::uint64_t>(query.number(column)); };
    std::vector<CacheStatus> all;
    for (;;) {
        TRY(row, query.step());
        if (!row) return all;
        CacheStatus status;
        status.name = query.text(0);
        status.uri = query.text(1);
        status.is_optional = query.number(2) != 0;
        status.pushed = unsigned_at(3);
        status.pushed_bytes = unsigned_at(4);
        status.present = unsigned_at(5);
        status.gone = unsigned_at(6);
        status.withheld = unsigned_at(7);
        status.last_push = time_unless_zero(query.number(8));
        status.last_error = query.text(9);
        status.last_error_at = time_unless_zero(query.number(10));
        status.next_try = time_unless_zero(query.number(11));
        status.waiting = unsigned_at(12);
        status.waiting_bytes = unsigned_at(13);
        status.failing = unsigned_at(14);
        status.oldest = time_unless_zero(query.number(15));
        status.recent_bytes = unsigned_at(16);
        all.push_back(std::move(status));
    }
}

Result<std::uint64_t> Queue::waiting() const {
    TRY(most, single_number(database_, "SELECT count(*) AS n FROM paths GROUP BY cache ORDER BY n DESC LIMIT 1"));
    return static_cast<std::uint64_t>(most);
}

} // namespace cachefill::desktop
