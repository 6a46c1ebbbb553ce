#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace cachefill::build {

// What went wrong with a remote builder rather than with what was to be built.
struct BuilderTrouble {
    enum class Kind {
        away,    // it cannot be reached, or lets nobody in
        refused, // it does not build this one: another system, a feature that it lacks, no right to
        full,    // its disk
        lost,    // it broke off while it built
    };
    Kind kind = Kind::away;
    std::string address; // as `builders` names it; empty: Nix did not say
    std::string said;    // in Nix's words, one line

    // "the remote builder ssh://arm cannot be used: Connection refused"
    std::string in_words() const;
    std::string hint() const; // what to do about it; may be empty
};

// The protocol has a word for a build that failed, and none for whose fault that was; nor does it give the reason, if
// the builder was another machine. Both stand in messages alone, and this is the only place that reads them (those of
// Nix 2.8 are in its test; the words are the same in 2.34).
//
// "cannot build on 'ssh://arm': error: …": this builder was tried, and the next one is.
std::optional<BuilderTrouble> builder_passed_over(std::string_view message);

// A build that no builder has begun, since none would: what Nix says of it.
std::optional<BuilderTrouble> refusal_by_builders(std::string_view reason);

// Does Nix there say that it ended a build for taking too long, or for printing nothing?
bool tells_of_time_limit(std::string_view reason);

// Why a build failed that a remote builder had begun.
struct RemoteFailure {
    std::string reason;                    // as Nix says it of a build on this machine, log and all
    std::optional<BuilderTrouble> trouble; // if it was not the derivation's fault
};
// `messages`: what the daemon said meanwhile, in order. Nothing: they do not tell.
std::optional<RemoteFailure> remote_failure(const std::vector<std::string>& messages);

} // namespace cachefill::build
