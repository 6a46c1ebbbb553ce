#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <random>
#include <string>

namespace cachefill::test {

// A file system for SQLite (a VFS) that knows what a power cut would leave. What has been synced is there for certain;
// of what was written since, any part may be there, may be missing, or may be torn in the middle of a sector row. Real
// files are written as well, so everything works as always until the power goes.
class LossyFileSystem {
  public:
    // Registers itself with SQLite under `name()`; one at a time.
    LossyFileSystem();
    ~LossyFileSystem();
    LossyFileSystem(const LossyFileSystem&) = delete;
    LossyFileSystem& operator=(const LossyFileSystem&) = delete;

    static const char* name() { return "lossy"; }

    // Writes, truncations, syncs and deletions so far.
    std::uint64_t operations() const;
    // Calls `then` right before operation number `number` (counted from 1) takes place.
    void before_operation(std::uint64_t number, std::function<void()> then);
    // Writes what a power cut at this moment would leave of `directory` into `target`, which is made.
    void cut_power(const std::filesystem::path& directory, const std::filesystem::path& target,
                   std::mt19937_64& random) const;

    class Impl;

  private:
    std::unique_ptr<Impl> impl_;
};

} // namespace cachefill::test
