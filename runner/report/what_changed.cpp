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
constexpr std::size_t most_named = 5;      // in a line about a host
constexpr std::size_t shown_of_host = 100; // letters of its name
constexpr std::size_t widest_name = 32, widest_versions = 120;
constexpr std::size_t longest_foreign = 200; // letters of a name or version that somebody else wrote

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
                if (has_no_version(change)) return std::string("•");
                return markdown::code(ellipsize(versions_text(versions), widest_versions));
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

// Sums of sizes stay far from what a number can hold, whoever wrote them.
constexpr std::int64_t largest_growth = std::int64_t{1} << 56;

std::int64_t growth_at(const nlohmann::json& json) {
    auto value = json.find("grew_by");
    if (value == json.end() || !value->is_number_integer()) return 0;
    if (value->is_number_unsigned())
        return static_cast<std::int64_t>(std::min<std::uint64_t>(value->get<std::uint64_t>(), largest_growth));
    return std::clamp(value->get<std::int64_t>(), -largest_growth, largest_growth);
}

std::string foreign_text(const nlohmann::json& text) {
    return ellipsize(one_line(sanitize(text.get_ref<const std::string&>())), longest_foreign);
}

std::vector<std::string> versions_at(const nlohmann::json& json, const char* key) {
    std::vector<std::string> versions;
    auto list = json.find(key);
    if (list == json.end() || !list->is_array()) return versions;
    for (const auto& version : *list)
        if (version.is_string()) versions.push_back(foreign_text(version));
    return versions;
}

std::vector<PackageChange> changes_at(const nlohmann::json& json, const char* key) {
    std::vector<PackageChange> changes;
    auto list = json.find(key);
    if (list == json.end() || !list->is_array()) return changes;
    for (const auto& entry : *list) {
        auto name = entry.is_object() ? entry.find("package") : entry.end();
        if (name == entry.end() || !name->is_string()) continue;
        changes.push_back({.name = foreign_text(*name),
                           .before = versions_at(entry, "before"),
                           .after = versions_at(entry, "after"),
                           .grew_by = growth_at(entry),
                           .size = 0});
    }
    return changes;
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

std::string changes_markdown(const std::vector<HostChanges>& hosts, std::size_t most_bytes) {
    constexpr std::size_t room_for_the_count = 60;
    std::string text;
    std::size_t shown = 0, more = 0;
    for (const auto& [host, difference] : hosts) {
        if (difference.is_nothing()) continue;
        auto name = ellipsize(host, shown_of_host);
        auto line = markdown::code_in_text(name) + ": " + headline(difference) + "\n\n";
        auto table = host_table(difference);
        // GitHub takes what looks like a mention for one everywhere but in code, also in HTML.
        auto title = "<code>" + markdown::html(name) + "</code>: " + headline(difference);
        auto folded = table.empty() ? line : markdown::details(title, table) + "\n";
        auto fits = [&](const std::string& part) {
            return text.size() + part.size() + room_for_the_count <= most_bytes;
        };
        if (shown == most_hosts || !fits(line)) {
            ++more;
            continue;
        }
        text += fits(folded) ? folded : line;
        ++shown;
    }
    if (more > 0) text += and_more(more) + ", which the JSON report lists\n";
    return text;
}

std::string changes_markdown(const RunReport& report) {
    std::vector<HostChanges> hosts;
    for (const auto& target : report.targets)
        if (target.changes) hosts.push_back({.host = target.name, .difference = *target.changes});
    return changes_markdown(hosts, std::string::npos);
}

std::string changes_lines(const std::vector<HostChanges>& hosts) {
    std::string text;
    std::size_t shown = 0, more = 0;
    for (const auto& [host, difference] : hosts) {
        if (difference.is_nothing()) continue;
        if (shown == most_hosts) {
            ++more;
            continue;
        }
        ++shown;
        auto named = most_telling(difference, most_named);
        text += one_line(host) + ": " + headline(difference) + (named.empty() ? "" : ": " + named) + "\n";
    }
    if (more > 0) text += and_more(more) + "\n";
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

ClosureDifference read_changes(const nlohmann::json& json) {
    ClosureDifference difference;
    if (!json.is_object()) return difference;
    difference.changed = changes_at(json, "changed");
    difference.came = changes_at(json, "came");
    difference.went = changes_at(json, "went");
    difference.resized = changes_at(json, "resized");
    if (auto rebuilt = json.find("rebuilt"); rebuilt != json.end() && rebuilt->is_number_unsigned())
        difference.rebuilt = rebuilt->get<std::uint64_t>();
    difference.grew_by = growth_at(json);
    return difference;
}

} // namespace cachefill::report
