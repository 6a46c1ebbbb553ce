#include "session/shard_kinds.hpp"

#include "base/text.hpp"
#include "daemon/settings.hpp"
#include "options/runner_labels.hpp"
#include "options/settings.hpp"

namespace cachefill::session {

namespace {

// Nix's defaults (libstore/globals.cc); GitHub's Linux machines for x86_64 have /dev/kvm.
plan::BuildAbility usual_ability(const std::string& system) {
    plan::BuildAbility ability{{system}, {"nixos-test", "benchmark", "big-parallel"}};
    if (system == "x86_64-linux") {
        ability.platforms.insert("i686-linux");
        ability.features.insert("kvm");
    }
    return ability;
}

} // namespace

std::vector<plan::ShardKind> shard_kinds(const options::Settings& settings, const daemon::Settings& nix) {
    std::vector<plan::ShardKind> kinds;
    for (const auto& machine : options::machines_with_runner(settings)) {
        auto words = split(machine, '+');
        std::string system(words.front());
        plan::ShardKind kind{machine, usual_ability(system)};
        // But for what it emulates: that has a runner of its own.
        if (system == nix.system) kind.machine.features = {nix.system_features.begin(), nix.system_features.end()};
        for (std::size_t i = 1; i < words.size(); ++i) kind.machine.mandatory_features.emplace(words[i]);
        kinds.push_back(std::move(kind));
    }
    return kinds;
}

} // namespace cachefill::session
