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
        return std::all_of(derivation.required_features.begin(), derivation.required_features.end(),
                           [&](const std::string& feature) { return machine.features.contains(feature); });
    });
}

} // namespace cachefill::plan
