#include "cache/new_file.hpp"

#include "codec/encoding.hpp"

#include <array>
#include <cerrno>
#include <fcntl.h>
#include <random>
#include <unistd.h>

namespace cachefill::cache {

namespace {

constexpr std::uint64_t worth_flushing = 8 << 20;

std::string random_name() {
    std::random_device device;
    std::array<unsigned, 3> words{device(), device(), device()};
    return std::string(NewFile::prefix) + codec::to_base16({reinterpret_cast<const char*>(words.data()), sizeof words});
}

} // namespace

Result<NewFile> NewFile::create(const std::filesystem::path& directory, unsigned mode) {
    auto path = directory / random_name();
    FileDescriptor file(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode));
    if (!file.is_open()) return errno_failure("cannot create a file in", directory, errno);
    return NewFile(std::move(path), std::move(file));
}

NewFile::~NewFile() {
    if (!path_.empty()) ::unlink(path_.c_str());
}

Result<void> NewFile::write(std::string_view bytes) {
    while (!bytes.empty()) {
        auto count = ::write(file_.get(), bytes.data(), bytes.size());
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) return errno_failure("cannot write", path_, errno);
        bytes.remove_prefix(static_cast<std::size_t>(count));
        written_ += static_cast<std::uint64_t>(count);
    }
    return {};
}

void NewFile::begin_flush() {
    if (written_ - begun_ < worth_flushing) return;
#ifdef SYNC_FILE_RANGE_WRITE
    ::sync_file_range(file_.get(), static_cast<off_t>(begun_), static_cast<off_t>(written_ - begun_),
                      SYNC_FILE_RANGE_WRITE);
#endif
    begun_ = written_;
}

Result<void> NewFile::flush() {
    if (::fsync(file_.get()) != 0) return errno_failure("cannot flush", path_, errno);
    return {};
}

Result<void> NewFile::rename_to(const std::filesystem::path& place) {
    if (::rename(path_.c_str(), place.c_str()) != 0) return errno_failure("cannot rename to", place, errno);
    path_.clear();
    return {};
}

Result<bool> NewFile::link_to(const std::filesystem::path& place) {
    if (::link(path_.c_str(), place.c_str()) == 0) return true; // the temporary name goes with the destructor
    if (errno == EEXIST) return false;
    if (errno != EPERM && errno != EOPNOTSUPP && errno != ENOSYS) return errno_failure("cannot create", place, errno);
    // A file system without hard links (FAT, some network ones): the next best thing, with a short race.
    std::error_code error;
    if (std::filesystem::exists(place, error)) return false;
    TRY_VOID(rename_to(place));
    return true;
}

Result<bool> create_new_file(const std::filesystem::path& place, std::string_view content, unsigned mode) {
    TRY(file, NewFile::create(place.parent_path(), mode));
    TRY_VOID(file.write(content));
    TRY_VOID(file.flush());
    TRY(created, file.link_to(place));
    if (created) TRY_VOID(flush_directory(place.parent_path()));
    return created;
}

Result<void> flush_directory(const std::filesystem::path& directory) {
    FileDescriptor file(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!file.is_open()) return errno_failure("cannot open the directory", directory, errno);
    // Some file systems cannot flush a directory (EINVAL); there is nothing more that could be done then.
    if (::fsync(file.get()) != 0 && errno != EINVAL)
        return errno_failure("cannot flush the directory", directory, errno);
    return {};
}

} // namespace cachefill::cache
