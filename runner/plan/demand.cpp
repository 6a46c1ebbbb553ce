#include "plan/demand.hpp"

#include <algorithm>

namespace cachefill::plan {

Demand::Demand(const Graph& graph, const Facts& facts, const std::vector<Target>& targets,
               const Availability& availability, bool does_not_wait)
    : graph_(graph), facts_(facts), availability_(availability), paths_(graph.path_count()),
      derivations_(graph.derivation_count()), marks_(4 * paths_ + 2 * derivations_, Mark::none),
      edges_of_(marks_.size()), ask_remote_(paths_, 0), ask_local_(paths_, false) {
    std::vector<Node> work;
    for (const Target& target : targets) {
        seeds_.push_back(seeds_of(target));
        work.insert(work.end(), seeds_.back().begin(), seeds_.back().end());
    }
    walk(work, Mark::certain);
    walk(work, Mark::tentative);
    // With nothing left to ask, what is undecided stays so; it keeps only what is made of it from being built.
    if (does_not_wait || questions().empty())
        std::replace(marks_.begin(), marks_.end(), Mark::tentative, Mark::certain);
}

// Leaves in `work`, when it walks what is certain, the builds of which it is not known whether they can be done.
void Demand::walk(std::vector<Node>& work, Mark mark) {
    std::vector<Node> later;
    while (!work.empty()) {
        const Node at = work.back();
        work.pop_back();
        if (marks_[at] != Mark::none) continue;
        if (mark == Mark::certain) {
            const auto [role, id] = what(at);
            if (role == Role::build && availability_.buildable[id] == Known::unknown) {
                later.push_back(at);
                continue;
            }
        }
        marks_[at] = mark;
        const auto begin = static_cast<std::uint32_t>(edges_.size());
        open_ = false;
        expand(at);
        if (open_) open_nodes_.push_back(at);
        edges_of_[at] = {begin, static_cast<std::uint32_t>(edges_.size())};
        for (std::size_t i = edges_.size(); i > begin; --i)
            if (marks_[edges_[i - 1]] == Mark::none) work.push_back(edges_[i - 1]);
    }
    work = std::move(later);
}

std::pair<Role, std::size_t> Demand::what(Node node) const {
    if (node < 4 * paths_) return {static_cast<Role>(node / paths_), node % paths_};
    const std::size_t at = node - 4 * paths_;
    return at < derivations_ ? std::pair{Role::build, at} : std::pair{Role::evaluated, at - derivations_};
}

// Nobody here can make it, and it is not settled that nobody needs to.
bool Demand::root_is_elsewhere(const Target& target) const {
    if (availability_.fits[index(target.derivation)]) return false;
    const auto& outputs = graph_.derivation(target.derivation).outputs;
    return std::any_of(target.outputs.begin(), target.outputs.end(), [&](std::uint16_t output) {
        const PathId path = outputs[output].path;
        if (path == no_path) return true;
        const PathFacts& facts = facts_.of(path);
        return facts.valid_here != true && presence(facts, availability_.counting[index(path)]) != Presence::present;
    });
}

std::vector<Demand::Node> Demand::seeds_of(const Target& target) const {
    std::vector<Node> seeds;
    const auto& outputs = graph_.derivation(target.derivation).outputs;
    for (const std::uint16_t output : target.outputs)
        demand_output(seeds, target.derivation, outputs[output].path, Role::complete);
    // What it takes to evaluate and finish it is of no use to anybody as long as it cannot be made here.
    if (root_is_elsewhere(target)) return seeds;
    seeds.push_back(node(Role::evaluated, index(target.derivation)));
    for (const EvaluationRead& read : target.read_by_evaluation) {
        const auto& made = graph_.derivation(read.derivation).outputs;
        for (const std::uint16_t output : read.outputs)
            demand_output(seeds, read.derivation, made[output].path, Role::complete);
        seeds.push_back(node(Role::evaluated, index(read.derivation)));
    }
    return seeds;
}

void Demand::demand_output(std::vector<Node>& nodes, DerivationId derivation, PathId path, Role role) const {
    nodes.push_back(path == no_path ? node(Role::build, index(derivation)) : node(role, index(path)));
}

void Demand::ask_remote(PathId path, CacheMask caches) {
    ask_remote_[index(path)] |= caches;
    open_ = true;
}

void Demand::ask_local(PathId path) {
    ask_local_[index(path)] = true;
    open_ = true;
}

void Demand::expand(Node at) {
    const auto [role, i] = what(at);
    const PathId path{static_cast<std::uint32_t>(i)};
    const DerivationId derivation{static_cast<std::uint32_t>(i)};
    switch (role) {
    case Role::complete:
        return expand_complete(path);
    case Role::input:
        return expand_input(path);
    case Role::source:
        return expand_source(path);
    case Role::fetch:
        return expand_fetch(path);
    case Role::build:
        return expand_build(derivation);
    case Role::evaluated:
        return expand_evaluated(derivation);
    }
}

void Demand::expand_complete(PathId path) {
    const PathFacts& facts = facts_.of(path);
    const CacheMask counting = availability_.counting[index(path)];
    const auto references = [&] {
        for (const PathId reference : facts.references) edges_.push_back(node(Role::complete, index(reference)));
    };
    switch (presence(facts, counting)) {
    case Presence::open:
        return ask_remote(path, to_ask(facts, counting));
    case Presence::present:
        if (!facts.references_known) ask_remote(path, facts.present & counting);
        return references();
    case Presence::undecided:
        return stay_open();
    case Presence::absent:
        break;
    }
    if (!facts.valid_here) return ask_local(path);
    if (*facts.valid_here) return references();
    if (facts.refused) return; // built, it could not be put there
    if (const auto producer = graph_.producer(path)) edges_.push_back(node(Role::build, index(producer->derivation)));
}

void Demand::expand_input(PathId path) {
    edges_.push_back(node(Role::complete, index(path)));
    if (!facts_.of(path).valid_here) ask_local(path);
    switch (availability_.fetchable[index(path)]) {
    case Known::yes:
        return;
    case Known::unknown:
        edges_.push_back(node(Role::fetch, index(path)));
        return;
    case Known::no:
        edges_.push_back(node(Role::build, index(graph_.producer(path)->derivation)));
        return;
    }
}

void Demand::expand_source(PathId path) {
    const PathFacts& facts = facts_.of(path);
    if (!facts.valid_here) return ask_local(path);
    if (*facts.valid_here) return;
    edges_.push_back(node(Role::complete, index(path)));
    if (availability_.fetchable[index(path)] == Known::unknown) edges_.push_back(node(Role::fetch, index(path)));
}

void Demand::expand_fetch(PathId path) {
    if (availability_.fetchable[index(path)] != Known::unknown) return;
    const PathFacts& facts = facts_.of(path);
    if (facts.fetch_waits) return stay_open();
    const CacheMask counting = availability_.counting[index(path)];
    if (availability_.served_here(path, facts_)) {
        if (!facts.references_known) ask_remote(path, facts.present & counting);
        for (const PathId reference : facts.references) edges_.push_back(node(Role::fetch, index(reference)));
        return;
    }
    const bool there = presence(facts, counting) == Presence::present;
    if (const CacheMask caches = to_ask(facts, there ? counting & availability_.fetchable_here : counting))
        return ask_remote(path, caches);
    // Else what is not known is whether a cache that could not be asked has it: nothing to ask, and no answer.
    if (!facts.valid_here) return ask_local(path);
    stay_open();
}

void Demand::expand_build(DerivationId id) {
    if (!availability_.fits[index(id)]) return;
    // Where one input cannot be had the others are built all the same, as Nix does when it keeps going.
    const GraphDerivation& derivation = graph_.derivation(id);
    for (const GraphInput& input : derivation.inputs) {
        const auto& outputs = graph_.derivation(input.derivation).outputs;
        for (const std::uint16_t output : input.outputs)
            demand_output(edges_, input.derivation, outputs[output].path, Role::input);
    }
    for (const PathId source : derivation.sources) edges_.push_back(node(Role::source, index(source)));
}

void Demand::expand_evaluated(DerivationId id) {
    const GraphDerivation& derivation = graph_.derivation(id);
    if (derivation.allow_substitutes) return;
    for (const GraphInput& input : derivation.inputs) {
        const auto& outputs = graph_.derivation(input.derivation).outputs;
        for (const std::uint16_t output : input.outputs)
            demand_output(edges_, input.derivation, outputs[output].path, Role::complete);
        edges_.push_back(node(Role::evaluated, index(input.derivation)));
    }
}

Questions Demand::questions() const {
    Questions questions;
    for (std::size_t i = 0; i < paths_; ++i) {
        const PathId path{static_cast<std::uint32_t>(i)};
        if (ask_remote_[i]) questions.remote.push_back({path, ask_remote_[i]});
        if (ask_local_[i]) questions.local.push_back(path);
    }
    return questions;
}

Demand::Reach Demand::reach(std::size_t first) const {
    Reach reach;
    reach.demand_ = this;
    reach.masks_.assign(marks_.size(), 0);
    auto& masks = reach.masks_;
    std::vector<bool> queued(marks_.size());
    std::vector<Node> work;
    const auto add = [&](Node node, std::uint64_t mask) {
        if ((masks[node] | mask) == masks[node]) return;
        masks[node] |= mask;
        if (queued[node]) return;
        queued[node] = true;
        work.push_back(node);
    };
    for (std::size_t i = first; i < seeds_.size() && i < first + 64; ++i)
        for (const Node seed : seeds_[i]) add(seed, std::uint64_t{1} << (i - first));
    for (std::size_t next = 0; next < work.size(); ++next) { // in waves, so that most nodes are visited once or twice
        const Node at = work[next];
        queued[at] = false;
        for (std::uint32_t i = edges_of_[at].begin; i < edges_of_[at].end; ++i) add(edges_[i], masks[at]);
    }
    for (const Node node : open_nodes_) reach.open_ |= masks[node];
    return reach;
}

} // namespace cachefill::plan
