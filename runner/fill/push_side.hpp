#pragma once

#include "fill/fleet.hpp"
#include "fill/mirror.hpp"
#include "fill/run_context.hpp"
#include "fill/source_pieces.hpp"
#include "presence/nar_checks.hpp"
#include "push/pipeline.hpp"

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

namespace cachefill::fill {

// What goes up: into the cache that decides and into those beside it (mirrors).
class PushSide {
  public:
    PushSide(RunContext& run, const Fleet& fleet) : run_(run), fleet_(fleet) {}

    // Reaches the mirrors. False: one of them cannot be reached that must not be away, and it is told.
    async::Task<bool> open_mirrors();
    // From here on `run.outlets` takes paths. `on_done`: nobody reads this path here any more.
    void start(std::function<void(const nix::StorePath&)> on_done);
    // Until outlets are closed and everything is settled, in all caches.
    void push(async::TaskGroup& stages);
    // All builds are done: gives the mirrors what needed none, and closes the outlets.
    async::Task<void> finish();

    // Once everything is up: where outputs went that nobody could know before they were built.
    async::Task<void> keep_realisations();
    // For a plan: as a run would push it, with whatever its closure needs, and without what must or shall not go up.
    async::Task<void> plan();
    // Puts archives back into the cache that decides, if something is pushed at all. What could be mended is taken out.
    async::Task<void> mend(std::vector<presence::UnusableNar>& unusable);
    // What the option lets out is named, as nobody sees it from the option.
    void tell_allowed_sources();

    // Whether they show what they took.
    async::Task<void> look_at_mirrors();
    std::vector<report::MirrorReport> mirror_reports() const;
    // Of a plan: what would become of each path.
    const push::Ledger& planned() const { return planned_; }
    std::size_t planned_pushes() const;
    // Those of these paths that not everybody may have, with the reason a person reads, whatever the options allow.
    std::map<nix::StorePath, std::string> private_sources(const std::vector<nix::PathInfo>& infos) const;
    // The upstream (URL) that serves a path which was published all the same; empty if none does.
    std::string pushed_although(const nix::StorePath& path) const;

  private:
    push::PushEnvironment environment(std::function<void(const nix::StorePath&)> on_done);
    push::PushEnvironment own_environment(std::function<void(const nix::StorePath&)> on_done);
    push::PushSettings settings() const;                                          // for the cache that decides
    push::PushSettings public_settings() const;                                   // for one that everybody reads
    std::unordered_map<nix::StorePath, std::string> withheld_from_public() const; // of the flake and its inputs
    std::shared_ptr<SourcePieces> pieces_of_sources() const;
    async::Task<void> push_own();
    async::Task<void> give_targets_to_mirrors();
    async::Task<Result<std::vector<std::optional<nix::PathInfo>>>> path_infos(std::vector<nix::StorePath> paths);
    async::Task<void> until_evaluated();
    async::Task<bool> repair(nix::StorePath path);

    RunContext& run_;
    const Fleet& fleet_;
    std::unique_ptr<push::Pipeline> pipeline_; // none if nothing is pushed to the cache that decides
    std::vector<std::unique_ptr<Mirror>> mirrors_;
    std::vector<report::MirrorReport> unreachable_mirrors_; // optional ones
    push::Ledger planned_;
    std::unordered_map<nix::StorePath, std::string> pushed_although_;
};

} // namespace cachefill::fill
