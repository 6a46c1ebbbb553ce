#include "support/lossy_file_system.hpp"

#include "base/files.hpp"

#include <sqlite3.h>

#include <cstring>
#include <fstream>
#include <map>
#include <vector>

namespace cachefill::test {

namespace fs = std::filesystem;

namespace {

constexpr std::size_t sector = 512;

struct Write {
    std::size_t offset = 0;
    std::string bytes;
    bool is_truncation = false; // to `offset` bytes
};

struct State {
    bool is_on_disk = false; // the directory knows of it for certain
    bool is_deleted = false; // and the deletion was not synced
    std::string synced;
    std::vector<Write> pending;
};

void replay(const Write& write, std::string& content) {
    if (write.is_truncation) {
        content.resize(write.offset);
        return;
    }
    if (content.size() < write.offset + write.bytes.size()) content.resize(write.offset + write.bytes.size());
    content.replace(write.offset, write.bytes.size(), write.bytes);
}

} // namespace

class LossyFileSystem::Impl {
  public:
    sqlite3_vfs vfs{};
    sqlite3_vfs* real = nullptr;
    std::map<std::string, State> files;
    std::uint64_t operations = 0, alarm = 0;
    std::function<void()> then;

    void count() {
        if (++operations == alarm && then) then();
    }
};

namespace {

struct File {
    sqlite3_file base; // must be first
    LossyFileSystem::Impl* owner;
    State* state; // null: of no interest after a power cut (shared memory, temporary files)
    sqlite3_file* real() { return reinterpret_cast<sqlite3_file*>(this + 1); }
};
File* of(sqlite3_file* file) { return reinterpret_cast<File*>(file); }

int do_close(sqlite3_file* file) { return of(file)->real()->pMethods->xClose(of(file)->real()); }
int do_read(sqlite3_file* file, void* to, int count, sqlite3_int64 offset) {
    return of(file)->real()->pMethods->xRead(of(file)->real(), to, count, offset);
}
int do_write(sqlite3_file* file, const void* from, int count, sqlite3_int64 offset) {
    if (auto* state = of(file)->state) {
        of(file)->owner->count();
        state->pending.push_back({static_cast<std::size_t>(offset),
                                  std::string(static_cast<const char*>(from), static_cast<std::size_t>(count)), false});
    }
    return of(file)->real()->pMethods->xWrite(of(file)->real(), from, count, offset);
}
int do_truncate(sqlite3_file* file, sqlite3_int64 size) {
    if (auto* state = of(file)->state) {
        of(file)->owner->count();
        state->pending.push_back({static_cast<std::size_t>(size), {}, true});
    }
    return of(file)->real()->pMethods->xTruncate(of(file)->real(), size);
}
// Nothing is really flushed: only our book-keeping says what a power cut leaves.
int do_sync(sqlite3_file* file, int) {
    if (auto* state = of(file)->state) {
        of(file)->owner->count();
        for (const auto& write : state->pending) replay(write, state->synced);
        state->pending.clear();
        state->is_on_disk = true;
    }
    return SQLITE_OK;
}
int do_size(sqlite3_file* file, sqlite3_int64* size) {
    return of(file)->real()->pMethods->xFileSize(of(file)->real(), size);
}
int do_lock(sqlite3_file* file, int kind) { return of(file)->real()->pMethods->xLock(of(file)->real(), kind); }
int do_unlock(sqlite3_file* file, int kind) { return of(file)->real()->pMethods->xUnlock(of(file)->real(), kind); }
int do_check_lock(sqlite3_file* file, int* answer) {
    return of(file)->real()->pMethods->xCheckReservedLock(of(file)->real(), answer);
}
int do_control(sqlite3_file* file, int code, void* argument) {
    return of(file)->real()->pMethods->xFileControl(of(file)->real(), code, argument);
}
int do_sector_size(sqlite3_file*) { return static_cast<int>(sector); }
int do_characteristics(sqlite3_file*) { return 0; } // no promise at all: neither atomic writes nor safe overwrites
int do_map(sqlite3_file* file, int page, int size, int extend, void volatile** address) {
    return of(file)->real()->pMethods->xShmMap(of(file)->real(), page, size, extend, address);
}
int do_shm_lock(sqlite3_file* file, int offset, int count, int flags) {
    return of(file)->real()->pMethods->xShmLock(of(file)->real(), offset, count, flags);
}
void do_barrier(sqlite3_file* file) { of(file)->real()->pMethods->xShmBarrier(of(file)->real()); }
int do_unmap(sqlite3_file* file, int remove) { return of(file)->real()->pMethods->xShmUnmap(of(file)->real(), remove); }

const sqlite3_io_methods methods{
    2,         do_close,      do_read,    do_write,       do_truncate,        do_sync, do_size,     do_lock,
    do_unlock, do_check_lock, do_control, do_sector_size, do_characteristics, do_map,  do_shm_lock, do_barrier,
    do_unmap,  nullptr,       nullptr};

LossyFileSystem::Impl& impl_of(sqlite3_vfs* vfs) { return *static_cast<LossyFileSystem::Impl*>(vfs->pAppData); }

int do_open(sqlite3_vfs* vfs, const char* path, sqlite3_file* file, int flags, int* out_flags) {
    auto& impl = impl_of(vfs);
    auto* mine = of(file);
    mine->owner = &impl;
    bool is_ours = path && (flags & (SQLITE_OPEN_MAIN_DB | SQLITE_OPEN_WAL | SQLITE_OPEN_MAIN_JOURNAL));
    int code = impl.real->xOpen(impl.real, path, mine->real(), flags, out_flags);
    mine->base.pMethods = mine->real()->pMethods ? &methods : nullptr;
    mine->state = nullptr;
    if (code == SQLITE_OK && is_ours) {
        auto [known, is_new] = impl.files.try_emplace(path);
        mine->state = &known->second;
        known->second.is_deleted = false;
        auto content = is_new ? read_file(path) : Result<std::string>("");
        if (content && !content->empty()) { // it was there before us
            known->second.synced = std::move(*content);
            known->second.is_on_disk = true;
        }
    }
    return code;
}
int do_delete(sqlite3_vfs* vfs, const char* path, int sync_directory) {
    auto& impl = impl_of(vfs);
    auto known = impl.files.find(path);
    if (known != impl.files.end()) {
        impl.count();
        if (sync_directory)
            known->second = State();
        else
            known->second.is_deleted = true;
    }
    return impl.real->xDelete(impl.real, path, 0);
}
int do_access(sqlite3_vfs* vfs, const char* path, int flags, int* answer) {
    return impl_of(vfs).real->xAccess(impl_of(vfs).real, path, flags, answer);
}
int do_full_path(sqlite3_vfs* vfs, const char* path, int size, char* out) {
    return impl_of(vfs).real->xFullPathname(impl_of(vfs).real, path, size, out);
}
int do_random(sqlite3_vfs* vfs, int count, char* out) {
    return impl_of(vfs).real->xRandomness(impl_of(vfs).real, count, out);
}
int do_sleep(sqlite3_vfs* vfs, int microseconds) { return impl_of(vfs).real->xSleep(impl_of(vfs).real, microseconds); }
int do_time(sqlite3_vfs* vfs, double* time) { return impl_of(vfs).real->xCurrentTime(impl_of(vfs).real, time); }
int do_last_error(sqlite3_vfs* vfs, int count, char* out) {
    return impl_of(vfs).real->xGetLastError(impl_of(vfs).real, count, out);
}

} // namespace

LossyFileSystem::LossyFileSystem() : impl_(std::make_unique<Impl>()) {
    sqlite3_initialize();
    auto& vfs = impl_->vfs;
    impl_->real = sqlite3_vfs_find(nullptr);
    vfs.iVersion = 1;
    vfs.szOsFile = static_cast<int>(sizeof(File)) + impl_->real->szOsFile;
    vfs.mxPathname = impl_->real->mxPathname;
    vfs.zName = name();
    vfs.pAppData = impl_.get();
    vfs.xOpen = do_open;
    vfs.xDelete = do_delete;
    vfs.xAccess = do_access;
    vfs.xFullPathname = do_full_path;
    vfs.xRandomness = do_random;
    vfs.xSleep = do_sleep;
    vfs.xCurrentTime = do_time;
    vfs.xGetLastError = do_last_error;
    sqlite3_vfs_register(&vfs, 0);
}

LossyFileSystem::~LossyFileSystem() { sqlite3_vfs_unregister(&impl_->vfs); }

std::uint64_t LossyFileSystem::operations() const { return impl_->operations; }

void LossyFileSystem::before_operation(std::uint64_t number, std::function<void()> then) {
    impl_->alarm = number;
    impl_->then = std::move(then);
}

void LossyFileSystem::cut_power(const fs::path& directory, const fs::path& target, std::mt19937_64& random) const {
    auto chance = [&random](unsigned of_four) { return random() % 4 < of_four; };
    fs::create_directories(target);
    for (const auto& [path, state] : impl_->files) {
        if (fs::path(path).parent_path() != directory) continue;
        if (!state.is_on_disk && (state.pending.empty() || chance(2))) continue;
        if (state.is_deleted && chance(2)) continue;
        auto content = state.synced;
        for (const auto& write : state.pending) {
            if (chance(1)) continue; // never arrived
            auto part = write;
            if (!part.is_truncation && part.bytes.size() > sector && chance(1)) // torn between two sectors
                part.bytes.resize(sector * (1 + random() % (part.bytes.size() / sector)));
            replay(part, content);
        }
        std::ofstream(target / fs::path(path).filename(), std::ios::binary) << content;
    }
}

} // namespace cachefill::test
