#include "push/path_rules.hpp"
#include "push/staged_pipeline.hpp"

// From what was added to what has to go up: downwards through the references until something is served whole.
namespace cachefill::push {

namespace {

constexpr std::size_t questions_at_once = 128; // most are answered from what the run knows already
constexpr std::size_t infos_at_once = 1000;    // in one question to the daemon

} // namespace

void StagedPipeline::start_asking() {
    while (!to_ask_.empty() && asking_ < questions_at_once) {
        auto id = to_ask_.front();
        to_ask_.pop_front();
        work_.spawn(ask(id, Running(*this, asking_)));
    }
    if (!to_describe_.empty() && describing_ == 0) work_.spawn(describe(Running(*this, describing_)));
}

async::Task<void> StagedPipeline::ask(Id id, Running) {
    auto& node = nodes_[id];
    if (node.stage != Stage::asking) co_return;
    auto served = co_await environment_.is_served(node.path);
    if (node.stage != Stage::asking) co_return;
    if (!served) {
        fail(node, std::move(served).error().with_context("asking whether " + node.path.to_string() + " is served"));
    } else if (!*served) {
        node.stage = Stage::describing;
        to_describe_.push_back(id);
    } else if (node.asked_for) {
        settle(node, PushOutcome::already_there, "it is served already");
    } else {
        node.stage = Stage::settled; // of no interest to anybody but its referrers
        --unsettled_;
        gate_.serve(id);
    }
}

async::Task<void> StagedPipeline::describe(Running) {
    std::vector<Id> ids;
    std::vector<nix::StorePath> paths;
    for (; !to_describe_.empty() && ids.size() < infos_at_once; to_describe_.pop_front()) {
        ids.push_back(to_describe_.front());
        paths.push_back(nodes_[ids.back()].path);
    }
    auto infos = co_await environment_.path_infos(std::move(paths));
    for (std::size_t i = 0; i < ids.size(); ++i) {
        auto& node = nodes_[ids[i]];
        if (node.stage != Stage::describing) continue;
        if (!infos)
            fail(node, infos.error());
        else if (const auto& info = infos->at(i); info && environment_.is_undecided && environment_.is_undecided(*info))
            work_.spawn(take_once_decided(ids[i], *info, Running(*this, deciding_)));
        else
            take_info(node, std::move(infos->at(i)));
    }
}

async::Task<void> StagedPipeline::take_once_decided(Id id, nix::PathInfo info, Running) {
    co_await environment_.until_decided();
    auto& node = nodes_[id];
    if (node.stage == Stage::describing) take_info(node, std::move(info));
}

void StagedPipeline::take_info(Node& node, std::optional<nix::PathInfo> info) {
    if (!info) return settle(node, PushOutcome::failed, "it is neither served nor valid in this machine's store");
    node.info = std::move(info);
    auto known_keys = environment_.known_keys ? environment_.known_keys(node.path) : std::vector<nix::PublicKey>();
    auto withheld = reason_to_withhold(*node.info, node.built_by_this_run, settings_, known_keys);
    if (!withheld && environment_.reason_to_withhold) withheld = environment_.reason_to_withhold(*node.info);
    if (withheld) return settle(node, PushOutcome::withheld, *withheld);
    auto exclusion = find_excluding_pattern(node.path, settings_);
    if (!exclusion || node.referenced) return include(node);
    node.exclusion = *std::move(exclusion);
    node.stage = Stage::excluded;
    ++excluded_;
}

// The node will be pushed, and so will all that it references, excluded or not.
void StagedPipeline::include(Node& node) {
    if (node.stage == Stage::excluded) --excluded_;
    node.stage = Stage::queued;
    std::vector<Id> references;
    for (const auto& path : node.info->references) {
        if (path == node.path) continue;
        auto& reference = find_or_insert(path);
        reference.referenced = true;
        if (reference.stage == Stage::excluded) include(reference);
        references.push_back(reference.id);
    }
    auto lost = gate_.set_references(node.id, std::move(references));
    if (!lost) return;
    const auto& path = nodes_[*lost].path;
    auto outcome = ledger_.at(path).outcome;
    settle(node, outcome, lost_reference_reason(path, outcome));
}

} // namespace cachefill::push
