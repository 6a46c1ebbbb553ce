#include "plan/rehearsal.hpp"

#include <algorithm>
#include <functional>
#include <queue>

namespace cachefill::plan {

namespace {

using Time = CutWork::Time;
using Number = std::uint32_t;

class Rehearsal {
  public:
    Rehearsal(const CutWork& work, const Placement& placement, std::size_t slots)
        : work_(work), placement_(placement), made_(work.size()), ready_(placement.order.size()),
          free_(placement.order.size(), slots), ends_(placement.order.size()) {
        for (Number shard = 0; shard < placement.order.size(); ++shard)
            for (const Number build : placement.order[shard]) {
                made_[build].push_back(static_cast<Number>(jobs_.size()));
                jobs_.push_back({build, shard, static_cast<Number>(work.before[build].size())});
            }
        for (Number job = 0; job < jobs_.size(); ++job)
            if (jobs_[job].lacks == 0) ready_[jobs_[job].shard].push(job);
    }

    std::vector<Time> run() {
        for (std::size_t shard = 0; shard < ready_.size(); ++shard) start(shard);
        while (!events_.empty()) {
            now_ = events_.top().at;
            // All of a moment first, so that the most urgent of what has become ready is started.
            std::vector<Number> touched;
            while (!events_.empty() && events_.top().at == now_) touched.push_back(happen());
            for (const Number shard : touched) start(shard);
        }
        return std::move(ends_);
    }

  private:
    struct Job {
        Number build, shard, lacks;
    };
    // What a job built is there, on its own shard or on another.
    struct Event {
        Time at;
        Number job, shard;
        bool operator>(const Event& other) const {
            if (at != other.at) return at > other.at;
            return job != other.job ? job > other.job : shard > other.shard;
        }
    };
    template <class T> using Least = std::priority_queue<T, std::vector<T>, std::greater<>>;

    // The next event; where it was.
    Number happen() {
        const Event event = events_.top();
        events_.pop();
        const Job& job = jobs_[event.job];
        if (event.shard == job.shard) {
            ++free_[job.shard];
            ends_[job.shard] = now_;
            if (placement_.owner[job.build] == job.shard) hand_over(event.job);
        }
        arrive(job.build, event.shard);
        return event.shard;
    }

    void start(std::size_t shard) {
        // Jobs are numbered in the order of their shard.
        for (; free_[shard] > 0 && !ready_[shard].empty(); ready_[shard].pop(), --free_[shard]) {
            const Number job = ready_[shard].top();
            events_.push({now_ + work_.time[jobs_[job].build], job, jobs_[job].shard});
        }
    }

    void hand_over(Number number) {
        const Job& job = jobs_[number];
        ShardSet wanting;
        for (const Number user : work_.after[job.build])
            for (const Number other : made_[user]) wanting.set(jobs_[other].shard);
        wanting &= ~placement_.copies[job.build];
        wanting.reset(job.shard);
        for (Number shard = 0; shard < ready_.size(); ++shard)
            if (wanting[shard]) events_.push({now_ + work_.handover[job.build], number, shard});
    }

    void arrive(Number build, Number shard) {
        for (const Number user : work_.after[build])
            for (const Number other : made_[user]) {
                Job& job = jobs_[other];
                if (job.shard == shard && --job.lacks == 0) ready_[shard].push(other);
            }
    }

    const CutWork& work_;
    const Placement& placement_;
    std::vector<Job> jobs_;
    std::vector<std::vector<Number>> made_; // by build: the jobs that make it
    std::vector<Least<Number>> ready_;      // by shard
    std::vector<std::size_t> free_;         // slots, by shard
    std::vector<Time> ends_;
    Least<Event> events_;
    Time now_{};
};

} // namespace

std::vector<Time> rehearse(const CutWork& work, const Placement& placement, std::size_t slots) {
    return Rehearsal(work, placement, slots).run();
}

} // namespace cachefill::plan
