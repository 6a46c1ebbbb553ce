#pragma once

#include "base/result.hpp"
#include "options/settings.hpp"

namespace cachefill::app {

// Can what is to be written at the end (--json, --junit, --html) be written as far as can be told now? Asked before
// anything is begun: a run of an hour must not end with a report that has no place. Leaves nothing behind. A pipe or a
// device is not tried: who reads it may come later.
Result<void> try_output_places(const options::Settings& settings);

} // namespace cachefill::app
