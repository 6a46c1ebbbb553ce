#include "plan/cut_placement.hpp"

#include "plan/idle_times.hpp"

#include <algorithm>
#include <numeric>
#include <optional>
#include <tuple>

namespace cachefill::plan {

namespace {

using Time = CutWork::Time;

constexpr int rounds = 5;
constexpr int deepest_copy = 3; // builds that are made again for the sake of one
constexpr std::uint16_t whole_handover = 1000;

// By build and shard: what it is worth that the build's path gets there. All of a handover where nothing needed it the
// last time, else as much less as more things did, which are going to share it.
using Worth = std::vector<std::uint16_t>;

Worth worth_after(const CutWork& work, const Placement& placement, std::size_t shards) {
    std::vector<std::uint16_t> users(work.size() * shards);
    for (const std::uint32_t build : work.order)
        for (const std::uint32_t input : work.before[build]) {
            auto& count = users[input * shards + placement.owner[build]];
            if (count < whole_handover) ++count;
        }
    for (std::uint16_t& each : users) each = static_cast<std::uint16_t>(whole_handover / (1 + each));
    return users;
}

template <class Each> void each_of(const ShardSet& set, Each each) {
    auto left = set.count();
    for (std::size_t shard = 0; left > 0; ++shard) {
        if (!set[shard]) continue;
        each(shard);
        --left;
    }
}

class Placing {
  public:
    // `due`: empty if all that counts is to start early. `worth`: of the placement before; may be null.
    Placing(const CutWork& work, const ShardCounts& counts, std::optional<Time> due, const Worth* worth)
        : work_(work), shards_(counts.all()), due_(due), worth_(worth), present_(work.size()), finish_(work.size()),
          idle_(shards_, IdleTimes(counts.slots)), arrival_(shards_), lacking_(shards_) {
        placed_.owner.assign(work.size(), Cut::nobody);
        placed_.copies.resize(work.size());
        placed_.order.resize(shards_);
        placed_.ends.resize(shards_);
        for (const std::size_t count : counts.of_kind) first_of_kind_.push_back(first_of_kind_.back() + count);
        for (std::size_t kind = 0; kind < counts.of_kind.size(); ++kind) {
            all_of_kind_.emplace_back();
            for (std::size_t shard = first_of_kind_[kind]; shard < first_of_kind_[kind + 1]; ++shard)
                all_of_kind_[kind].set(shard);
        }
    }

    Placement make() {
        for (const std::uint32_t build : work_.order) place(build);
        placed_.makespan = *std::max_element(placed_.ends.begin(), placed_.ends.end());
        return std::move(placed_);
    }

  private:
    void place(std::uint32_t build) {
        look_around(build);
        const std::size_t shard = best_for(build);
        const Time ready = gather(build, shard);
        finish_[build] = occupy(build, shard, ready);
        placed_.owner[build] = shard;
        present_[build].set(shard);
    }

    // For each shard when the inputs are there, and how much would have to be handed over.
    void look_around(std::uint32_t build) {
        std::fill(arrival_.begin(), arrival_.end(), Time::zero());
        std::fill(lacking_.begin(), lacking_.end(), 0U);
        for (const std::uint32_t input : work_.before[build]) {
            arrives(input);
            if (work_.handover[input] > Time::zero()) lacks(input);
        }
        if (!worth_ || work_.handover[build] <= Time::zero() || work_.after[build].empty()) return;
        const std::uint16_t* worth = &(*worth_)[build * shards_];
        for (std::size_t shard = 0; shard < shards_; ++shard)
            if (worth[shard] == whole_handover) lacking_[shard] += whole_handover;
    }

    // Simple loops over all shards first, the exceptions afterwards: this is where the time goes.
    void arrives(std::uint32_t input) {
        own_.clear();
        const auto keep = [this](std::size_t shard) { own_.push_back({shard, arrival_[shard]}); };
        keep(placed_.owner[input]);
        each_of(placed_.copies[input], keep);
        const Time handed = finish_[input] + work_.handover[input];
        for (std::size_t shard = 0; shard < shards_; ++shard) arrival_[shard] = std::max(arrival_[shard], handed);
        for (const auto& [shard, before] : own_) arrival_[shard] = std::max(before, finish_[input]);
    }

    void lacks(std::uint32_t input) {
        const std::uint16_t* worth = worth_ ? &(*worth_)[input * shards_] : nullptr;
        for (std::size_t shard = 0; shard < shards_; ++shard) lacking_[shard] += worth ? worth[shard] : whole_handover;
        each_of(to_be_had(input, work_.handover[input], deepest_copy),
                [&](std::size_t shard) { lacking_[shard] -= worth ? worth[shard] : whole_handover; });
    }

