#pragma once

#include "cache/cache_uri.hpp"
#include "fill/live_plan.hpp"
#include "fill/uncounted.hpp"
#include "presence/judge.hpp"
#include "presence/path_trust.hpp"
#include "presence/upstreams.hpp"
#include "report/run_report.hpp"

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace cachefill::fill {

// Those who will fetch: whom each of them trusts, and so which caches count for which path. Both change while hosts are
// evaluated and caches answer.
class Consumers {
  public:
    // All but `upstreams` outlives this.
    Consumers(presence::Upstreams upstreams, plan::Graph& graph, const plan::Facts& facts, presence::Judge& judge,
              LivePlan& live);
    Consumers(const Consumers&) = delete;
    Consumers& operator=(const Consumers&) = delete;

    presence::Upstreams& upstreams() { return upstreams_; }
    const presence::Upstreams& upstreams() const { return upstreams_; }
    const presence::PathTrust& trust() const { return trust_; }
    Uncounted& uncounted() { return uncounted_; }
    const Uncounted& uncounted() const { return uncounted_; }

    void refresh_trust();            // by what the caches' answers show of themselves
    void refresh_counting();         // by the targets, the graph and the facts of now
    std::function<void()> on_change; // after refresh_counting(); may be empty

    plan::CacheMask counting(const nix::StorePath& path); // what all trust who need it
    // Whom a path may be fetched from at this moment: a host that is evaluated later may trust fewer.
    plan::CacheMask counting_now(const nix::StorePath& path);
    // Whose word counts for what is valid here: of a path that nobody is known to need, what all trust.
    plan::CacheMask vouching(const nix::StorePath& path);
    // URL of the upstream that serves a path for all who need it; empty if none does.
    std::string upstream_of(plan::PathId path) const;
    // The caches that have it and that this machine's Nix asks, as CacheUri shows them.
    std::vector<std::string> caches_to_fetch_from(const nix::StorePath& path) const;
    // Of the plan of now: what would go up although an upstream has it.
    report::UpstreamPushes planned_upstream_pushes(std::uint64_t size_budget) const;

  private:
    presence::Upstreams upstreams_;
    plan::Graph& graph_;
    const plan::Facts& facts_;
    presence::Judge& judge_;
    LivePlan& live_;
    presence::PathTrust trust_;
    Uncounted uncounted_;
    std::size_t views_counted_ = 0; // in the targets' masks
};

} // namespace cachefill::fill
