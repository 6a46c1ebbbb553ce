#include "report/what_changed.hpp"

#include "base/text.hpp"
#include "base/units.hpp"
#include "report/columns.hpp"
#include "report/markdown.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstdlib>

namespace cachefill::report {

namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t most_hosts = 30; // of a summary
constexpr std::size_t most_rows = 40;  // of each sort, of a host
constexpr std::size_t most_versions = 4;
constexpr std::size_t widest_name = 32;

std::string growth(std::int64_t bytes) {
    return (bytes < 0 ? "-" : "+") + human_bytes(static_cast<std::uint64_t>(std::abs(bytes)));
}

std::string versions_text(const std::vector<std::string>& versions) {
    std::vector<std::string> shown;
    for (const auto& version : versions) {
        if (shown.size() == most_versions) break;
        shown.push_back(version.empty() ? "no version" : version);
    }
    if (versions.size() > shown.size()) shown.push_back("…");
    return join(shown, ", ");
}

bool has_no_version(const PackageChange& change) { return !change.has_version(); }

// "141.0 → 142.0", "1.27.3"; empty for what has no version.
std::string change_text(const PackageChange& change) {
    if (has_no_version(change)) return {};
    if (change.before.empty() || change.after.empty() || change.before == change.after)
        return versions_text(change.before.empty() ? change.after : change.before);
    return versions_text(change.before) + " → " + versions_text(change.after);
}

struct Sort {
    const std::vector<PackageChange>& changes;
    std::string_view word; // what became of each; empty: its versions say it
    bool is_about_size = false;
};
std::vector<Sort> sorts(const ClosureDifference& difference) {
    return {{difference.changed, ""},
            {difference.came, "came"},
            {difference.went, "went"},
            {difference.resized, "rebuilt", true}};
}

std::string and_more(std::size_t count) { return count > 0 ? fmt::format("and {} more", count) : std::string(); }

std::string host_table(const ClosureDifference& difference) {
    std::vector<std::vector<std::string>> rows{{"package", "before", "after", "size"}};
    std::size_t more = 0;
    for (const auto& [changes, word, is_about_size] : sorts(difference)) {
        auto shown = std::min(changes.size(), most_rows);
        more += changes.size() - shown;
        for (std::size_t i = 0; i < shown; ++i) {
            const auto& change = changes[i];
            auto side = [&](const std::vector<std::string>& versions, std::string_view nothing) {
                if (versions.empty()) return std::string(nothing);
                return has_no_version(change) ? std::string("•") : markdown::code(versions_text(versions));
            };
            rows.push_back({markdown::code(ellipsize(change.name, 60)), side(change.before, "came"),
                            side(change.after, "went"), growth(change.grew_by)});
        }
    }
    std::string text;
    if (rows.size() > 1) text = markdown::table(rows, {false, false, false, true});
    if (more > 0) text += "\n" + and_more(more) + ", which the JSON report lists\n";
    return text;
}

Json encode(const std::vector<PackageChange>& changes) {
    auto list = Json::array();
    for (const auto& change : changes) {
        Json json;
        json["package"] = change.name;
        json["before"] = change.before;
        json["after"] = change.after;
        json["grew_by"] = change.grew_by;
        list.push_back(std::move(json));
    }
    return list;
}

} // namespace

std::string headline(const ClosureDifference& difference) {
    if (difference.is_nothing()) return "nothing changed";
    std::vector<std::string> parts;
    auto add = [&parts](std::uint64_t count, std::string_view what) {
        if (count == 0) return;
        auto number = parts.empty() ? counted(count, "package") : std::to_string(count);
        parts.push_back(number + " " + std::string(what));
    };
    add(difference.changed.size(), "changed");
    add(difference.came.size(), "came");
    add(difference.went.size(), "went");
    add(difference.rebuilt, "rebuilt");
    parts.push_back(growth(difference.grew_by));
    return join(parts, ", ");
}

std::string most_telling(const ClosureDifference& difference, std::size_t most) {
    std::vector<std::string> shown;
    std::size_t all = 0;
    for (const auto& [changes, word, is_about_size] : sorts(difference)) {
        for (const auto& change : changes) {
            ++all;
            if (shown.size() == most) continue;
            auto text = change.name;
            if (auto versions = change_text(change); !versions.empty()) text += " " + versions;
            if (!word.empty()) text.append(" ").append(word);
            if (is_about_size) text += " (" + growth(change.grew_by) + ")";
            shown.push_back(std::move(text));
        }
    }
    if (all > shown.size()) shown.push_back(and_more(all - shown.size()));
    return join(shown, ", ");
}

std::string changes_text(const ClosureDifference& difference, std::size_t most) {
    std::string text;
    for (const auto& [changes, word, is_about_size] : sorts(difference)) {
        auto shown = std::min(changes.size(), most);
        for (std::size_t i = 0; i < shown; ++i) {
            const auto& change = changes[i];
            auto versions = change_text(change);
            text += "  " + pad_right(fit(change.name, widest_name), widest_name + 2);
            if (!versions.empty()) text += versions + "  ";
            if (!word.empty()) text.append(word).append("  ");
            text += growth(change.grew_by) + "\n";
        }
        if (changes.size() > shown) text += "  " + and_more(changes.size() - shown) + "\n";
    }
    return text;
}

std::string changes_markdown(const RunReport& report) {
    std::string text;
    std::size_t hosts = 0;
    for (const auto& target : report.targets) {
        if (!target.changes || target.changes->is_nothing() || ++hosts > most_hosts) continue;
        auto title = markdown::html(target.name) + ": " + headline(*target.changes);
        auto table = host_table(*target.changes);
        text += table.empty() ? title + "\n\n" : markdown::details(title, table) + "\n";
    }
    if (hosts > most_hosts) text += and_more(hosts - most_hosts) + ", which the JSON report lists\n";
    return text;
}

Json changes_json(const ClosureDifference& difference) {
    Json json;
    json["changed"] = encode(difference.changed);
    json["came"] = encode(difference.came);
    json["went"] = encode(difference.went);
    json["resized"] = encode(difference.resized);
    json["rebuilt"] = difference.rebuilt;
    json["grew_by"] = difference.grew_by;
    return json;
}

} // namespace cachefill::report
