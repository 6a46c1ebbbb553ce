#pragma once

#include <cstdint>
#include <string>
#include <string_view>

// What events tell apart, for whoever keeps or shows it without hearing of events.
namespace cachefill::event {

enum class Severity { info, notice, warning, error };
std::string_view to_string(Severity severity);

enum class Stage { preflight, discover, evaluate, query, build, push, verify, check };
std::string_view to_string(Stage stage);

// A position as a person's editor wants it; file is relative to the flake where it lies in it.
struct Position {
    std::string file;
    std::uint64_t line = 0;   // 0: unknown
    std::uint64_t column = 0; // 0: unknown
};

// Of a cache that cannot be asked, while what hangs on its answers waits.
enum class CacheWait {
    waits, // told again at every try
    back,  // it answers again
    over,  // nobody waits any longer; what it has stays unknown
};
std::string_view to_string(CacheWait state);

enum class BuildOutcome {
    built,
    found, // valid by the time it was asked for: built or fetched on this machine, but not by this run
    failed,
    timed_out, // ran for longer than --build-timeout allows
    silent,    // printed nothing for longer than --max-silent allows
    refused,   // Nix would not begin: an attribute of the wrong type, a file that cannot be read, …
    cancelled,
    blocked, // something it needs is not built
    not_started,
    elsewhere, // for a system or feature that nobody here has
};
std::string_view to_string(BuildOutcome outcome);
// It ended, by its own fault, without its outputs.
inline bool is_failure(BuildOutcome outcome) {
    return outcome == BuildOutcome::failed || outcome == BuildOutcome::timed_out || outcome == BuildOutcome::silent ||
           outcome == BuildOutcome::refused;
}
// Of a failure, after the name of what was to be built: "does not build", "timed out", …
std::string_view failure_in_words(BuildOutcome outcome);

enum class PushOutcome {
    published,     // by us, now
    already_there, // somebody else was faster
    withheld,      // its NAR does not match the recorded hash, or a reference is withheld
    failed,
    not_pushed, // interrupted, out of budget, excluded
};
std::string_view to_string(PushOutcome outcome);

enum class TargetVerdict {
    complete,
    by_path, // whoever is given its path fetches all of it; whoever evaluates has to build something whatever we do
    incomplete,
    not_evaluated,
    elsewhere,
    unknown,
};
std::string_view to_string(TargetVerdict verdict);
inline bool is_filled(TargetVerdict verdict) {
    return verdict == TargetVerdict::complete || verdict == TargetVerdict::by_path;
}

} // namespace cachefill::event
