#pragma once

#include "async/clock.hpp"
#include "async/limiter.hpp"
#include "async/task_group.hpp"
#include "push/pipeline.hpp"
#include "push/publish_gate.hpp"
#include "push/transfer.hpp"

#include <deque>
#include <optional>
#include <random>
#include <set>

namespace cachefill::push {

// The one implementation; nobody outside push/ includes this.
//
// Every path is a node that moves through stages. Whatever changes a node wakes run(), whose pump() then starts what
// has become possible: a short coroutine per step (ask, describe, upload, publish), none of which waits for another
// path. Order and limits are decided in pump() alone, so no step can hold something that another one needs.
class StagedPipeline final : public Pipeline {
  public:
    StagedPipeline(async::Executor executor, cache::BinaryCache& cache, async::WorkerPool& workers,
                   PushSettings settings, PushEnvironment environment, event::Sink& sink);

    void add(nix::StorePath path, bool built_by_this_run) override;
    async::Task<void> run() override;
    void close() override;
    void stop(std::chrono::milliseconds grace) override;
    const Ledger& ledger() const override { return ledger_; }
    std::size_t unsettled() const override { return unsettled_; }

  private:
    using Id = PublishGate::Id;
    using TimePoint = async::Clock::TimePoint;
    using PushOutcome = event::PushOutcome;

    enum class Stage {
        asking,     // is it served?
        describing, // what does the store know of it?
        excluded,   // by a pattern, unless something that is pushed references it
        queued,     // for its references, then for a slot
        uploading,
        held, // uploaded, waits for its references
        publishing,
        pausing, // after a failure, to be tried again
        settled,
    };

    struct Node {
        Node(nix::StorePath p, Id i) : path(std::move(p)), id(i) {}

        nix::StorePath path;
        Id id;
        Stage stage = Stage::asking;
        bool asked_for = false;
        bool built_by_this_run = false;
        bool referenced = false; // by something that is pushed
        std::string exclusion;   // the pattern
        std::optional<nix::PathInfo> info;

        std::unique_ptr<Transfer> transfer; // from the beginning of an upload to its publication or end
        std::uint64_t file_size = 0;
        std::uint64_t charged = 0; // to the size budget
        bool repair_tried = false;
        bool deduplicated = false; // by the cache
        std::optional<TimePoint> started;

        int failures = 0; // counted anew after close()
        TimePoint try_again{};
    };

    // Counts a step, from before its start until it has ended, which also wakes run().
    class Running {
      public:
        Running(StagedPipeline& pipeline, std::size_t& count) : pipeline_(&pipeline), count_(&count) { ++*count_; }
        Running(Running&& other) noexcept : pipeline_(std::exchange(other.pipeline_, nullptr)), count_(other.count_) {}
        Running& operator=(Running&&) = delete;
        ~Running() {
            if (!pipeline_) return;
            --*count_;
            pipeline_->wake();
        }

      private:
        StagedPipeline* pipeline_;
        std::size_t* count_;
    };
    struct UploadSlot {
        UploadSlot(StagedPipeline& pipeline, bool is_early, bool is_large, bool has_threads);
        Running upload;
        std::optional<Running> early;   // it will have to wait for its references
        std::optional<Running> large;   // leaves room for small ones
        std::optional<Running> threads; // the only one that compresses with all threads
    };

    // Loop and records: pipeline.cpp
    void wake();
    void pump();
    bool is_done() const { return (closed_ || stopping_) && unsettled_ == 0; }
    bool is_idle() const;
    TimePoint next_alarm() const;
    Node& find_or_insert(const nix::StorePath& path);
    void fail(Node& node, Failure failure);
    void fail_at_cache(Node& node, Failure failure);
    std::optional<TimePoint> next_try(const Node& node, const Failure& failure);
    void note_success();
    void settle(Node& node, PushOutcome outcome, const std::string& reason);
    void settle_alone(Node& node, PushOutcome outcome, const std::string& reason);
    void settle_as_planned(Node& node);
    void settle_leftovers();
    void settle_excluded();
    void settle_where(bool (*applies)(Stage), PushOutcome outcome, const std::string& reason);
    void settle_everything();

    // From what was added to what has to go up: closure.cpp
    void start_asking();
    async::Task<void> ask(Id id, Running running);
    async::Task<void> describe(Running running);
    async::Task<void> take_once_decided(Id id, nix::PathInfo info, Running);
    void take_info(Node& node, std::optional<nix::PathInfo> info);
    void include(Node& node);

    // Up: uploads.cpp
    void resume_paused();
    void enqueue(Node& node);
    void sort_in_opened();
    void start_uploads();
    Node* next_to_upload();
    bool is_hidden(const Node& node) const;
    std::unique_ptr<Transfer> make_transfer(const Node& node, bool with_all_threads);
    async::Task<void> upload(Id id, UploadSlot slot);
    async::Task<void> repair_or_withhold(Node& node, Failure damage);
    void start_publications();
    async::Task<void> publish(Id id, Running running);
    void drop_upload(Node& node);

    cache::BinaryCache& cache_;
    async::WorkerPool& workers_;
    PushSettings settings_;
    PushEnvironment environment_;
    async::SteadyClock real_clock_;
    async::Clock& clock_;
    event::Sink& sink_;
    async::Limiter memory_;

    std::deque<Node> nodes_; // by id; only ever grows, so references stay good
    std::unordered_map<nix::StorePath, Id> ids_;
    PublishGate gate_;
    Ledger ledger_;
    std::size_t unsettled_ = 0;

    std::deque<Id> to_ask_;
    std::deque<Id> to_describe_;
    std::set<Id> publishable_; // queued, and every reference is served
    std::set<Id> early_;       // queued, and every reference is at least on its way
    std::deque<Id> to_publish_;
    std::set<Id> paused_;
    std::size_t asking_ = 0, describing_ = 0, deciding_ = 0, uploading_ = 0, publishing_ = 0;
    std::size_t uploading_early_ = 0, uploading_large_ = 0, uploading_with_threads_ = 0;
    std::size_t held_ = 0, excluded_ = 0;
    std::uint64_t charged_ = 0;

    bool closed_ = false;
    bool has_ended_ = false;
    TimePoint closed_at_{};
    bool stopping_ = false;
    TimePoint stop_at_{};
    std::optional<Failure> refused_; // by the cache, for good
    bool cache_is_away_ = false;

    std::mt19937_64 random_;
    async::Nap nap_; // of run()
    bool woken_ = false;
    async::TaskGroup work_;
    async::TaskGroup clearing_; // uploads being aborted; never cancelled, each has its own deadline
};

} // namespace cachefill::push
