// What Run hands to the parts it drives: policy, settings and callbacks.
#include "base/text.hpp"
#include "build/roots.hpp"
#include "fill/pusher.hpp"
#include "fill/run.hpp"
#include "fill/sources.hpp"
#include "session/expected_time.hpp"
#include "session/history.hpp"
#include "session/machines.hpp"

#include <algorithm>
#include <bit>

namespace cachefill::fill {

using async::Task;
using namespace std::chrono_literals;

plan::Policy Run::policy() const {
    plan::Policy policy;
    policy.machines = session_.machines().abilities;
    policy.fetchable_here = upstreams_->fetchable_here();
    policy.does_not_wait = presence_.is_waiting();
    policy.expected_time = [this](const plan::GraphDerivation& derivation) {
        return session::expected_time(history_.get(), derivation);
    };
    policy.is_deferred = [this](const plan::GraphDerivation& derivation) { return !deferral(derivation).empty(); };
    return policy;
}

std::string Run::deferral(const plan::GraphDerivation& derivation) const {
    for (const auto& rule : session_.settings().defer) {
        bool is_meant = rule.system.empty() || rule.system == derivation.platform;
        if (is_meant && glob_match(rule.pattern, derivation.name())) return "defer: " + rule.pattern;
    }
    bool is_slow = history_ && history_->used_up_a_deadline(derivation.name(), derivation.platform);
    return is_slow ? "used up an earlier deadline" : "";
}

// Whoever ran for more than half of the time that there was would do so again, and everything else would wait.
void Run::note_used_up_deadline() {
    if (!history_) return;
    for (const auto& [id, record] : driver_->records()) {
        if (record.outcome != event::BuildOutcome::cancelled || record.took * 2 < *session_.settings().deadline)
            continue;
        const auto& derivation = graph_.derivation(id);
        history_->record_deadline(derivation.name(), derivation.platform, record.took);
    }
}

build::BuildSettings Run::build_settings() const {
    const auto& settings = session_.settings();
    const auto& nix = session_.nix();
    const auto& machines = session_.machines();
    build::BuildSettings build;
    build.local_slots = machines.local_slots;
    build.remote_slots = machines.remote_slots;
    build.cores = settings.cores.value_or(nix.cores);
    build.limits = {.silence = settings.max_silent, .time = settings.build_timeout};
    build.cache_patience = settings.wait_for_caches;
    build.machines = machines.abilities;
    return build;
}

build::DriverCallbacks Run::driver_callbacks() {
    build::DriverCallbacks callbacks;
    callbacks.on_built = [this](plan::DerivationId id, const std::vector<nix::StorePath>& outputs) {
        const auto* record = driver_->record(id);
        bool is_ours = record && record->outcome == event::BuildOutcome::built;
        for (const auto& output : outputs) {
            facts_.of(graph_.intern(output)).valid_here = true;
            outlets_.push(output, is_ours);
        }
        if (history_ && is_ours)
            history_->record(graph_.derivation(id).name(), graph_.derivation(id).platform, record->took);
    };
    callbacks.on_fetched = [this](plan::PathId path) { live_.note_fetched(path); };
    callbacks.on_unfetchable = [this](plan::PathId path, const daemon::FetchReason& reason) {
        live_.note_unfetchable(path, reason, session_.settings().build_unknown);
    };
    callbacks.caches_of = [this](const nix::StorePath& path) { return caches_to_fetch_from(path); };
    callbacks.targets_of = [this](plan::DerivationId id) { return live_.targets_of(id); };
    callbacks.may_start = [this] { return disk_guard_->has_room(); };
    callbacks.expects_more = [this] { return live_.is_open(); };
    callbacks.fetch_overrides = [this](const nix::StorePath& path) {
        return upstreams_->fetch_overrides(counting_now(path), trust_->keys(path));
    };
    callbacks.fetched_before = [this](const nix::StorePath& path) {
        return trust_->to_fetch_before(path, live_.counting());
    };
    // A host that is evaluated later may need it, too, and not trust whom this one does.
    callbacks.may_fetch = [this](plan::PathId path) {
        return !live_.is_evaluating() || (facts_.of(path).present & counting_now(graph_.path(path))) != 0;
    };
    callbacks.doubt = [this](const nix::PathInfo& info) { return trust_->doubt(info); };
    return callbacks;
}

// As Nix writes their addresses.
std::vector<std::string> Run::caches_to_fetch_from(const nix::StorePath& path) const {
    std::vector<std::string> urls;
    auto id = graph_.find(path);
    if (!id) return urls;
    auto caches = presence_.views().caches_in(facts_.of(*id).present & upstreams_->fetchable_here());
    for (; caches; caches &= caches - 1) {
        auto url = redact_url(presence_.url(static_cast<std::size_t>(std::countr_zero(caches))));
        while (url.ends_with('/')) url.pop_back();
        urls.push_back(std::move(url));
    }
    return urls;
}

plan::CacheMask Run::counting(const nix::StorePath& path) {
    auto id = graph_.intern(path);
    if (views_counted_ != presence_.views().size()) {
        refresh_trust();
        refresh_counting();
    }
    return live_.counting(id);
}

// Whom a path may be fetched from.
plan::CacheMask Run::counting_now(const nix::StorePath& path) {
    auto mask = counting(path);
    return live_.is_evaluating() ? mask & upstreams_->counting_early() : mask;
}

push::PushSettings Run::push_settings() const {
    auto push = public_push_settings();
    if (!session_.cache_info().is_public) push.withheld.clear();
    return push;
}

push::PushSettings Run::public_push_settings() const {
    const auto& settings = session_.settings();
    auto push = push_settings_from(settings);
    push.compression = session_.cache_info().preferred_compression;
    if (settings.allow_source) return push;
    PublicSources sources(private_access(session_));
    sources.add_lock(flake_->lock);
    push.withheld = sources.withheld();
    if (flake_->source)
        push.withheld.insert_or_assign(*flake_->source,
                                       "it is the flake's own source, and the cache is public (allow-source)");
    return push;
}

// What the option lets out is named, as nobody sees it from the option.
void Run::tell_allowed_sources() {
    const auto& settings = session_.settings();
    if (!is_filling() || !settings.allow_source || !session_.cache_info().is_public) return;
    PublicSources sources(private_access(session_));
    sources.add_lock(flake_->lock);
    auto names = sources.private_origins();
    names.insert(names.begin(), "the flake's own source");
    say(event::Severity::notice,
        "allow-source: may go to the public cache " + session_.cache_info().name + ": " + join(names, ", "));
}

push::PushEnvironment Run::push_environment() {
    push::PushEnvironment environment;
    environment.physical = [this](const nix::StorePath& path) { return session_.endpoint().physical(path); };
    auto counts = [this](const nix::StorePath& path) { return [this, path] { return counting(path); }; };
    environment.is_served = [this, counts](nix::StorePath path) { return presence_.is_served(path, counts(path)); };
    environment.is_hidden = [this](const nix::StorePath& path) { return presence_.is_hidden(path); };
    environment.is_served_by_now = [this, counts](nix::StorePath path) {
        return presence_.is_served_by_now(path, counts(path));
    };
    environment.path_infos = [this](std::vector<nix::StorePath> paths) { return path_infos(std::move(paths)); };
    environment.is_undecided = [this](const nix::PathInfo& info) {
        return live_.is_evaluating() && !trust_->doubt(info).empty();
    };
    environment.until_decided = [this] { return until_evaluated(); };
    if (session_.may_be_trusted()) environment.repair = [this](nix::StorePath path) { return repair(std::move(path)); };
    environment.known_keys = [this](const nix::StorePath& path) { return trust_->keys(path); };
    environment.on_settled = [this](const nix::StorePath& path, event::PushOutcome outcome) {
        if (outcome != event::PushOutcome::published && outcome != event::PushOutcome::already_there) return;
        auto upstream = upstream_of(graph_.intern(path));
        if (outcome == event::PushOutcome::published && !upstream.empty()) pushed_although_[path] = std::move(upstream);
        presence_.note_published(path);
        release_if_done(path);
    };
    environment.is_building = [this] { return !building_done_ && driver_->is_building(); };
    return environment;
}

Task<Result<std::vector<std::optional<nix::PathInfo>>>> Run::path_infos(std::vector<nix::StorePath> paths) {
    auto infos = co_await session_.connection().query_path_infos(std::move(paths));
    if (infos)
        for (const auto& info : *infos)
            if (info) presence_.note_references(*info);
    co_return infos;
}

// Only then it is known who needs a path.
Task<void> Run::until_evaluated() {
    while (live_.is_evaluating()) co_await live_.changed();
}

Task<bool> Run::repair(nix::StorePath path) {
    say(event::Severity::warning, "the files of " + path.to_string() + " do not match their recorded hash: repairing");
    auto connection = co_await daemon::connect(session_.endpoint());
    if (!connection) co_return false;
    auto info = co_await (*connection)->query_path_info(path);
    if (!info || !*info) co_return false;
    // As Nix does it: by a substituter, else by building it again, in place.
    std::vector<daemon::DerivedPath> ways;
    daemon::DerivedPath fetched{.path = path, .outputs = {}};
    ways.push_back(std::move(fetched));
    if ((*info)->deriver) {
        daemon::DerivedPath built{.path = *(*info)->deriver, .outputs = {"*"}};
        ways.push_back(std::move(built));
    }
    for (auto& way : ways) {
        std::vector<daemon::DerivedPath> wanted{std::move(way)};
        auto results = co_await (*connection)->build_paths(std::move(wanted), daemon::BuildMode::repair);
        if (results && !results->empty() && daemon::is_success(results->front().status)) co_return true;
        if ((*connection)->is_broken()) co_return false;
    }
    co_return false;
}

} // namespace cachefill::fill
