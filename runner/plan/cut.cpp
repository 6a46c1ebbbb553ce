#include "plan/cut.hpp"

#include "plan/cut_placement.hpp"
#include "plan/rehearsal.hpp"

#include <algorithm>
#include <numeric>

namespace cachefill::plan {

namespace {

using Time = CutWork::Time;

constexpr Time percent(Time time, Time::rep hundredths) { return time * hundredths / 100; }

// Of the time that is gained by more shards, a tenth is given away for fewer of them.
constexpr Time::rep as_good_as_the_best = 110;
// Of which a part goes into fewer handovers.
constexpr Time::rep room_above_bound = 108, room_above_early = 103;

class Cutting {
  public:
    Cutting(const Graph& graph, const Plan& plan, const CutPolicy& policy)
        : policy_(policy), work_(work_to_cut(graph, plan, policy)) {}

    Cut make() {
        if (work_.order.empty()) return without_shards();
        share_out();
        Placement early = fewest();
        const Time bound = work_.bound(counts_.of_kind, counts_.slots);
        const Time due = std::max(percent(bound, room_above_bound), percent(early.makespan, room_above_early));
        // What is planned keeps slots free for what is about to arrive, and shards do not: they are rehearsed.
        std::vector<Placement> placements = place_together(work_, counts_, due);
        const auto is_too_long = [this](const Placement& placement) { return placement.makespan > limit_; };
        rehearse_all(placements);
        limit_ = percent(due, 102);
        if (std::all_of(placements.begin(), placements.end(), is_too_long)) {
            std::vector<Placement> tighter = place_together(work_, counts_, std::max(bound, early.makespan));
            tighter.push_back(std::move(early));
            rehearse_all(tighter);
            placements.insert(placements.end(), tighter.begin(), tighter.end());
        }
        const auto is_better = [&](const Placement& a, const Placement& b) {
            if (is_too_long(a) || is_too_long(b)) return a.makespan < b.makespan;
            return a.handovers < b.handovers;
        };
        return result(*std::min_element(placements.begin(), placements.end(), is_better), bound);
    }

  private:
    Cut without_shards() const {
        Cut cut;
        cut.owner.assign(work_.size(), Cut::nobody);
        return cut;
    }

    void rehearse_all(std::vector<Placement>& placements) const {
        for (Placement& placement : placements) {
            placement.ends = rehearse(work_, placement, counts_.slots);
            placement.makespan = *std::max_element(placement.ends.begin(), placement.ends.end());
        }
    }

    // As many as there may be, by work; each kind that has some gets one at least.
    void share_out() {
        counts_.slots = std::max<std::size_t>(policy_.slots, 1);
        const Time all = std::accumulate(work_.of_kind.begin(), work_.of_kind.end(), Time::zero());
        const std::size_t most = std::clamp<std::size_t>(policy_.most_shards, 1, most_shards_of_all);
        std::size_t given = 0;
        for (const Time of_kind : work_.of_kind) {
            const double share = static_cast<double>(of_kind.count()) / static_cast<double>(all.count());
            const auto whole = static_cast<std::size_t>(share * static_cast<double>(most));
            counts_.of_kind.push_back(of_kind > Time::zero() ? std::max<std::size_t>(whole, 1) : 0);
            given += counts_.of_kind.back();
        }
        const auto work_of_each = [this](std::size_t kind) {
            return counts_.of_kind[kind] == 0 ? Time::zero()
                                              : work_.of_kind[kind] / static_cast<Time::rep>(counts_.of_kind[kind]);
        };
        for (; given < most; ++given) {
            std::size_t neediest = 0;
            for (std::size_t kind = 1; kind < counts_.of_kind.size(); ++kind)
                if (work_of_each(kind) > work_of_each(neediest)) neediest = kind;
            ++counts_.of_kind[neediest];
        }
    }

    // Takes shards away, one kind after another, until the whole would suffer.
    Placement fewest() {
        Placement chosen = place_early(work_, counts_);
        const Time limit = percent(chosen.makespan, as_good_as_the_best);
        for (std::size_t kind = 0; kind < counts_.of_kind.size(); ++kind) {
            // Known to be enough, and too few.
            std::size_t enough = counts_.of_kind[kind], few = least_of(kind);
            while (few < enough) {
                const std::size_t tried = few + (enough - few) / 2;
                counts_.of_kind[kind] = tried;
                Placement placement;
                const bool is_possible = work_.bound(counts_.of_kind, counts_.slots) <= limit;
                if (is_possible) placement = place_early(work_, counts_);
                if (is_possible && percent(placement.makespan, room_above_early) <= limit) {
                    enough = tried;
                    chosen = std::move(placement);
                } else {
                    few = tried + 1;
                }
            }
            counts_.of_kind[kind] = enough;
        }
        return chosen;
    }

    std::size_t least_of(std::size_t kind) const {
        if (counts_.of_kind[kind] == 0) return 0;
        const std::size_t others = counts_.all() - counts_.of_kind[kind];
        const std::size_t wanted = policy_.fewest_shards > others ? policy_.fewest_shards - others : 1;
        return std::clamp<std::size_t>(wanted, 1, counts_.of_kind[kind]);
    }

    Cut result(const Placement& placement, Time bound) const {
        Cut cut;
        cut.bound = bound;
        cut.makespan = placement.makespan;
        cut.handovers = placement.handovers;
        std::vector<std::size_t> number(placement.order.size(), Cut::nobody);
        for (const std::uint32_t build : work_.order) number[placement.owner[build]] = 0;
        std::size_t shard = 0;
        for (std::size_t kind = 0; kind < counts_.of_kind.size(); ++kind)
            for (std::size_t end = shard + counts_.of_kind[kind]; shard < end; ++shard) {
                if (number[shard] == Cut::nobody) continue;
                number[shard] = cut.shards.size();
                Shard made;
                made.kind = kind;
                made.order.assign(placement.order[shard].begin(), placement.order[shard].end());
                made.ends = placement.ends[shard];
                cut.shards.push_back(std::move(made));
            }
        for (const std::size_t owner : placement.owner)
            cut.owner.push_back(owner == Cut::nobody ? Cut::nobody : number[owner]);
        for (std::size_t build = 0; build < work_.size(); ++build) {
            if (placement.copies[build].any()) cut.copied.push_back(build);
            cut.copies += placement.copies[build].count();
        }
        for (Shard& made : cut.shards) find_awaited(cut, made);
        return cut;
    }

    void find_awaited(const Cut& cut, Shard& shard) const {
        std::vector<bool> seen(work_.size());
        for (const std::size_t build : shard.order) {
            seen[build] = true;
            shard.work += work_.time[build];
        }
        for (const std::size_t build : shard.order)
            for (const std::uint32_t input : work_.before[build]) {
                if (seen[input]) continue;
                seen[input] = true;
                shard.awaited.push_back({input, cut.owner[input]});
            }
    }

    const CutPolicy& policy_;
    CutWork work_;
    ShardCounts counts_{};
    Time limit_{};
};

} // namespace

Cut cut(const Graph& graph, const Plan& plan, const CutPolicy& policy) { return Cutting(graph, plan, policy).make(); }

} // namespace cachefill::plan
