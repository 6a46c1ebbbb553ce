#pragma once

#include "base/files.hpp"
#include "session/session.hpp"

#include <filesystem>
#include <memory>
#include <string>

namespace cachefill::session {

// A copy of the flake's work tree (what git tracks of it) with flake.lock moved to the newest inputs: so that one can
// see what that would mean before anything here has changed.
class LockCopy {
  public:
    static async::Task<Result<std::unique_ptr<LockCopy>>> make(Session& session);

    // The flake in the copy.
    std::string flake() const { return flake_.string(); }
    // The file that it would replace.
    const std::filesystem::path& original() const { return original_; }
    // The copy's flake.lock becomes the real one; unless that has been changed since.
    Result<void> adopt() const;

  private:
    LockCopy(TemporaryDirectory directory, std::filesystem::path flake, std::filesystem::path original,
             std::string before)
        : directory_(std::move(directory)), flake_(std::move(flake)), original_(std::move(original)),
          before_(std::move(before)) {}

    TemporaryDirectory directory_;
    std::filesystem::path flake_;
    std::filesystem::path original_; // flake.lock
    std::string before_;
};

} // namespace cachefill::session
