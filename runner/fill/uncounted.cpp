#include "fill/uncounted.hpp"

#include "base/text.hpp"
#include "plan/availability.hpp"
#include "presence/views.hpp"

#include <algorithm>

namespace cachefill::fill {

namespace {

constexpr std::size_t lines_told = 6;

event::Message warning_about(const report::UncountedUpstream& upstream) {
    std::vector<std::string> lines;
    for (const auto& advice : upstream.advice)
        for (const auto& line : advice.lines)
            if (std::find(lines.begin(), lines.end(), line) == lines.end() && lines.size() < lines_told)
                lines.push_back(line);
    return {.severity = event::Severity::warning,
            .text = upstream.text(),
            .hint = "add to their configuration: " + join(lines, " ") +
                    " — or count it for all of them: " + report::UncountedUpstream::option};
}

} // namespace

std::vector<plan::PathId> outputs_of(const plan::GraphDerivation& derivation) {
    std::vector<plan::PathId> paths;
    for (const auto& output : derivation.outputs)
        if (output.path != plan::no_path) paths.push_back(output.path);
    return paths;
}

plan::Questions Uncounted::questions() const {
    plan::Questions questions;
    if (live_.now().builds.empty()) return questions;
    for (const auto& upstream : upstreams_.uncounted()) {
        if (judge_.is_out(upstream.cache)) continue;
        for (const auto& build : live_.now().builds)
            for (auto path : outputs_of(graph_.derivation(build.derivation)))
                if (plan::unasked(facts_.of(path), plan::bit(upstream.cache)))
                    questions.remote.push_back({path, plan::bit(upstream.cache)});
    }
    return questions;
}

// Hosts by the lines that would make them trust that cache.
std::vector<report::TrustLines> Uncounted::advice_for(std::size_t cache, const std::set<std::size_t>& hosts) const {
    std::vector<report::TrustLines> all;
    for (auto host : hosts) {
        auto lines = upstreams_.advice_for(cache, host);
        auto same = std::find_if(all.begin(), all.end(), [&](const auto& one) { return one.lines == lines; });
        if (same == all.end()) same = all.insert(all.end(), {{}, std::move(lines)});
        same->hosts.push_back(upstreams_.host(host).name);
    }
    return all;
}

std::vector<report::UncountedUpstream> Uncounted::look() const {
    std::vector<report::UncountedUpstream> found;
    for (const auto& upstream : upstreams_.uncounted()) {
        report::UncountedUpstream one;
        std::set<std::size_t> hosts;
        one.url = redact_url(judge_.url(upstream.cache));
        for (const auto& build : live_.now().builds)
            for (auto path : outputs_of(graph_.derivation(build.derivation))) {
                ++one.of;
                auto there = facts_.of(path).present & upstream.counting;
                if (!there) continue;
                ++one.paths;
                for (auto target : build.targets)
                    if (!(there & live_.targets()[target].trusted_caches)) hosts.insert(live_.hosts()[target]);
            }
        if (hosts.empty()) continue;
        for (auto host : hosts) one.hosts.push_back(upstreams_.host(host).name);
        one.advice = advice_for(upstream.cache, hosts);
        found.push_back(std::move(one));
    }
    return found;
}

std::vector<event::Message> Uncounted::find() {
    std::vector<event::Message> news;
    for (auto& one : look()) {
        bool is_news = false;
        for (const auto& host : one.hosts) is_news |= told_.emplace(one.url, host).second;
        if (is_news) news.push_back(warning_about(one));
        auto known = std::find_if(found_.begin(), found_.end(), [&](const auto& u) { return u.url == one.url; });
        if (known == found_.end())
            found_.push_back(std::move(one));
        else if (known->paths <= one.paths)
            *known = std::move(one);
    }
    return news;
}

std::string Uncounted::explain(plan::PathId path) const {
    std::string text;
    for (const auto& upstream : upstreams_.uncounted()) {
        if (!(facts_.of(path).present & upstream.counting)) continue;
        std::vector<std::string> hosts;
        auto its = judge_.views().all_of(upstream.cache);
        for (const auto& target : live_.targets())
            if (!(facts_.of(path).present & target.trusted_caches & its)) hosts.push_back(target.name);
        if (hosts.empty()) continue;
        text += (text.empty() ? "" : " ") + redact_url(judge_.url(upstream.cache)) + " has it, but " +
                join(hosts, ", ") + (hosts.size() == 1 ? " does" : " do") +
                " not trust it, so there it does not count (" + report::UncountedUpstream::option + ").";
    }
    return text;
}

} // namespace cachefill::fill
