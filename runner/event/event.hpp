#pragma once

#include "event/kinds.hpp"
#include "event/message.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

// Plain structs for everything that can happen in a run. Work emits them, only `report` renders them; texts that came
// from outside are already sanitized, failures already told (render_failure text). Paths and names are strings on
// purpose: this layer knows nothing of Nix.
namespace cachefill::event {

struct StageStarted {
    Stage stage;
};
struct StageFinished {
    Stage stage;
    std::chrono::milliseconds took;
};

struct TargetsFound {
    std::vector<std::string> targets; // "nixos:nas"
    std::vector<std::string> skipped; // by selectors
};
struct EvaluationStarted {
    std::string target;
};
struct EvaluationFinished {
    std::string target;
    bool succeeded = false;
    bool impure = false; // needed --impure
    std::chrono::milliseconds took{};
    std::uint64_t peak_memory = 0;
    std::string derivation; // store path, if succeeded
    std::string error;      // if not: the evaluator's message
    std::string hint;       // if not: what to do about it; may be empty
    std::optional<Position> position;
    bool evaluated_before = false;         // and what that came to still holds: none ran now
    std::uint64_t built_by_evaluation = 0; // import-from-derivation
    std::string needs_system; // if succeeded, without a derivation: evaluation builds what only such a machine can
};

// A cache cannot be asked, and what hangs on its answers waits.
struct CacheWaiting {
    using State = CacheWait;
    std::string cache; // its address, without secrets
    State state = State::waits;
    std::string said;                     // what happened at the last try
    std::chrono::milliseconds waited{};   // since it was asked first in vain
    std::chrono::milliseconds patience{}; // the wait ends when so much has passed
};

// What `wait` waits for: how far the cloud is. Told at every look, also when nothing has changed.
struct CloudWaiting {
    std::string text;                    // "the run 'Fill' #214 of 1a2b3c4 is running: 2 of 5 jobs done; …"
    std::chrono::milliseconds running{}; // since that run began; 0: not known
};

struct QueryProgress {
    std::uint64_t asked = 0;    // paths asked about so far
    std::uint64_t requests = 0; // requests that took
};

struct PlanChanged {
    std::uint64_t derivations = 0; // in the graph
    std::uint64_t builds = 0, compiles = 0, light = 0, local_by_design = 0, fixed_output = 0;
    std::uint64_t fetches = 0, bytes_to_fetch = 0;
    std::uint64_t pushes_without_build = 0;
    // Of the builds that were measured before: all of them, and the longest chain.
    std::chrono::milliseconds expected{}, critical_path{};
    std::map<std::string, std::uint64_t> unmeasured = {}; // the other builds, by kind as in BuildFinished
};

struct FetchFinished {
    std::string path;
    bool succeeded = false;
    std::string error;
    std::chrono::milliseconds took{};
};

struct BuildStarted {
    std::string derivation;
    std::string name;                                       // without hash and .drv
    std::string kind;                                       // as in BuildFinished
    std::optional<std::chrono::milliseconds> expected = {}; // if it was measured before
};
struct BuildLogLine {
    std::string derivation;
    std::string line;
};
struct BuildFinished {
    std::string derivation;
    std::string name;
    std::string kind; // "compile", "light", "local by design", "fixed-output"
    BuildOutcome outcome = BuildOutcome::built;
    std::chrono::milliseconds took{};
    std::vector<std::string> outputs;  // store paths, if built
    std::string error;                 // if not built: what the daemon said
    std::vector<std::string> log_tail; // last lines, if failed
    std::string blocked_by;            // name of the derivation whose failure blocks this one
    std::vector<std::string> targets;  // that need it
    bool failed_elsewhere = false;     // another machine tried it
};

struct PushStarted {
    std::string path;
    std::uint64_t nar_size = 0;
};
struct PushProgress {
    std::string path;
    std::uint64_t uploaded = 0; // compressed bytes that have arrived
};
struct PushFinished {
    std::string path;
    PushOutcome outcome = PushOutcome::published;
    bool built_by_this_run = false;
    bool while_building = false; // builds were still running
    std::uint64_t nar_size = 0, file_size = 0;
    std::chrono::milliseconds took{};
    std::string reason; // unless published
};

// What verification found for one target (design stage 10).
struct TargetVerified {
    std::string target;
    TargetVerdict verdict = TargetVerdict::unknown;
    std::string output;                                 // store path a consumer switches to
    std::vector<std::string> missing;                   // store paths not fetchable
    std::uint64_t closure_paths = 0, closure_bytes = 0; // NAR sizes
    // For a machine that evaluates: what it builds whatever the cache holds, and (must be 0) what it would compile.
    std::uint64_t built_by_design = 0, would_compile = 0, would_build_with_always_allow = 0;
    bool trusted = true;                   // by the target's own evaluated nix.settings
    std::vector<std::string> trust_advice; // the lines to add, if not
};

struct RunFinished {
    int exit_code = 0;
    std::vector<std::string> causes; // each a sentence
    std::chrono::milliseconds took{};
};

using Event =
    std::variant<StageStarted, StageFinished, Message, TargetsFound, EvaluationStarted, EvaluationFinished,
                 CacheWaiting, CloudWaiting, QueryProgress, PlanChanged, FetchFinished, BuildStarted, BuildLogLine,
                 BuildFinished, PushStarted, PushProgress, PushFinished, TargetVerified, RunFinished>;

// Where events go. Called on the loop's thread; must not wait and must not throw.
class Sink {
  public:
    virtual ~Sink() = default;
    virtual void on_event(const Event& event) = 0;
};

// For what nobody wants to hear of.
class NullSink final : public Sink {
  public:
    void on_event(const Event&) override {}
};

} // namespace cachefill::event
