#pragma once

#include "plan/build_ability.hpp"
#include "plan/facts.hpp"
#include "plan/graph.hpp"

#include <chrono>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace cachefill::plan {

// Outputs that evaluation itself reads (import-from-derivation): whoever evaluates needs them first.
struct EvaluationRead {
    DerivationId derivation;
    std::vector<std::uint16_t> outputs;
};

// What somebody will want to fetch.
struct Target {
    std::string name; // "nixos:nas"
    DerivationId derivation;
    std::vector<std::uint16_t> outputs; // those demanded; the first is what a consumer switches to
    // Caches (see facts.hpp) whose URL this target's own configuration trusts, the own cache always included. Upstreams
    // count for a path only if every target that reaches it trusts them.
    CacheMask trusted_caches = 1;
    std::vector<EvaluationRead> read_by_evaluation; // demanded as well
};

// How long a build will take.
struct ExpectedTime {
    std::chrono::milliseconds time{}; // never zero
    bool measured = false;            // no: a guess by kind, good for an order and not for a promise
};

struct Policy {
    std::vector<BuildAbility> machines;
    // Caches from which this machine's daemon will really fetch, with keys it trusts.
    CacheMask fetchable_here = 0;
    std::function<ExpectedTime(const GraphDerivation&)> expected_time;
    // A cache is away: what does not hang on its answers goes on, although some of it may turn out to be in vain.
    bool does_not_wait = false;
    // To be built only when nothing else is left to do. May be empty.
    std::function<bool(const GraphDerivation&)> is_deferred = {};
    // Some machine builds it that is none of `machines`. May be empty.
    std::function<bool(const GraphDerivation&)> is_built_elsewhere = {};
};

// Something the planner must know before it can go on. Who answers records it in Facts; plan() is then asked again.
// Questions about the own cache that its bulk answer (claimed_missing) already settles are not asked.
struct Questions {
    // A narinfo from any of these caches, most preferred (lowest number) first: later ones need not be asked once one
    // is found. Its references are then wanted as well, transitively, in the same caches.
    struct Remote {
        PathId path;
        CacheMask caches;
    };
    std::vector<Remote> remote;
    std::vector<PathId> local; // valid here?
    bool empty() const { return remote.empty() && local.empty(); }
};

enum class TargetState {
    unknown,    // questions are open, or something is undecided
    complete,   // everything a consumer may fetch is present, transitively
    incomplete, // this run builds or pushes something for it, or a hole that nobody can fill keeps it from being
                // complete
    elsewhere,  // needs a system or feature nobody here has, and nothing is built or pushed for it
};

// It was to be built on another machine and has failed there.
struct FailedElsewhere {
    std::string why; // a sentence without its end: "failed on shard 2: builder failed with exit code 1"
    std::vector<std::string> log_tail;
};

struct PlannedBuild {
    DerivationId derivation;
    std::vector<std::size_t> after; // indexes into Plan::builds: builds whose outputs are inputs
    std::vector<PathId> fetch;      // inputs to fetch first, by output path
    ExpectedTime expected{};
    std::chrono::milliseconds longest_chain{}; // expected time of the longest chain that starts here, itself included
    std::vector<std::size_t> targets;          // indexes of the targets that need it
    bool deferred = false;                     // by the policy
    bool last = false; // after everything else: deferred, or needed by nothing but what comes last
    std::optional<FailedElsewhere> failed_elsewhere = {}; // then it is not built, and blocks what needs it
};

struct TargetPlan {
    TargetState state = TargetState::unknown;
    std::vector<std::size_t> builds;     // indexes into Plan::builds
    std::vector<PathId> pushes;          // local paths that must go up
    std::vector<DerivationId> elsewhere; // why it is elsewhere or partly so
};

