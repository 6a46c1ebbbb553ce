// What is there and does not count, because hosts do not trust who has it; and what goes up although somebody has it.
#include "base/text.hpp"
#include "fill/run.hpp"

#include <algorithm>

namespace cachefill::fill {

void Run::refresh_trust() {
    live_.trust([this](std::size_t host) { return upstreams_->counting(host); });
    views_counted_ = presence_.views().size();
}

void Run::refresh_counting() {
    live_.count();
    trust_->update(live_.targets(), live_.hosts(), !live_.is_evaluating());
    if (driver_) driver_->trust_changed();
}

// The upstream that serves a path for all who need it; empty if none does.
std::string Run::upstream_of(plan::PathId path) const {
    auto counting = live_.counting(path);
    const auto& views = presence_.views();
    auto others = facts_.of(path).present & counting & ~views.all_of(plan::own_cache);
    for (std::size_t cache = 1; cache < presence_.size(); ++cache)
        if (others & views.all_of(cache)) return redact_url(presence_.url(cache));
    return {};
}

// What would be built may refer to all that it is built from, and a cache that hides what is not whole needs that, too.
report::UpstreamPushes Run::planned_upstream_pushes() const {
    report::UpstreamPushes pushes;
    pushes.size_budget = session_.settings().size_budget;
    if (!presence_.info(plan::own_cache).hides_incomplete_closures) return pushes;
    std::vector<plan::PathId> work = live_.now().pushes;
    std::set<plan::PathId> built;
    for (const auto& build : live_.now().builds)
        for (auto path : outputs_of(graph_.derivation(build.derivation))) built.insert(path);
    for (const auto& build : live_.now().builds) {
        const auto& derivation = graph_.derivation(build.derivation);
        work.insert(work.end(), derivation.sources.begin(), derivation.sources.end());
        for (const auto& input : derivation.inputs)
            for (auto output : input.outputs)
                if (auto path = graph_.derivation(input.derivation).outputs[output].path; path != plan::no_path)
                    work.push_back(path);
    }
    std::set<plan::PathId> seen;
    while (!work.empty()) {
        auto path = work.back();
        work.pop_back();
        if (built.contains(path) || !seen.insert(path).second) continue;
        const auto& facts = facts_.of(path);
        work.insert(work.end(), facts.references.begin(), facts.references.end());
        if (facts.claimed_there || (facts.present & plan::bit(plan::own_cache))) continue;
        if (auto upstream = upstream_of(path); !upstream.empty()) {
            ++pushes.paths;
            pushes.nar_bytes += facts.nar_size;
            if (std::find(pushes.upstreams.begin(), pushes.upstreams.end(), upstream) == pushes.upstreams.end())
                pushes.upstreams.push_back(std::move(upstream));
        }
    }
    return pushes;
}

void Run::add_trust(report::RunReport& report) const {
    if (!upstreams_) return; // it did not come so far
    report.uncounted_upstreams = uncounted_->found();
    if (extent_ == Extent::plan) {
        report.upstream_pushes = planned_upstream_pushes();
        return;
    }
    auto& pushes = report.upstream_pushes;
    pushes.size_budget = session_.settings().size_budget;
    for (const auto& push : report.pushes) {
        if (push.upstream.empty() || push.outcome != event::PushOutcome::published) continue;
        ++pushes.paths;
        pushes.nar_bytes += push.nar_size;
        pushes.file_bytes += push.file_size;
        if (std::find(pushes.upstreams.begin(), pushes.upstreams.end(), push.upstream) == pushes.upstreams.end())
            pushes.upstreams.push_back(push.upstream);
    }
}

} // namespace cachefill::fill
