#include "eval/submodules.hpp"

#include "base/files.hpp"
#include "base/text.hpp"

#include <boost/url/parse.hpp>
#include <boost/url/url.hpp>

#include <algorithm>
#include <utility>

namespace cachefill::eval {

namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t longest_file = 1 << 20;
constexpr std::size_t most_submodules = 1000;

struct Submodule {
    std::string path, url;
};

Failure not_understood(const fs::path& file) {
    return Failure(FailureKind::protocol, "cannot tell from " + sanitize(file.string()) + " what its submodules are");
}

// The form of git's configuration in which git itself writes it: sections, keys, values that may stand in quotes.
// Nothing for what is not plainly that.
std::optional<std::vector<Submodule>> parse(std::string_view text) {
    std::vector<Submodule> modules;
    for (auto line : split(text, '\n')) {
        line = trim(line);
        if (line.empty() || line.front() == '#' || line.front() == ';') continue;
        if (line.front() == '[') {
            if (line.back() != ']') return {};
            modules.emplace_back();
            continue;
        }
        auto equals = line.find('=');
        if (equals == line.npos || modules.empty()) continue;
        auto key = to_lower(trim(line.substr(0, equals)));
        auto value = trim(line.substr(equals + 1));
        if (value.size() > 1 && value.front() == '"' && value.back() == '"') value = value.substr(1, value.size() - 2);
        if (value.find_first_of("\"\\#;") != value.npos && (key == "url" || key == "path")) return {};
        if (key == "url") modules.back().url = value;
        if (key == "path") modules.back().path = value;
    }
    return modules;
}

// As git takes it: "../x" lies beside the repository, not beside its last folder.
std::optional<std::string> in_full(const std::string& url, const std::string& base) {
    if (!url.starts_with("./") && !url.starts_with("../")) return url;
    const auto folder = base.ends_with('/') ? base : base + "/";
    auto repository = boost::urls::parse_uri(folder);
    auto relative = boost::urls::parse_relative_ref(url);
    if (!repository || !relative) return {};
    boost::urls::url resolved;
    if (!boost::urls::resolve(*repository, *relative, resolved)) return {};
    resolved.remove_query();
    return std::string(resolved.buffer());
}

bool is_below(const fs::path& path) {
    return !path.empty() && path.is_relative() &&
           std::none_of(path.begin(), path.end(), [](const auto& part) { return part == ".."; });
}

} // namespace

Result<std::vector<std::string>> submodule_urls(const fs::path& tree, const std::string& url) {
    std::error_code error;
    const auto root = fs::canonical(tree, error);
    if (error) return not_understood(tree);
    std::vector<std::string> urls;
    std::vector<Submodule> open{{.path = {}, .url = url}};
    while (!open.empty()) {
        auto at = std::move(open.back());
        open.pop_back();
        const auto file = root / at.path / ".gitmodules";
        if (fs::symlink_status(file, error).type() == fs::file_type::not_found) continue;
        // A link would have us believe a file that did not come with the tree.
        if (!fs::is_regular_file(fs::symlink_status(file, error)) || fs::canonical(file, error) != file)
            return not_understood(file);
        auto text = read_file(file, longest_file);
        auto modules = text ? parse(*text) : std::nullopt;
        if (!modules) return not_understood(file);
        for (auto& module : *modules) {
            auto place = in_full(module.url, at.url);
            if (!place || place->empty() || !is_below(module.path) || urls.size() == most_submodules)
                return not_understood(file);
            urls.push_back(*place);
            open.push_back({.path = (fs::path(at.path) / module.path).lexically_normal().string(), .url = *place});
        }
    }
    return urls;
}

} // namespace cachefill::eval
