#include "eval/memory.hpp"

#include "base/files.hpp"
#include "base/text.hpp"

#include <algorithm>
#include <string>
#include <unistd.h>
#include <vector>

namespace cachefill::eval {

namespace {

// Files of /proc and /sys have no size, so no std::filesystem::file_size before reading.
std::string read_small(const std::filesystem::path& path) { return read_file(path, 1U << 20).value_or({}); }

std::optional<std::uint64_t> read_number(const std::filesystem::path& path) {
    return parse_u64(trim(read_small(path)));
}

// The number after `key` in "key 123\n…" or "key: 123 kB\n…".
std::optional<std::uint64_t> number_after(const std::string& text, std::string_view key) {
    for (auto line : split(text, '\n')) {
        auto words = split_words(line);
        if (words.size() >= 2 && words[0] == key) return parse_u64(words[1]);
    }
    return {};
}

struct Names {
    const char* limit;
    const char* usage;
    const char* reclaimable; // in memory.stat
};
constexpr Names version_2{"memory.max", "memory.current", "inactive_file"};
constexpr Names version_1{"memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"};

// What the cgroup at `directory` leaves; empty without a limit ("max", or a huge number in v1, which the caller's
// minimum ignores).
std::optional<std::uint64_t> left_in(const std::filesystem::path& directory, const Names& names) {
    auto limit = read_number(directory / names.limit);
    auto usage = read_number(directory / names.usage);
    if (!limit || !usage) return {};
    auto reclaimable = number_after(read_small(directory / "memory.stat"), names.reclaimable).value_or(0);
    auto used = *usage - std::min(*usage, reclaimable);
    return *limit - std::min(*limit, used);
}

// The smallest of the group's and its ancestors'. In a container the path in /proc/self/cgroup may be the host's and
// not exist here; the mount point itself is then the group, so the walk always ends there.
std::optional<std::uint64_t> left_below(const std::filesystem::path& mount, std::string_view group,
                                        const Names& names) {
    std::optional<std::uint64_t> least;
    std::filesystem::path relative = std::filesystem::path(group).relative_path();
    for (;;) {
        if (auto left = left_in(mount / relative, names)) least = std::min(least.value_or(*left), *left);
        if (relative.empty()) return least;
        relative = relative.parent_path();
    }
}

} // namespace

std::optional<std::uint64_t> available_memory(const std::filesystem::path& root) {
    auto kibibytes = number_after(read_small(root / "proc/meminfo"), "MemAvailable:");
    if (!kibibytes) return {};
    auto available = *kibibytes * 1024;
    auto groups = read_small(root / "proc/self/cgroup");
    for (auto line : split(groups, '\n')) {
        auto parts = split(line, ':'); // hierarchy:controllers:path
        if (parts.size() < 3) continue;
        auto group = line.substr(parts[0].size() + parts[1].size() + 2);
        std::optional<std::uint64_t> left;
        if (parts[1].empty()) {
            left = left_below(root / "sys/fs/cgroup", group, version_2);
        } else {
            auto controllers = split(parts[1], ',');
            if (std::find(controllers.begin(), controllers.end(), "memory") == controllers.end()) continue;
            left = left_below(root / "sys/fs/cgroup/memory", group, version_1);
        }
        if (left) available = std::min(available, *left);
    }
    return available;
}

std::uint64_t resident_memory(int pid) {
    auto words_of = read_small("/proc/" + std::to_string(pid) + "/statm");
    auto words = split_words(words_of);
    if (words.size() < 2) return 0;
    return parse_u64(words[1]).value_or(0) * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

} // namespace cachefill::eval
