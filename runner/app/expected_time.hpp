#pragma once

#include "app/history.hpp"
#include "plan/graph.hpp"

#include <chrono>

namespace cachefill::app {

// What building it will take: history if there is any, else a guess by kind. Never zero.
std::chrono::milliseconds expected_time(const History* history, const plan::GraphDerivation& derivation);

} // namespace cachefill::app
