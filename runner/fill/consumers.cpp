#include "fill/consumers.hpp"

#include "base/text.hpp"
#include "cache/cache_info.hpp"
#include "cache/nar_look.hpp"
#include "presence/views.hpp"

#include <algorithm>
#include <bit>
#include <set>

namespace cachefill::fill {

Consumers::Consumers(presence::Upstreams upstreams, plan::Graph& graph, const plan::Facts& facts,
                     presence::Judge& judge, LivePlan& live)
    : upstreams_(std::move(upstreams)), graph_(graph), facts_(facts), judge_(judge), live_(live),
      trust_(graph, facts, judge, upstreams_), uncounted_(graph, facts, judge, upstreams_, live) {}

void Consumers::refresh_trust() {
    live_.trust([this](std::size_t host) { return upstreams_.counting(host); });
    views_counted_ = judge_.views().size();
}

void Consumers::refresh_counting() {
    live_.count();
    trust_.update(live_.targets(), live_.hosts(), !live_.is_evaluating());
    if (on_change) on_change();
}

std::vector<std::string> Consumers::caches_to_fetch_from(const nix::StorePath& path) const {
    std::vector<std::string> urls;
    auto id = graph_.find(path);
    if (!id) return urls;
    auto caches = judge_.views().caches_in(facts_.of(*id).present & upstreams_.fetchable_here());
    for (; caches; caches &= caches - 1) urls.push_back(judge_.url(static_cast<std::size_t>(std::countr_zero(caches))));
    return urls;
}

plan::CacheMask Consumers::counting(const nix::StorePath& path) {
    auto id = graph_.intern(path);
    if (views_counted_ != judge_.views().size()) {
        refresh_trust();
        refresh_counting();
    }
    return live_.counting(id);
}

plan::CacheMask Consumers::counting_now(const nix::StorePath& path) {
    auto mask = counting(path);
    return live_.is_evaluating() ? mask & upstreams_.counting_early() : mask;
}

plan::CacheMask Consumers::vouching(const nix::StorePath& path) {
    auto mask = counting(path);
    if (mask == plan::all_caches) mask = live_.trusted_by_all();
    return live_.is_evaluating() ? mask & upstreams_.counting_early() : mask;
}

std::string Consumers::upstream_of(plan::PathId path) const {
    auto counting = live_.counting(path);
    const auto& views = judge_.views();
    auto serving = facts_.of(path).present & counting;
    for (std::size_t cache = plan::own_cache + 1; cache < judge_.size(); ++cache)
        if (serving & views.all_of(cache)) return judge_.url(cache);
    return {};
}

// What would be built may refer to all that it is built from, and a cache that hides what is not whole needs that, too.
report::UpstreamPushes Consumers::planned_upstream_pushes(std::uint64_t size_budget) const {
    report::UpstreamPushes pushes;
    pushes.size_budget = size_budget;
    if (!judge_.info(plan::own_cache).hides_incomplete_closures) return pushes;
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

} // namespace cachefill::fill
