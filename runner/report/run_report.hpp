#pragma once

#include "event/message.hpp"
#include "report/closure_difference.hpp"
#include "report/uncounted.hpp"

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace cachefill::report {

// Everything a run knows at its end, as data: the only source of the JSON report, of the closing summary on a terminal
// and in a log, and of every count in them. Filled from records, never from text.
struct TargetReport {
    std::string name;   // "nixos:nas"
    std::string system; // empty if not evaluated
    event::TargetVerdict verdict = event::TargetVerdict::unknown;
    bool impure = false;
    std::string why_impure; // what nixpkgs' licence check said; empty: it was asked for, or is pure
    std::chrono::milliseconds evaluation{};
    std::optional<std::chrono::milliseconds> evaluation_start; // since the run's; unset: it was not evaluated
    std::uint64_t peak_memory = 0;
    bool evaluated_before = false;  // and not again, as nothing that it depends on has changed
    std::string derivation, output; // store paths
    std::string error;              // of evaluation
    std::string hint;               // what to do about that; may be empty
    std::optional<event::Position> position;
    bool evaluate_only = false;  // neither built nor pushed, because it was asked so
    bool is_check = false;       // no target of its own: found by checking the rest of the flake
    bool named_exactly = false;  // asked for by its name, and not by a pattern
    bool left_to_others = false; // by the option `systems`
    // Of what it needs. What several targets share counts for each of them.
    std::uint64_t built = 0, found = 0, failed = 0, blocked = 0, pushed = 0, fetched = 0;
    std::uint64_t pushed_bytes = 0;                // compressed
    std::chrono::milliseconds build_time{};        // of its builds added up
    std::vector<std::string> missing;              // store paths a consumer could not fetch
    std::vector<std::string> waiting_for_upstream; // names of deferred derivations, not started
    std::uint64_t closure_paths = 0, closure_bytes = 0;
    std::optional<std::uint64_t> previous_closure_bytes; // of the last run that verified it, on this branch or its base
    std::optional<ClosureDifference> changes;            // since it was complete last, there; unless that is not known
    std::uint64_t built_by_design = 0, would_compile = 0, would_build_with_always_allow = 0;
    std::vector<std::string> built_by_all; // if by path only: names of what everybody who evaluates it builds
    bool verified = false;                 // asked afresh at the end
    bool trusted = true;
    std::vector<std::string> trust_advice;
    std::vector<std::string> not_asked; // substituters of its own that cannot be asked from here

    // Was it to be complete in the cache, by this machine?
    bool counts() const {
        return !is_check && verdict != event::TargetVerdict::elsewhere && !(evaluate_only && error.empty());
    }
};

struct BuildReport {
    std::string derivation, name, kind;
    event::BuildOutcome outcome = event::BuildOutcome::not_started;
    std::chrono::milliseconds took{};
    std::optional<std::chrono::milliseconds> expected; // if it was measured before, of what `plan` would build
    std::optional<std::chrono::milliseconds> start;    // since the run's; unless it never started
    std::vector<std::string> outputs, targets, log_tail;
    std::vector<std::string> needs; // derivations among the builds of this report that it is made from, paths
    std::string builder;            // the remote one that it ran on, by its address; empty: this machine, or none
    std::string error;
    bool failed_elsewhere = false;                 // another machine tried it; its log is not here
    bool disk_was_full = false;                    // said so by who built, which is no fault of the derivation
    bool builder_failed = false;                   // likewise: a remote one, as `error` says
    std::string blocked_by, blocked_by_derivation; // name and path of that whose failure blocks it
    std::string deferred;                          // why it comes last, or empty
    std::string waits_for; // not started: the cache with one of its inputs that is away, and what it said

    // Deferred, and the run ended before its turn came.
    bool waits_for_upstream() const { return !deferred.empty() && outcome == event::BuildOutcome::not_started; }
};

struct PushReport {
    std::string path;
    event::PushOutcome outcome = event::PushOutcome::not_pushed;
    bool built_by_this_run = false, in_closure_only = false, while_building = false;
    bool deduplicated = false;        // published, and the cache had its content already
    bool planned = false;             // it would be pushed: of a plan, or of a dry run
    std::optional<bool> built_here{}; // on this machine, whenever; unset where it was not asked
    std::uint64_t nar_size = 0, file_size = 0;
    std::optional<std::chrono::milliseconds> start{}; // of its upload, since the run's
    std::chrono::milliseconds took{};                 // from there until it was served
    std::string reason;
    std::string upstream{}; // that serves it, too: its URL
};

// An input of a build that was fetched, or could not be.
struct FetchReport {
    std::string path;
    std::chrono::milliseconds start{}, took{}; // since the run's start
    std::string error;                         // empty: it was fetched
    std::vector<std::string> needed_by{};      // derivations among the builds that are made from it, paths
};

struct StageReport {
    event::Stage stage = event::Stage::preflight;
    std::chrono::milliseconds took{};
    std::chrono::milliseconds start{}; // since the run's
};

struct CacheReport {
    std::string name, url;
    bool is_upstream = false;
    bool reachable = true;
    std::uint64_t requests = 0;
};

// A further cache that was filled beside the one that decides.
struct MirrorReport {
    std::string name, url;
    bool optional = false;
    bool reachable = false;
    std::uint64_t pushed = 0, already_there = 0, failed = 0, not_pushed = 0;
    std::uint64_t pushed_bytes = 0; // compressed
    std::string error;              // why it was not reachable, or the first path failed
};

// What was asked for with --why.
struct Explanation {
    std::string subject;                // what was found: a store path
    std::vector<std::string> sentences; // from it up to a target
};

// Of a run that was one of several shards, or came after them (docs/shards.md).
struct ShardReport {
    std::string run;        // names that of all shards; empty: this run had nothing to do with shards
    std::size_t number = 0; // from 1; 0: it came after all of them
    std::size_t shards = 0;
    std::vector<std::string> awaited;    // paths that others published
    std::vector<std::string> taken_over; // derivations that another was to build
    std::vector<std::size_t> silent;     // shards that were not heard for too long
    // What a slower shard left to one that had nothing to do, as far as it was heard.
    struct Given {
        std::size_t from = 0, to = 0;
        std::vector<std::string> derivations;
    };
    std::vector<Given> given;
};
// What became of its own by that, or for one that came after all shards of all of theirs: a heading of a few words
// ("for shard 1"), and how many derivations.
std::vector<std::pair<std::string, std::uint64_t>> given_in_words(const ShardReport& shard);

enum class Command { run, plan, push, verify };
std::string_view to_string(Command command); // as in the JSON

struct RunReport {
    static constexpr int schema_version = 1;

    Command command = Command::run;
    std::string version; // of cachefill
    std::string flake_url, flake_revision;
    bool flake_dirty = false;
    bool flake_is_local = false; // a directory of this machine
    std::string branch;          // empty if unknown
    std::string cache;
    std::string manifest; // store path of what the run left in the cache about itself
    std::string nix_version;
    std::string started; // ISO 8601, UTC
    std::chrono::milliseconds took{};
    std::vector<StageReport> stages;
    std::vector<TargetReport> targets;
    std::vector<std::string> skipped; // targets that selectors left out
    std::vector<BuildReport> builds;
    std::vector<PushReport> pushes;
    std::vector<FetchReport> fetches;
    std::vector<CacheReport> caches;
    std::vector<MirrorReport> also_pushed;
    std::vector<std::string> holes;     // needed, served by nobody, could not be filled
    std::vector<std::string> undecided; // needed, and a cache that may have it could not be asked
    std::vector<std::string> not_fetchable_here;
    std::vector<UncountedUpstream> uncounted_upstreams;
    UpstreamPushes upstream_pushes;
    std::uint64_t derivations = 0;           // in the graph
    std::uint64_t present = 0, upstream = 0; // demanded outputs found in the cache, in upstreams
    std::uint64_t fetched = 0;               // inputs fetched for builds
    std::vector<event::Message> messages;    // warnings and errors
    ShardReport shard;
    bool read_only = false; // nothing was to be pushed
    bool deadline_reached = false;
    std::string superseded_by; // the newer run that waits for this one: its URL; else empty
    int exit_code = 0;
    std::vector<std::string> causes; // why it is not 0; each a sentence
    std::vector<Explanation> why;    // of a plan, if asked for
    // Commands for a person to paste; empty where one cannot be told.
    std::string again;                   // this one once more, as it was typed
    std::string run_command;             // of a plan with something to do: does it
    std::string switch_command;          // on a machine that fetches what was built
    std::string use_command;             // how a machine comes to fetch from the cache
    std::string log_command = "nix log"; // shows the log of the derivation that follows it

    std::uint64_t count(event::BuildOutcome outcome) const;
    std::uint64_t count(event::PushOutcome outcome) const;
};

// What the lists of a report add up to; each thing is counted in exactly one of them.
struct Figures {
    std::uint64_t all_failed() const { return failed + timed_out + silent + refused; } // builds

    std::uint64_t built = 0, found = 0, failed = 0, timed_out = 0, silent = 0, refused = 0, cancelled = 0, blocked = 0,
                  not_started = 0, elsewhere = 0;
    std::uint64_t waiting_for_upstream = 0;
    std::map<std::string, std::uint64_t> built_of_kind;
    std::uint64_t pushed_while_building = 0, pushed_after = 0, already_there = 0, withheld = 0, failed_to_push = 0,
                  not_pushed = 0, deduplicated = 0;            // the last are among those that were pushed
    std::uint64_t pushed_nar_bytes = 0, pushed_file_bytes = 0; // of what was published
    std::uint64_t would_compile = 0, built_by_design = 0;      // on the machines that switch, each target by itself
};
Figures figures(const RunReport& report);

// docs/report.md describes it. Stable: fields are added, never changed, within one schema version.
std::string to_json(const RunReport& report);

// What a person reads last: per target a line, then figures, then what failed (name, last log lines, how to see more).
// `color`: with ANSI colours; `width`: columns of the terminal.
// `failures_last`: for a log of which people see the end, with nobody at a keyboard: what failed stands behind the
// verdict, and no command is suggested.
std::string to_text(const RunReport& report, bool color, std::size_t width, bool failures_last = false);

} // namespace cachefill::report
