// What a run leaves in the cache about itself: docs/manifest.md.
#include "base/files.hpp"
#include "base/text.hpp"
#include "base/version.hpp"
#include "cache/manifest_store.hpp"
#include "fill/run.hpp"

#include <algorithm>
#include <utility>

namespace cachefill::fill {

using async::Task;

namespace {

cache::ManifestTargetState state_of(const report::TargetReport& target) {
    using State = cache::ManifestTargetState;
    switch (target.verdict) {
    case event::TargetVerdict::complete:
    case event::TargetVerdict::by_path: // the run has nothing left to do for it
        return State::complete;
    case event::TargetVerdict::elsewhere:
        return State::elsewhere;
    case event::TargetVerdict::not_evaluated:
        return State::not_evaluated;
    case event::TargetVerdict::incomplete:
    case event::TargetVerdict::unknown:
        break;
    }
    bool only_waits = !target.waiting_for_upstream.empty() && target.failed + target.blocked == 0;
    return only_waits ? State::waiting_for_upstream : State::incomplete;
}

} // namespace

bool Run::is_pinned_branch(const std::string& branch) const {
    const auto& pinned = session_.settings().pin_branches;
    return std::find(pinned.begin(), pinned.end(), branch) != pinned.end();
}

bool Run::leaves_manifest() const {
    const auto& settings = session_.settings();
    const auto& cache = session_.cache_info();
    bool may_write = outlets_.are_open() && !settings.read_only && cache.permission == cache::Permission::write;
    if (!settings.manifest || !may_write || interrupted_ || branch_.empty() || branch_ == "HEAD") return false;
    return !cache.has_pins || (settings.pins && is_pinned_branch(branch_));
}

cache::Manifest Run::describe_for_manifest(bool is_finished) const {
    cache::Manifest manifest;
    manifest.state = is_finished ? cache::ManifestState::finished : cache::ManifestState::building;
    manifest.branch = branch_;
    manifest.commit = flake_->dirty ? "" : flake_->revision;
    manifest.dirty = flake_->dirty;
    auto tree = flake_->source ? session_.endpoint().physical(*flake_->source) : flake_->directory;
    auto lock = tree / flake_->subdirectory / "flake.lock";
    if (auto text = read_file(lock))
        manifest.lock_hash = codec::hash_bytes(codec::HashAlgorithm::sha256, *text).to_string();
    manifest.system = session_.nix().system;
    manifest.cachefill_version = version;
    manifest.nix_version = session_.nix().nix_version;
    const report::RunReport report = this->report();
    for (const auto& record : targets_) {
        if (record.evaluate_only) continue;
        const auto told = describe(record, report);
        cache::ManifestTarget target;
        target.name = told.name;
        target.system = told.system;
        target.derivation = told.derivation;
        if (record.planned) {
            const auto& planned = live_.targets()[*record.planned];
            auto path = graph_.derivation(planned.derivation).outputs[planned.outputs.front()].path;
            if (path != plan::no_path) target.output = graph_.path(path).to_string();
        }
        target.state = state_of(told);
        using State = cache::ManifestTargetState;
        if (!is_finished && target.state == State::incomplete) target.state = State::building;
        target.missing = told.missing;
        manifest.targets.push_back(std::move(target));
    }
    return manifest;
}

Task<void> Run::publish_manifest(bool is_finished) {
    auto& own = presence_.backend(plan::own_cache);
    auto manifest = describe_for_manifest(is_finished);
    if (flake_->source) {
        auto source = co_await session_.connection().query_path_info(*flake_->source);
        if (source && *source) manifest.source_hash = (*source)->nar_hash.to_string();
    }
    // A run for some hosts only goes on with what others of the same commit have left.
    if (!skipped_.empty()) {
        auto before = co_await cache::find_manifest(own, manifest.branch, manifest.system, presence_.own_keys());
        if (before && *before && (*before)->manifest.source_hash == manifest.source_hash)
            for (const auto& target : (*before)->manifest.targets)
                if (!manifest.find(target.name)) manifest.targets.push_back(target);
    }
    std::sort(manifest.targets.begin(), manifest.targets.end(),
              [](const auto& a, const auto& b) { return a.name < b.name; });
    auto path = co_await cache::publish_manifest(own, session_.cache_info().preferred_compression, std::move(manifest),
                                                 session_.settings().pin_keep);
    if (path)
        manifest_ = path->to_string();
    else if (!std::exchange(manifest_failure_is_told_, true))
        say(event::Severity::warning, path.error().one_line(), path.error().hint());
}

Task<void> Run::announce_build() {
    while (live_.is_open() && !is_ending()) co_await live_.changed();
    bool is_idle = live_.now().builds.empty() && live_.now().pushes.empty() && outlets_.ledger().empty();
    if (is_idle || is_ending()) co_return;
    if (leaves_manifest()) co_await publish_manifest(false);
}

} // namespace cachefill::fill
