#include "plan/availability.hpp"

#include <algorithm>

namespace cachefill::plan {

CacheMask unasked(const PathFacts& facts, CacheMask counting) {
    const CacheMask settled = facts.asked | facts.unknown | (facts.claimed_missing ? bit(own_cache) : 0);
    return counting & every_cache & ~settled;
}

CacheMask to_ask(const PathFacts& facts, CacheMask counting) {
    const CacheMask caches = unasked(facts, counting);
    return caches ? caches | (counting & ~every_cache) : 0;
}

namespace {

// A cache that could not be asked, and of which nothing else says that it lacks the path.
bool is_undecided(const PathFacts& facts, CacheMask counting) {
    const CacheMask lacking = facts.asked | (facts.claimed_missing ? bit(own_cache) : 0);
    return (facts.unknown & counting & ~lacking) != 0;
}

} // namespace

Presence presence(const PathFacts& facts, CacheMask counting) {
    if (facts.present & counting) return Presence::present;
    if (unasked(facts, counting)) return Presence::open;
    return is_undecided(facts, counting) ? Presence::undecided : Presence::absent;
}

Referrers::Referrers(const Facts& facts, std::size_t path_count) : begin_(path_count + 1, 0) {
    for (std::size_t i = 0; i < path_count; ++i)
        for (const PathId reference : facts.of(PathId{static_cast<std::uint32_t>(i)}).references)
            ++begin_[index(reference) + 1];
    for (std::size_t i = 1; i <= path_count; ++i) begin_[i] += begin_[i - 1];
    referrers_.resize(begin_[path_count]);
    std::vector<std::size_t> next(begin_.begin(), begin_.end() - 1);
    for (std::size_t i = 0; i < path_count; ++i) {
        const PathId referrer{static_cast<std::uint32_t>(i)};
        for (const PathId reference : facts.of(referrer).references) referrers_[next[index(reference)]++] = referrer;
    }
}

std::vector<CacheMask> counting_caches(const Graph& graph, const Facts& facts, const std::vector<Target>& targets) {
    constexpr CacheMask all = ~CacheMask{0};
    std::vector<CacheMask> derivations(graph.derivation_count(), all);
    std::vector<CacheMask> paths(graph.path_count(), all);
    for (const Target& target : targets) {
        const CacheMask trusted = target.trusted_caches | bit(own_cache);
        derivations[index(target.derivation)] &= trusted;
        for (const EvaluationRead& read : target.read_by_evaluation) derivations[index(read.derivation)] &= trusted;
    }
    const auto order = graph.topological_order();
    for (auto id = order.rbegin(); id != order.rend(); ++id) { // users before what they use
        const CacheMask mask = derivations[index(*id)];
        if (mask == all) continue;
        const GraphDerivation& derivation = graph.derivation(*id);
        for (const GraphInput& input : derivation.inputs) derivations[index(input.derivation)] &= mask;
        for (const GraphOutput& output : derivation.outputs)
            if (output.path != no_path) paths[index(output.path)] &= mask;
        for (const PathId source : derivation.sources) paths[index(source)] &= mask;
    }
    std::vector<PathId> work;
    for (std::size_t i = 0; i < paths.size(); ++i)
        if (paths[i] != all) work.push_back(PathId{static_cast<std::uint32_t>(i)});
    while (!work.empty()) { // what only references reach
        const PathId path = work.back();
        work.pop_back();
        for (const PathId reference : facts.of(path).references) {
            const CacheMask mask = paths[index(reference)] & paths[index(path)];
            if (mask == paths[index(reference)]) continue;
            paths[index(reference)] = mask;
            work.push_back(reference);
        }
    }
    return paths;
}

Completeness completeness(PathId path, const Facts& facts, const std::vector<CacheMask>& counting,
                          std::vector<PathId>* holes) {
    const auto mask = [&](PathId id) { return index(id) < counting.size() ? counting[index(id)] : ~CacheMask{0}; };
    switch (presence(facts.of(path), mask(path))) {
    case Presence::open:
    case Presence::undecided:
        return Completeness::unknown;
    case Presence::absent:
        return Completeness::absent;
    case Presence::present:
        break;
    }
    bool open = false;
    bool holed = false;
    std::vector<bool> seen(counting.size());
    const auto enter = [&](PathId id) {
        if (index(id) >= seen.size()) seen.resize(index(id) + 1);
        if (seen[index(id)]) return false;
        seen[index(id)] = true;
        return true;
    };
    enter(path);
    std::vector<PathId> work{path};
    while (!work.empty()) {
        const PathId at = work.back();
        work.pop_back();
        const PathFacts& of = facts.of(at);
        switch (presence(of, mask(at))) {
        case Presence::open:
        case Presence::undecided:
            open = true;
            break;
        case Presence::absent:
            holed = true;
            if (holes) holes->push_back(at);
            break;
        case Presence::present:
            if (!of.references_known) open = true;
            for (const PathId reference : of.references)
                if (enter(reference)) work.push_back(reference);
            break;
        }
    }
    if (holes) std::sort(holes->begin(), holes->end());
    if (open) return Completeness::unknown;
    return holed ? Completeness::holed : Completeness::complete;
}

Availability::Availability(const Graph& graph, const Facts& facts, const std::vector<Target>& targets,
                           const Policy& policy)
    : counting(counting_caches(graph, facts, targets)), fetchable(graph.path_count(), Known::no),
      buildable(graph.derivation_count(), Known::no), fits(graph.derivation_count(), false),
      fetchable_here(policy.fetchable_here) {
    find_fetchable(graph, facts);
    find_buildable(graph, facts, policy);
}

void Availability::find_fetchable(const Graph& graph, const Facts& facts) {
    const std::size_t count = graph.path_count();
    std::vector<bool> hangs_on_references(count);
    std::vector<PathId> missing;
    std::vector<PathId> open;
    for (std::size_t i = 0; i < count; ++i) {
        const PathId path{static_cast<std::uint32_t>(i)};
        const PathFacts& of = facts.of(path);
        Known& known = fetchable[i];
        if (of.valid_here == true) {
            known = Known::yes;
            continue;
        }
        if (served_here(path, facts)) {
            hangs_on_references[i] = true;
            known = of.references_known ? Known::yes : Known::unknown;
        } else {
            // Found in a cache out of our daemon's reach: another one, not asked because of that, may do.
            const bool there = (of.present & counting[i]) != 0;
            const CacheMask wanted = there ? counting[i] & fetchable_here : counting[i];
            const bool settled = !unasked(of, wanted) && !is_undecided(of, wanted) && of.valid_here && !of.fetch_waits;
            known = !settled ? Known::unknown : Known::no;
        }
        if (known == Known::no) missing.push_back(path);
        if (known == Known::unknown) open.push_back(path);
    }
    const Referrers referrers(facts, count);
    const auto spread = [&](std::vector<PathId>& work, Known value) {
        while (!work.empty()) {
            const PathId path = work.back();
            work.pop_back();
            for (const PathId referrer : referrers.of(path)) {
                if (!hangs_on_references[index(referrer)] || fetchable[index(referrer)] <= value) continue;
                fetchable[index(referrer)] = value;
                work.push_back(referrer);
            }
        }
    };
    spread(missing, Known::no);
    std::erase_if(open, [&](PathId path) { return fetchable[index(path)] != Known::unknown; });
    spread(open, Known::unknown);
}

Known Availability::obtainable(PathId path, DerivationId derivation, const Facts& facts) const {
    if (path == no_path) return buildable[index(derivation)];
    if (!facts.of(path).valid_here) return Known::unknown;
    const Known fetched = fetchable[index(path)];
    return fetched == Known::no ? buildable[index(derivation)] : fetched;
}

Known Availability::obtainable_source(PathId path, const Facts& facts) const {
    return facts.of(path).valid_here ? fetchable[index(path)] : Known::unknown;
}

void Availability::find_buildable(const Graph& graph, const Facts& facts, const Policy& policy) {
    for (const DerivationId id : graph.topological_order()) {
        const GraphDerivation& derivation = graph.derivation(id);
        // One with a flaw is planned like any other, and whoever is to build it will refuse.
        fits[index(id)] = !derivation.flaw.empty() || BuildAbility::fits(derivation, policy.machines) ||
                          (policy.is_built_elsewhere && policy.is_built_elsewhere(derivation));
        if (!fits[index(id)]) continue;
        if (!derivation.flaw.empty()) {
            buildable[index(id)] = Known::yes;
            continue;
        }
        Known known = Known::yes;
        for (const GraphInput& input : derivation.inputs) {
            const auto& outputs = graph.derivation(input.derivation).outputs;
            for (const std::uint16_t output : input.outputs) {
                const PathId path = outputs[output].path;
                known = std::min(known, obtainable(path, maker(graph, input.derivation, path), facts));
            }
        }
        for (const PathId source : derivation.sources) known = std::min(known, obtainable_source(source, facts));
        buildable[index(id)] = known;
    }
}

} // namespace cachefill::plan
