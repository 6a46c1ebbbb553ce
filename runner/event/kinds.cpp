#include "event/kinds.hpp"

namespace cachefill::event {

std::string_view to_string(Stage stage) {
    switch (stage) {
    case Stage::preflight:
        return "preflight";
    case Stage::discover:
        return "discover";
    case Stage::evaluate:
        return "evaluate";
    case Stage::query:
        return "query";
    case Stage::build:
        return "build";
    case Stage::push:
        return "push";
    case Stage::verify:
        return "verify";
    case Stage::check:
        return "check";
    }
    return "unknown";
}

std::string_view to_string(Severity severity) {
    switch (severity) {
    case Severity::info:
        return "info";
    case Severity::notice:
        return "notice";
    case Severity::warning:
        return "warning";
    case Severity::error:
        return "error";
    }
    return "error";
}

std::string_view to_string(CacheWait state) {
    switch (state) {
    case CacheWait::waits:
        return "waits";
    case CacheWait::back:
        return "back";
    case CacheWait::over:
        break;
    }
    return "over";
}

std::string_view to_string(BuildOutcome outcome) {
    switch (outcome) {
    case BuildOutcome::built:
        return "built";
    case BuildOutcome::found:
        return "found";
    case BuildOutcome::failed:
        return "failed";
    case BuildOutcome::timed_out:
        return "timed-out";
    case BuildOutcome::silent:
        return "silent";
    case BuildOutcome::refused:
        return "refused";
    case BuildOutcome::cancelled:
        return "cancelled";
    case BuildOutcome::blocked:
        return "blocked";
    case BuildOutcome::not_started:
        return "not-started";
    case BuildOutcome::elsewhere:
        return "elsewhere";
    }
    return "failed";
}

std::string_view failure_in_words(BuildOutcome outcome) {
    switch (outcome) {
    case BuildOutcome::timed_out:
        return "timed out";
    case BuildOutcome::silent:
        return "fell silent";
    case BuildOutcome::refused:
        return "is refused by Nix";
    default:
        return "does not build";
    }
}

std::string_view to_string(PushOutcome outcome) {
    switch (outcome) {
    case PushOutcome::published:
        return "published";
    case PushOutcome::already_there:
        return "already-there";
    case PushOutcome::withheld:
        return "withheld";
    case PushOutcome::failed:
        return "failed";
    case PushOutcome::not_pushed:
        return "not-pushed";
    }
    return "failed";
}

std::string_view to_string(TargetVerdict verdict) {
    switch (verdict) {
    case TargetVerdict::complete:
        return "complete";
    case TargetVerdict::by_path:
        return "by-path";
    case TargetVerdict::incomplete:
        return "incomplete";
    case TargetVerdict::not_evaluated:
        return "not-evaluated";
    case TargetVerdict::elsewhere:
        return "elsewhere";
    case TargetVerdict::unknown:
        return "unknown";
    }
    return "unknown";
}

} // namespace cachefill::event
