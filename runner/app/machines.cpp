#include "app/machines.hpp"

#include "base/files.hpp"
#include "base/text.hpp"

#include <algorithm>

namespace cachefill::app {

namespace {

void insert_list(std::set<std::string>& set, std::string_view list) {
    if (list == "-") return;
    for (auto item : split(list, ','))
        if (!item.empty()) set.emplace(item);
}

} // namespace

Machines machines_from(const daemon::Settings& nix) {
    Machines machines;
    plan::BuildAbility here;
    here.platforms = {nix.system, "builtin"};
    here.platforms.insert(nix.extra_platforms.begin(), nix.extra_platforms.end());
    here.features = {nix.system_features.begin(), nix.system_features.end()};
    machines.abilities.push_back(std::move(here));

    auto text = nix.builders;
    if (text.starts_with("@")) {
        auto content = read_file(text.substr(1), 1 << 20);
        text = content ? *content : std::string(); // the default names a file that usually is not there
    }
    std::replace(text.begin(), text.end(), ';', '\n');
    for (auto line : split(text, '\n')) {
        line = line.substr(0, line.find('#'));
        // URI, platforms, key, slots, speed, features, mandatory features, host key; trailing ones may be left out
        auto words = split_words(line);
        if (words.empty()) continue;
        plan::BuildAbility builder;
        if (words.size() > 1 && words[1] != "-")
            insert_list(builder.platforms, words[1]);
        else
            builder.platforms.insert(nix.system);
        auto slots = words.size() > 3 ? parse_u64(words[3]) : std::optional<std::uint64_t>(1);
        machines.remote_slots += std::min<std::uint64_t>(slots.value_or(1), 64);
        if (words.size() > 5) insert_list(builder.features, words[5]);
        if (words.size() > 6) insert_list(builder.features, words[6]);
        machines.abilities.push_back(std::move(builder));
    }
    return machines;
}

} // namespace cachefill::app
