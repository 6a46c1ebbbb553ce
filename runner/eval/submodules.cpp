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

bool is_name(std::string_view text) {
    constexpr std::string_view others = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-";
    return !text.empty() && text.find_first_not_of(others) == text.npos;
}

// `[submodule "NAME"]`, or `[NAME]` of something else. Which it is; nothing for any other form.
enum class Section { submodule, other };
std::optional<Section> parse_section(std::string_view line) {
    if (!line.starts_with('[') || !line.ends_with(']')) return {};
    line = line.substr(1, line.size() - 2);
    auto name = line.substr(0, line.find_first_of(" \t"));
    auto subject = trim(line.substr(name.size()));
    if (!is_name(name) || to_lower(name).starts_with("include")) return {};
    bool is_submodule = to_lower(name) == "submodule";
    if (subject.empty()) return is_submodule ? std::nullopt : std::optional(Section::other);
    bool is_quoted = subject.size() > 2 && subject.front() == '"' && subject.back() == '"';
    if (!is_quoted || subject.substr(1, subject.size() - 2).find_first_of("\"\\") != subject.npos) return {};
    return is_submodule ? Section::submodule : Section::other;
}

// One key of a submodule. False where git might take something else from this line, or from the next one as well.
bool take_key(std::string_view line, Submodule& module) {
    auto equals = std::min(line.find('='), line.size());
    auto key = to_lower(trim(line.substr(0, equals)));
    if (!is_name(key) || line.find('\\') != line.npos) return false;
    if (key != "url" && key != "path") return true;
    auto value = trim(line.substr(std::min(equals + 1, line.size())));
    if (value.size() > 1 && value.front() == '"' && value.back() == '"') value = value.substr(1, value.size() - 2);
    auto& field = key == "url" ? module.url : module.path;
    if (value.empty() || !field.empty() || value.find_first_of("\"#;") != value.npos) return false;
    field = value;
    return true;
}

// The form of git's configuration in which git itself writes it, a section, key or comment on each line. Nothing if a
// single line is not plainly that: git, and each version of Nix, may read it in another way.
std::optional<std::vector<Submodule>> parse(std::string_view text) {
    constexpr std::string_view mark_of_utf8 = "\xEF\xBB\xBF";
    if (text.starts_with(mark_of_utf8)) text.remove_prefix(mark_of_utf8.size());
    std::vector<Submodule> modules;
    std::optional<Section> section;
    for (auto line : split(text, '\n')) {
        if (line.ends_with('\r')) line.remove_suffix(1);
        auto is_odd = [](unsigned char c) { return (c < ' ' && c != '\t') || c == 0x7F; };
        if (std::any_of(line.begin(), line.end(), is_odd)) return {};
        line = trim(line);
        if (line.empty() || line.front() == '#' || line.front() == ';') continue;
        if (line.front() == '[') {
            section = parse_section(line);
            if (!section) return {};
            if (*section == Section::submodule) modules.emplace_back();
            continue;
        }
        Submodule of_no_matter;
        if (!section || !take_key(line, *section == Section::submodule ? modules.back() : of_no_matter)) return {};
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
