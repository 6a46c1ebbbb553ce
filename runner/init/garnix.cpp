#include "init/garnix.hpp"

#include "base/text.hpp"
#include "options/yaml.hpp"

#include <yaml-cpp/yaml.h>

#include <algorithm>

namespace cachefill::init {

namespace {

bool matches(const std::string& pattern, const std::vector<std::string>& path) {
    auto parts = split(std::string_view(pattern), '.');
    if (parts.size() != path.size()) return false;
    for (std::size_t i = 0; i < parts.size(); ++i)
        if (!glob_match(parts[i], path[i])) return false;
    return true;
}

void add(const YAML::Node& rules, const char* key, std::vector<std::string>& patterns) {
    if (!rules.IsMap() || !rules[key]) return;
    for (const auto& pattern : rules[key])
        if (pattern.IsScalar()) patterns.push_back(pattern.Scalar());
}

} // namespace

bool GarnixRules::takes(const std::vector<std::string>& attribute_path) const {
    auto is_one_of = [&](const std::vector<std::string>& patterns) {
        return std::any_of(patterns.begin(), patterns.end(),
                           [&](const std::string& pattern) { return matches(pattern, attribute_path); });
    };
    return is_one_of(include) && !is_one_of(exclude);
}

std::optional<GarnixRules> read_garnix(const std::string& text) {
    GarnixRules rules;
    try {
        auto file = options::load_yaml(text);
        auto builds = file.IsMap() ? file["builds"] : YAML::Node();
        if (builds && builds.IsSequence()) // by branch
            for (const auto& entry : builds) add(entry, "include", rules.include), add(entry, "exclude", rules.exclude);
        else if (builds)
            add(builds, "include", rules.include), add(builds, "exclude", rules.exclude);
    } catch (const YAML::Exception&) {
        return {};
    }
    if (rules.include.empty())
        rules.include = {"*.x86_64-linux.*", "nixosConfigurations.*", "darwinConfigurations.*", "homeConfigurations.*"};
    return rules;
}

} // namespace cachefill::init
