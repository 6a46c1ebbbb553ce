#include "github/file_commands.hpp"

#include "base/files.hpp"
#include "base/text.hpp"
#include "github/commands.hpp"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <unistd.h>

namespace cachefill::github {

namespace {

constexpr std::string_view cut_here = "\n\n_Cut here: GitHub shows one MiB. The JSON report has all._\n";
// Where a section starts, no block of code or folded part is open.
constexpr std::string_view section_start = "\n### ";

Result<void> append(const std::filesystem::path& path, std::string_view text) {
    FileDescriptor file(::open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644));
    if (!file.is_open()) return errno_failure("cannot open", path, errno);
    while (!text.empty()) {
        auto written = ::write(file.get(), text.data(), text.size());
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) return errno_failure("cannot write", path, errno);
        text.remove_prefix(static_cast<std::size_t>(written));
    }
    return {};
}

} // namespace

Result<void> set_output(const std::filesystem::path& file, std::string_view name, std::string_view value) {
    auto delimiter = "ghadelimiter_" + random_token();
    std::string text(name);
    text.append("<<").append(delimiter).append("\n").append(value).append("\n").append(delimiter).append("\n");
    return append(file, text);
}

Result<void> append_summary(const std::filesystem::path& file, std::string markdown) {
    std::error_code absent;
    auto there = std::filesystem::file_size(file, absent);
    auto room = longest_summary - summary_reserve;
    if (!absent) room -= std::min<std::size_t>(room, static_cast<std::size_t>(there));
    if (room < cut_here.size()) return {};
    if (markdown.size() > room) {
        auto end = markdown.rfind(section_start, room - cut_here.size());
        markdown.resize(end == std::string::npos ? 0 : end);
        markdown += cut_here;
    }
    return append(file, markdown);
}

} // namespace cachefill::github
