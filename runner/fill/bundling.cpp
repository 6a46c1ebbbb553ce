#include "fill/bundling.hpp"

#include "base/text.hpp"
#include "base/version.hpp"
#include "fill/flake_hashes.hpp"
#include "session/evaluation_record.hpp"
#include "shard/objects.hpp"
#include "shard/packing.hpp"

#include <utility>

namespace cachefill::fill {

using async::Task;
using nix::StorePath;

namespace {

// False: the record cannot tell what the consumers of this target need.
bool add_to_record(session::EvaluationRecord& record, const plan::Graph& graph, const plan::Target& target) {
    if (!session::add_needed(record, graph, target)) return false;
    for (const auto& read : target.read_by_evaluation) {
        plan::Target made;
        made.derivation = read.derivation;
        if (!session::add_needed(record, graph, made)) return false;
    }
    return true;
}

} // namespace

shard::Bundle Bundling::describe(report::ShardPlan cut) const {
    const auto& environment = run_.session.environment();
    const auto& flake = fleet_.flake();
    shard::Bundle bundle;
    bundle.run = shard::new_run_name();
    bundle.cachefill_version = version;
    bundle.nix_version = run_.session.nix().nix_version;
    bundle.commit = environment.get_or("GITHUB_SHA", flake.dirty ? "" : flake.revision);
    bundle.branch = fleet_.branch();
    bundle.flake = flake;
    bundle.hosts = fleet_.hosts();
    for (const auto& record : fleet_.targets()) {
        shard::BundledTarget target{.target = record.ref,
                                    .evaluated = record.evaluated,
                                    .failure = record.failure,
                                    .position = record.position,
                                    .needs_system = record.needs_system};
        if (!record.evaluated && !record.failure)
            target.failure = Failure(FailureKind::eval,
                                     "its evaluation builds what takes a machine of " + sanitize(record.needs_system));
        bundle.targets.push_back(std::move(target));
    }
    bundle.cut = std::move(cut);
    return bundle;
}

// The derivations that the others must have in their stores.
std::vector<StorePath> Bundling::roots(shard::Bundle& bundle) const {
    std::vector<StorePath> roots;
    auto add_build = [&roots](const report::ShardPlan::Build& build) {
        if (auto path = StorePath::parse(build.derivation)) roots.push_back(std::move(*path));
    };
    // What any of them begins with comes first.
    bool more = true;
    for (std::size_t number = 0; std::exchange(more, false); ++number)
        for (const auto& shard : bundle.cut.shards) {
            if (number >= shard.builds.size()) continue;
            add_build(shard.builds[number]);
            more = true;
        }
    for (const auto& build : bundle.cut.nobodys) add_build(build);

    session::EvaluationRecord complete;
    const auto& planned = run_.live.now().targets;
    for (const auto& record : fleet_.targets()) {
        if (!record.planned) continue;
        const auto& target = run_.live.targets()[*record.planned];
        bool lacks_nothing =
            *record.planned < planned.size() && planned[*record.planned].state == plan::TargetState::complete;
        if (lacks_nothing && add_to_record(complete, run_.graph, target)) continue;
        roots.push_back(run_.graph.derivation(target.derivation).path);
        for (const auto& read : target.read_by_evaluation) roots.push_back(run_.graph.derivation(read.derivation).path);
    }
    bundle.complete = session::to_json(complete);
    return roots;
}

Task<Result<WrittenBundle>> Bundling::write(report::ShardPlan cut, std::filesystem::path file) {
    auto bundle = describe(std::move(cut));
    auto hashes = co_await flake_hashes(run_.session, fleet_.flake());
    bundle.lock_hash = std::move(hashes.lock);
    bundle.source_hash = std::move(hashes.source);
    auto wanted = roots(bundle);
    auto collected = co_await shard::collect_objects(run_.session.connection(), std::move(wanted));
    auto objects = with_context(std::move(collected), "collecting what a bundle has to hold");
    if (!objects) co_return std::move(objects).error();
    bundle.contents = shard::describe_objects(*objects);
    bundle.contents.withheld = pushes_.private_sources(objects->infos);
    WrittenBundle written{.contents = bundle.contents};
    CO_TRY(packed, co_await shard::pack_bundle(run_.session.workers(), std::move(file), bundle, *objects,
                                               run_.session.endpoint()));
    written.file_bytes = packed.file_bytes;
    co_return written;
}

} // namespace cachefill::fill
