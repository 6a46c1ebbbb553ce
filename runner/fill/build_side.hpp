#pragma once

#include "build/driver.hpp"
#include "fill/disk_guard.hpp"
#include "fill/run_context.hpp"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace cachefill::build {
class Roots;
}

namespace cachefill::fill {

// What is built: drives Nix by the live plan, hands on what comes of it, and keeps an eye on the disk and the clock.
class BuildSide {
  public:
    explicit BuildSide(RunContext& run);
    ~BuildSide();

    // From here on `run.driver` takes plans.
    async::Task<Result<void>> open();
    async::Task<void> build(); // until there is nothing more to build
    // Both end the building when their time has come; until then they run beside it.
    async::Task<void> watch_deadline();
    async::Task<void> watch_disk();
    // Nobody reads this path here any more.
    void release(const nix::StorePath& path);

  private:
    build::BuildSettings settings() const;
    build::DriverCallbacks callbacks();
    void note_built(plan::DerivationId id, const std::vector<nix::StorePath>& outputs);
    void note_used_up_deadline();
    DiskGuard::Surroundings disk_surroundings(std::string store);
    std::uint64_t deletable_bytes(plan::DerivationId id) const; // once they are in the cache, if no build needed them
    std::vector<nix::StorePath> deletable() const;
    async::Task<Result<std::uint64_t>> make_room(); // bytes freed

    RunContext& run_;
    std::unique_ptr<build::Roots> roots_;
    std::optional<DiskGuard> disk_guard_;
    std::unique_ptr<build::Driver> driver_;
};

} // namespace cachefill::fill
