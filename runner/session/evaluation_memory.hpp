#pragma once

#include "base/result.hpp"
#include "sqlite/database.hpp"

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace cachefill::daemon {
struct Settings;
}

namespace cachefill::eval {
struct EvalSettings;
struct FlakeInfo;
} // namespace cachefill::eval

namespace cachefill::session {

// What evaluations printed, by all that they can depend on (evaluation_key()). Only saves time: what cannot be read is
// not known, and what cannot be kept is lost.
class EvaluationMemory {
  public:
    static constexpr std::size_t most_kept = 2000; // evaluations; the oldest go
    static constexpr std::size_t largest = 1U << 20;

    static Result<std::unique_ptr<EvaluationMemory>> open(const std::filesystem::path& file);

    std::optional<std::string> find(std::string_view key) const;
    void keep(std::string_view key, std::string_view printed); // nothing above `largest` bytes

  private:
    explicit EvaluationMemory(sqlite::Database database) : database_(std::move(database)) {}
    sqlite::Database database_;
};

// Names everything that an evaluation of `expression` at this flake can depend on, as long as it is pure, reads nothing
// that it has built and comes to an end: the tree, its commit (which a configuration can ask for, as it can for its
// date), where it comes from, its lock, Nix and those of Nix' settings that mean something to it. Empty: it can depend
// on more. That is so of a tree with uncommitted changes or without a commit, of one that Nix did not copy to the store
// (lazy trees), and where evaluation is impure, the flake's own nixConfig counts, or Nix has plugins.
std::string evaluation_key(const eval::FlakeInfo& flake, const eval::EvalSettings& settings,
                           const daemon::Settings& nix, std::string_view expression);

} // namespace cachefill::session
