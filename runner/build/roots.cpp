#include "build/roots.hpp"

#include "daemon/lasting_connection.hpp"

#include <cerrno>
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

namespace cachefill::build {

namespace fs = std::filesystem;

namespace {

// The lock lies beside the folder, so that removing the folder cannot race with somebody taking the lock in it.
fs::path lock_of(const fs::path& folder) { return folder.string() + ".lock"; }

void clear_folders_of_dead_runs(const fs::path& base) {
    std::error_code error, ignored; // what cannot be cleared now is cleared by a later run
    for (fs::directory_iterator entry(base, error), end; !error && entry != end; entry.increment(error)) {
        if (!entry->is_directory(ignored)) continue;
        auto lock_path = lock_of(entry->path());
        FileDescriptor lock(::open(lock_path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
        if (!lock.is_open() || ::flock(lock.get(), LOCK_EX | LOCK_NB) != 0) continue; // that run lives
        fs::remove_all(entry->path(), ignored);
        fs::remove(lock_path, ignored);
    }
}

} // namespace

async::Task<Result<std::unique_ptr<Roots>>> Roots::open(const daemon::Endpoint& endpoint, fs::path base) {
    CO_TRY_VOID(cachefill::create_directories(base));
    clear_folders_of_dead_runs(base);
    auto pattern = (base / "run-XXXXXX").string();
    if (!::mkdtemp(pattern.data()))
        co_return errno_failure("cannot create a folder for garbage-collection roots in", base, errno);
    fs::path folder = pattern;
    FileDescriptor lock(::open(lock_of(folder).c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    if (!lock.is_open() || ::flock(lock.get(), LOCK_EX | LOCK_NB) != 0)
        co_return errno_failure("cannot lock", lock_of(folder), errno);
    CO_TRY(connection, co_await daemon::connect_lasting(endpoint));
    co_return std::unique_ptr<Roots>(new Roots(endpoint, std::move(connection), std::move(folder), std::move(lock)));
}

Roots::~Roots() {
    std::error_code ignored;      // a left-over is cleared by the next run
    fs::remove(folder_, ignored); // only if empty: what was not published stays rooted
    if (fs::exists(folder_, ignored)) return;
    fs::remove(lock_of(folder_), ignored);
}

async::Task<Result<void>> Roots::hold(std::vector<nix::StorePath> paths) {
    auto connection = connection_;
    auto held = co_await connection->add_temp_roots(std::move(paths));
    co_return with_context(std::move(held), "protecting paths from garbage collection");
}

async::Task<Result<void>> Roots::keep(nix::StorePath path) {
    auto link = folder_ / path.base_name();
    std::error_code error;
    fs::create_symlink(path.to_string(), link, error);
    if (error && error != std::errc::file_exists)
        co_return errno_failure("cannot create the garbage-collection root", link, error.value());
    auto connection = connection_;
    co_return co_await connection->add_indirect_root(std::move(link));
}

async::Task<Result<std::vector<nix::StorePath>>> Roots::find_valid(std::vector<nix::StorePath> paths) {
    auto connection = connection_;
    co_return co_await connection->query_valid_paths(std::move(paths));
}

async::Task<Result<void>> Roots::hold_only(std::vector<nix::StorePath> paths) {
    CO_TRY(fresh, co_await daemon::connect_lasting(endpoint_));
    CO_TRY_VOID(co_await fresh->add_temp_roots(std::move(paths)));
    connection_ = std::move(fresh);
    co_return Result<void>();
}

void Roots::release(const nix::StorePath& path) {
    std::error_code ignored; // a root too many keeps a path a little longer
    fs::remove(folder_ / path.base_name(), ignored);
}

} // namespace cachefill::build
