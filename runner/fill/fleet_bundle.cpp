// A bundle in the place of an evaluation: what another job found out (shard/bundle.hpp).
#include "fill/fleet.hpp"
#include "options/settings.hpp"
#include "session/targets.hpp"
#include "shard/bundled_evaluator.hpp"

namespace cachefill::fill {

using async::Task;

// False: there is none that can be used, and it is told why.
Task<bool> Fleet::take_bundle() {
    auto commit = run_.session.environment().get_or("GITHUB_SHA");
    auto taken = co_await shard::Import::begin(run_.session.workers(), run_.session.settings().bundle,
                                               std::move(commit), run_.session.connection());
    Result<session::EvaluationRecord> complete = session::EvaluationRecord();
    if (taken) complete = session::parse_evaluation_record((*taken)->bundle().complete);
    if (!taken || !complete) {
        auto failure = taken ? complete.error() : taken.error();
        // Without it nobody knows which part is this shard's; the others take that over.
        if (run_.session.settings().shard > 0) {
            failure_ = std::move(failure);
            co_return false;
        }
        run_.say(event::Severity::warning, failure.one_line() + "; the flake is evaluated", failure.hint());
        co_return false;
    }
    import_ = std::move(*taken);
    complete_ = std::move(*complete);
    flake_ = bundle()->flake;
    evaluator_ = shard::make_bundled_evaluator(*bundle(), run_.session.sink());
    run_.until_there = [this](nix::StorePath path) { return import_->until_added(std::move(path)); };
    co_return true;
}

Task<void> Fleet::add_bundled() {
    if (!import_) co_return;
    auto is_over = [this] { return run_.is_ending() || run_.building_done; };
    auto added = co_await import_->run(std::move(is_over));
    if (!added) run_.fail(std::move(added).error());
}

plan::Graph::Reader Fleet::derivations() const {
    if (recalled_) return [this](const nix::StorePath& path) { return recalled_->read(path); };
    auto from_store = session::derivations_of(run_.session.endpoint());
    if (!import_) return from_store;
    return [this, from_store](const nix::StorePath& path) {
        auto derivation = import_->read(path);
        if (!derivation) derivation = from_store(path);
        if (derivation) return derivation;
        auto known = complete_.read(path);
        if (!known) return derivation;
        known->flaw = "the bundle does not hold it, because nothing of its host was missing when that was made";
        return known;
    };
}

} // namespace cachefill::fill
