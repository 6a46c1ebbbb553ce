#include "eval/flake_place.hpp"

#include "base/foreign_text.hpp"
#include "base/text.hpp"
#include "nix/flake_url.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace cachefill::eval {

namespace {

namespace fs = std::filesystem;

bool is_there(const fs::path& path) {
    std::error_code ignored;
    return fs::exists(fs::symlink_status(path, ignored));
}

// From `directory` upwards the first that holds `name`; empty if none does.
fs::path nearest_with(fs::path directory, const char* name) {
    for (;; directory = directory.parent_path()) {
        if (is_there(directory / name)) return directory;
        if (directory == directory.root_path()) return {};
    }
}

// Where Nix looks for the flake: in `directory` or above it, as a part of the git repository around it.
std::string git_reference(const fs::path& directory, const std::string& subdirectory) {
    auto flake = subdirectory.empty() ? nearest_with(directory, "flake.nix") : directory;
    auto root = flake.empty() ? fs::path() : nearest_with(flake, ".git");
    if (root.empty()) return {};
    auto below = flake == root ? fs::path() : flake.lexically_relative(root);
    if (!subdirectory.empty()) below /= subdirectory;
    const std::array<std::pair<std::string, std::string>, 2> parameters{
        {{"dir", below.string()}, {"shallow", is_there(root / ".git/shallow") ? "1" : ""}}};
    return nix::git_file_url(root.string(), parameters);
}

std::string value_of_dir(std::string_view query) {
    for (auto parameter : split(query, '&'))
        if (parameter.starts_with("dir=")) return percent_decode(parameter.substr(4));
    return {};
}

FlakePlace place_directory(const fs::path& given, const std::string& query) {
    std::error_code error;
    auto directory = fs::canonical(given, error);
    if (error) directory = fs::absolute(given, error).lexically_normal();
    FlakePlace place{.reference = directory.string() + query,
                     .directory = {},
                     .shown = shown_name(directory.string() + query),
                     .tree = directory};
    if (nix::encode_path(directory.string()) == directory.string()) return place;
    // "path:" URLs have no spelling for such a name that Nix 2.8 and newer ones would both read, but "." from inside
    // has.
    place.directory = directory;
    place.reference = "." + query;
    auto git = git_reference(directory, query.empty() ? std::string() : value_of_dir(query.substr(1)));
    if (!git.empty()) place.reference = git;
    return place;
}

} // namespace

FlakePlace place_flake(std::string_view given) {
    std::string text(given.empty() ? "." : given);
    std::error_code ignored;
    if (fs::is_directory(text, ignored)) return place_directory(text, {});
    auto question = text.rfind('?');
    auto before = question == text.npos ? std::string() : text.substr(0, question);
    if (!before.empty() && fs::is_directory(before, ignored)) return place_directory(before, text.substr(question));
    return {.reference = text, .directory = {}, .shown = shown_name(redact_url(text))};
}

} // namespace cachefill::eval
