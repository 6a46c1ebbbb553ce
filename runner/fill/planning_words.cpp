// What planning tells: what is not known, not to be had, not built here.
#include "base/text.hpp"
#include "cache/nar_look.hpp"
#include "fill/planning.hpp"
#include "options/settings.hpp"
#include "presence/views.hpp"
#include "session/machines.hpp"

#include <algorithm>
#include <map>

namespace cachefill::fill {

void Planning::tell_undecided() {
    for (const auto& unasked : run_.judge.unasked()) {
        auto what = counted(unasked.paths, "path") + ", for instance " + unasked.example.to_string();
        if (unasked.counts_as_empty && !run_.session.settings().offline)
            run_.say(event::Severity::warning,
                     "what " + run_.judge.url(unasked.cache) + " may have was built all the same: " + what);
        else if (unasked.counts_as_empty)
            run_.say(event::Severity::notice,
                     "upstream " + run_.judge.url(unasked.cache) +
                         " is not asked in this run: " + unasked.why.one_line(),
                     "what only it has counts as absent");
    }
    if (run_.live.now().undecided.empty() || run_.is_ending()) return;
    tell_unfetched();
    auto unknown = std::count_if(run_.live.now().undecided.begin(), run_.live.now().undecided.end(),
                                 [this](plan::PathId path) { return !run_.live.unfetched().contains(path); });
    if (unknown == 0) return;
    std::string causes;
    for (const auto& unasked : run_.judge.unasked())
        if (!unasked.counts_as_empty)
            causes += (causes.empty() ? "" : "; ") + run_.judge.url(unasked.cache) + " could not be asked about " +
                      counted(unasked.paths, "path") + " (" + unasked.example.to_string() +
                      "): " + unasked.why.one_line();
    run_.fail(
        Failure(FailureKind::network, counted(static_cast<std::uint64_t>(unknown), "path") +
                                          " may be there or not, and so was not built: " + causes)
            .with_hint("run again when it answers; --build-unknown builds all the same, upstreams.ignore leaves an "
                       "upstream out for good"));
}

// Once for each cache.
void Planning::tell_lacking() {
    for (const auto& lacking : run_.live.now().not_fetchable_here) {
        auto cache = run_.judge.views().cache_of(lacking.cache);
        if (run_.live.note_lacking(lacking.path, cache))
            run_.say(event::Severity::notice,
                     "this machine lacks the substituter " + run_.judge.url(cache) +
                         ": what is there and needed here as an input is built again",
                     "add it and its key to this machine's substituters and trusted-public-keys");
    }
}

// What builds need, is there, and could not be had.
void Planning::tell_unfetched() {
    std::map<std::string, std::pair<std::size_t, daemon::FetchTrouble>> by_reason;
    for (const auto& [path, reason] : run_.live.unfetched()) {
        auto& [paths, trouble] = by_reason[reason.in_words()];
        ++paths;
        trouble = reason.trouble;
    }
    for (const auto& [words, what] : by_reason) {
        auto paths = counted(what.first, "path") +
                     " that builds need could not be fetched, and nothing is compiled for " + "want of them";
        if (what.second == daemon::FetchTrouble::disk)
            run_.fail(Failure(FailureKind::machine, "the disk of the Nix store is full (" + words + "): " + paths)
                          .with_hint("free some space and run again"));
        else
            run_.fail(Failure(FailureKind::network, "waited in vain for " + words + ": " + paths)
                          .with_hint("run again when it answers; --build-unknown builds all the same"));
    }
}

// Once, and before anything else is built or waited for.
void Planning::tell_who_does_not_build() {
    if (run_.live.now().elsewhere.empty() || !run_.live.now().questions.empty() || !run_.why_nothing_is_built.empty())
        return;
    auto machines = run_.session.machines();
    auto why = why_nothing_is_built_here(machines);
    machines.abilities.front().builds = true;
    auto is_ours = [&](plan::DerivationId id) {
        return plan::BuildAbility::fits(run_.graph.derivation(id), {machines.abilities.front()});
    };
    auto ours = std::count_if(run_.live.now().elsewhere.begin(), run_.live.now().elsewhere.end(), is_ours);
    if (why.empty() || ours == 0) return;
    run_.why_nothing_is_built = why + ": " + counted(static_cast<std::uint64_t>(ours), "derivation") +
                                " would be built here otherwise, for instance " +
                                std::string(run_.graph
                                                .derivation(*std::find_if(run_.live.now().elsewhere.begin(),
                                                                          run_.live.now().elsewhere.end(), is_ours))
                                                .name());
    run_.say(event::Severity::warning, run_.why_nothing_is_built,
             "--jobs N lets this machine build, `builders` in nix.conf names others");
}

} // namespace cachefill::fill
