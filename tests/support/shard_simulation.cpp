#include "support/shard_simulation.hpp"

#include <map>
#include <queue>
#include <set>

namespace cachefill::test {

namespace {

using Time = SimulatedShards::Time;

class Simulation {
  public:
    Simulation(const plan::Plan& plan, const SimulatedShards& shards, const std::vector<Time>& time,
               const std::vector<Time>& handover)
        : plan_(plan), shards_(shards), time_(time), handover_(handover), jobs_at_(shards.orders.size()),
          ready_(shards.orders.size()), free_(shards.orders.size(), shards.slots),
          waiting_elsewhere_(plan.builds.size()) {
        for (std::size_t shard = 0; shard < shards.orders.size(); ++shard) add_jobs(shard);
        for (std::size_t job = 0; job < jobs_.size(); ++job) connect(job);
    }

    SimulatedRun run() {
        SimulatedRun run;
        for (std::size_t shard = 0; shard < ready_.size(); ++shard) start(shard);
        while (!events_.empty()) {
            now_ = events_.top().at;
            std::set<std::size_t> touched;
            while (!events_.empty() && events_.top().at == now_) {
                const Event event = events_.top();
                events_.pop();
                touched.insert(jobs_[event.job].shard);
                if (event.built)
                    finish(event.job, run);
                else
                    satisfy(event.job);
            }
            for (const std::size_t shard : touched) start(shard);
        }
        for (const Job& job : jobs_) run.never_started += !job.started;
        return run;
    }

  private:
    struct Job {
        std::size_t build, shard, rank;
        std::size_t lacks = 0;
        bool started = false;
        std::vector<std::size_t> here; // jobs of the same shard that wait for it
    };
    struct Event {
        Time at;
        std::size_t number; // so that what happens at once happens in a certain order
        std::size_t job;    // that was built, or to which something was handed over
        bool built;
        bool operator<(const Event& other) const { return at != other.at ? at > other.at : number > other.number; }
    };

    void add_jobs(std::size_t shard) {
        const auto& order = shards_.orders[shard];
        for (std::size_t rank = 0; rank < order.size(); ++rank) {
            jobs_at_[shard][order[rank]] = jobs_.size();
            jobs_.push_back({order[rank], shard, rank, 0, false, {}});
        }
    }

    void connect(std::size_t number) {
        Job& job = jobs_[number];
        for (const std::size_t input : plan_.builds[job.build].after) {
            const auto here = jobs_at_[job.shard].find(input);
            if (here != jobs_at_[job.shard].end())
                jobs_[here->second].here.push_back(number);
            else if (shards_.owner[input] != plan::Cut::nobody)
                waiting_elsewhere_[input][job.shard].push_back(number);
            else
                continue;
            ++job.lacks;
        }
        if (job.lacks == 0) ready_[job.shard].insert({job.rank, number});
    }

    void start(std::size_t shard) {
        while (free_[shard] > 0 && !ready_[shard].empty()) {
            const std::size_t number = ready_[shard].begin()->second;
            ready_[shard].erase(ready_[shard].begin());
            --free_[shard];
            jobs_[number].started = true;
            events_.push({now_ + time_[jobs_[number].build], events_pushed_++, number, true});
        }
    }

    void finish(std::size_t number, SimulatedRun& run) {
        const Job& job = jobs_[number];
        ++free_[job.shard];
        run.makespan = now_;
        for (const std::size_t waiting : job.here) satisfy(waiting);
        if (shards_.owner[job.build] != job.shard) return; // a copy is published by nobody
        for (const auto& [shard, waiting] : waiting_elsewhere_[job.build]) {
            ++run.handovers;
            for (const std::size_t other : waiting)
                events_.push({now_ + handover_[job.build], events_pushed_++, other, false});
        }
    }

    void satisfy(std::size_t number) {
        Job& job = jobs_[number];
        if (--job.lacks == 0) ready_[job.shard].insert({job.rank, number});
    }

    const plan::Plan& plan_;
    const SimulatedShards& shards_;
    const std::vector<Time>& time_;
    const std::vector<Time>& handover_;
    std::vector<Job> jobs_;
    std::vector<std::map<std::size_t, std::size_t>> jobs_at_;                        // by shard: job by build
    std::vector<std::set<std::pair<std::size_t, std::size_t>>> ready_;               // by shard: rank and job
    std::vector<std::size_t> free_;                                                  // slots, by shard
    std::vector<std::map<std::size_t, std::vector<std::size_t>>> waiting_elsewhere_; // by build: jobs by shard
    std::priority_queue<Event> events_;
    std::size_t events_pushed_ = 0;
    Time now_{};
};

} // namespace

SimulatedShards shards_of(const plan::Cut& cut, std::size_t slots) {
    SimulatedShards shards;
    for (const plan::Shard& shard : cut.shards) shards.orders.push_back(shard.order);
    shards.owner = cut.owner;
    shards.slots = slots;
    return shards;
}

SimulatedRun simulate(const plan::Plan& plan, const SimulatedShards& shards, const std::vector<Time>& time,
                      const std::vector<Time>& handover) {
    return Simulation(plan, shards, time, handover).run();
}

} // namespace cachefill::test
