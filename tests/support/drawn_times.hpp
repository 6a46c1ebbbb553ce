#pragma once

#include "plan/graph.hpp"

#include <chrono>
#include <cstdint>
#include <random>

namespace cachefill::test {

class Dice {
  public:
    explicit Dice(std::uint64_t seed) : random_(seed) {}
    double even(); // between 0 and 1
    double normal();

  private:
    std::mt19937_64 random_;
};

// How long builds of a kind take, log-normal, in seconds: most are short, and a few take hours.
struct Spread {
    double median, sigma, longest;
};
Spread spread_of(plan::DerivationKind kind);
double draw_seconds(plan::DerivationKind kind, Dice& dice);

// No less than one.
std::chrono::milliseconds to_milliseconds(double seconds);

} // namespace cachefill::test
