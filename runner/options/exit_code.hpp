#pragma once

#include "base/failure.hpp"

namespace cachefill::options {

// Documented in the README and in docs/report.md. If several apply: 2, 5, 130/143, 3, 4, 1.
enum class ExitCode {
    complete = 0,      // every target that can be built here is complete
    failed = 1,        // something does not evaluate or build; the rest is in the cache
    usage = 2,         // wrong flags or configuration
    not_in_cache = 3,  // built, but not all of it is in the cache
    deadline = 4,      // stopped at the deadline; the next run continues
    machine = 5,       // no Nix, no cache, no disk, no remote builder, no token or key that may write
    interrupted = 130, // SIGINT
    terminated = 143,  // SIGTERM
};

// Of what keeps a command from its work before it has begun.
inline ExitCode exit_code_for(FailureKind kind) {
    return kind == FailureKind::usage ? ExitCode::usage : ExitCode::machine;
}

} // namespace cachefill::options
