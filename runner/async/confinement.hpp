#pragma once

#include "base/files.hpp"
#include "base/result.hpp"

#include <filesystem>
#include <vector>

namespace cachefill::async {

// What of the file system a child process, and whatever it starts, may open: each path with all that lies below it.
// Everything else is "Permission denied", whoever it runs as. Names, sizes and times of files are not hidden, sockets
// not closed; what is open already stays so.
struct Confinement {
    std::vector<std::filesystem::path> readable; // and to be executed
    std::vector<std::filesystem::path> writable; // and all that
};

// The version of the kernel's Landlock, by which this is done; 0 if it has none that does (Linux before 5.19, another
// system, switched off).
int landlock_version();

// For enter_ruleset(). What is not there is left out. Only with a landlock_version().
Result<FileDescriptor> make_ruleset(const Confinement& confinement);

// The calling process, from now on and for good; setuid programs gain nothing for it any more. What /proc has of itself
// it may read, too, but not what it has of its children. Between fork and exec: allocates nothing. 0, or what errno
// was.
int enter_ruleset(int ruleset);

} // namespace cachefill::async
