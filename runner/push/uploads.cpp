#include "async/clock.hpp"
#include "async/deadline.hpp"
#include "base/text.hpp"
#include "base/units.hpp"
#include "event/event.hpp"
#include "push/path_rules.hpp"
#include "push/staged_pipeline.hpp"

#include <algorithm>

// What goes up, in which order, and how many at once.
namespace cachefill::push {

namespace {

// A publication is nothing but waiting for a reply, and the depth of a closure is how many of them follow one another.
constexpr std::size_t publications_at_once = 64;
// From here on one path can keep all threads busy; smaller ones come in numbers.
constexpr std::uint64_t large_nar = 64ULL << 20;
// One thread reads and hashes a NAR, which is enough for this many that compress; each of them holds some 16 MiB.
constexpr std::size_t most_threads = 8;
constexpr std::chrono::seconds abort_deadline{2};

async::Task<Result<void>> abort_upload(cache::Upload& upload) {
    co_await upload.abort();
    co_return Result<void>();
}

async::Task<void> clear_up(std::unique_ptr<cache::Upload> upload) {
    auto work = abort_upload(*upload);
    // Whether the cache could be told makes no difference to anybody: nothing of the upload is visible.
    auto ignored = co_await async::with_deadline(std::move(work), abort_deadline, "aborting an upload");
    static_cast<void>(ignored);
}

} // namespace

StagedPipeline::UploadSlot::UploadSlot(StagedPipeline& pipeline, bool is_early, bool is_large, bool has_threads)
    : upload(pipeline, pipeline.uploading_) {
    if (is_early) early.emplace(pipeline, pipeline.uploading_early_);
    if (is_large) large.emplace(pipeline, pipeline.uploading_large_);
    if (has_threads) threads.emplace(pipeline, pipeline.uploading_with_threads_);
}

void StagedPipeline::resume_paused() {
    auto now = clock_.now();
    for (auto it = paused_.begin(); it != paused_.end();) {
        auto& node = nodes_[*it];
        if (node.try_again > now) {
            ++it;
            continue;
        }
        it = paused_.erase(it);
        if (node.info) {
            enqueue(node);
        } else {
            node.stage = Stage::asking;
            to_ask_.push_back(node.id);
        }
    }
}

// A node whose references had all begun before; they still have.
void StagedPipeline::enqueue(Node& node) {
    node.stage = Stage::queued;
    (gate_.may_publish(node.id) ? publishable_ : early_).insert(node.id);
}

void StagedPipeline::sort_in_opened() {
    for (auto id : gate_.take_opened()) {
        auto& node = nodes_[id];
        bool publishable = gate_.may_publish(id);
        if (node.stage == Stage::held && publishable) {
            node.stage = Stage::publishing;
            --held_;
            to_publish_.push_back(id);
        } else if (node.stage == Stage::queued && publishable) {
            early_.erase(id);
            publishable_.insert(id);
        } else if (node.stage == Stage::queued) {
            early_.insert(id);
        }
    }
}

// First what can be published as soon as it is up, in the order in which it was added. Others use slots that would be
// idle, but only so many that what waits for references stays bounded.
StagedPipeline::Node* StagedPipeline::next_to_upload() {
    if (uploading_ >= settings_.uploads) return nullptr;
    bool has_room_for_large = uploading_large_ < std::max<std::size_t>(settings_.uploads / 2, 1);
    auto first_of = [&](const std::set<Id>& queue, bool also_hidden) -> Node* {
        for (auto id : queue) {
            if (!has_room_for_large && nodes_[id].info->nar_size >= large_nar) continue;
            if (also_hidden || !is_hidden(nodes_[id])) return &nodes_[id];
        }
        return nullptr;
    };
    if (auto* node = first_of(publishable_, true)) return node;
    if (held_ + uploading_early_ >= settings_.waiting_to_publish || cache_.publishes_by_upload()) return nullptr;
    return first_of(early_, false);
}

void StagedPipeline::start_uploads() {
    while (auto* node = next_to_upload()) {
        auto size = node->info->nar_size;
        if (settings_.size_budget > 0 && node->charged == 0) {
            if (size > settings_.size_budget - charged_) {
                settle(*node, PushOutcome::not_pushed,
                       "its " + human_bytes(size) + " do not fit into what is left of this run's budget of " +
                           human_bytes(settings_.size_budget));
                sort_in_opened();
                continue;
            }
            node->charged = size;
            charged_ += size;
        }
        if (settings_.only_plan) {
            settle_as_planned(*node);
            continue;
        }
        bool is_early = publishable_.erase(node->id) == 0;
        early_.erase(node->id);
        bool is_large = size >= large_nar;
        node->stage = Stage::uploading;
        gate_.begin(node->id);
        sort_in_opened();
        work_.spawn(upload(node->id, UploadSlot(*this, is_early, is_large, is_large && uploading_with_threads_ == 0)));
    }
}

bool StagedPipeline::is_hidden(const Node& node) const {
    return environment_.is_hidden && environment_.is_hidden(node.path);
}

std::unique_ptr<Transfer> StagedPipeline::make_transfer(const Node& node, bool with_all_threads) {
    PackRequest request;
    request.root = environment_.physical(node.path);
    request.nar_hash = node.info->nar_hash;
    request.nar_size = node.info->nar_size;
    request.compression.method = settings_.compression;
    request.compression.level = settings_.compression_level;
    if (with_all_threads) request.compression.threads = static_cast<int>(std::min(workers_.size(), most_threads));
    request.part_size = part_size_for(node.info->nar_size, settings_);
    auto on_progress = [this, path = node.path.to_string()](std::uint64_t uploaded) {
        sink_.on_event(event::PushProgress{.path = path, .uploaded = uploaded});
    };
    auto transfer = std::make_unique<Transfer>(node.path, std::move(request), std::move(on_progress));
    transfer->described = nix::NarInfo{.path = node.path,
                                       .url = {},
                                       .compression = settings_.compression,
                                       .file_hash = {},
                                       .file_size = {},
                                       .nar_hash = node.info->nar_hash,
                                       .nar_size = node.info->nar_size,
                                       .references = node.info->references,
                                       .deriver = node.info->deriver,
                                       .signatures = node.info->signatures,
                                       .content_address = node.info->content_address};
    return transfer;
}

async::Task<void> StagedPipeline::upload(Id id, UploadSlot slot) {
    auto& node = nodes_[id];
    if (node.stage == Stage::settled) co_return;
    if (is_hidden(node)) {
        auto served = co_await environment_.is_served_by_now(node.path);
        if (node.stage == Stage::settled) co_return;
        if (served && *served) {
            settle(node, PushOutcome::already_there, "the cache had hidden it until its references were there");
            co_return;
        }
    }
    if (!node.started) {
        node.started = clock_.now();
        sink_.on_event(event::PushStarted{.path = node.path.to_string(), .nar_size = node.info->nar_size});
    }
    node.transfer = make_transfer(node, slot.threads.has_value());
    auto uploaded = co_await pack_and_upload(*node.transfer, cache_, workers_, memory_);
    if (node.stage == Stage::settled) { // lost meanwhile
        drop_upload(node);
    } else if (uploaded) {
        note_success();
        node.file_size = node.transfer->file_size;
        bool publishable = gate_.may_publish(id);
        node.stage = publishable ? Stage::publishing : Stage::held;
        if (publishable)
            to_publish_.push_back(id);
        else
            ++held_;
    } else {
        bool is_damaged = node.transfer->is_damaged;
        drop_upload(node);
        if (is_damaged)
            co_await repair_or_withhold(node, std::move(uploaded).error());
        else
            fail_at_cache(node, std::move(uploaded).error());
    }
}

async::Task<void> StagedPipeline::repair_or_withhold(Node& node, Failure damage) {
    if (environment_.repair && !std::exchange(node.repair_tried, true)) {
        bool is_whole = co_await environment_.repair(node.path);
        if (node.stage == Stage::settled) co_return;
        if (is_whole) {
            enqueue(node);
            co_return;
        }
    }
    settle(node, PushOutcome::withheld, damage.one_line());
}

void StagedPipeline::start_publications() {
    // Where NAR and narinfo are one request, the server's work on the NAR is still to come.
    auto at_once = cache_.publishes_by_upload() ? settings_.uploads : publications_at_once;
    while (!to_publish_.empty() && publishing_ < at_once) {
        auto id = to_publish_.front();
        to_publish_.pop_front();
        work_.spawn(publish(id, Running(*this, publishing_)));
    }
}

// Every reference is served. A consumer that sees a narinfo trusts that the whole closure is there: the same rule as in
// Nix's own binary cache store.
async::Task<void> StagedPipeline::publish(Id id, Running) {
    auto& node = nodes_[id];
    auto info = *node.transfer->described;
    info.file_hash = node.transfer->file_hash;
    info.file_size = node.transfer->file_size;
    auto outcome = co_await node.transfer->upload->publish(std::move(info));
    if (!outcome) {
        drop_upload(node);
        fail_at_cache(node, std::move(outcome).error());
        co_return;
    }
    node.transfer.reset();
    note_success();
    node.deduplicated = *outcome == cache::PublishOutcome::deduplicated;
    if (*outcome == cache::PublishOutcome::already_there)
        settle(node, PushOutcome::already_there, "somebody else was faster");
    else
        settle(node, PushOutcome::published, {});
}

// No coroutine may be at work with it.
void StagedPipeline::drop_upload(Node& node) {
    if (node.transfer && node.transfer->upload) clearing_.spawn(clear_up(std::move(node.transfer->upload)));
    node.transfer.reset();
}

} // namespace cachefill::push
