#pragma once

#include "base/environment.hpp"
#include "base/result.hpp"
#include "options/settings.hpp"
#include "report/joined.hpp"

namespace cachefill::app {

// Reads what `cachefill report` was given: files, and directories with all that lies below them (as download-artifact
// leaves it), --expect, --needs, and GitHub's variables for the place. A report is called after the folder it lies in
// below a given directory, else after its file; a "cachefill-" before it is left out. A report that cannot be read is a
// job that failed; a file that was named and is not there is a usage failure, and so is having nothing to read while
// nothing was expected either.
Result<report::JoinInput> read_join_input(const options::Settings& settings, const Environment& environment);

} // namespace cachefill::app
