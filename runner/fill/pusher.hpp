#pragma once

#include "cache/front_memory.hpp"
#include "presence/nar_checks.hpp"
#include "presence/upstreams.hpp"
#include "push/pipeline.hpp"
#include "session/session.hpp"

#include <functional>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace cachefill::fill {

// Pushes store paths, and what of their closures nobody serves, to one cache. What the upstreams of this machine serve
// is not pushed again: those given, and (upstreams.from-hosts) the substituters that this machine's Nix goes by,
// because the systems and homes that are pushed from here have their consumers trust the same. Other caches that this
// machine fills never count: being in one excuses no absence from the other.
class Pusher {
  public:
    Pusher(session::Session& session, presence::OpenedCache target, const std::set<std::string>& other_targets,
           event::Sink& sink);

    // The connection to this machine's store for everything below; set before anything else, and outlives it.
    void use(daemon::Connection& connection) { connection_ = &connection; }

    async::Task<Result<bool>> is_served(nix::StorePath path);
    // Looks whether the archives of what the cache serves of these closures can be had, and puts back those that
    // cannot. What is left is what could not be mended.
    async::Task<Result<std::vector<presence::UnusableNar>>> put_back_archives(std::vector<nix::StorePath> paths,
                                                                              push::PushSettings settings);

    using OnSettled = std::function<void(const nix::StorePath&, const push::PushRecord&)>;
    // With `settings` (compression is the cache's), until everything is settled or stop() ends it. All paths are valid.
    // What the cache took is looked for before `on_settled` hears that it was published; not shown, it failed.
    // Where content-addressed ones are outputs of derivations that are here, the cache is told.
    async::Task<push::Ledger> push(std::vector<nix::StorePath> paths, push::PushSettings settings,
                                   OnSettled on_settled);
    void stop(std::chrono::milliseconds grace);

    // Built on this machine, of all that was looked at; the others were fetched or imported.
    bool was_built_here(const nix::StorePath& path) const { return built_here_.contains(path); }
    const cache::CacheInfo& info() const { return info_; }
    const cache::CacheUri& cache_uri() const { return presence_.backend(plan::own_cache).uri(); }
    std::optional<cache::FrontMemory> front_memory() const { return presence_.backend(plan::own_cache).front_memory(); }

  private:
    async::Task<Result<std::vector<std::optional<nix::PathInfo>>>> path_infos(std::vector<nix::StorePath> paths);
    presence::Upstreams make_upstreams(const std::set<std::string>& other_targets);
    push::PushEnvironment environment(OnSettled& on_settled);
    async::Task<void> look_at(std::vector<nix::StorePath> claimed, push::Ledger& ledger);
    async::Task<Result<void>> keep_realisations(const push::Ledger& ledger);

    session::Session& session_;
    event::Sink& sink_;
    cache::CacheInfo info_;
    plan::Graph graph_;
    plan::Facts facts_;
    presence::Judge presence_;
    std::optional<presence::Upstreams> upstreams_;
    std::size_t host_ = 0; // this machine, in upstreams_
    daemon::Connection* connection_ = nullptr;
    std::unique_ptr<push::Pipeline> pipeline_; // while push() runs
    bool is_stopped_ = false;
    std::set<nix::StorePath> built_here_;
};

// What the options say of pushing.
push::PushSettings push_settings_from(const options::Settings& settings);

} // namespace cachefill::fill
