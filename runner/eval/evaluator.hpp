#pragma once

#include "async/task.hpp"
#include "base/environment.hpp"
#include "base/result.hpp"
#include "eval/read_watch.hpp"
#include "eval/target.hpp"
#include "event/kinds.hpp"
#include "nix/cache_settings.hpp"
#include "nix/store_path.hpp"

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace cachefill::event {
class Sink;
}

namespace cachefill::eval {

enum class Impure : std::uint8_t { automatic, always, never };

// Whether evaluators may open only what evaluation needs (confinement.hpp), and what only its caller knows of that.
struct Confining {
    bool is_wanted = false;                      // as far as the kernel can do it
    bool has_daemon = true;                      // else evaluators build by themselves
    std::filesystem::path store_root;            // of a `local?root=DIR` store: DIR
    std::vector<std::filesystem::path> readable; // files that Nix' settings name: netrc-file, …
    std::vector<std::filesystem::path> closed;   // with keys, tokens and logins: not even where all around them is open
};

struct EvalSettings {
    std::string flake;       // as the user gave it: ".", a directory, "github:o/r", "path:…"; without '#'
    std::string store_uri;   // passed to nix as --store unless empty
    std::string nix_version; // if it is known already; else asked for
    Environment environment; // of the evaluators, without our secrets; NIXPKGS_ALLOW_UNFREE=1 is added unless it is 0
    // automatic: where the licence check of nixpkgs refuses it purely (licence_check.hpp), and the environment above
    // has NIXPKGS_ALLOW_UNFREE=1 by itself.
    Impure impure = Impure::automatic;
    bool import_from_derivation = true;
    bool accept_flake_config = false;
    std::size_t jobs = 0;                // evaluators at once; 0: as cores and free memory allow
    std::chrono::seconds deadline{1800}; // each; and reading the flake, and fetching its inputs
    // name = value pairs for `--option`, for instance substituters for import-from-derivation
    std::vector<std::pair<std::string, std::string>> nix_options;
    Confining confining;
    std::filesystem::path before_git;       // see async::stand_before_git; empty: nobody stands there
    std::filesystem::path past_evaluations; // what they took (past_evaluations.hpp), JSON; empty: none
    bool expects_refusals = true; // what nixpkgs' licence check refused the last time is not asked of it again at once
};

// What the flake is.
struct FlakeInfo {
    std::string nix_version; // "2.8.0"
    std::string url;         // locked, as nix names it; may hold credentials, redact before showing
    std::string revision;    // git commit, empty if none (dirty or no git)
    bool dirty = false;
    // Its tree in the store. Empty: with lazy trees (Determinate Nix) it is not there, unless its inputs were fetched.
    std::optional<nix::StorePath> source;
    std::filesystem::path directory; // the work tree, empty if it is not local
    std::string subdirectory;        // where in the tree flake.nix lies, usually empty
    std::string archive;             // where its inputs are, as JSON of `nix flake archive`; empty: not known (yet)
    std::string lock;                // its lock, as JSON (eval/locked_sources.hpp); empty: it has none
    // From nixConfig, both spellings (with and without "extra-").
    std::vector<std::string> extra_substituters;
    std::vector<std::string> extra_trusted_public_keys;
};

struct EvaluatedTarget {
    TargetRef target;
    nix::StorePath derivation;
    std::vector<std::string> outputs; // demanded, first the one a consumer switches to
    std::string system;
    // What the host's own configuration says of caches; empty where no module says anything.
    std::optional<nix::CacheSettings> nix_settings;
    bool impure = false;    // evaluated with --impure
    std::string why_impure; // what nixpkgs' licence check said of it, the last time it was asked; empty: it was not
    // Import-from-derivation: what it read, made now or valid before, and how often it is not known what that was.
    std::vector<ReadOutputs> read_by_evaluation;
    std::size_t unknown_reads = 0;
    std::vector<nix::StorePath> built_by_evaluation;   // derivations, for that
    std::vector<nix::StorePath> fetched_by_evaluation; // store paths that it asked substituters for
    std::chrono::milliseconds took{};
    std::uint64_t peak_memory = 0;
    std::string printed;           // what nix printed, for parse_evaluated()
    bool evaluated_before = false; // now it was not; see session/evaluation.hpp
};

// Something of the flake that is no host and does not evaluate.
struct CheckFinding {
    std::string output; // "packages.x86_64-linux.hello"
    Failure failure;
    std::optional<event::Position> position;
};

// Drives the `nix` command. One process per target, as many at once as cores and free memory allow; none ever writes
// flake.lock, prompts, or sees a secret of ours.
class Evaluator {
  public:
    virtual ~Evaluator() = default;
    // What can be known of the flake without its inputs. Failures name what is wrong with it (none there, does not
    // parse, lock file out of date, owned by another user) and where.
    virtual async::Task<Result<FlakeInfo>> read() = 0;
    // The same, and fetches the inputs; what has been done before is not done again.
    virtual async::Task<Result<FlakeInfo>> open() = 0;
    // Names only, hosts are not forced. `kinds` beyond hosts are asked for by name: "packages", "checks", "devShells".
    // Always pure.
    virtual async::Task<Result<std::vector<TargetRef>>> discover(std::vector<std::string> extra_kinds) = 0;
    // Waits for its turn (jobs, free memory). One killed for memory is tried once more alone. Emits EvaluationStarted,
    // and what the evaluator says that a person should know as Message; the caller emits EvaluationFinished.
    virtual async::Task<Result<EvaluatedTarget>> evaluate(TargetRef target) = 0;
    // How long it took the last time, to start the longest first. Empty: not known.
    virtual std::optional<std::chrono::milliseconds> expected_time(const TargetRef&) const { return {}; }
    // What else of the flake is wrong, into `findings` as it is found; see check_outputs().
    virtual async::Task<void> check(std::vector<CheckFinding>& findings) = 0;
    // Where the failure that evaluate() just returned for this target lies. For discover(): ask with a target of the
    // kind that could not be listed and no name; for open(): with TargetRef{}.
    virtual std::optional<event::Position> position_of_failure(const TargetRef& target) const = 0;
    // After a failure: the system of which a machine could have evaluated it, see needed_system(). Empty: none would
    // help.
    virtual std::string system_needed_for(const TargetRef&) const { return {}; }
};

std::unique_ptr<Evaluator> make_evaluator(async::Executor executor, EvalSettings settings, event::Sink& sink);

} // namespace cachefill::eval
