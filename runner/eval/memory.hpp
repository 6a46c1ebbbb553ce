#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>

namespace cachefill::eval {

// Bytes that a new process could use before anything is killed or swapped: MemAvailable of /proc/meminfo, or less when
// a cgroup (v1 or v2, this process's own or one above it) leaves less. Page cache that the cgroup could drop counts as
// available, as in MemAvailable. Empty where there is no /proc. `root` stands before /proc and /sys in tests.
std::optional<std::uint64_t> available_memory(const std::filesystem::path& root = "/");

// Resident bytes of a process now; 0 when it is gone.
std::uint64_t resident_memory(int pid);

} // namespace cachefill::eval
