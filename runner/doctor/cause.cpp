#include "doctor/diagnosis.hpp"

namespace cachefill::doctor {

std::string_view to_string(Cause cause) {
    switch (cause) {
    case Cause::left_out:
        return "left-out";
    case Cause::run_queued:
        return "run-queued";
    case Cause::run_in_progress:
        return "run-in-progress";
    case Cause::run_failed:
        return "run-failed";
    case Cause::run_never_started:
        return "run-never-started";
    case Cause::commit_not_pushed:
        return "commit-not-pushed";
    case Cause::lock_not_pushed:
        return "lock-not-pushed";
    case Cause::tree_differs:
        return "tree-differs";
    case Cause::other_derivation:
        return "other-derivation";
    case Cause::hole:
        return "hole";
    case Cause::evicted:
        return "evicted";
    case Cause::upstream_incomplete:
        return "upstream-incomplete";
    case Cause::not_a_substituter:
        return "not-a-substituter";
    case Cause::key_not_trusted:
        return "key-not-trusted";
    case Cause::stale_absence:
        return "stale-absence";
    case Cause::cannot_ask:
        return "cannot-ask";
    case Cause::not_built:
        return "not-built";
    case Cause::local_by_design:
        return "local-by-design";
    }
    return "not-built";
}

} // namespace cachefill::doctor
