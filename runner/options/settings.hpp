#pragma once

#include "base/given_url.hpp"
#include "event/kinds.hpp"
#include "options/switch_command.hpp"

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace cachefill::eval {
enum class Impure : std::uint8_t;
enum class TargetKind : std::uint8_t;
} // namespace cachefill::eval

namespace cachefill::report {
enum class NotifyFormat : std::uint8_t;
}

namespace cachefill::options {

// What can make a run end with something other than 0; see `fail-on`.
enum class FailureCause { evaluate, build, check, push, incomplete, deadline };

// What follows when the deadline was reached before everything was built.
enum class OnDeadline { stop, rerun };

enum class Color { automatic, always, never };

// Where nobody says how many: GitHub runs so many jobs of a free account at once.
inline constexpr std::size_t usual_shards = 20;

// What `push --watch` and `push --since` look at.
enum class PushScope { system, all };

// One of `push.caches`: a cache that this machine fills, with its own credentials.
struct PushCache {
    std::string name;
    GivenUrl uri;
    std::filesystem::path token_file, signing_key_file; // read whenever they are needed; empty: the environment's
    bool is_optional = false;                           // may be away for days
};

// The command line as it was typed, for commands that a person is told to type next.
struct Typed {
    std::string program = "cachefill";                     // how it was called
    std::vector<std::string> words;                        // all that followed
    std::map<std::string, std::vector<std::string>> flags; // by option key
    std::string config;                                    // --config
    std::string flake;                                     // empty: none was named
};

// A cache that the flake's own file names where that does not count, and no other is named.
struct UncountedCache {
    std::string why, hint; // sentences; no secret in them
};

// Everything a user can decide, after flags, environment and configuration have been merged.
struct Settings {
    // what
    std::string flake; // empty: $NH_FLAKE, $NH_OS_FLAKE, else "."
    std::vector<std::string> hosts;
    std::vector<std::string> evaluate_only;
    std::vector<std::string> systems; // globs; hosts of others are left to other machines; empty: all
    std::vector<std::string> also;    // "packages", "checks", "devShells"
    GivenUrl cache;
    bool cache_by_checkout = false; // named by the flake's own file, for which nobody vouches: no credential is for it
    std::optional<UncountedCache> uncounted_cache;
    std::vector<GivenUrl> upstreams;
    bool upstreams_from_hosts = true;
    bool upstreams_count_given = false; // for every host, whether it trusts them or not
    std::vector<std::string> upstreams_ignore;
    std::vector<std::string> trusted_public_keys; // of caches that do not tell theirs
    bool require_all = false;

    // evaluation
    eval::Impure impure{};
    bool import_from_derivation = true;
    bool confine_evaluation = true;
    bool accept_flake_config = false;
    bool fresh = false;        // evaluates also what was evaluated before
    std::size_t eval_jobs = 0; // 0: as cores and memory allow
    std::chrono::seconds eval_timeout{1800};

    // building
    std::optional<std::size_t> jobs; // builds at once; unset: what Nix is set to
    std::optional<std::uint64_t> cores;
    std::chrono::seconds max_silent{3600};
    std::chrono::seconds build_timeout{0};
    // Built last: glob on a derivation's name, for one system or (empty) all.
    struct DeferRule {
        std::string system;
        std::string pattern;
    };
    std::vector<DeferRule> defer;
    std::uint64_t min_free = 2ULL << 30; // bytes; below, no build starts
    std::string store;                   // store URI; empty: as Nix would

    // pushing
    bool read_only = false;
    std::vector<GivenUrl> also_push; // further caches, filled beside the one that decides
    std::size_t uploads = 16;
    std::uint64_t memory = 256ULL << 20;
    int compression_level = 3;
    std::vector<std::string> exclude_push;
    bool push_foreign = false;
    bool allow_source = false;
    std::uint64_t size_budget = 0;
    std::vector<std::string> pin_branches{"develop", "main"};
    int pin_keep = 2;
    bool pins = true;
    bool manifest = true;
    std::chrono::seconds retry_budget{90};
    // A cache that does not answer (presence/patience.hpp).
    std::chrono::seconds wait_for_caches{600};
    bool offline = false;
    bool build_unknown = false;

    // pushing from a desktop
    bool watch = false, push_status = false, retroactive = false;
    std::string since; // a moment, see parse_moment
    PushScope push_scope = PushScope::system;
    std::vector<std::string> push_users; // besides root and whoever runs us
    std::vector<PushCache> push_caches;  // empty: `cache`
    bool push_on_battery = true, push_when_metered = true;

    // the run
    std::optional<std::chrono::seconds> deadline;
    OnDeadline on_deadline = OnDeadline::stop;
    std::uint64_t max_reruns = 3;
    bool stop_when_superseded = true;
    bool substituter = true;   // ci: later steps of the job fetch from the cache
    bool deep = false;         // verify: download and hash
    bool check_flake = false;  // evaluate the rest of the flake, too
    bool strict_trust = false; // a host that does not trust the cache fails the run
    std::set<FailureCause> fail_on{FailureCause::evaluate, FailureCause::build,      FailureCause::check,
                                   FailureCause::push,     FailureCause::incomplete, FailureCause::deadline};

    // doctor, wait, guard
    std::vector<std::string> workflows; // files that fill the cache; empty: those that mention cachefill
    std::chrono::seconds timeout{3 * 3600};
    std::chrono::seconds interval{15};
    std::string guard_host;
    std::optional<eval::TargetKind> kind;  // of the host; empty: the command tells, or any
    std::optional<SwitchCommand> switches; // the command that was given
    std::vector<std::string> allow;        // globs on names that may be compiled
    std::uint64_t max_minutes = 0;
    bool update = false;
    bool ask = false; // guard: the person at the terminal decides
    // init
    std::string action; // "OWNER/REPOSITORY[@COMMIT]"; empty: where this program comes from
    std::map<std::string, std::vector<std::string>> runners; // labels of the machine for a system

    // report
    std::vector<std::string> expect;
    std::string needs; // JSON, or the name of a file with it
    std::string html;  // file to write a page for a browser to
    event::Severity notify_from = event::Severity::notice;
    report::NotifyFormat notify_format{};

    // login and use
    bool token_stdin = false, forget = false;
    bool apply = false;

    // output
    bool on_github = false; // speak to GitHub's log instead of a terminal
    std::string json;       // file to write the report to, "-": stdout
    std::string junit;      // file to write the report to as JUnit's XML
    std::string events;     // file to write events to as they happen, "-": stdout
    std::string why;        // plan --why PATH
    // plan: for so many machines at most; 0: for this one. `matrix`: as GitHub reads it.
    std::size_t shards = 0;
    bool matrix = false;
    bool is_for_shards() const { return shards > 0 || matrix; }
    std::string bundle; // file that a plan is written to for other machines, or that a run takes it from
    // run: which of the shards of the bundle this machine is, from 1; 0: none of them. One that is not heard for so
    // long is taken for gone.
    std::size_t shard = 0;
    std::chrono::seconds shard_patience{300};
    bool exit_code = false; // plan: 1 when something would be built or pushed
    bool dry_run = false;
    bool yes = false;  // init: the defaults, and no question
    bool bell = false; // at the end: the terminal's bell and a notice of the desktop
    bool quiet = false;
    bool verbose = false;
    Color color = Color::automatic;
    std::filesystem::path state_directory; // empty: $XDG_STATE_HOME/cachefill

    std::vector<std::string> arguments; // positional ones of push, verify and report
    Typed typed;
    std::filesystem::path executable; // this program's own, absolute; empty where nobody told
};

} // namespace cachefill::options
