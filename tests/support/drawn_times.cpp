#include "support/drawn_times.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace cachefill::test {

using plan::DerivationKind;

double Dice::even() { return (static_cast<double>(random_() >> 11) + 0.5) * 0x1p-53; }

double Dice::normal() { return std::sqrt(-2 * std::log(even())) * std::cos(2 * std::numbers::pi * even()); }

Spread spread_of(DerivationKind kind) {
    switch (kind) {
    case DerivationKind::fixed_output:
        return {4, 1.0, 600};
    case DerivationKind::local_by_design:
        return {0.1, 0.5, 60};
    case DerivationKind::light:
        return {0.5, 0.8, 60};
    case DerivationKind::compile:
        break;
    }
    return {40, 1.3, 10800};
}

double draw_seconds(DerivationKind kind, Dice& dice) {
    const auto spread = spread_of(kind);
    return std::min(spread.longest, spread.median * std::exp(spread.sigma * dice.normal()));
}

std::chrono::milliseconds to_milliseconds(double seconds) {
    using Time = std::chrono::milliseconds;
    return Time(std::max<Time::rep>(1, static_cast<Time::rep>(seconds * 1000)));
}

} // namespace cachefill::test
