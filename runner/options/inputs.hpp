#pragma once

#include "base/environment.hpp"
#include "base/result.hpp"
#include "options/settings.hpp"

namespace cachefill::options {

// The action maps each of its inputs to a variable of this prefix, which is not GitHub's own INPUT_: a composite action
// gets none of those, but some other runners set them, and would hide that a mapping is missing.
inline constexpr const char* input_prefix = "CACHEFILL_INPUT_";
// The two inputs that are no option of the table.
inline constexpr const char* flake_input = "CACHEFILL_INPUT_FLAKE";
inline constexpr const char* config_input = "CACHEFILL_INPUT_CONFIG";

// Every option that `ci` knows, from its variable: `max-silent` is CACHEFILL_INPUT_MAX_SILENT. Empty means not given;
// lists are separated by newlines or commas. A variable of the prefix that is no input is a failure: somebody would
// wonder why it does nothing.
Result<void> apply_inputs(const Environment& environment, Settings& settings);

} // namespace cachefill::options
