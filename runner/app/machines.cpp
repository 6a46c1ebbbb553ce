#include "app/machines.hpp"

#include "base/files.hpp"
#include "base/text.hpp"

#include <algorithm>

namespace cachefill::app {

namespace {

constexpr std::uint64_t largest_file = 1 << 20;
constexpr std::uint64_t most_slots = 64; // of one builder
constexpr int deepest_include = 8;

void insert_list(std::set<std::string>& set, std::string_view list) {
    if (list == "-") return;
    for (auto item : split(list, ','))
        if (!item.empty()) set.emplace(item);
}

// URI, platforms, key, slots, speed, features, mandatory features, host key; trailing ones may be left out (Nix,
// libstore/machines.cc).
void add_builder(Machines& machines, const std::vector<std::string_view>& words, const std::string& this_system) {
    plan::BuildAbility builder;
    if (words.size() > 1 && words[1] != "-")
        insert_list(builder.platforms, words[1]);
    else
        builder.platforms.insert(this_system);
    auto slots = words.size() > 3 ? parse_u64(words[3]) : std::optional<std::uint64_t>(1);
    machines.remote_slots += std::min(slots.value_or(1), most_slots);
    if (words.size() > 5) insert_list(builder.features, words[5]);
    if (words.size() > 6) insert_list(builder.mandatory_features, words[6]);
    machines.abilities.push_back(std::move(builder));
}

void add_builders(Machines& machines, std::string text, const std::string& this_system, int depth) {
    std::replace(text.begin(), text.end(), ';', '\n');
    for (auto line : split(text, '\n')) {
        line = trim(line.substr(0, line.find('#')));
        if (line.empty()) continue;
        if (!line.starts_with('@')) {
            add_builder(machines, split_words(line), this_system);
            continue;
        }
        std::filesystem::path file(line.substr(1));
        std::error_code error;
        bool is_missing = !std::filesystem::exists(file, error) && !error; // as the default one usually is
        if (is_missing || depth == deepest_include) continue;
        if (auto content = read_file(file, largest_file))
            add_builders(machines, std::move(*content), this_system, depth + 1);
        else
            machines.unreadable.push_back(std::move(content).error());
    }
}

} // namespace

Machines machines_from(const daemon::Settings& nix) {
    Machines machines;
    plan::BuildAbility here;
    here.platforms = {nix.system, "builtin"};
    here.platforms.insert(nix.extra_platforms.begin(), nix.extra_platforms.end());
    here.features = {nix.system_features.begin(), nix.system_features.end()};
    machines.abilities.push_back(std::move(here));
    add_builders(machines, nix.builders, nix.system, 0);
    return machines;
}

} // namespace cachefill::app