    // Where it is, or can be made in less time than it takes to be handed over.
    ShardSet to_be_had(std::uint32_t build, Time left, int depth) const {
        left -= work_.time[build];
        if (depth == 0 || left < Time::zero()) return present_[build];
        ShardSet there = all_of_kind_[work_.kind[build]]; // another kind could not make it
        for (const std::uint32_t input : work_.before[build]) {
            there &= to_be_had(input, left, depth - 1);
            if (there.none()) break;
        }
        return there | present_[build];
    }

    std::size_t best_for(std::uint32_t build) const {
        const std::size_t kind = work_.kind[build];
        std::size_t best = first_of_kind_[kind];
        std::tuple<bool, std::uint32_t, Time, std::uint32_t> least{true, 0, Time::max(), 0};
        for (std::size_t shard = first_of_kind_[kind]; shard < first_of_kind_[kind + 1]; ++shard) {
            if (!std::get<0>(least) && lacking_[shard] > std::get<1>(least)) continue;
            const Time start = idle_[shard].first_fit(arrival_[shard], work_.time[build]);
            const bool is_late = !due_ || start + work_.remaining[build] > *due_;
            const std::tuple<bool, std::uint32_t, Time, std::uint32_t> price{is_late, is_late ? 0 : lacking_[shard],
                                                                             start, lacking_[shard]};
            if (price >= least) continue;
            least = price;
            best = shard;
        }
        return best;
    }

    // Copies or fetches what the shard has not got yet; when all of it is there.
    Time gather(std::uint32_t build, std::size_t shard) {
        Time ready{};
        for (const std::uint32_t input : work_.before[build]) ready = std::max(ready, bring(input, shard));
        return ready;
    }

    Time bring(std::uint32_t input, std::size_t shard) {
        if (placed_.owner[input] == shard) return finish_[input];
        const Time handover = work_.handover[input];
        if (present_[input][shard])
            return placed_.copies[input][shard] ? copied_by(input, shard) : finish_[input] + handover;
        if (handover > Time::zero() && to_be_had(input, handover, deepest_copy)[shard]) return copy(input, shard);
        present_[input].set(shard);
        ++placed_.handovers;
        return finish_[input] + handover;
    }

    Time copy(std::uint32_t build, std::size_t shard) {
        const Time finish = occupy(build, shard, gather(build, shard));
        placed_.copies[build].set(shard);
        present_[build].set(shard);
        copied_.push_back({build, shard, finish});
        return finish;
    }

    Time copied_by(std::uint32_t build, std::size_t shard) const {
        // Asked about soon after it was made, mostly.
        const auto is_it = [&](const Copied& copied) { return copied.build == build && copied.shard == shard; };
        return std::find_if(copied_.rbegin(), copied_.rend(), is_it)->finish;
    }

    Time occupy(std::uint32_t build, std::size_t shard, Time ready) {
        const Time finish = idle_[shard].take(ready, work_.time[build]) + work_.time[build];
        placed_.ends[shard] = std::max(placed_.ends[shard], finish);
        placed_.order[shard].push_back(build);
        return finish;
    }

    struct Copied {
        std::uint32_t build;
        std::size_t shard;
        Time finish;
    };

    const CutWork& work_;
    std::size_t shards_;
    std::optional<Time> due_;
    const Worth* worth_;
    std::vector<std::size_t> first_of_kind_{0};
    std::vector<ShardSet> all_of_kind_;
    std::vector<ShardSet> present_;      // by build: built, copied or fetched there
    std::vector<Time> finish_;           // by build: at its owner
    std::vector<IdleTimes> idle_;        // by shard
    std::vector<Time> arrival_;          // by shard, of what the build in question needs
    std::vector<std::uint32_t> lacking_; // by shard, of what the build in question needs
    std::vector<std::pair<std::size_t, Time>> own_;
    std::vector<Copied> copied_;
    Placement placed_;
};

} // namespace

std::size_t ShardCounts::all() const { return std::accumulate(of_kind.begin(), of_kind.end(), std::size_t{0}); }

Placement place_early(const CutWork& work, const ShardCounts& counts) {
    return Placing(work, counts, std::nullopt, nullptr).make();
}

std::vector<Placement> place_together(const CutWork& work, const ShardCounts& counts, CutWork::Time due) {
    std::vector<Placement> placements{Placing(work, counts, due, nullptr).make()};
    for (int round = 0; round < rounds; ++round) {
        const Worth worth = worth_after(work, placements.back(), counts.all());
        placements.push_back(Placing(work, counts, due, &worth).make());
    }
    return placements;
}

} // namespace cachefill::plan
