#pragma once

#include "base/environment.hpp"
#include "base/result.hpp"

namespace cachefill::eval {

// Can something be written where Nix, its builders and evaluations put their temporary files: TMPDIR, else /tmp? A
// failure of the machine names the place.
Result<void> check_temporary_place(const Environment& environment);

} // namespace cachefill::eval
