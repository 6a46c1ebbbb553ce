#pragma once

#include "plan/graph.hpp"
#include "session/history.hpp"

#include <chrono>

namespace cachefill::session {

// What building it will take: history if there is any, else a guess by kind. Never zero.
std::chrono::milliseconds expected_time(const History* history, const plan::GraphDerivation& derivation);

// A compilation that is worth a word: not one that was measured to take moments, whatever it looks like.
bool takes_long(const History* history, const plan::GraphDerivation& derivation);

} // namespace cachefill::session
