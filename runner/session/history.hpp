#pragma once

#include "base/result.hpp"
#include "sqlite/database.hpp"

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>

namespace cachefill::session {

// How long derivations took when they were built here before, by name without version and by platform, and how large
// targets were. Only a help for guessing: whatever goes wrong with it is ignored, after saying so once.
class History {
  public:
    static Result<std::unique_ptr<History>> open(const std::filesystem::path& file);

    std::optional<std::chrono::milliseconds> expected(std::string_view name, std::string_view platform) const;
    // Built: also forgets that it once used up a deadline.
    void record(std::string_view name, std::string_view platform, std::chrono::milliseconds took);

    // A run came to its deadline mostly for building this one.
    bool used_up_a_deadline(std::string_view name, std::string_view platform) const;
    void record_deadline(std::string_view name, std::string_view platform, std::chrono::milliseconds ran);

    // Unpacked size of a target's closure when it was last complete on this branch; else on whichever branch came last.
    std::optional<std::uint64_t> closure_bytes(std::string_view target, std::string_view branch) const;
    void record_closure(std::string_view target, std::string_view branch, std::uint64_t bytes);

  private:
    explicit History(sqlite::Database database) : database_(std::move(database)) {}
    sqlite::Database database_;
};

// "firefox-142.0.1" → "firefox": up to the first '-' followed by a digit, as Nix itself splits names.
std::string_view without_version(std::string_view name);

} // namespace cachefill::session
