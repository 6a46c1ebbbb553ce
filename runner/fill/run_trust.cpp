// What is there and does not count, because hosts do not trust who has it; and what goes up although somebody has it.
#include "base/text.hpp"
#include "fill/run.hpp"
#include "plan/availability.hpp"

#include <algorithm>

namespace cachefill::fill {

namespace {

constexpr std::size_t lines_told = 6;

std::vector<plan::PathId> outputs_of(const plan::GraphDerivation& derivation) {
    std::vector<plan::PathId> paths;
    for (const auto& output : derivation.outputs)
        if (output.path != plan::no_path) paths.push_back(output.path);
    return paths;
}

} // namespace

void Run::refresh_trust() {
    for (std::size_t i = 0; i < plan_targets_.size(); ++i)
        plan_targets_[i].trusted_caches = upstreams_->counting(host_of_target_[i]);
    views_counted_ = presence_.views().size();
}

void Run::refresh_counting() {
    counting_ = plan::counting_caches(graph_, facts_, plan_targets_);
    trust_->update(plan_targets_, host_of_target_, !evaluating_);
    if (driver_) driver_->trust_changed();
}

// Whether a given upstream that does not count for all has what is about to be built; nothing hangs on the answer but
// what is told.
plan::Questions Run::questions_to_uncounted() const {
    plan::Questions questions;
    if (plan_.builds.empty()) return questions;
    for (const auto& upstream : upstreams_->uncounted()) {
        if (presence_.is_out(upstream.cache)) continue;
        for (const auto& build : plan_.builds)
            for (auto path : outputs_of(graph_.derivation(build.derivation)))
                if (plan::unasked(facts_.of(path), plan::bit(upstream.cache)))
                    questions.remote.push_back({path, plan::bit(upstream.cache)});
    }
    return questions;
}

// Hosts by the lines that would make them trust that cache.
std::vector<report::TrustLines> Run::advice_for(std::size_t cache, const std::set<std::size_t>& hosts) const {
    std::vector<report::TrustLines> all;
    for (auto host : hosts) {
        auto lines = upstreams_->advice_for(cache, host);
        auto same = std::find_if(all.begin(), all.end(), [&](const auto& one) { return one.lines == lines; });
        if (same == all.end()) same = all.insert(all.end(), {{}, std::move(lines)});
        same->hosts.push_back(upstreams_->host(host).name);
    }
    return all;
}

void Run::find_uncounted() {
    std::vector<report::UncountedUpstream> found;
    for (const auto& upstream : upstreams_->uncounted()) {
        report::UncountedUpstream one;
        std::set<std::size_t> hosts;
        one.url = redact_url(presence_.url(upstream.cache));
        for (const auto& build : plan_.builds)
            for (auto path : outputs_of(graph_.derivation(build.derivation))) {
                ++one.of;
                auto there = facts_.of(path).present & upstream.counting;
                if (!there) continue;
                ++one.paths;
                for (auto target : build.targets)
                    if (!(there & plan_targets_[target].trusted_caches)) hosts.insert(host_of_target_[target]);
            }
        if (hosts.empty()) continue;
        for (auto host : hosts) one.hosts.push_back(upstreams_->host(host).name);
        one.advice = advice_for(upstream.cache, hosts);
        found.push_back(std::move(one));
    }
    for (const auto& one : found) tell_uncounted(one);
    // What has been built since is no longer in the plan; it was told, and stays so.
    for (auto& one : found) {
        auto known =
            std::find_if(uncounted_.begin(), uncounted_.end(), [&](const auto& u) { return u.url == one.url; });
        if (known == uncounted_.end())
            uncounted_.push_back(std::move(one));
        else if (known->paths <= one.paths)
            *known = std::move(one);
    }
}

// Before anything of it is built.
void Run::tell_uncounted(const report::UncountedUpstream& upstream) {
    if (extent_ == Extent::plan) return; // the closing text does
    bool is_news = false;
    for (const auto& host : upstream.hosts) is_news |= told_uncounted_.emplace(upstream.url, host).second;
    if (!is_news) return;
    std::vector<std::string> lines;
    for (const auto& advice : upstream.advice)
        for (const auto& line : advice.lines)
            if (std::find(lines.begin(), lines.end(), line) == lines.end() && lines.size() < lines_told)
                lines.push_back(line);
    say(event::Severity::warning, upstream.text(),
        "add to their configuration: " + join(lines, " ") +
            " — or count it for all of them: " + report::UncountedUpstream::option);
}

std::string Run::where_it_does_not_count(plan::PathId path) const {
    std::string text;
    const auto& views = presence_.views();
    for (const auto& upstream : upstreams_->uncounted()) {
        if (!(facts_.of(path).present & upstream.counting)) continue;
        std::vector<std::string> hosts;
        for (std::size_t i = 0; i < plan_targets_.size(); ++i)
            if (!(facts_.of(path).present & plan_targets_[i].trusted_caches & views.all_of(upstream.cache)))
                hosts.push_back(plan_targets_[i].name);
        if (hosts.empty()) continue;
        text += (text.empty() ? "" : " ") + redact_url(presence_.url(upstream.cache)) + " has it, but " +
                join(hosts, ", ") + (hosts.size() == 1 ? " does" : " do") +
                " not trust it, so there it does not count (" + report::UncountedUpstream::option + ").";
    }
    return text;
}

// The upstream that serves a path for all who need it; empty if none does.
std::string Run::upstream_of(plan::PathId path) const {
    auto counting = plan::index(path) < counting_.size() ? counting_[plan::index(path)] : plan::all_caches;
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
    std::vector<plan::PathId> work = plan_.pushes;
    std::set<plan::PathId> built;
    for (const auto& build : plan_.builds)
        for (auto path : outputs_of(graph_.derivation(build.derivation))) built.insert(path);
    for (const auto& build : plan_.builds) {
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
    report.uncounted_upstreams = uncounted_;
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
