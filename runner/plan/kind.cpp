#include "base/text.hpp"
#include "plan/plan.hpp"

#include <algorithm>

namespace cachefill::plan {

std::string_view to_string(DerivationKind kind) {
    switch (kind) {
    case DerivationKind::fixed_output:
        return "fixed-output";
    case DerivationKind::local_by_design:
        return "local by design";
    case DerivationKind::light:
        return "light";
    case DerivationKind::compile:
        return "compile";
    }
    return "compile";
}

bool BuildAbility::has(const std::string& feature) const {
    return features.contains(feature) || mandatory_features.contains(feature);
}

bool BuildAbility::can_build(const GraphDerivation& derivation) const {
    if (!builds) return false;
    if (derivation.platform != "builtin" && !platforms.contains(derivation.platform)) return false;
    const auto& required = derivation.required_features;
    return std::all_of(required.begin(), required.end(), [this](const auto& feature) { return has(feature); }) &&
           std::all_of(mandatory_features.begin(), mandatory_features.end(), [&](const auto& feature) {
               return std::find(required.begin(), required.end(), feature) != required.end();
           });
}

bool BuildAbility::fits(const GraphDerivation& derivation, const std::vector<BuildAbility>& machines) {
    return std::any_of(machines.begin(), machines.end(),
                       [&](const BuildAbility& machine) { return machine.can_build(derivation); });
}

std::string BuildAbility::wanted(const GraphDerivation& derivation, const std::vector<BuildAbility>& machines) {
    const auto platform = sanitize(derivation.platform);
    const bool vowel = !platform.empty() && std::string_view("aeiouAEIOUx").find(platform[0]) != std::string_view::npos;
    auto words = (vowel ? "an " : "a ") + platform + " machine";
    // Of several machines for that platform, the one that comes closest.
    std::optional<std::vector<std::string>> lacking;
    for (const BuildAbility& machine : machines) {
        if (!machine.builds || !machine.platforms.contains(derivation.platform)) continue;
        std::vector<std::string> here;
        for (const std::string& feature : derivation.required_features)
            if (!machine.has(feature)) here.push_back(sanitize(feature));
        if (!lacking || here.size() < lacking->size()) lacking = std::move(here);
    }
    if (!lacking || lacking->empty()) return words;
    return words + " with the feature" + (lacking->size() > 1 ? "s " : " ") + join(*lacking, ", ");
}

} // namespace cachefill::plan
