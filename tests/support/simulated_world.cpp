#include "support/simulated_world.hpp"

#include <algorithm>
#include <set>

namespace cachefill::test {

using namespace cachefill::plan;
using nix::StorePath;

const SimulatedWorld::References& SimulatedWorld::references(const StorePath& path) const {
    static const References none;
    const auto at = references_.find(path);
    return at == references_.end() ? none : at->second;
}

bool SimulatedWorld::is_served(const StorePath& path, CacheMask mask) const {
    for (std::size_t cache = 0; cache < caches.size(); ++cache)
        if ((mask & bit(cache)) && caches[cache].contains(path)) return true;
    return false;
}

void SimulatedWorld::claim(const Graph& graph, Facts& facts) const {
    for (std::size_t i = 0; i < graph.path_count(); ++i) {
        const PathId path{static_cast<std::uint32_t>(i)};
        if (!graph.producer(path)) continue;
        PathFacts& of = facts.of(path);
        of.claimed_there = caches[own_cache].contains(graph.path(path));
        of.claimed_missing = !of.claimed_there;
    }
}

void SimulatedWorld::ask(PathId path, CacheMask mask, Graph& graph, Facts& facts) {
    for (std::size_t cache = 0; cache < caches.size(); ++cache) {
        PathFacts& of = facts.of(path);
        if (!(mask & bit(cache)) || (of.asked & bit(cache))) continue;
        if (cache == own_cache && of.claimed_missing) continue;
        ++narinfo_requests;
        of.asked |= bit(cache);
        if (!caches[cache].contains(graph.path(path))) continue;
        of.present |= bit(cache);
        of.references_known = true;
        of.nar_size = 1000;
        of.file_size = 100;
        std::vector<PathId> ids;
        const StorePath at = graph.path(path);
        for (const StorePath& reference : references(at)) ids.push_back(graph.intern(reference));
        facts.of(path).references = std::move(ids);
        return;
    }
}

void SimulatedWorld::answer(const Questions& questions, Graph& graph, Facts& facts) {
    for (const Questions::Remote& question : questions.remote) {
        std::vector<PathId> work{question.path};
        ask(question.path, question.caches, graph, facts);
        std::set<PathId> seen{question.path};
        while (answers_transitively && !work.empty()) {
            const PathId path = work.back();
            work.pop_back();
            const std::vector<PathId> next = facts.of(path).references;
            for (const PathId reference : next) {
                if (!seen.insert(reference).second) continue;
                if (facts.of(reference).references_known) continue; // was walked then
                ask(reference, question.caches, graph, facts);
                work.push_back(reference);
            }
        }
    }
    for (const PathId path : questions.local) {
        PathFacts& of = facts.of(path);
        of.valid_here = store.contains(graph.path(path));
        if (!*of.valid_here || of.references_known) continue;
        of.references_known = true;
        const StorePath at = graph.path(path);
        std::vector<PathId> ids;
        for (const StorePath& reference : references(at)) ids.push_back(graph.intern(reference));
        facts.of(path).references = std::move(ids);
    }
}

void SimulatedWorld::fetch(const StorePath& path, CacheMask from, std::vector<std::string>& complaints) {
    std::vector<StorePath> work{path};
    while (!work.empty()) {
        const StorePath at = work.back();
        work.pop_back();
        if (store.contains(at)) continue;
        if (!is_served(at, from)) complaints.push_back("cannot fetch " + at.to_string());
        store.insert(at);
        work.insert(work.end(), references(at).begin(), references(at).end());
    }
}

void SimulatedWorld::push(const StorePath& path, const Graph& graph, const std::vector<CacheMask>& counting,
                          std::vector<std::string>& complaints) {
    std::vector<StorePath> work{path};
    while (!work.empty()) {
        const StorePath at = work.back();
        work.pop_back();
        const auto id = graph.find(at);
        if (is_served(at, id && index(*id) < counting.size() ? counting[index(*id)] : 1)) continue;
        if (!store.contains(at)) complaints.push_back("cannot push " + at.to_string());
        caches[own_cache].insert(at);
        work.insert(work.end(), references(at).begin(), references(at).end());
    }
}

std::vector<std::string> SimulatedWorld::execute(const Plan& plan, const Graph& graph,
                                                 const std::vector<CacheMask>& counting, CacheMask fetchable_here) {
    std::vector<std::string> complaints;
    for (const PathId path : plan.fetches) fetch(graph.path(path), fetchable_here, complaints);
    for (const PathId path : plan.pushes) push(graph.path(path), graph, counting, complaints);
    for (std::size_t i = 0; i < plan.builds.size(); ++i) {
        const PlannedBuild& build = plan.builds[i];
        const GraphDerivation& derivation = graph.derivation(build.derivation);
        for (const std::size_t before : build.after)
            if (before >= i) complaints.push_back(std::string(derivation.name()) + " comes before what it waits for");
        for (const GraphInput& input : derivation.inputs) {
            for (const std::uint16_t output : input.outputs) {
                const PathId path = graph.derivation(input.derivation).outputs[output].path;
                if (path != no_path && !store.contains(graph.path(path)))
                    complaints.push_back(std::string(derivation.name()) + " lacks " + graph.path(path).to_string());
            }
        }
        for (const PathId source : derivation.sources)
            if (!store.contains(graph.path(source)))
                complaints.push_back("no source for " + derivation.path.to_string());
        for (const GraphOutput& output : derivation.outputs)
            if (output.path != no_path) store.insert(graph.path(output.path));
        for (const GraphOutput& output : derivation.outputs)
            if (output.path != no_path) push(graph.path(output.path), graph, counting, complaints);
    }
    return complaints;
}

Settled settle(SimulatedWorld& world, Graph& graph, Facts& facts, const std::vector<Target>& targets,
               const Policy& policy) {
    Settled settled;
    std::vector<Plan> partial;
    for (;;) {
        Plan plan = make_plan(graph, facts, targets, policy);
        if (plan.questions.empty()) {
            settled.plan = std::move(plan);
            break;
        }
        const auto counting = counting_caches(graph, facts, targets);
        for (const Questions::Remote& question : plan.questions.remote) {
            const PathFacts& of = facts.of(question.path);
            const bool useless = question.caches & of.asked || question.caches & ~counting[index(question.path)] ||
                                 (of.claimed_missing && (question.caches & bit(own_cache))) || question.caches == 0;
            if (useless)
                settled.complaints.push_back("useless question about " + graph.path(question.path).to_string());
        }
        for (const PathId path : plan.questions.local)
            if (facts.of(path).valid_here)
                settled.complaints.push_back("asked again whether " + graph.path(path).to_string() + " is valid");
        world.answer(plan.questions, graph, facts);
        partial.push_back(std::move(plan));
        if (++settled.rounds > 500) {
            settled.complaints.push_back("no end of questions");
            break;
        }
    }
    std::set<DerivationId> builds;
    for (const PlannedBuild& build : settled.plan.builds) builds.insert(build.derivation);
    const std::set<PathId> pushes(settled.plan.pushes.begin(), settled.plan.pushes.end());
    for (const Plan& plan : partial) {
        for (const PlannedBuild& build : plan.builds)
            if (!builds.contains(build.derivation)) settled.complaints.push_back("a certain build was not");
        for (const PathId path : plan.pushes)
            if (!pushes.contains(path)) settled.complaints.push_back("a certain push was not");
    }
    return settled;
}

} // namespace cachefill::test
