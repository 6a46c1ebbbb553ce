#include "plan/cut_work.hpp"

#include <algorithm>

namespace cachefill::plan {

namespace {

using Time = CutWork::Time;

Time handover_of(const GraphDerivation& derivation, const CutPolicy& policy) {
    const std::uint64_t size = policy.expected_size ? policy.expected_size(derivation) : guessed_size(derivation);
    return policy.handover.of(size);
}

// The first kind of machine that builds it. What any machine can do (a fetch by Nix itself) goes where it is needed:
// there the answer is nobody, for now.
std::size_t kind_for(const GraphDerivation& derivation, const CutPolicy& policy) {
    if (derivation.platform == "builtin" && derivation.required_features.empty()) return Cut::nobody;
    for (std::size_t kind = 0; kind < policy.kinds.size(); ++kind)
        if (BuildAbility::fits(derivation, {policy.kinds[kind].machine})) return kind;
    return Cut::nobody;
}

void find_kinds(CutWork& work, const Graph& graph, const Plan& plan, const CutPolicy& policy) {
    for (std::size_t i = work.size(); i-- > 0;) {
        const GraphDerivation& derivation = graph.derivation(plan.builds[i].derivation);
        work.kind[i] = kind_for(derivation, policy);
        if (work.kind[i] != Cut::nobody || derivation.platform != "builtin" || !derivation.required_features.empty())
            continue;
        for (const std::uint32_t user : work.after[i])
            if (work.kind[i] == Cut::nobody) work.kind[i] = work.kind[user];
        if (work.kind[i] == Cut::nobody && !policy.kinds.empty()) work.kind[i] = 0;
    }
    for (std::size_t i = 0; i < work.size(); ++i) {
        const auto is_built_by_nobody = [&work](std::uint32_t input) { return work.kind[input] == Cut::nobody; };
        if (std::any_of(work.before[i].begin(), work.before[i].end(), is_built_by_nobody)) work.kind[i] = Cut::nobody;
    }
}

// By build: its place among all, by store path. Plans hold the same builds in another order when hosts were evaluated
// in another one, and are to be cut the same.
std::vector<std::uint32_t> ranks(const Graph& graph, const Plan& plan) {
    std::vector<std::uint32_t> by_path(plan.builds.size()), ranks(plan.builds.size());
    for (std::uint32_t i = 0; i < by_path.size(); ++i) by_path[i] = i;
    const auto path = [&](std::uint32_t build) {
        return graph.derivation(plan.builds[build].derivation).path.base_name();
    };
    std::sort(by_path.begin(), by_path.end(), [&](std::uint32_t a, std::uint32_t b) { return path(a) < path(b); });
    for (std::uint32_t i = 0; i < by_path.size(); ++i) ranks[by_path[i]] = i;
    return ranks;
}

void find_order(CutWork& work, const Plan& plan, const std::vector<std::uint32_t>& rank) {
    // Whatever needs something that comes last comes last, too: so each stands behind those it needs.
    std::vector<bool> comes_last(work.size());
    for (std::size_t i = 0; i < work.size(); ++i) {
        const auto is_last = [&comes_last](std::uint32_t input) { return comes_last[input]; };
        comes_last[i] = plan.builds[i].last || std::any_of(work.before[i].begin(), work.before[i].end(), is_last);
        if (work.kind[i] != Cut::nobody) work.order.push_back(static_cast<std::uint32_t>(i));
    }
    for (std::size_t i = work.size(); i-- > 0;) {
        for (const std::uint32_t user : work.after[i])
            if (work.kind[user] != Cut::nobody) work.remaining[i] = std::max(work.remaining[i], work.remaining[user]);
        work.remaining[i] += work.time[i];
    }
    std::sort(work.order.begin(), work.order.end(), [&](std::uint32_t a, std::uint32_t b) {
        if (comes_last[a] != comes_last[b]) return bool(comes_last[b]);
        return work.remaining[a] != work.remaining[b] ? work.remaining[a] > work.remaining[b] : rank[a] < rank[b];
    });
}

} // namespace

std::chrono::milliseconds HandoverCost::of(std::uint64_t bytes) const {
    const double seconds =
        bytes_per_second > 0 ? static_cast<double>(bytes) / static_cast<double>(bytes_per_second) : 0;
    return latency + Time(static_cast<Time::rep>(seconds * 1000));
}

std::uint64_t guessed_size(const GraphDerivation& derivation) {
    switch (derivation.kind) {
    case DerivationKind::fixed_output:
        return 5'000'000;
    case DerivationKind::local_by_design:
    case DerivationKind::light:
        return 10'000;
    case DerivationKind::compile:
        return 20'000'000;
    }
    return 20'000'000;
}

CutWork work_to_cut(const Graph& graph, const Plan& plan, const CutPolicy& policy) {
    const std::size_t count = plan.builds.size();
    CutWork work;
    work.time.resize(count);
    work.handover.resize(count);
    work.before.resize(count);
    work.after.resize(count);
    work.kind.resize(count, Cut::nobody);
    work.remaining.resize(count);
    work.of_kind.resize(policy.kinds.size());
    for (std::size_t i = 0; i < count; ++i) {
        work.time[i] = std::max(plan.builds[i].expected.time, Time(1));
        work.handover[i] = handover_of(graph.derivation(plan.builds[i].derivation), policy);
        for (const std::size_t input : plan.builds[i].after) {
            work.before[i].push_back(static_cast<std::uint32_t>(input));
            work.after[input].push_back(static_cast<std::uint32_t>(i));
        }
    }
    const std::vector<std::uint32_t> rank = ranks(graph, plan);
    const auto is_before = [&rank](std::uint32_t a, std::uint32_t b) { return rank[a] < rank[b]; };
    for (std::size_t i = 0; i < count; ++i) {
        std::sort(work.before[i].begin(), work.before[i].end(), is_before);
        std::sort(work.after[i].begin(), work.after[i].end(), is_before);
    }
    find_kinds(work, graph, plan, policy);
    find_order(work, plan, rank);
    for (const std::uint32_t build : work.order) work.of_kind[work.kind[build]] += work.time[build];
    return work;
}

CutWork::Time CutWork::bound(const std::vector<std::size_t>& shards_of_kind, std::size_t slots) const {
    Time longest{};
    for (const std::uint32_t build : order) longest = std::max(longest, remaining[build]);
    for (std::size_t k = 0; k < of_kind.size(); ++k)
        if (of_kind[k] > Time::zero())
            longest = std::max(longest, of_kind[k] / static_cast<Time::rep>(shards_of_kind[k] * slots));
    return longest;
}

} // namespace cachefill::plan
