#pragma once

#include "base/files.hpp"
#include "eval/evaluator.hpp"
#include "event/event.hpp"

#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace cachefill::test {

struct RecordingSink final : event::Sink {
    std::vector<event::Event> events;
    void on_event(const event::Event& event) override { events.push_back(event); }

    // Texts of messages, joined by newlines.
    std::string messages() const;
    std::size_t evaluations_started() const;
};

// A flake in a directory of its own, a private store and home, and an evaluator for them. Nothing outside is touched,
// no substituter is asked.
class NixScene {
  public:
    NixScene();

    std::filesystem::path path(const std::string& relative) const { return directory_.path() / relative; }
    std::filesystem::path flake() const { return path("fleet"); }

    // Relative to the scene's directory.
    void write(const std::string& file, const std::string& content, unsigned mode = 0644) const;
    std::string read(const std::string& file) const;
    // Runs a shell command in the scene's directory with the evaluators' environment; throws unless it exits 0.
    std::string shell(const std::string& script) const;
    // The flake with these outputs (the body after "outputs = { self, … }:"), committed to git.
    void flake_with(const std::string& outputs, const std::string& inputs = {}) const;
    void commit() const;
    // An executable named nix, first on PATH, that runs this script.
    void fake_nix(const std::string& script);

    eval::EvalSettings settings;
    RecordingSink sink;

    // On a loop of its own.
    Result<eval::FlakeInfo> open();
    Result<std::vector<eval::TargetRef>> discover(std::vector<std::string> extra = {});
    Result<eval::EvaluatedTarget> evaluate(const eval::TargetRef& target);
    // All of them at once.
    std::vector<Result<eval::EvaluatedTarget>> evaluate_all(const std::vector<eval::TargetRef>& targets);
    // Of the failure that the last call above returned for this target.
    std::optional<event::Position> position(const eval::TargetRef& target) const;

  private:
    TemporaryDirectory directory_;
    std::map<std::string, event::Position> positions_; // by display name
    template <class T>
    T with_evaluator(std::function<async::Task<T>(eval::Evaluator&)> body, const std::vector<eval::TargetRef>& asked);
};

eval::TargetRef nixos(const std::string& name);
eval::TargetRef target(eval::TargetKind kind, const std::string& output, const std::string& name);

// "flake.nix:3:4", or "unknown".
std::string place(const std::optional<event::Position>& position);

// Nix expressions shared by the flakes of the tests: `drv NAME ATTRS` and `host TOPLEVEL`.
extern const std::string nix_helpers;

} // namespace cachefill::test
