#include "session/expected_time.hpp"

#include <algorithm>

namespace cachefill::session {

namespace {

using namespace std::chrono_literals;

constexpr auto moments = 2s;

std::chrono::milliseconds guess(plan::DerivationKind kind) {
    switch (kind) {
    case plan::DerivationKind::fixed_output:
        return 10s;
    case plan::DerivationKind::local_by_design:
        return 100ms;
    case plan::DerivationKind::light:
        return 1s;
    case plan::DerivationKind::compile:
        return 60s;
    }
    return 60s;
}

} // namespace

plan::ExpectedTime expected_time(const History* history, const plan::GraphDerivation& derivation) {
    auto known = history ? history->expected(derivation.name(), derivation.platform) : std::nullopt;
    auto time = std::max(known.value_or(guess(derivation.kind)), std::chrono::milliseconds(1));
    return {.time = time, .measured = known.has_value()};
}

bool takes_long(const History* history, const plan::GraphDerivation& derivation) {
    if (derivation.kind != plan::DerivationKind::compile) return false;
    auto measured = history ? history->expected(derivation.name(), derivation.platform) : std::nullopt;
    return !measured || *measured >= moments;
}

} // namespace cachefill::session
