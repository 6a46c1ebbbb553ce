#pragma once

#include "plan/plan.hpp"
#include "support/corpus.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <vector>

namespace cachefill::test {

// A run of a corpus's builds on one machine, with times that are drawn, and what it foresaw of its own end.
struct ForecastReplay {
    std::uint64_t seed = 1;
    double known = 0; // of so many builds it was measured before how long they take, nearly
    std::size_t slots = 4;
};

struct Foreseen {
    std::chrono::milliseconds when{}; // since the run began
    std::optional<std::chrono::milliseconds> left;
};

struct Replayed {
    std::size_t builds = 0;
    std::chrono::milliseconds took{};
    std::vector<Foreseen> looks; // a hundred, at equal distances

    // The end foreseen by the end that came, of every look at which something was foreseen, from a third of the way on.
    std::vector<double> quotients() const;
    std::size_t unknown() const; // looks from then on at which nothing was
};

// The builds of the corpus that no cache has. Unless `upstream_serves`, a distribution's cache has nothing either.
plan::Plan missing_of(Corpus& corpus, bool upstream_serves);
Replayed replay(const plan::Graph& graph, plan::Plan missing, const ForecastReplay& how);

} // namespace cachefill::test
