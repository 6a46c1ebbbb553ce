#pragma once

#include "async/child_process.hpp"
#include "async/task.hpp"
#include "base/result.hpp"
#include "eval/complaint.hpp"
#include "eval/evaluator.hpp"
#include "eval/evaluator_log.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace cachefill::eval {

struct OpenedFlake; // flake.hpp

// What one run of `nix` left behind, whether it succeeded or not.
struct NixRun {
    async::ExitStatus status;
    std::string output; // standard output
    EvaluatorLog log;
    std::chrono::milliseconds took{};
    bool was_confined = false; // confinement.hpp

    // What it ended with, without colours; empty if it succeeded, or said nothing.
    std::string message() const;
    Complaint complaint() const { return complaint_in(message()); }
    // Killed by the kernel (or a supervisor) for memory, or refused some.
    bool out_of_memory() const;
};

struct NixHooks {
    std::function<void(event::Severity, std::string)> on_message;
    std::function<void(int)> on_start; // with the process id
};

// The command line shared by all: experimental features, --store, options; the lock file is never written, nothing
// depends on Nix's evaluation cache (on 2.8 concurrent processes wait for each other on it).
std::vector<std::string> nix_arguments(const EvalSettings& settings, std::vector<std::string> command);

// The environment of evaluators: nobody may be asked anything. A session of its own (see async/child_process) takes the
// terminal away; these variables stop git and ssh from looking for another way to ask.
Environment nix_environment(const EvalSettings& settings);

// FLAKE#a."b.c": each name quoted, then percent-encoded, because nix decodes the fragment before it parses it.
std::string installable(const std::string& flake, const std::vector<std::string>& attribute_path);

// The flake that is evaluated, which decides what the evaluator may open.
struct Evaluating {
    const FlakeInfo& flake;
    bool impure;
};

// One call of nix.
struct NixCommand {
    std::vector<std::string> arguments;
    std::string doing;                              // for errors: "listing packages"
    std::chrono::steady_clock::duration deadline{}; // then it is killed
    std::filesystem::path directory = {};           // empty: where we are
    std::filesystem::path tree = {};                // the flake's folder, where it is one; empty: not known, or none
    std::optional<Evaluating> evaluating = {};      // it is confined, see confinement_of()
    std::uint64_t room = 0;                         // see room.hpp
};

// `nix eval --json` of what a function, in Nix' language, makes of an attribute.
NixCommand evaluation(const OpenedFlake& flake, bool impure, const std::vector<std::string>& attribute_path,
                      std::string function);

// Runs nix to its end. A failure only when it could not be started or the deadline passed; then it has been killed.
async::Task<Result<NixRun>> run_nix(const EvalSettings& settings, NixCommand command, NixHooks hooks);

// The failure behind a run that did not succeed. Kind eval, or network when something could not be downloaded.
Failure failure_of(const NixRun& run, const SourceMap& sources);

} // namespace cachefill::eval
