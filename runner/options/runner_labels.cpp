#include "options/runner_labels.hpp"

#include "options/settings.hpp"

#include <array>

namespace cachefill::options {

namespace {

constexpr std::array<std::pair<std::string_view, std::string_view>, 4> runners_of_github{{
    {"x86_64-linux", "ubuntu-24.04"},
    {"aarch64-linux", "ubuntu-24.04-arm"},
    {"aarch64-darwin", "macos-15"},
    {"x86_64-darwin", "macos-15-intel"},
}};

} // namespace

std::string runner_for(std::string_view system) {
    for (const auto& [name, runner] : runners_of_github)
        if (name == system) return std::string(runner);
    return {};
}

std::vector<std::string> runner_labels(const Settings& settings, const std::string& machine) {
    if (auto named = settings.runners.find(machine); named != settings.runners.end()) return named->second;
    auto label = runner_for(machine);
    return label.empty() ? std::vector<std::string>() : std::vector<std::string>{label};
}

std::vector<std::string> machines_with_runner(const Settings& settings) {
    std::vector<std::string> machines, plain;
    for (const auto& [machine, labels] : settings.runners)
        (machine.find('+') == machine.npos ? plain : machines).push_back(machine);
    machines.insert(machines.end(), plain.begin(), plain.end());
    for (const auto& [system, label] : runners_of_github)
        if (!settings.runners.contains(std::string(system))) machines.emplace_back(system);
    return machines;
}

} // namespace cachefill::options
