#pragma once

#include "cache/manifest.hpp"
#include "fill/changes.hpp"
#include "fill/fleet.hpp"
#include "fill/run_context.hpp"

#include <functional>
#include <string>

namespace cachefill::fill {

// What a run leaves in the cache about itself (docs/manifest.md): a manifest when it begins to build and one when it
// ends, and pins.
class Announcements {
  public:
    // `report`: what would be told now.
    Announcements(RunContext& run, const Fleet& fleet, Changes& changes, std::function<report::RunReport()> report)
        : run_(run), fleet_(fleet), changes_(changes), report_(std::move(report)) {}

    async::Task<void> announce_build();   // once it is known that there is something to do
    async::Task<void> publish_finished(); // what came of it
    async::Task<void> pin();              // what is complete

    const std::string& manifest() const { return manifest_; } // its store path, once published

  private:
    bool is_pinned_branch() const;
    void tell_of_retention() const;
    bool leaves_manifest() const;
    bool has_stayed_away() const;
    async::Task<void> publish(bool is_finished);
    cache::Manifest describe(bool is_finished) const;

    RunContext& run_;
    const Fleet& fleet_;
    Changes& changes_;
    std::function<report::RunReport()> report_;
    std::string manifest_;
    bool failure_is_told_ = false;
    bool cache_was_away_ = false; // when a manifest was to go there
};

} // namespace cachefill::fill
