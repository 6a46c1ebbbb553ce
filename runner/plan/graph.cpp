#include "plan/graph.hpp"

#include <algorithm>
#include <unordered_set>

namespace cachefill::plan {

namespace {

DerivationKind classify(const nix::Derivation& derivation) {
    if (derivation.is_fixed_output()) return DerivationKind::fixed_output;
    if (!derivation.allow_substitutes) return DerivationKind::local_by_design;
    if (derivation.prefer_local_build) return DerivationKind::light;
    return DerivationKind::compile;
}

bool path_is_known(nix::OutputKind kind) {
    return kind == nix::OutputKind::input_addressed || kind == nix::OutputKind::fixed;
}

} // namespace

std::string_view GraphDerivation::name() const {
    std::string_view name = path.name();
    if (name.ends_with(".drv")) name.remove_suffix(4);
    return name;
}

// A derivation that was read, without what the graph does not keep, while its inputs are still being read.
struct Graph::Staged {
    GraphDerivation derivation;
    std::vector<nix::DerivationInput> inputs;
    std::size_t next_input = 0;
};

PathId Graph::intern(const nix::StorePath& path) {
    const auto [at, is_new] = path_ids_.try_emplace(path, PathId{static_cast<std::uint32_t>(paths_.size())});
    if (is_new) {
        paths_.push_back(path);
        producers_.emplace_back();
    }
    return at->second;
}

std::optional<PathId> Graph::find(const nix::StorePath& path) const {
    const auto at = path_ids_.find(path);
    if (at == path_ids_.end()) return std::nullopt;
    return at->second;
}

std::optional<DerivationId> Graph::find_derivation(const nix::StorePath& path) const {
    const auto at = derivation_ids_.find(path);
    if (at == derivation_ids_.end()) return std::nullopt;
    return at->second;
}

std::optional<Graph::Producer> Graph::producer(PathId id) const { return producers_[index(id)]; }

Result<Graph::Staged> Graph::stage(const nix::StorePath& path, const nix::StorePath* needed_by, const Reader& read) {
    auto parsed = read(path);
    if (!parsed) {
        auto failure = std::move(parsed).error().with_context("reading " + std::string(path.base_name()));
        if (!needed_by) return failure;
        return std::move(failure).with_context("reading what " + std::string(needed_by->base_name()) + " needs");
    }
    nix::Derivation& from = *parsed;
    GraphDerivation to{path,
                       std::move(from.platform),
                       classify(from),
                       from.allow_substitutes,
                       std::move(from.required_system_features),
                       {},
                       {},
                       {}};
    for (auto& output : from.outputs) {
        const bool known = path_is_known(output.kind) && output.path;
        to.outputs.push_back({std::move(output.name), known ? intern(*output.path) : no_path});
    }
    for (const auto& source : from.input_sources) to.sources.push_back(intern(source));
    return Staged{std::move(to), std::move(from.input_derivations)};
}

Result<DerivationId> Graph::commit(Staged&& staged) {
    GraphDerivation& derivation = staged.derivation;
    const DerivationId id{static_cast<std::uint32_t>(derivations_.size())};
    for (const auto& input : staged.inputs) {
        const DerivationId input_id = derivation_ids_.at(input.derivation);
        const auto& offered = derivations_[index(input_id)].outputs;
        GraphInput edge{input_id, {}};
        for (std::size_t i = 0; i < offered.size(); ++i) {
            // Of a derivation that makes a derivation every output is wanted: which one holds it stands nowhere.
            const bool wanted = input.dynamic || std::find(input.outputs.begin(), input.outputs.end(),
                                                           offered[i].name) != input.outputs.end();
            if (wanted) edge.outputs.push_back(static_cast<std::uint16_t>(i));
        }
        for (const auto& name : input.outputs) {
            const bool there =
                std::any_of(offered.begin(), offered.end(), [&](const auto& o) { return o.name == name; });
            if (there) continue;
            return Failure(FailureKind::protocol, std::string(derivation.path.base_name()) + " wants the output \"" +
                                                      name + "\" of " + std::string(input.derivation.base_name()) +
                                                      ", which has no such output");
        }
        derivation.inputs.push_back(std::move(edge));
    }
    derivation_ids_.emplace(derivation.path, id);
    derivations_.push_back(std::move(derivation));
    order_.push_back(id);
    find_producers(id);
    return id;
}

// Makes `id` stand for those of its outputs that nobody stands for yet, or nobody who could make them here.
void Graph::find_producers(DerivationId id) {
    const GraphDerivation& derivation = derivations_[index(id)];
    for (std::size_t i = 0; i < derivation.outputs.size(); ++i) {
        const PathId path = derivation.outputs[i].path;
        if (path == no_path) continue;
        auto& producer = producers_[index(path)];
        if (producer) {
            const bool is_better =
                is_buildable_ && !is_buildable_(derivations_[index(producer->derivation)]) && is_buildable_(derivation);
            if (!is_better) continue;
            order_is_stale_ = true;
        }
        producer = Producer{id, static_cast<std::uint16_t>(i)};
    }
}

std::vector<DerivationId> Graph::needed_by(DerivationId id) const {
    std::vector<DerivationId> needed;
    for (const GraphInput& input : derivations_[index(id)].inputs) {
        needed.push_back(input.derivation);
        for (const std::uint16_t output : input.outputs) {
            const PathId path = derivations_[index(input.derivation)].outputs[output].path;
            if (path != no_path) needed.push_back(producers_[index(path)]->derivation);
        }
    }
    return needed;
}

// The order anew, depth first. It was read that way, too, so that little changes.
void Graph::sort() {
    order_is_stale_ = false;
    order_.clear();
    struct Visit {
        DerivationId id;
        std::vector<DerivationId> needed;
        std::size_t next = 0;
    };
    std::vector<bool> entered(derivations_.size());
    std::vector<Visit> stack;
    for (std::size_t i = 0; i < derivations_.size(); ++i) {
        const DerivationId root{static_cast<std::uint32_t>(i)};
        if (entered[i]) continue;
        entered[i] = true;
        stack.push_back({root, needed_by(root)});
        while (!stack.empty()) {
            Visit& top = stack.back();
            if (top.next == top.needed.size()) {
                order_.push_back(top.id);
                stack.pop_back();
                continue;
            }
            const DerivationId below = top.needed[top.next++];
            if (entered[index(below)]) continue;
            entered[index(below)] = true;
            stack.push_back({below, needed_by(below)});
        }
    }
}

Result<DerivationId> Graph::walk(const nix::StorePath& root, const Reader& read) {
    std::vector<Staged> stack;
    std::unordered_set<nix::StorePath> open;
    TRY(first, stage(root, nullptr, read));
    open.insert(root);
    stack.push_back(std::move(first));
    for (;;) {
        Staged& top = stack.back();
        if (top.next_input < top.inputs.size()) {
            const nix::StorePath& input = top.inputs[top.next_input++].derivation;
            if (derivation_ids_.contains(input)) continue;
            if (!open.insert(input).second)
                return Failure(FailureKind::protocol,
                               "derivations need each other in a circle: " + std::string(input.base_name()) + " and " +
                                   std::string(top.derivation.path.base_name()));
            TRY(next, stage(input, &top.derivation.path, read));
            stack.push_back(std::move(next));
            continue;
        }
        open.erase(top.derivation.path);
        TRY(id, commit(std::move(top)));
        stack.pop_back();
        if (stack.empty()) return id;
    }
}

void Graph::roll_back(std::size_t derivations, std::size_t paths) {
    for (std::size_t i = derivations; i < derivations_.size(); ++i) derivation_ids_.erase(derivations_[i].path);
    for (std::size_t i = paths; i < paths_.size(); ++i) path_ids_.erase(paths_[i]);
    for (std::size_t i = 0; i < paths; ++i)
        if (producers_[i] && index(producers_[i]->derivation) >= derivations) producers_[i].reset();
    derivations_.erase(derivations_.begin() + static_cast<std::ptrdiff_t>(derivations), derivations_.end());
    paths_.erase(paths_.begin() + static_cast<std::ptrdiff_t>(paths), paths_.end());
    producers_.resize(paths);
    std::erase_if(order_, [&](DerivationId id) { return index(id) >= derivations; });
    for (std::size_t i = 0; i < derivations; ++i) find_producers(DerivationId{static_cast<std::uint32_t>(i)});
}

Result<DerivationId> Graph::add_closure(const nix::StorePath& root, const Reader& read) {
    if (const auto known = find_derivation(root)) return *known;
    const std::size_t derivations = derivations_.size();
    const std::size_t paths = paths_.size();
    auto id = walk(root, read);
    if (!id) roll_back(derivations, paths);
    if (order_is_stale_) sort();
    return id;
}

} // namespace cachefill::plan
