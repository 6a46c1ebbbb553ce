#include "report/shards.hpp"

#include "base/text.hpp"
#include "base/units.hpp"
#include "report/columns.hpp"
#include "report/markdown.hpp"
#include "report/prose.hpp"
#include "report/style.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <map>

namespace cachefill::report {

namespace {

using Json = nlohmann::ordered_json;

constexpr int format_version = 1;
constexpr std::size_t longest_matrix = 1024 * 1024; // of all outputs of a job together, GitHub's limit
constexpr std::size_t names_shown = 12;
constexpr std::size_t room_in_a_cell = 60; // of a table that stands beside four other columns

// Those that take longest, as many as fit into what is left of the line.
std::string heaviest(const ShardPlan::Shard& shard, std::size_t room) {
    std::vector<const ShardPlan::Build*> owned;
    for (const auto& build : shard.builds)
        if (!build.is_copy) owned.push_back(&build);
    std::sort(owned.begin(), owned.end(), [](const auto* a, const auto* b) {
        return a->expected != b->expected ? a->expected > b->expected : a->name < b->name;
    });
    std::vector<std::string> names;
    for (const auto* build : owned) names.push_back(one_line(sanitize(build->name)));
    for (std::size_t shown = std::min(names_shown, names.size()); shown > 1; --shown)
        if (auto text = listed(names, shown); columns(text) <= room) return text;
    return fit(listed(names, 1), room);
}

// Those of whom most is awaited first, as many as fit into the line.
std::string awaited(const ShardPlan::Shard& shard, std::size_t room) {
    std::map<std::size_t, std::size_t> paths;
    for (const auto& awaited : shard.awaited) ++paths[awaited.shard];
    std::vector<std::pair<std::size_t, std::size_t>> most(paths.begin(), paths.end());
    std::sort(most.begin(), most.end(),
              [](const auto& a, const auto& b) { return a.second != b.second ? a.second > b.second : a < b; });
    if (most.empty()) return "nobody";
    std::vector<std::string> parts;
    for (const auto& [other, count] : most)
        parts.push_back((parts.empty() ? counted(count, "path") + " of shard " : std::to_string(count) + " of ") +
                        std::to_string(other));
    for (std::size_t shown = parts.size(); shown > 1; --shown)
        if (auto text = listed(parts, shown); columns(text) <= room) return text;
    return listed(parts, 1);
}

std::size_t owned_by(const ShardPlan::Shard& shard) {
    auto is_owned = [](const auto& build) { return !build.is_copy; };
    return static_cast<std::size_t>(std::count_if(shard.builds.begin(), shard.builds.end(), is_owned));
}

std::string row(const ShardPlan::Shard& shard, std::size_t machine_width, std::size_t width) {
    auto line = pad_left(std::to_string(shard.number), 5) + "  " +
                pad_right(one_line(sanitize(shard.machine)), machine_width) + "  " +
                pad_right(human_duration(shard.ends), 12) + "  " + pad_left(std::to_string(owned_by(shard)), 6) + "  ";
    const auto left = width > columns(line) + 20 ? width - columns(line) : 20;
    line += heaviest(shard, left) + "\n";
    constexpr std::string_view before = "       waits for ";
    return line + std::string(before) + awaited(shard, std::max<std::size_t>(width, 40) - before.size()) + "\n";
}

std::string headline(const ShardPlan& plan) {
    if (plan.shards.empty() && plan.builds > 0)
        return counted(plan.builds, "derivation") + " for the last job alone: no shard is needed\n";
    if (plan.shards.empty())
        return plan.nobodys.empty() ? "nothing is missing: no shard is needed\n" : "nothing to build on any shard\n";
    return counted(plan.builds, "derivation") + " on " + counted(plan.shards.size(), "shard") + " (" +
           std::to_string(plan.slots) + " at once), about " + human_duration(plan.ends) + " for " +
           human_duration(plan.work) + " of work\n";
}

std::string closing_words(const ShardPlan& plan) {
    std::string text;
    if (plan.handovers > 0) text += counted(plan.handovers, "path") + " from shard to shard by way of the cache\n";
    if (plan.copied > 0)
        text += counted(plan.copied, "derivation") + " built wherever needed (" + std::to_string(plan.copies) +
                (plan.copies == 1 ? " copy" : " copies") + "): faster than waiting\n";
    if (plan.unmeasured > 0)
        text += "of " + counted(plan.unmeasured, "build") + " nobody knows how long they take: guessed by kind\n";
    if (!plan.nobodys.empty()) {
        std::vector<std::string> names;
        for (const auto& build : plan.nobodys) names.push_back(one_line(sanitize(build.name)));
        text += "on no shard: " + listed(names, 3);
        if (!plan.wanted_machines.empty())
            text += "; it takes " + sanitize(listed(plan.wanted_machines, 3)) + ", and 'runners' names none";
        text += "\n";
    }
    return text;
}

Json encode(const ShardPlan::Build& build) {
    Json json;
    json["derivation"] = build.derivation;
    json["name"] = build.name;
    json["kind"] = build.kind;
    json["expected_ms"] = build.expected.count();
    json["measured"] = build.measured;
    json["copy"] = build.is_copy;
    return json;
}

Json encode(const ShardPlan::Shard& shard) {
    Json json;
    json["shard"] = shard.number;
    json["machine"] = shard.machine;
    json["runs_on"] = shard.runs_on;
    json["ends_ms"] = shard.ends.count();
    json["work_ms"] = shard.work.count();
    json["builds"] = Json::array();
    for (const auto& build : shard.builds) json["builds"].push_back(encode(build));
    json["awaits"] = Json::array();
    for (const auto& awaited : shard.awaited)
        json["awaits"].push_back(
            {{"derivation", awaited.derivation}, {"name", awaited.name}, {"shard", awaited.shard}});
    return json;
}

// Store paths and names may hold anything where they come from a stranger's flake.
std::string printed(const Json& json, int indent) {
    return json.dump(indent, ' ', false, Json::error_handler_t::replace);
}

} // namespace

std::string shards_text(const ShardPlan& plan, std::size_t width) {
    auto text = headline(plan);
    if (plan.shards.empty()) return wrap_sentences(text + closing_words(plan), width);
    std::size_t machine_width = 7;
    for (const auto& shard : plan.shards)
        machine_width = std::max(machine_width, columns(one_line(sanitize(shard.machine))));
    std::string table = "shard  " + pad_right("machine", machine_width) + "  done after    builds  heaviest first\n";
    for (const auto& shard : plan.shards) table += row(shard, machine_width, width == 0 ? 120 : width);
    return wrap_sentences(text, width) + table + wrap_sentences(closing_words(plan), width);
}

std::string shards_markdown(const ShardPlan& plan) {
    std::string words = headline(plan) + closing_words(plan), text;
    for (auto line : split(std::string_view(words), '\n'))
        if (!line.empty()) text += "- " + markdown::text(line) + "\n";
    if (plan.shards.empty()) return text;
    std::vector<std::vector<std::string>> rows{
        {"shard", "machine", "done after", "builds", "heaviest first", "waits for"}};
    for (const auto& shard : plan.shards)
        rows.push_back({std::to_string(shard.number), markdown::text(one_line(shard.machine)),
                        human_duration(shard.ends), std::to_string(owned_by(shard)),
                        markdown::text(heaviest(shard, room_in_a_cell)),
                        markdown::text(awaited(shard, room_in_a_cell))});
    return text + "\n" + markdown::table(rows, {true, false, false, true, false, false});
}

std::string shards_json(const ShardPlan& plan) {
    Json json;
    json["version"] = format_version;
    json["most_shards"] = plan.most_shards;
    json["slots"] = plan.slots;
    json["ends_ms"] = plan.ends.count();
    json["bound_ms"] = plan.bound.count();
    json["work_ms"] = plan.work.count();
    json["derivations"] = plan.builds;
    json["unmeasured"] = plan.unmeasured;
    json["copied"] = plan.copied;
    json["copies"] = plan.copies;
    json["handovers"] = plan.handovers;
    json["shards"] = Json::array();
    for (const auto& shard : plan.shards) json["shards"].push_back(encode(shard));
    json["on_no_shard"] = Json::array();
    for (const auto& build : plan.nobodys) json["on_no_shard"].push_back(encode(build));
    json["wanted_machines"] = plan.wanted_machines;
    return printed(json, 2);
}

Result<std::string> shards_matrix(const ShardPlan& plan) {
    Json json;
    json["include"] = Json::array();
    for (const auto& shard : plan.shards) {
        Json row;
        row["shard"] = shard.number;
        row["shards"] = plan.shards.size();
        row["machine"] = shard.machine;
        if (shard.runs_on.size() == 1)
            row["runs-on"] = shard.runs_on.front();
        else
            row["runs-on"] = shard.runs_on;
        row["expected"] = human_duration(shard.ends);
        json["include"].push_back(std::move(row));
    }
    auto text = printed(json, -1);
    if (text.size() > longest_matrix)
        return Failure(FailureKind::usage, "the matrix has " + human_bytes(text.size()) + ", and GitHub takes 1 MiB")
            .with_hint("name runners by shorter labels, or ask for fewer shards: --shards=100");
    return text;
}

} // namespace cachefill::report
