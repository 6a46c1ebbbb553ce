#include "presence/realisations.hpp"

#include "async/together.hpp"
#include "cache/binary_cache.hpp"
#include "cache/nar_look.hpp"
#include "daemon/connection.hpp"

#include <algorithm>

namespace cachefill::presence {

using async::Task;
using nix::Realisation;
using plan::CacheMask;

Result<std::string> Realisations::id_of(plan::Graph::Producer output) {
    const auto& derivation = graph_.derivation(output.derivation);
    return ids_.id(derivation.path, derivation.outputs[output.output].name);
}

std::vector<Realisations::Output> Realisations::unknown_outputs() {
    std::vector<Output> unknown;
    for (auto id : graph_.with_unknown_outputs()) {
        const auto& outputs = graph_.derivation(id).outputs;
        for (std::uint16_t i = 0; i < outputs.size(); ++i) {
            if (outputs[i].path != plan::no_path || !nix::has_realisation(outputs[i].kind)) continue;
            // One that cannot be named (a derivation made by another) stays unknown, as it would be to any cache.
            if (auto name = id_of({id, i})) unknown.push_back({{id, i}, *std::move(name)});
        }
    }
    return unknown;
}

Task<void> Realisations::find_into(std::string id, CacheMask caches, std::map<std::string, Realisation>& found,
                                   std::optional<Failure>& failure) {
    auto realisation = co_await judge_.find_realisation(id, caches);
    if (!realisation) {
        if (!failure) failure = std::move(realisation).error();
    } else if (*realisation) {
        found.emplace(std::move(id), std::move(**realisation));
    }
}

// What counts is asked for again after the answers: they may have shown by which key a cache signs.
Task<Result<void>> Realisations::learn_from_caches(const std::vector<Output>& outputs, Judge::Counting counting) {
    std::map<std::string, Realisation> found;
    std::optional<Failure> failure;
    auto find_all = [&](async::TaskGroup& group) {
        for (const auto& output : outputs) group.spawn(find_into(output.id, counting(), found, failure));
    };
    co_await async::together(find_all);
    if (failure) co_return std::move(*failure);
    std::vector<plan::PathId> paths;
    for (const auto& [id, realisation] : found) paths.push_back(graph_.intern(realisation.out_path));
    co_await judge_.ask_whole(std::move(paths), counting);
    for (const auto& output : outputs) {
        auto at = found.find(output.id);
        if (at == found.end()) continue;
        if (facts_.of(graph_.intern(at->second.out_path)).present & counting())
            graph_.learn_output(output.of.derivation, output.of.output, at->second.out_path);
    }
    co_return Result<void>();
}

Task<Result<void>> Realisations::learn_from_store(daemon::Connection& store) {
    struct Known {
        plan::Graph::Producer output;
        nix::StorePath path;
    };
    std::vector<Known> known;
    std::vector<nix::StorePath> paths;
    for (auto id : graph_.with_unknown_outputs()) {
        auto derivation = graph_.derivation(id).path;
        auto answer = co_await store.query_derivation_outputs(std::move(derivation));
        if (!answer && store.is_broken()) co_return std::move(answer).error();
        if (!answer) continue; // without ca-derivations the daemon may refuse to tell
        const auto& outputs = graph_.derivation(id).outputs;
        for (std::uint16_t i = 0; i < outputs.size(); ++i) {
            if (outputs[i].path != plan::no_path || !nix::has_realisation(outputs[i].kind)) continue;
            auto path = answer->find(outputs[i].name);
            if (path == answer->end() || !path->second) continue;
            known.push_back({{id, i}, *path->second});
            paths.push_back(*path->second);
        }
    }
    CO_TRY(valid, co_await store.query_valid_paths(std::move(paths)));
    for (const auto& [output, path] : known) {
        if (std::find(valid.begin(), valid.end(), path) == valid.end()) continue;
        graph_.learn_output(output.derivation, output.output, path);
        facts_.of(graph_.intern(path)).valid_here = true;
    }
    co_return Result<void>();
}

Task<Result<void>> Realisations::learn(Judge::Counting counting, daemon::Connection* store) {
    auto outputs = unknown_outputs();
    if (outputs.empty()) co_return Result<void>();
    CO_TRY_VOID(co_await learn_from_caches(outputs, counting));
    if (store) CO_TRY_VOID(co_await learn_from_store(*store));
    co_return co_await learn_by_resolving(std::move(counting), store);
}

// What is told of a path that is served stays: whoever has followed it would meet two truths.
Task<Result<bool>> put_realisation(Judge& judge, Realisation realisation, CacheMask counting) {
    auto& own = judge.backend(plan::own_cache);
    CO_TRY(there, co_await own.get_realisation(realisation.id));
    if (there && there->out_path == realisation.out_path) co_return false;
    if (there) {
        Judge::Counting what_counts = [counting] { return counting; };
        CO_TRY(is_served, co_await judge.is_served(there->out_path, std::move(what_counts)));
        if (is_served) co_return false;
    }
    CO_TRY_VOID(co_await own.put_realisation(std::move(realisation)));
    co_return true;
}

Task<Result<std::size_t>> Realisations::publish(Judge& into, CacheMask counting, daemon::Connection& store) {
    std::size_t count = 0;
    if (!into.info(plan::own_cache).keeps_realisations) co_return count;
    std::vector<std::string> open;
    std::set<std::string> seen;
    for (auto id : graph_.topological_order()) {
        const auto& outputs = graph_.derivation(id).outputs;
        for (std::uint16_t i = 0; i < outputs.size(); ++i) {
            if (outputs[i].path == plan::no_path || !nix::has_realisation(outputs[i].kind)) continue;
            auto name = id_of({id, i});
            if (name && seen.insert(*name).second) open.push_back(*std::move(name));
        }
    }
    while (!open.empty()) {
        auto id = std::move(open.back());
        open.pop_back();
        CO_TRY(realisation, co_await store.query_realisation(std::move(id)));
        if (!realisation) continue; // fetched by its path, perhaps, and never built here
        for (const auto& [dependent, path] : realisation->dependents)
            if (seen.insert(dependent).second) open.push_back(dependent);
        Judge::Counting what_counts = [counting] { return counting; };
        CO_TRY(is_served, co_await into.is_served(realisation->out_path, std::move(what_counts)));
        if (!is_served) continue;
        CO_TRY(is_new, co_await put_realisation(into, std::move(*realisation), counting));
        count += is_new ? 1 : 0;
    }
    co_return count;
}

} // namespace cachefill::presence
