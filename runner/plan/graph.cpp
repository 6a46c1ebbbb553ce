#include "plan/graph.hpp"

#include "base/text.hpp"
#include "plan/weight.hpp"

#include <algorithm>
#include <unordered_set>

namespace cachefill::plan {

namespace {

// By its flags; of the rest see weight.hpp.
DerivationKind flagged_kind(const nix::Derivation& derivation) {
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
    Making making; // of what looks like a compilation
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

Graph::Staged Graph::stage(const nix::StorePath& path, nix::Derivation&& from) {
    const Making making = making_of(from);
    // What Nix does itself it does on any machine, whatever the system that is named.
    if (from.builder.starts_with("builtin:")) from.platform = "builtin";
    GraphDerivation to{path,
                       std::move(from.platform),
                       flagged_kind(from),
                       from.allow_substitutes,
                       std::move(from.required_system_features),
                       {},
                       {},
                       {},
                       std::move(from.flaw),
                       false};
    for (auto& output : from.outputs) {
        const bool known = path_is_known(output.kind) && output.path;
        to.outputs.push_back({std::move(output.name), known ? intern(*output.path) : no_path, output.kind});
    }
    for (const auto& source : from.input_sources) to.sources.push_back(intern(source));
    return Staged{std::move(to), std::move(from.input_derivations), making};
}

Graph::Staged Graph::stage_unread(const nix::StorePath& path, const Failure& why) {
    auto flaw = "its file cannot be read: " + why.one_line();
    GraphDerivation unread{path, {}, DerivationKind::compile, true, {}, {}, {}, {}, std::move(flaw), true};
    return Staged{std::move(unread), {}, {}};
}

// What `user` needs of one of its inputs, which is in the graph already.
GraphInput Graph::connect(GraphDerivation& user, const nix::DerivationInput& input) {
    const DerivationId id = derivation_ids_.at(input.derivation);
    auto& offered = derivations_[index(id)];
    GraphInput edge{id, {}};
    const auto find = [&offered](const std::string& name) {
        return std::find_if(offered.outputs.begin(), offered.outputs.end(),
                            [&name](const GraphOutput& output) { return output.name == name; });
    };
    for (const auto& name : input.outputs) {
        if (find(name) != offered.outputs.end()) continue;
        if (offered.is_unread)
            offered.outputs.push_back({name, no_path});
        else if (user.flaw.empty())
            user.flaw = "it wants the output '" + ellipsize(sanitize(name), 80) + "' of " +
                        std::string(input.derivation.base_name()) + ", which has no such output";
    }
    for (std::size_t i = 0; i < offered.outputs.size(); ++i) {
        // Of a derivation that makes a derivation every output is wanted: which one holds it stands nowhere.
        const auto& name = offered.outputs[i].name;
        const bool wanted =
            input.dynamic || std::find(input.outputs.begin(), input.outputs.end(), name) != input.outputs.end();
        if (wanted) edge.outputs.push_back(static_cast<std::uint16_t>(i));
    }
    return edge;
}

DerivationId Graph::commit(Staged&& staged) {
    GraphDerivation& derivation = staged.derivation;
    const DerivationId id{static_cast<std::uint32_t>(derivations_.size())};
    for (const auto& input : staged.inputs) derivation.inputs.push_back(connect(derivation, input));
    if (derivation.kind == DerivationKind::compile && is_light(derivation, staged.making))
        derivation.kind = DerivationKind::light;
    derivation_ids_.emplace(derivation.path, id);
    derivations_.push_back(std::move(derivation));
    order_.push_back(id);
    find_producers(id);
    return id;
}

bool Graph::is_light(const GraphDerivation& derivation, const Making& making) const {
    std::vector<Ingredient> ingredients;
    for (const GraphInput& input : derivation.inputs) {
        const GraphDerivation& made = derivations_[index(input.derivation)];
        ingredients.push_back({made.name(), made.kind == DerivationKind::fixed_output, false});
    }
    for (const PathId source : derivation.sources) ingredients.push_back({paths_[index(source)].name(), false, true});
    return takes_moments(derivation.name(), making, ingredients);
}

void Graph::learn_output(DerivationId id, std::uint16_t output, const nix::StorePath& path) {
    const PathId learnt = intern(path);
    derivations_[index(id)].outputs[output].path = learnt;
    if (auto& producer = producers_[index(learnt)]; !producer) producer = Producer{id, output};
}

std::vector<DerivationId> Graph::with_unknown_outputs() const {
    std::vector<DerivationId> found;
    for (const DerivationId id : order_) {
        const auto& outputs = derivations_[index(id)].outputs;
        const auto is_unknown = [](const GraphOutput& output) { return output.path == no_path; };
        if (std::any_of(outputs.begin(), outputs.end(), is_unknown)) found.push_back(id);
    }
    return found;
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

DerivationId Graph::walk(Staged&& root, const Reader& read) {
    std::vector<Staged> stack;
    std::unordered_set<nix::StorePath> open{root.derivation.path};
    stack.push_back(std::move(root));
    for (;;) {
        Staged& top = stack.back();
        if (top.next_input < top.inputs.size()) {
            const nix::StorePath& input = top.inputs[top.next_input].derivation;
            if (open.contains(input)) {
                if (top.derivation.flaw.empty())
                    top.derivation.flaw = "it needs " + std::string(input.base_name()) + ", which needs it";
                top.inputs.erase(top.inputs.begin() + static_cast<std::ptrdiff_t>(top.next_input));
                continue;
            }
            ++top.next_input;
            if (derivation_ids_.contains(input)) continue;
            open.insert(input);
            auto parsed = read(input);
            stack.push_back(parsed ? stage(input, *std::move(parsed)) : stage_unread(input, parsed.error()));
            continue;
        }
        open.erase(top.derivation.path);
        const DerivationId id = commit(std::move(top));
        stack.pop_back();
        if (stack.empty()) return id;
    }
}

Result<DerivationId> Graph::add_closure(const nix::StorePath& root, const Reader& read) {
    if (const auto known = find_derivation(root)) return *known;
    auto parsed = read(root);
    if (!parsed) return std::move(parsed).error().with_context("reading " + std::string(root.base_name()));
    const DerivationId id = walk(stage(root, *std::move(parsed)), read);
    if (order_is_stale_) sort();
    return id;
}

} // namespace cachefill::plan
