// Where outputs are of which nobody tells: found as Nix finds them, by resolving what needs them.
#include "async/task_group.hpp"
#include "daemon/connection.hpp"
#include "plan/needs.hpp"
#include "presence/realisations.hpp"

#include <algorithm>

namespace cachefill::presence {

using async::Task;
using nix::Realisation;
using nix::StorePath;

// The derivation with its inputs where they are found; empty also if it cannot be read.
std::optional<nix::Derivation> Realisations::resolved(plan::DerivationId id, const nix::OutputFinder& find) const {
    const auto& path = graph_.derivation(id).path;
    auto derivation = read_(path);
    if (!derivation) return std::nullopt;
    return nix::resolve(path, *std::move(derivation), find);
}

// Those of which nothing is known although all is of their inputs; each once. Where the output of one that everybody
// builds by design lies is known as soon as it is resolved, too, unless it is floating.
std::vector<Realisations::Resolvable> Realisations::resolvable(std::set<plan::DerivationId>& seen) const {
    std::vector<Resolvable> all;
    for (auto id : graph_.with_unknown_outputs()) {
        const auto& derivation = graph_.derivation(id);
        auto is_open = [&derivation](const plan::GraphOutput& output) {
            bool is_told = derivation.allow_substitutes || output.kind != nix::OutputKind::floating;
            return output.path == plan::no_path && nix::has_realisation(output.kind) && is_told;
        };
        if (!derivation.flaw.empty() || seen.contains(id) ||
            std::none_of(derivation.outputs.begin(), derivation.outputs.end(), is_open))
            continue;
        Resolvable one{id, {}};
        for (const auto& input : derivation.inputs)
            for (auto output : input.outputs)
                one.inputs.push_back(graph_.derivation(input.derivation).outputs[output].path);
        if (std::find(one.inputs.begin(), one.inputs.end(), plan::no_path) != one.inputs.end()) continue;
        seen.insert(id);
        all.push_back(std::move(one));
    }
    return all;
}

// Nix has all inputs before it resolves, also those that only a build needs. What is found so may be the last input of
// another: round by round.
Task<Result<void>> Realisations::learn_by_resolving(Judge::Counting counting, daemon::Connection* store) {
    std::set<plan::DerivationId> seen;
    for (auto ready = resolvable(seen); !ready.empty(); ready = resolvable(seen)) {
        std::vector<plan::PathId> inputs;
        for (const auto& one : ready) inputs.insert(inputs.end(), one.inputs.begin(), one.inputs.end());
        std::sort(inputs.begin(), inputs.end());
        inputs.erase(std::unique(inputs.begin(), inputs.end()), inputs.end());
        std::set<plan::PathId> here;
        if (store) {
            std::vector<StorePath> paths;
            for (auto input : inputs) paths.push_back(graph_.path(input));
            CO_TRY(valid, co_await store->query_valid_paths(std::move(paths)));
            for (const auto& path : valid) here.insert(graph_.intern(path));
        }
        std::erase_if(inputs, [&](auto input) { return here.contains(input); });
        co_await judge_.ask_whole(std::move(inputs), counting);

        std::vector<std::pair<plan::Graph::Producer, StorePath>> candidates;
        std::vector<Output> floating;
        for (const auto& [id, needed] : ready) {
            auto is_there = [&](auto path) { return here.contains(path) || (facts_.of(path).present & counting()); };
            if (!std::all_of(needed.begin(), needed.end(), is_there)) continue;
            auto find = [&](const StorePath& input, std::string_view name) -> std::optional<StorePath> {
                auto known = graph_.find_derivation(input);
                if (!known) return std::nullopt;
                for (const auto& output : graph_.derivation(*known).outputs)
                    if (output.name == name && output.path != plan::no_path) return graph_.path(output.path);
                return std::nullopt;
            };
            auto derivation = resolved(id, find);
            if (!derivation) continue;
            const auto& outputs = graph_.derivation(id).outputs;
            for (std::uint16_t i = 0; i < outputs.size(); ++i) {
                const auto* output = derivation->find_output(outputs[i].name);
                if (outputs[i].path != plan::no_path || !output) continue;
                if (output->path) candidates.emplace_back(plan::Graph::Producer{id, i}, *output->path);
                if (output->kind == nix::OutputKind::floating && graph_.derivation(id).allow_substitutes)
                    floating.push_back({{id, i}, nix::RealisationIds::id_of_resolved(*derivation, output->name)});
            }
        }
        CO_TRY_VOID(co_await learn_from_caches(floating, counting));
        std::vector<plan::PathId> asked;
        for (const auto& [output, path] : candidates) asked.push_back(graph_.intern(path));
        co_await judge_.ask_whole(std::move(asked), counting);
        for (const auto& [output, path] : candidates)
            if (facts_.of(graph_.intern(path)).present & counting())
                graph_.learn_output(output.derivation, output.output, path);
    }
    co_return Result<void>();
}

// Nix takes a realisation only with those of what it depends on; of what is in its store already it knows them.
Task<Result<bool>> Realisations::is_told(std::string id, const std::set<std::string>& known_here,
                                         const Judge::Counting& counting, Consumer& consumer) {
    std::vector<std::string> open{std::move(id)};
    std::set<std::string> seen(open.begin(), open.end());
    while (!open.empty()) {
        auto next = std::move(open.back());
        open.pop_back();
        if (consumer.told.contains(next) || known_here.contains(next)) continue;
        CO_TRY(realisation, co_await judge_.find_realisation(std::move(next), counting()));
        if (!realisation) co_return false;
        for (const auto& [dependent, path] : realisation->dependents)
            if (seen.insert(dependent).second) open.push_back(dependent);
    }
    if (known_here.empty()) consumer.told.insert(seen.begin(), seen.end());
    co_return true;
}

Task<Realisations::Found> Realisations::if_served(std::optional<StorePath> path, const Judge::Counting& counting) {
    if (!path) co_return Found(std::nullopt);
    auto asked = *path;
    CO_TRY(is_served, co_await judge_.is_served(std::move(asked), counting));
    co_return Found(is_served ? std::move(path) : std::nullopt);
}

// Where somebody who evaluates gets this output from, with nothing built but what everybody builds by design.
Task<Realisations::Found> Realisations::find(plan::Graph::Producer output, const Judge::Counting& counting,
                                             Consumer& consumer) {
    auto key = std::pair{output.derivation, output.output};
    if (auto known = consumer.found.find(key); known != consumer.found.end()) co_return Found(known->second);
    CO_TRY(path, co_await look_for(output, counting, consumer));
    consumer.found.emplace(key, path);
    co_return Found(std::move(path));
}

Task<Realisations::Found> Realisations::look_for(plan::Graph::Producer output, const Judge::Counting& counting,
                                                 Consumer& consumer) {
    const auto& derivation = graph_.derivation(output.derivation);
    const auto kind = derivation.outputs[output.output].kind;
    std::optional<StorePath> known;
    if (auto path = derivation.outputs[output.output].path; path != plan::no_path) known = graph_.path(path);
    if (kind == nix::OutputKind::impure || !derivation.flaw.empty()) co_return Found(std::nullopt);
    bool is_fetched = derivation.allow_substitutes;
    if (is_fetched && !nix::has_realisation(kind)) co_return co_await if_served(std::move(known), counting);
    const std::set<std::string> nothing_here;
    std::optional<StorePath> told_path; // though perhaps without what it depends on
    auto id = id_of(output);
    if (is_fetched && id) {
        auto asked = *id;
        CO_TRY(realisation, co_await judge_.find_realisation(std::move(asked), counting()));
        if (realisation) told_path = realisation->out_path;
        CO_TRY(served, co_await if_served(std::move(told_path), counting));
        told_path = std::move(served);
    }
    if (told_path) {
        CO_TRY(told, co_await is_told(*id, nothing_here, counting, consumer));
        if (told) co_return Found(std::move(told_path));
    }
    CO_TRY(inputs, co_await find_inputs(output.derivation, counting, consumer));
    if (!inputs) co_return Found(std::nullopt);
    if (told_path) { // Nix tries once more when it has the inputs
        const auto here = ids_of(*inputs);
        CO_TRY(told, co_await is_told(*id, here, counting, consumer));
        if (told) co_return Found(std::move(told_path));
    }
    CO_TRY(resolved, co_await find_by_resolving(output, *inputs, counting, consumer));
    // Built by design: whoever has the inputs has it, and if it is floating knows where only then.
    if (!is_fetched) co_return Found(resolved && known ? std::move(known) : std::move(resolved));
    co_return co_await if_served(std::move(resolved), counting);
}

// Where this consumer finds all that the derivation is built from; empty: it lacks something of that.
Task<Result<std::optional<Realisations::Inputs>>>
Realisations::find_inputs(plan::DerivationId id, const Judge::Counting& counting, Consumer& consumer) {
    Inputs inputs;
    const auto needed = graph_.derivation(id).inputs; // a copy: the graph may grow meanwhile
    for (const auto& input : needed)
        for (auto number : input.outputs) {
            const plan::Graph::Producer wanted{input.derivation, number};
            CO_TRY(path, co_await find(wanted, counting, consumer));
            if (!path) co_return std::optional<Inputs>();
            const auto& from = graph_.derivation(input.derivation);
            inputs.emplace(std::pair{from.path, from.outputs[number].name}, *std::move(path));
        }
    co_return std::optional<Inputs>(std::move(inputs));
}

std::set<std::string> Realisations::ids_of(const Inputs& inputs) {
    std::set<std::string> ids;
    for (const auto& [output, path] : inputs)
        if (auto id = ids_.id(output.first, output.second)) ids.insert(*std::move(id));
    return ids;
}

// Floating outputs have a realisation of their own then.
Task<Realisations::Found> Realisations::find_by_resolving(plan::Graph::Producer output, const Inputs& inputs,
                                                          const Judge::Counting& counting, Consumer& consumer) {
    auto find_input = [&](const StorePath& input, std::string_view name) -> std::optional<StorePath> {
        auto found = inputs.find({input, std::string(name)});
        return found == inputs.end() ? std::nullopt : std::optional(found->second);
    };
    auto derivation = resolved(output.derivation, find_input);
    if (!derivation) co_return Found(std::nullopt);
    const auto& name = graph_.derivation(output.derivation).outputs[output.output].name;
    const auto* made = derivation->find_output(name);
    if (!made) co_return Found(std::nullopt);
    if (made->path) co_return Found(made->path);
    auto id = nix::RealisationIds::id_of_resolved(*derivation, name);
    const auto here = ids_of(inputs);
    auto asked = id;
    CO_TRY(told, co_await is_told(std::move(asked), here, counting, consumer));
    if (!told) co_return Found(std::nullopt);
    CO_TRY(realisation, co_await judge_.find_realisation(std::move(id), counting()));
    std::optional<StorePath> path;
    if (realisation) path = realisation->out_path;
    co_return Found(std::move(path));
}

Task<Result<std::vector<std::string>>> Realisations::untold(const plan::Target& target, Judge::Counting counting) {
    auto& consumer = consumers_[counting()];
    const std::set<std::string> nothing_here;
    std::vector<std::string> names;
    for (const auto& needed : plan::needed_outputs(graph_, target)) {
        const auto output = graph_.derivation(needed.derivation).outputs[needed.output];
        bool is_found = !nix::has_realisation(output.kind) && output.kind != nix::OutputKind::impure;
        // Whether it is served is judged by its path, where that is known.
        if (nix::has_realisation(output.kind) && output.path != plan::no_path &&
            graph_.derivation(needed.derivation).allow_substitutes)
            if (auto id = id_of(needed)) {
                CO_TRY(told, co_await is_told(*std::move(id), nothing_here, counting, consumer));
                is_found = told;
            }
        if (!is_found && nix::has_realisation(output.kind)) {
            CO_TRY(path, co_await find(needed, counting, consumer));
            is_found = path.has_value();
        }
        std::string name(graph_.derivation(needed.derivation).name());
        if (!is_found && std::find(names.begin(), names.end(), name) == names.end()) names.push_back(std::move(name));
    }
    co_return names;
}

} // namespace cachefill::presence
