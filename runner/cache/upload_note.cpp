#include "cache/upload_note.hpp"

#include "base/text.hpp"

#include <algorithm>
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

namespace cachefill::cache {

namespace fs = std::filesystem;

namespace {

constexpr std::string_view ending = ".upload";
constexpr std::uint64_t longest_note = 16 << 10;
constexpr std::chrono::seconds patience{1};

bool lock(const FileDescriptor& file) { return file.is_open() && ::flock(file.get(), LOCK_EX | LOCK_NB) == 0; }

} // namespace

std::unique_ptr<UploadNote> UploadNote::write(const fs::path& directory, const Text& text) {
    if (directory.empty() || !cachefill::create_directories(directory)) return {};
    auto pattern = (directory / "s3-XXXXXX").string() + std::string(ending);
    FileDescriptor file(::mkostemps(pattern.data(), static_cast<int>(ending.size()), O_CLOEXEC));
    if (!file.is_open()) return {};
    auto content = text.url + "\n" + (text.id.empty() ? "" : text.id + "\n");
    // Locked before there is anything in it: an empty one is left alone by others.
    bool is_written =
        lock(file) && ::write(file.get(), content.data(), content.size()) == static_cast<ssize_t>(content.size());
    std::unique_ptr<UploadNote> note(new UploadNote(pattern, std::move(file), text));
    return is_written ? std::move(note) : nullptr;
}

std::vector<std::unique_ptr<UploadNote>> UploadNote::find_left(const fs::path& directory, const std::string& start) {
    std::vector<std::unique_ptr<UploadNote>> left;
    std::error_code error;
    for (fs::directory_iterator entry(directory, error), end; !error && entry != end; entry.increment(error)) {
        if (!entry->path().filename().string().ends_with(ending)) continue;
        FileDescriptor file(::open(entry->path().c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
        if (!lock(file)) continue; // it is being sent
        auto content = read_opened(file, entry->path(), longest_note, patience);
        auto lines = content ? split(std::string_view(*content), '\n') : std::vector<std::string_view>();
        bool is_whole = lines.size() == 2 || lines.size() == 3; // its last line is ended
        if (!is_whole || !lines.back().empty() || !lines[0].starts_with(start)) continue;
        Text text{std::string(lines[0]), std::string(lines[1])};
        left.push_back(std::unique_ptr<UploadNote>(new UploadNote(entry->path(), std::move(file), std::move(text))));
    }
    return left;
}

void UploadNote::set_id(const std::string& id) {
    text_.id = id;
    auto line = id + "\n";
    // Whoever finds it without asks the server for what there is of that file.
    [[maybe_unused]] auto ignored = ::write(lock_.get(), line.data(), line.size());
}

UploadNote::~UploadNote() {
    std::error_code ignored;
    fs::remove(file_, ignored);
}

} // namespace cachefill::cache