// The smallest set of builds and pushes that makes every target fetchable, by path and by evaluation. A value.
struct Plan {
    Questions questions;              // not empty: the rest is what is certain so far
    std::vector<PlannedBuild> builds; // every build after those it needs
    std::vector<PathId> pushes;       // valid here, absent remotely, demanded: go up without building
    std::vector<PathId> fetches;      // union of the builds' fetches
    // Demanded inputs that are present somewhere but not fetchable here, and therefore built: "this machine lacks
    // substituter X" (the cache that has it).
    struct NotFetchable {
        PathId path;
        std::size_t cache;
    };
    std::vector<NotFetchable> not_fetchable_here;
    // Needed by a present path, served by nobody, and no way to make it (a source or unknown path not valid here).
    std::vector<PathId> unfillable_holes;
    // Demanded, had by nobody that could be asked, and a cache that may have it could not be: neither built nor pushed.
    std::vector<PathId> undecided;
    std::vector<DerivationId> elsewhere; // missing and buildable by nobody here
    // Missing, and not built because something it needs cannot be had here: made elsewhere only, or a hole.
    struct Blocked {
        DerivationId derivation;
        std::optional<DerivationId> by;   // of `elsewhere`, if that is why
        std::vector<std::size_t> targets; // indexes of those that need it
    };
    std::vector<Blocked> blocked;          // every one after those it needs
    std::vector<DerivationId> unplannable; // built each run: output paths unknown before
    std::vector<DerivationId> of_others;   // missing, and built by other machines (share.hpp)
    std::vector<TargetPlan> targets;       // as given
    std::uint64_t bytes_to_fetch = 0;      // compressed, as far as known
    // Of the builds that were measured before: all of them, and the longest chain.
    std::chrono::milliseconds measured_total{}, measured_chain{};
    std::uint64_t unmeasured = 0; // builds of which nobody knows how long they take
};

// Pure and repeatable. The demand (design sections 2 and 3.6):
// - a consumer that is given a target's path: its outputs must be complete;
// - a consumer that evaluates: of each local-by-design derivation it meets (starting at the target, going on through
//   inputs of local-by-design ones) it needs every input, so those must be complete, too;
// - complete means: present in the own cache, or in an upstream that counts, and so are all references. What is holed
// is
//   mended hole by hole. What is absent is pushed if valid here, else built;
// - a build needs each input valid here: already valid (and then pushed if absent remotely), fetched if complete and
//   fetchable here, else built. Every output that is built gets pushed, build-time ones included.
Plan make_plan(const Graph& graph, const Facts& facts, const std::vector<Target>& targets, const Policy& policy);

// Upstreams that count, per path: what all targets reaching it trust (all caches for a path no target reaches).
std::vector<CacheMask> counting_caches(const Graph& graph, const Facts& facts, const std::vector<Target>& targets);

// Unknown as long as a question about anything in its closure is open, even if a hole has been found already.
enum class Completeness { unknown, complete, holed, absent };
// Of one path, under the caches that count for it; `holes` (if given) receives the absent references.
Completeness completeness(PathId path, const Facts& facts, const std::vector<CacheMask>& counting,
                          std::vector<PathId>* holes = nullptr);

// What happens on a machine that evaluates this target and follows Nix's own algorithm with the caches in `trusted`,
// starting from an empty store (nix-mechanics sections 3 and 7).
struct ConsumerView {
    std::vector<DerivationId> built_by_design; // allowSubstitutes = false: built whatever the cache has
    std::vector<DerivationId> would_compile;   // every other one it would have to build
    std::vector<PathId> fetched;
    std::vector<PathId> unfetchable; // inputs or references that nobody serves
};
ConsumerView consumer_view(const Graph& graph, const Facts& facts, const Target& target, CacheMask trusted,
                           bool always_allow_substitutes);
// The same with this machine's store: what is valid here (facts.valid_here) is neither fetched nor built.
ConsumerView consumer_view_here(const Graph& graph, const Facts& facts, const Target& target, CacheMask trusted,
                                bool always_allow_substitutes);
// What that machine would have to ask next, of the caches in `trusted`, to know its view: outputs that no answer is
// known of, met on the way from the target. Empty: consumer_view_here() is final.
std::vector<PathId> consumer_questions(const Graph& graph, const Facts& facts, const Target& target, CacheMask trusted,
                                       bool always_allow_substitutes);

// Why a path is built, pushed, fetched, or left alone: a chain of sentences, from the path up to a target. For --why.
// `uncounted`: a sentence on caches that have a path and do not count for it, or nothing.
std::vector<std::string> explain(const Graph& graph, const Facts& facts, const std::vector<Target>& targets,
                                 const Plan& plan, const nix::StorePath& path,
                                 const std::function<std::string(PathId)>& uncounted = {});

} // namespace cachefill::plan
