#pragma once

#include "cache/manifest.hpp"
#include "doctor/cloud.hpp"
#include "doctor/git_state.hpp"
#include "doctor/trust_remedy.hpp"
#include "options/switch_command.hpp"
#include "plan/plan.hpp"

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace cachefill::doctor {

// Why this machine would compile something, in the order in which they count: the first that holds is the primary one.
enum class Cause {
    left_out,            // no run builds this host: the flake's configuration leaves it out
    run_queued,          // the cloud has not begun with this commit
    run_in_progress,     // it is at it
    run_failed,          //
    run_never_started,   //
    commit_not_pushed,   // so the cloud cannot know it
    lock_not_pushed,     // the same of flake.lock
    tree_differs,        // uncommitted changes give another system than the commit
    other_derivation,    // the cloud built something else under this name
    hole,                // the cache has something whose references are not there
    evicted,             // the cache had it
    upstream_incomplete, // the same hole in a cache that is not ours
    not_a_substituter,   // a cache has it that this machine does not ask
    key_not_trusted,     // … or whose signatures it does not believe
    stale_absence,       // the daemon remembers an old "no"
    cannot_ask,          // so nobody knows
    not_built,           // no cache has it, and there is no cloud that would explain it
    local_by_design,     // builds every machine does itself; seconds
};
std::string_view to_string(Cause cause); // "run-queued", as in the JSON

struct Reason {
    Cause cause;
    std::string text;                 // one sentence
    std::string remedy;               // a command, or in words what to do; empty: nothing
    std::string lasting;              // a command that shows how to need no remedy again; mostly empty
    std::vector<std::string> details; // for --verbose
};

// Where something that would be compiled could come from.
enum class Source {
    nowhere,            // no cache that was asked has it
    own_cache_holed,    // the cache we fill has it, or what refers to it, with a reference missing
    upstream_holed,     // the same of another cache
    below_a_hole,       // no cache has it, and it is needed only to make what has a hole or is one
    not_a_substituter,  // whole in caches of which this machine does not ask all
    key_not_trusted,    // whole in caches this machine asks, but does not believe
    here_but_daemon_no, // a fresh question finds it with this machine's caches and keys; the daemon says no
    unknown,            // a cache that may have it could not be asked
};

struct Heavy {
    std::string name;       // "firefox-142.0"
    std::string derivation; // store path
    std::string output;     // the first one's store path; empty if unknown before building
    plan::ExpectedTime expected{};
    std::vector<std::string> needed_by; // names, from the nearest up to the target
    Source source = Source::nowhere;
    bool is_there = false; // itself, in the cache that has the hole
};

// What a person would type here to go on; made from what was typed, and empty where that may not be shown.
struct Commands {
    options::SwitchCommand switches; // the user's own, or the usual one
    std::string wait;                // "cachefill wait laptop"
    std::string run;                 // "cachefill run --hosts nixos:laptop"
    std::string doctor;              // "cachefill doctor --verbose"
    std::string use;                 // "cachefill use team"; empty where ours is asked
    std::string update;              // "nix flake update --flake ."
    bool in_work_tree = true;        // is the current directory in it? Else git and gh are told where
};

// Everything the diagnosis is made from; collected by whoever can ask.
struct Evidence {
    std::string target;     // "nixos:laptop"
    std::string derivation; // as evaluated here
    std::string output;
    std::string left_out_by;  // "evaluate-only" or "hosts": the key by which no run builds it; empty: one does
    std::vector<Heavy> heavy; // heaviest first
    std::size_t local_by_design = 0;
    bool always_allow_substitutes = false;
    // Store paths that are referred to and served by nobody: by what the cache we fill has, and by what others have.
    std::vector<std::string> holes, upstream_holes;
    std::vector<HelpfulCache> not_asked, not_trusted;
    bool is_offline = false;             // none of the caches that this machine asks answers
    std::vector<std::string> cannot_ask; // "the cache demo: …", for each that could not be asked
    std::optional<std::chrono::system_clock::time_point> absence_until; // of the oldest remembered "no" that matters
    bool absence_was_seen = false; // read from Nix's own memory, not only inferred from its answer
    bool daemon_is_trusting = false;
    MachineBelief machine;

    std::optional<GitState> git;
    // Does the committed tree give the same system? Only asked when the work tree has changes.
    std::optional<bool> commit_gives_the_same;
    bool commit_is_fetchable = false; // what is committed (if it is another) needs no compiling
    CloudFacts cloud;
    std::vector<std::string> workflows; // files that fill
    std::optional<cache::Manifest> manifest;
    bool is_update = false;               // a newer flake.lock than that of any commit is looked at
    std::vector<std::string> differences; // between the cloud's derivation and ours, the nearest cause first
    Commands commands;
};

// Pure. Empty: nothing heavy would be compiled.
std::vector<Reason> diagnose(const Evidence& evidence);

} // namespace cachefill::doctor
