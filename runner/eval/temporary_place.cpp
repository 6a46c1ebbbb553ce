#include "eval/temporary_place.hpp"

#include "base/files.hpp"
#include "base/text.hpp"

namespace cachefill::eval {

namespace {

// More than a file system without room keeps for directories and the like.
constexpr std::size_t probe_size = 64 << 10;

Result<void> write_something(const std::filesystem::path& place) {
    TRY(directory, TemporaryDirectory::make("cachefill-probe", place));
    return write_file_atomically(directory.path() / "probe", std::string(probe_size, '.'));
}

} // namespace

Result<void> check_temporary_place(const Environment& environment) {
    auto given = environment.get_or("TMPDIR");
    auto written = write_something(given.empty() ? "/tmp" : given);
    if (written) return {};
    return Failure(FailureKind::machine, "nothing can be written to " + sanitize(given.empty() ? "/tmp" : given) +
                                             ", the place for temporary files: " + written.error().cause())
        .with_hint(given.empty() ? "free some space, or let TMPDIR name another place"
                                 : "free some space, or let TMPDIR name another place than this one");
}

} // namespace cachefill::eval
