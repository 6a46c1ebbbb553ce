#include "fill/changes.hpp"

#include "cache/nar_look.hpp"
#include "daemon/connection.hpp"

namespace cachefill::fill {

using async::Task;

Task<void> Changes::read_manifest() {
    auto branch = run_.session.environment().get_or("GITHUB_BASE_REF", fleet_.branch());
    if (branch.empty() || branch == "HEAD") co_return;
    co_await since_last_.read_manifest(std::move(branch), run_.session.nix().system);
}

Task<void> Changes::find() {
    if (run_.judge.is_out(plan::own_cache)) co_return;
    co_await read_manifest();
    auto store = co_await daemon::connect(run_.session.endpoint()); // its own, since it may be cut off
    if (!store) co_return;
    for (auto& record : fleet_.targets()) {
        if (run_.is_ending()) co_return;
        if (!record.planned || record.evaluate_only) continue;
        // What was not verified may be here all the same.
        if (record.was_verified && !event::is_filled(record.verified.verdict)) continue;
        const auto& target = run_.live.targets()[*record.planned];
        auto output = run_.graph.derivation(target.derivation).outputs[target.outputs.front()].path;
        if (output == plan::no_path) continue;
        auto caches = run_.consumers->upstreams().counting(*record.host) | plan::bit(plan::own_cache);
        record.changes = co_await since_last_.compare(record.ref.display(), run_.graph.path(output), caches, **store);
    }
}

} // namespace cachefill::fill
