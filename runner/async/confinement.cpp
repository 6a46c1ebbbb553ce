#include "async/confinement.hpp"

#include <cerrno>
#include <cstdint>

#if defined(__linux__) && __has_include(<linux/landlock.h>)
#include <fcntl.h>
#include <linux/landlock.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

namespace cachefill::async {

#if defined(__linux__) && __has_include(<linux/landlock.h>) && defined(SYS_landlock_create_ruleset)

namespace {

// Named here because the kernel's headers may be older than the kernel.
constexpr std::uint64_t refer = 1ULL << 13;    // renames between directories, without which Nix cannot work: version 2
constexpr std::uint64_t truncate = 1ULL << 14; // version 3
constexpr int first_version_with_refer = 2, first_version_with_truncate = 3;

constexpr std::uint64_t to_read =
    LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR;
constexpr std::uint64_t to_change = LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR |
                                    LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_CHAR |
                                    LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG |
                                    LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_MAKE_FIFO |
                                    LANDLOCK_ACCESS_FS_MAKE_BLOCK | LANDLOCK_ACCESS_FS_MAKE_SYM | refer | truncate;
// The only ones that the kernel takes for something else than a directory.
constexpr std::uint64_t of_files =
    LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE | truncate;

std::uint64_t known_to(int version) { return version < first_version_with_truncate ? ~truncate : ~std::uint64_t(0); }

Result<void> allow(int ruleset, const std::filesystem::path& path, std::uint64_t access) {
    FileDescriptor opened(::open(path.c_str(), O_PATH | O_CLOEXEC));
    struct stat info {};
    if (!opened.is_open() || ::fstat(opened.get(), &info) != 0) return {};
    landlock_path_beneath_attr rule{};
    rule.allowed_access = S_ISDIR(info.st_mode) ? access : access & of_files;
    rule.parent_fd = opened.get();
    if (::syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0U) == 0) return {};
    // Of what is no file of a file system (a pipe behind /dev/fd, say) nobody can be kept.
    if (errno == EBADFD) return {};
    return errno_failure("cannot confine a program to", path, errno);
}

} // namespace

int landlock_version() {
    auto version =
        ::syscall(SYS_landlock_create_ruleset, nullptr, std::size_t(0), std::uint32_t(LANDLOCK_CREATE_RULESET_VERSION));
    return version < first_version_with_refer ? 0 : static_cast<int>(version);
}

Result<FileDescriptor> make_ruleset(const Confinement& confinement) {
    auto known = known_to(landlock_version());
    landlock_ruleset_attr handled{};
    handled.handled_access_fs = (to_read | to_change) & known;
    auto created = ::syscall(SYS_landlock_create_ruleset, &handled, sizeof handled.handled_access_fs, std::uint32_t(0));
    if (created < 0) return errno_failure("cannot confine a program by", "Landlock", errno);
    FileDescriptor ruleset(static_cast<int>(created));
    for (const auto& path : confinement.readable) TRY_VOID(allow(ruleset.get(), path, to_read));
    for (const auto& path : confinement.writable) TRY_VOID(allow(ruleset.get(), path, (to_read | to_change) & known));
    return ruleset;
}

int enter_ruleset(int ruleset) {
    int self = ::open("/proc/self", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (self >= 0) {
        landlock_path_beneath_attr rule{};
        rule.allowed_access = to_read;
        rule.parent_fd = self;
        ::syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0U);
        ::close(self);
    }
    if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return errno;
    return ::syscall(SYS_landlock_restrict_self, ruleset, std::uint32_t(0)) == 0 ? 0 : errno;
}

#else

int landlock_version() { return 0; }

Result<FileDescriptor> make_ruleset(const Confinement&) {
    return errno_failure("cannot confine a program by", "Landlock", ENOSYS);
}

int enter_ruleset(int) { return ENOSYS; }

#endif

} // namespace cachefill::async
