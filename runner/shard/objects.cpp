#include "shard/objects.hpp"

#include <algorithm>
#include <unordered_map>
#include <unordered_set>

namespace cachefill::shard {

using async::Task;
using nix::StorePath;

namespace {

using Infos = std::unordered_map<StorePath, nix::PathInfo>;

// Depth first, each after its references; without recursion, as chains may be thousands long.
std::vector<nix::PathInfo> in_order(Infos infos, const std::vector<StorePath>& roots) {
    struct Visit {
        const nix::PathInfo* info;
        std::size_t next = 0;
    };
    std::vector<const nix::PathInfo*> order;
    std::unordered_set<StorePath> entered;
    std::vector<Visit> stack;
    auto enter = [&](const StorePath& path) {
        auto found = infos.find(path);
        if (found != infos.end() && entered.insert(path).second) stack.push_back({&found->second});
    };
    for (const auto& root : roots) {
        enter(root);
        while (!stack.empty()) {
            auto& visit = stack.back();
            if (visit.next < visit.info->references.size()) {
                enter(visit.info->references[visit.next++]);
                continue;
            }
            order.push_back(visit.info);
            stack.pop_back();
        }
    }
    std::vector<nix::PathInfo> ordered;
    for (const auto* info : order) ordered.push_back(*info);
    return ordered;
}

} // namespace

Task<Result<Objects>> collect_objects(daemon::Connection& store, std::vector<StorePath> roots) {
    Objects objects;
    Infos infos;
    std::unordered_set<StorePath> seen(roots.begin(), roots.end());
    std::vector<StorePath> level(seen.begin(), seen.end());
    while (!level.empty()) {
        CO_TRY(found, co_await store.query_path_infos(level));
        std::vector<StorePath> next;
        for (std::size_t i = 0; i < level.size(); ++i) {
            if (!found[i])
                co_return Failure(FailureKind::store, level[i].to_string() + " is not valid in this machine's store")
                    .with_hint("a garbage collection may have taken it: try again");
            auto& info = *found[i];
            if (!nix::content_address_matches(info.path, info.content_address, info.references)) {
                objects.expected.push_back(info.path);
                continue;
            }
            for (const auto& reference : info.references)
                if (seen.insert(reference).second) next.push_back(reference);
            infos.emplace(info.path, std::move(info));
        }
        level = std::move(next);
    }
    std::vector<StorePath> sources;
    for (const auto& [path, info] : infos)
        if (!path.is_derivation()) sources.push_back(path);
    std::sort(sources.begin(), sources.end());
    roots.insert(roots.begin(), sources.begin(), sources.end());
    std::sort(objects.expected.begin(), objects.expected.end());
    objects.infos = in_order(std::move(infos), roots);
    co_return objects;
}

} // namespace cachefill::shard
