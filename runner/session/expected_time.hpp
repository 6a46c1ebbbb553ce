#pragma once

#include "plan/plan.hpp"
#include "session/history.hpp"

namespace cachefill::session {

// What building it will take: as measured here before, else a guess by kind.
plan::ExpectedTime expected_time(const History* history, const plan::GraphDerivation& derivation);

// A compilation that is worth a word: not one that was measured to take moments, whatever it looks like.
bool takes_long(const History* history, const plan::GraphDerivation& derivation);

} // namespace cachefill::session
