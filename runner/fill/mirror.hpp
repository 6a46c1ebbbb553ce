#pragma once

#include "base/given_url.hpp"
#include "cache/cache_uri.hpp"
#include "event/messages_only.hpp"
#include "fill/vanished.hpp"
#include "presence/judge.hpp"
#include "presence/opened_cache.hpp"
#include "presence/realisations.hpp"
#include "push/pipeline.hpp"
#include "report/run_report.hpp"
#include "session/session.hpp"

#include <memory>
#include <set>
#include <string>

namespace cachefill::fill {

// A further cache that is filled beside the one that decides (--also-push): what a run built, and what of its targets
// is in this machine's store, goes there as well, by its own credentials, its own queue and its own view of what is
// there. It never decides what is built, nor whether a target is complete.
class Mirror {
  public:
    // Reaches the cache and checks that it may be written. "?optional=1" in `given`: whatever is wrong with it later on
    // is no failure of the run.
    static async::Task<Result<std::unique_ptr<Mirror>>> open(session::Session& session, GivenUrl given);
    // May it be away? (Also of one that cannot be opened.)
    static bool is_optional(const GivenUrl& given);

    const std::string& name() const { return info_.name; }
    bool is_optional() const { return optional_; }
    push::Pipeline& pipeline() { return *pipeline_; }

    // `like`: what the run's own pipeline works with. Which upstreams count for a path is asked of `own` by `counting`;
    // `on_settled` is called after each path. Everything outlives the mirror.
    using Counting = std::function<plan::CacheMask(const nix::StorePath&)>;
    using OnSettled = std::function<void(const nix::StorePath&)>;
    void start(plan::Graph& graph, const presence::Judge& own, Counting counting, push::PushSettings settings,
               push::PushEnvironment like, OnSettled on_settled);

    // Tells it where content-addressed outputs went, once everything is up.
    async::Task<Result<void>> keep_realisations(presence::Realisations& realisations, const presence::Judge& own,
                                                plan::CacheMask counting, daemon::Connection& store);

    // Looks, once everything is up, whether the cache shows what it took.
    async::Task<Result<void>> look(std::function<bool()> is_over);

    report::MirrorReport report() const;

  private:
    Mirror(session::Session& session, presence::OpenedCache cache)
        : session_(session), cache_(std::move(cache)), info_(cache_.info), url_(cache_.backend->uri().to_string()),
          optional_(cache_.backend->uri().optional), sink_(session.sink()) {}
    void learn_upstreams(const presence::Judge& own);
    push::PushEnvironment environment(const presence::Judge& own, Counting counting, push::PushEnvironment like,
                                      OnSettled on_settled);

    session::Session& session_;
    presence::OpenedCache cache_; // until start()
    cache::CacheInfo info_;
    std::string url_;
    bool optional_;
    event::MessagesOnly sink_; // pushes are counted for the cache that decides
    plan::Facts facts_;
    std::unique_ptr<presence::Judge> presence_;
    std::unique_ptr<push::Pipeline> pipeline_;
    Vanished vanished_; // taken, and not shown
};

} // namespace cachefill::fill
