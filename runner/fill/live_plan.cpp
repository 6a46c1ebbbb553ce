#include "fill/live_plan.hpp"

#include <algorithm>

namespace cachefill::fill {

std::size_t LivePlan::add(plan::Target target, std::size_t host) {
    targets_.push_back(std::move(target));
    hosts_.push_back(host);
    return targets_.size() - 1;
}

void LivePlan::trust(const std::function<plan::CacheMask(std::size_t)>& counting) {
    for (std::size_t i = 0; i < targets_.size(); ++i) targets_[i].trusted_caches = counting(hosts_[i]);
}

void LivePlan::count() { counting_ = plan::counting_caches(graph_, facts_, targets_); }

plan::CacheMask LivePlan::trusted_by_all() const {
    plan::CacheMask all = plan::all_caches;
    for (const auto& target : targets_) all &= target.trusted_caches;
    return all;
}

plan::CacheMask LivePlan::counting(plan::PathId path) const {
    return plan::index(path) < counting_.size() ? counting_[plan::index(path)] : trusted_by_all();
}

void LivePlan::evaluates(bool is_evaluating) {
    evaluating_ = is_evaluating;
    notify_all();
}

void LivePlan::question_ends() {
    --questions_;
    become_stale();
}

void LivePlan::become_stale() {
    stale_ = !given_up_;
    notify_all();
}

void LivePlan::give_up() {
    given_up_ = true;
    stale_ = false;
    notify_all();
}

void LivePlan::make(const plan::Policy& policy) {
    stale_ = false;
    plan_ = plan::make_plan(graph_, facts_, targets_, policy);
    if (division_) plan_ = plan::share_of(std::move(plan_), graph_, facts_, *division_);
}

void LivePlan::keep(const std::function<std::string(const plan::GraphDerivation&)>& why_last) {
    for (const auto& build : plan_.builds) {
        needed_by_[build.derivation] = build.targets;
        last_.erase(build.derivation);
        if (build.last)
            last_[build.derivation] = build.deferred ? why_last(graph_.derivation(build.derivation))
                                                     : std::string("needed only by what is deferred");
        for (auto path : build.fetch) fetched_for_[path].insert(build.targets.begin(), build.targets.end());
    }
}

std::vector<std::string> LivePlan::targets_of(plan::DerivationId derivation) const {
    std::vector<std::string> names;
    if (auto known = needed_by_.find(derivation); known != needed_by_.end())
        for (auto target : known->second) names.push_back(targets_[target].name);
    return names;
}

std::vector<std::vector<plan::PathId>> LivePlan::read_for(plan::DerivationId derivation) const {
    std::vector<std::vector<plan::PathId>> reads;
    auto known = needed_by_.find(derivation);
    if (known == needed_by_.end()) return reads;
    for (auto target : known->second) {
        auto& paths = reads.emplace_back();
        for (const auto& read : targets_[target].read_by_evaluation)
            for (auto output : read.outputs)
                if (auto path = graph_.derivation(read.derivation).outputs[output].path; path != plan::no_path)
                    paths.push_back(path);
    }
    return reads;
}

std::string LivePlan::why_last(plan::DerivationId derivation) const {
    auto known = last_.find(derivation);
    return known == last_.end() ? std::string() : known->second;
}

void LivePlan::note_fetched(plan::PathId path) {
    facts_.of(path).valid_here = true;
    ++fetched_;
    fetched_by_target_.resize(targets_.size());
    for (auto target : fetched_for_[path]) ++fetched_by_target_[target];
}

std::uint64_t LivePlan::fetched_for(std::size_t target) const {
    return target < fetched_by_target_.size() ? fetched_by_target_[target] : 0;
}

// A substituter that is away may have it tomorrow, and a full disk holds no build either: nothing is compiled for want
// of them.
void LivePlan::note_unfetchable(plan::PathId path, const daemon::FetchReason& reason, bool builds_all_the_same) {
    using daemon::FetchTrouble;
    auto producer = graph_.producer(path);
    bool is_compiled = !producer || graph_.derivation(producer->derivation).kind == plan::DerivationKind::compile;
    bool may_be_had_later = reason.trouble == FetchTrouble::network || reason.trouble == FetchTrouble::disk;
    if (may_be_had_later && is_compiled && !builds_all_the_same) {
        facts_.of(path).fetch_waits = true;
        unfetched_.insert_or_assign(path, reason);
    } else {
        facts_.of(path).fetch_failed = true;
    }
    become_stale();
}

bool LivePlan::note_lacking(plan::PathId path, std::size_t cache) {
    bool is_news = std::none_of(lacking_.begin(), lacking_.end(), [&](const auto& one) { return one.second == cache; });
    lacking_.try_emplace(path, cache);
    return is_news;
}

} // namespace cachefill::fill
