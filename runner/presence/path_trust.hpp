#pragma once

#include "nix/path_info.hpp"
#include "plan/plan.hpp"
#include "presence/upstreams.hpp"

#include <string>
#include <vector>

namespace cachefill::presence {

// Whose word on a path counts for everybody who needs it. A cache that only one host trusts must not supply what
// another host's closure is made of, let alone what is then signed for all, so it is what all of them trust. Pure.
class PathTrust {
  public:
    // All outlive it.
    PathTrust(const plan::Graph& graph, const plan::Facts& facts, const Judge& judge, const Upstreams& upstreams)
        : graph_(graph), facts_(facts), judge_(judge), upstreams_(upstreams) {}

    // Who needs what, and the host (a number in Upstreams) of each. Again whenever the targets, the graph or the facts
    // have grown. While not all hosts are known, only keys count that nearly everybody believes: whoever comes later
    // may need a path as well.
    void update(const std::vector<plan::Target>& targets, const std::vector<std::size_t>& hosts, bool all_known);

    // The keys that all who need the path believe. Of a path that nobody is known to need: that all targets believe.
    std::vector<nix::PublicKey> keys(const nix::StorePath& path) const;
    // What is to be fetched before a path, one after the other, since fewer caches or keys count for it than for what
    // refers to it; without that the daemon would take it from where it takes the rest. `counting`: caches by path.
    std::vector<nix::StorePath> to_fetch_before(const nix::StorePath& path,
                                                const std::vector<plan::CacheMask>& counting) const;
    // Why a valid path must not become part of what we sign by what is noted of it: it was fetched from somebody whose
    // key does not count, or, without a signature, from nobody knows whom. Empty: it may. What was built here is the
    // machine's own affair. A doubtful path is in order all the same where a cache that counts serves the same bytes
    // (Judge::is_vouched_for).
    std::string doubt(const nix::PathInfo& info) const;

  private:
    plan::CacheMask mask_of(const nix::StorePath& path) const;

    const plan::Graph& graph_;
    const plan::Facts& facts_;
    const Judge& judge_;
    const Upstreams& upstreams_;
    std::vector<nix::PublicKey> known_;         // by bit, from `first_key` on
    std::vector<plan::CacheMask> by_path_;      // keys that count
    plan::CacheMask of_all_ = plan::all_caches; // … for every target
};

} // namespace cachefill::presence
