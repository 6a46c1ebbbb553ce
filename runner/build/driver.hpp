#pragma once

#include "async/clock.hpp"
#include "build/build_record.hpp"
#include "build/limits.hpp"
#include "build/scheduler.hpp"
#include "build/surroundings.hpp"
#include "daemon/connection.hpp"
#include "daemon/fetch_trouble.hpp"
#include "plan/plan.hpp"

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace cachefill::build {

class Roots;

struct BuildSettings {
    std::size_t local_slots = 1;
    std::size_t fetches = 8; // at once
    std::uint64_t cores = 0; // of each build; 0: as the builder likes
    BuildLimits limits;      // of each build
    // How long a substituter may be away before what hangs on it is given up.
    std::chrono::seconds cache_patience{600};
    // How long a remote builder may be away before what only it could build is given up.
    std::chrono::seconds builder_patience{300};
    std::vector<plan::BuildAbility> machines; // the first is this one; the others are handed builds by the daemon
};

enum class MayStart {
    nothing,
    only_what_frees_room, // after which less is needed of what is there
    rather_what_frees_room,
    anything,
};

struct DriverCallbacks {
    // All outputs of the derivation are valid and rooted.
    std::function<void(plan::DerivationId, const std::vector<nix::StorePath>& outputs)> on_built;
    std::function<void(plan::PathId)> on_fetched;
    // For good. Of trouble with the network it is known only that nobody could be asked: whatever needs the path waits.
    // Else it must be built instead.
    std::function<void(plan::PathId, const daemon::FetchReason&)> on_unfetchable;
    // Addresses of the substituters that have a path, as far as they are known. May be empty.
    std::function<std::vector<std::string>(const nix::StorePath&)> caches_of;
    // Names of the targets that need a derivation, for the report.
    std::function<std::vector<std::string>(plan::DerivationId)> targets_of;
    // Until the file of this derivation is in the store; a failure: it does not come. May be empty: all are there.
    std::function<async::Task<Result<void>>(nix::StorePath)> until_there;
    // What may start now? (disk space) May be empty: anything.
    std::function<MayStart()> may_start;
    // Bytes of a derivation's outputs that can be deleted once no build needs them. May be empty: none.
    std::function<std::uint64_t(plan::DerivationId)> deletable_bytes;
    // May another plan come? While true, run() goes on although there is nothing to do; call wake() when it turns
    // false.
    std::function<bool()> expects_more;
    // May work come that nobody knows of yet? While true, run() goes on, as with expects_more; but what comes last is
    // not held back for it. Call wake() when it turns false. May be empty.
    std::function<bool()> stays;
    // Daemon settings to fetch this path with, honoured if we are trusted (substituters, keys). May be empty.
    std::function<std::map<std::string, std::string>(const nix::StorePath&)> fetch_overrides;
    // What has to be fetched before it, one after the other, each with its own settings. May be empty.
    std::function<std::vector<nix::StorePath>(const nix::StorePath&)> fetched_before;
    // May it be fetched yet? May be empty.
    std::function<bool(plan::PathId)> may_fetch;
    // Why a valid path must not be used in a build; empty: it may. May be empty.
    std::function<std::string(const nix::PathInfo&)> doubt;
    // Does somebody who counts vouch for the very bytes of a path that is in doubt? May be empty.
    std::function<async::Task<Result<bool>>(nix::PathInfo)> is_vouched_for;
    // Whose evaluation made this derivation: for each target that needs it what that one read of builds
    // (import-from-derivation). It is in doubt where each of them read something doubtful. May be empty.
    std::function<std::vector<std::vector<plan::PathId>>(plan::DerivationId)> read_for;
};

// Of all machines together.
struct SlotsNow {
    std::size_t all = 0;
    std::size_t spare = 0;  // nothing is ready for them, nor being fetched
    std::size_t wanted = 0; // by builds that are ready, and wait for one
};

// Builds what plans ask for, through the Nix daemon, most urgent first, and keeps going past failures: dependents of a
// failed one are blocked, not failed. One request is one derivation (a few, when they are tiny); inputs are fetched
// by output path on connections of their own, when the build is to run next (build/scheduler.hpp says how far ahead).
class Driver {
  public:
    virtual ~Driver() = default;
    // A newer plan over the same graph. Cheap; call whenever it changed.
    virtual void update(const plan::Plan& plan) = 0;
    // Works until nothing is left to do and no plan is expected, or stop().
    virtual async::Task<void> run() = 0;
    // Starts nothing new and cancels what runs (closing a connection ends its builders within milliseconds).
    virtual void stop() = 0;
    // Starts nothing new; run() returns once what runs has ended by itself.
    virtual void drain() = 0;
    // Look again at may_start and expects_more.
    virtual void wake() = 0;
    // Another machine builds it: it does not begin from here on, nor what needs it, until a plan comes. False: it has
    // begun, or nothing is known of it.
    virtual bool hold(plan::DerivationId id) = 0;
    // Other keys count for some path than before: look again at doubt, also of what was free of it.
    virtual void trust_changed() = 0;

    // Those that nobody uses now, which ends their temporary roots.
    virtual void close_idle_connections() = 0;
    // Derivations, inputs and outputs of everything that has not ended.
    virtual std::vector<nix::StorePath> needed_paths() const = 0;
    // Its outputs have been deleted from the store.
    virtual void note_deleted(plan::DerivationId id) = 0;

    virtual bool is_building() const = 0;
    virtual SlotsNow slots() const = 0;
    // When it began, if it runs.
    virtual std::optional<async::Clock::TimePoint> running_since(plan::DerivationId id) const = 0;
    virtual bool is_needed(plan::PathId path) const = 0;                // as an input of something unfinished
    virtual const BuildRecord* record(plan::DerivationId id) const = 0; // null until it has ended
    // Every planned derivation; those never started are not_started.
    virtual std::map<plan::DerivationId, BuildRecord> records() const = 0;
    virtual const std::vector<FetchRecord>& fetches() const = 0; // in the order in which they ended
};

std::unique_ptr<Driver> make_driver(Surroundings surroundings, BuildSettings settings, DriverCallbacks callbacks);

} // namespace cachefill::build
