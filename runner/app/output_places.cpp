#include "app/output_places.hpp"

#include "base/named_output.hpp"
#include "base/text.hpp"

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <sys/stat.h>
#include <unistd.h>

namespace cachefill::app {

namespace {

namespace fs = std::filesystem;

Failure no_place(const std::string& flag, const fs::path& file, const std::string& why) {
    return Failure(FailureKind::machine, "cannot write " + sanitize(file.string()) + ": " + why)
        .with_context("trying the place of " + flag + " before anything is begun");
}

Result<void> try_place(const std::string& flag, const std::string& name) {
    if (name.empty() || name == "-") return {};
    TRY(file, follow_own_links(name)); // what a link leads to is replaced, and not the link
    struct stat info {};
    if (::stat(file.c_str(), &info) == 0) {
        if (S_ISDIR(info.st_mode)) return no_place(flag, file, "it is a folder");
        if (!S_ISREG(info.st_mode)) return {};
    }
    // A file is replaced as a whole, so it is the folder that must take one.
    auto folder = file.has_parent_path() ? file.parent_path() : fs::path(".");
    if (::access(folder.c_str(), W_OK | X_OK) == 0) return {};
    return no_place(flag, file, "the folder " + sanitize(folder.string()) + ": " + std::strerror(errno));
}

} // namespace

Result<void> try_output_places(const options::Settings& settings) {
    TRY_VOID(try_place("--json", settings.json));
    TRY_VOID(try_place("--junit", settings.junit));
    if (settings.is_for_shards()) TRY_VOID(try_place("--bundle", settings.bundle));
    return try_place("--html", settings.html);
}

} // namespace cachefill::app
