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

bool BuildAbility::fits(const GraphDerivation& derivation, const std::vector<BuildAbility>& machines) {
    return std::any_of(machines.begin(), machines.end(), [&](const BuildAbility& machine) {
        if (derivation.platform != "builtin" && !machine.platforms.contains(derivation.platform)) return false;
        const auto& required = derivation.required_features;
        auto is_required = [&](const std::string& feature) {
            return std::find(required.begin(), required.end(), feature) != required.end();
        };
        auto has = [&](const std::string& feature) {
            return machine.features.contains(feature) || machine.mandatory_features.contains(feature);
        };
        return std::all_of(required.begin(), required.end(), has) &&
               std::all_of(machine.mandatory_features.begin(), machine.mandatory_features.end(), is_required);
    });
}

} // namespace cachefill::plan
