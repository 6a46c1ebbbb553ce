#include "session/machines.hpp"

#include "base/files.hpp"
#include "base/text.hpp"
#include "daemon/settings.hpp"

#include <algorithm>

namespace cachefill::session {

namespace {

constexpr std::uint64_t largest_file = 1 << 20;
constexpr std::uint64_t most_slots = 64; // of one builder
constexpr int deepest_files = 8;         // that name each other

void insert_list(std::set<std::string>& set, std::string_view list) {
    if (list == "-") return;
    for (auto item : split(list, ','))
        if (!item.empty()) set.emplace(item);
}

// URI, platforms, key, slots, speed, features, mandatory features, host key; trailing ones may be left out (Nix,
// libstore/machines.cc).
void add_builder(Machines& machines, std::string_view line, const std::string& this_system) {
    auto words = split_words(line);
    auto is_set = [&words](std::size_t field) { return words.size() > field && words[field] != "-"; };
    plan::BuildAbility builder;
    if (is_set(1))
        insert_list(builder.platforms, words[1]);
    else
        builder.platforms.insert(this_system);
    auto slots = is_set(3) ? parse_u64(words[3]) : std::optional<std::uint64_t>(1);
    builder.slots = std::min(slots.value_or(1), most_slots);
    machines.remote_slots += builder.slots;
    builder.builds = builder.slots > 0;
    builder.builder = line;
    if (is_set(5)) insert_list(builder.features, words[5]);
    if (is_set(6)) insert_list(builder.mandatory_features, words[6]);
    machines.abilities.push_back(std::move(builder));
}

// As Nix takes them apart: lines and semicolons, comments, "@FILE" for more.
void add_builders(Machines& machines, const std::string& text, const std::string& this_system, int depth) {
    for (auto line : split(text, '\n'))
        for (auto entry : split(line.substr(0, line.find('#')), ';')) {
            entry = trim(entry);
            if (entry.empty()) continue;
            if (entry.front() != '@') {
                add_builder(machines, entry, this_system);
                continue;
            }
            std::filesystem::path file(trim(entry.substr(1)));
            std::error_code error;
            bool is_missing = !std::filesystem::exists(file, error) && !error; // as the default one usually is
            if (is_missing || depth == deepest_files) continue;
            if (auto content = read_file(file, largest_file))
                add_builders(machines, *content, this_system, depth + 1);
            else
                machines.unreadable.push_back(std::move(content).error());
        }
}

} // namespace

Machines machines_from(const daemon::Settings& nix, std::optional<std::size_t> jobs) {
    Machines machines;
    machines.local_slots = jobs.value_or(nix.max_jobs);
    plan::BuildAbility here;
    here.platforms = {nix.system, "builtin"};
    here.platforms.insert(nix.extra_platforms.begin(), nix.extra_platforms.end());
    here.features = {nix.system_features.begin(), nix.system_features.end()};
    here.builds = machines.local_slots > 0;
    machines.abilities.push_back(std::move(here));
    add_builders(machines, nix.builders, nix.system, 0);
    return machines;
}

std::string why_nothing_is_built_here(const Machines& machines) {
    if (machines.local_slots > 0) return {};
    std::string words = "this machine builds nothing itself (max-jobs = 0)";
    return words + (machines.remote_slots == 0 ? " and has no remote builders"
                                               : ", and its remote builders are for other systems or features");
}

} // namespace cachefill::session
